"""Credentials of the environment are in nothing that is written, said or sent."""

from __future__ import annotations

import base64
import pickle
import subprocess
import sys
from pathlib import Path

import obstore
import pytest
from halocast.cli.app import app
from halocast.report import write_report
from halocast.runs import create_run
from halocast.stores import patience
from halocast.stores.object_access import connect
from halocast.stores.open_run import open_run
from halocast.stores.places import locate
from halocast.stores.run_store import RunStore
from object_cases import KEY, SECRET, SMALL, carry, small
from typer.testing import CliRunner

SECRETS = [text.encode() for text in (KEY, SECRET)]
SECRETS += [base64.b64encode(text) for text in SECRETS]


def clean(data: bytes, where: str) -> None:
    """Check that no secret is in some bytes."""
    for secret in SECRETS:
        assert secret not in data, f"a secret is in {where}"


def everything_in(s3: str) -> dict[str, bytes]:
    """Return every object below a folder."""
    place = locate(s3)
    return {key: place.read(key) for key in place.keys()}  # noqa: SIM118 - no mapping


def spoken(*words: str, cwd: Path) -> bytes:
    """Run a command of halocast's in a process of its own; return all it said."""
    done = subprocess.run(
        [sys.executable, "-m", "halocast", *words], cwd=cwd, capture_output=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout + done.stderr


def test_nothing_a_run_leaves_or_says_holds_them(s3, tmp_path):
    sets = [word for text in [*SMALL, "time.cycles=2"] for word in ("--set", text)]
    said = spoken(
        "run", "linear-gaussian", *sets, "--output", s3, "--log-format", "json", cwd=tmp_path
    )
    assert s3.encode() in said
    clean(said, "what the run said")
    assert write_report(s3) == f"{s3}/report.html"
    left = everything_in(s3)
    assert {"run.yaml", "record.json", "report.html", "commits/000002.json"} <= set(left)
    for key, data in left.items():
        clean(data, key)
    for path in tmp_path.rglob("*"):
        assert not path.is_file(), f"{path} was left on the disk"


def test_a_url_with_credentials_is_not_repeated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = f"s3://{KEY}:{SECRET.replace('/', '%2F')}@runs/lg"
    sets = [word for text in SMALL for word in ("--set", text)]
    done = CliRunner().invoke(app, ["run", "linear-gaussian", *sets, "--output", url])
    said = f"{done.output}{done.exception}"
    assert "credentials" in said
    assert KEY not in said
    assert SECRET.replace("/", "%2F") not in said
    assert list(tmp_path.iterdir()) == []


def test_errors_do_not_hold_them(s3, wire):
    create_run(small("time.cycles=2"), s3)
    connect.cache_clear()
    wire.tamper = lambda data: data.replace(b"HTTP/1.1\r\n", b"HTTP/9.9\r\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patience, "PATIENCE", 0.5)
        with pytest.raises(Exception, match=r"object store|no run") as caught:
            carry(s3)
    clean(repr(caught.value).encode() + str(caught.value).encode(), "an error")


def test_what_travels_between_processes_does_not_hold_them(s3):
    create_run(small("time.cycles=2"), s3)
    carry(s3)
    tree = open_run(s3)
    parcels = {
        "a place": pickle.dumps(locate(s3)),
        "a store": pickle.dumps(RunStore.open(s3)),
        "lazy fields": pickle.dumps(tree["analysis/mean/z"].data),
    }
    for name, parcel in parcels.items():
        clean(parcel, name)
    lazy = pickle.loads(parcels["lazy fields"]).compute()
    assert lazy.shape == (2, 12, 14)
    assert SECRET not in repr(connect("runs"))


def test_credentials_of_a_profile(s3, wire, tmp_path, monkeypatch):
    pytest.importorskip("boto3", reason="profiles are read by boto3: halocast[aws]")
    files = {
        "credentials": f"[ocean]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n",
        "config": f"[profile ocean]\nregion = eu-west-3\nendpoint_url = {wire.url}\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "ocean")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    connect.cache_clear()
    wire.seen.clear()
    locate(s3).write("a", b"1")
    assert obstore.get(connect("runs"), f"{s3.removeprefix('s3://runs/')}/a").bytes() == b"1"
    asked = b"".join(wire.seen)
    assert KEY.encode() in asked  # it is signed with the profile's key
    assert b"eu-west-3" in asked
    clean(pickle.dumps(locate(s3)), "a place")
