"""How to get at a bucket: where its server is, and with whose credentials.

All comes from the environment that every S3 tool reads: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL, AWS_SKIP_SIGNATURE (public buckets); without keys
there, AWS_PROFILE and the files in ~/.aws through boto3 (``pip install 'halocast[aws]'``), which
also knows single sign-on and roles; without these, the machine's own role. Nothing of it is ever
written down or sent along: a worker needs the same environment.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from obstore.store import S3Store

from halocast.errors import StoreError

REQUEST_SECONDS = 30
_CONNECT_SECONDS = 5
_SECRET = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_STATUS = re.compile(r"status code: (\d{3}[^:<]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")


@lru_cache(maxsize=16)
def connect(bucket: str) -> S3Store:
    """Return the store of a bucket, with the environment's settings; asks no server."""
    session = _profile_session()
    endpoint = _endpoint(session)
    options: dict[str, Any] = {}
    if endpoint:
        options["endpoint"] = endpoint
    if session is not None:
        options["credential_provider"] = _provider(session)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    options["region"] = region or getattr(session, "region_name", None) or "us-east-1"
    return S3Store(
        bucket,
        client_options={
            "allow_http": bool(endpoint and endpoint.startswith("http://")),
            "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
            "timeout": timedelta(seconds=REQUEST_SECONDS),
        },
        # who waits, for how long, and says so is patience.py
        retry_config={
            "max_retries": 0,
            "retry_timeout": timedelta(seconds=REQUEST_SECONDS),
            "backoff": {
                "init_backoff": timedelta(seconds=1),
                "max_backoff": timedelta(seconds=1),
                "base": 2,
            },
        },
        **options,
    )


def _profile_session() -> Any:
    """Return a boto3 session where credentials are to come from a profile, else None."""
    shared = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).expanduser()
    profile = os.environ.get("AWS_PROFILE")
    if os.environ.get("AWS_ACCESS_KEY_ID") or not (profile or shared.is_file()):
        return None
    try:
        import boto3
    except ImportError:
        raise StoreError(
            "credentials in a profile are read by boto3, which is not installed",
            where=f"profile {profile or 'default'}",
            remedy="pip install 'halocast[aws]', or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY",
        ) from None
    from botocore.exceptions import BotoCoreError

    try:
        return boto3.Session(profile_name=profile)
    except BotoCoreError as error:
        raise StoreError(
            f"the profile cannot be used: {error}", remedy="see AWS_PROFILE and ~/.aws"
        ) from None


def _provider(session: Any) -> Any:
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        return Boto3CredentialProvider(session)
    except ValueError:
        raise StoreError(
            f"the profile {session.profile_name} holds no credentials",
            remedy="see AWS_PROFILE and ~/.aws, or log in again",
        ) from None


def _endpoint(session: Any) -> str | None:
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"):
        if os.environ.get(name):
            return os.environ[name]
    if session is None:
        return None
    return session.client("s3").meta.endpoint_url if _has_own_endpoint(session) else None


def _has_own_endpoint(session: Any) -> bool:
    scoped = session._session.get_scoped_config()
    return "endpoint_url" in scoped or "services" in scoped


def short_reason(error: BaseException) -> str:
    """Say in some words why an attempt failed, without what servers echo of credentials."""
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text)
    if status:
        reason = status.group(1).strip() + (f" ({code.group(1)})" if code else "")
    else:
        reason = text.partition("\n")[0].rpartition(" - ")[2][:200]
    for name in _SECRET:
        if value := os.environ.get(name):
            reason = reason.replace(value, "…")
    return reason
