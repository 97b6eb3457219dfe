"""A store that is away for a while is waited for; for longer is an error, and nothing is lost."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from halocast.engines.serial import SerialEngine
from halocast.errors import StoreError
from halocast.runs import carry_out, create_run
from halocast.stores import patience
from halocast.stores.compare import compare_runs
from halocast.stores.place import Unreachable
from halocast.stores.places import locate
from halocast.stores.run_store import RunStore
from object_cases import KEY, SECRET, carry, small

DRIVER = """
import sys
from halocast.engines.serial import SerialEngine
from halocast.runs import carry_out
carry_out(sys.argv[1], SerialEngine(), watch=lambda p: print(p.cycle, flush=True))
"""


def away(s3: str, wire, seconds: float) -> None:
    """Carry a run out while its store is away for some seconds in its midst."""

    def watch(progress):
        if progress.cycle == 2:
            wire.cut()
            threading.Timer(seconds, wire.mend).start()

    assert carry_out(s3, SerialEngine(), watch=watch) == 6


@pytest.fixture
def whole(tmp_path):
    """The run as it should end."""
    create_run(small(), tmp_path / "whole")
    carry(str(tmp_path / "whole"))
    return tmp_path / "whole"


@pytest.mark.parametrize("seconds", [3, pytest.param(20, marks=pytest.mark.full)])
def test_a_store_that_is_away_for_a_while(s3, wire, whole, caplog, seconds):
    create_run(small(), s3)
    began = time.monotonic()
    away(s3, wire, seconds)
    assert time.monotonic() - began > seconds
    assert compare_runs(s3, whole) is None
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert sum("does not answer" in text for text in said) == 1
    assert sum("answers again" in text for text in said) == 1


def test_a_store_that_does_not_come_back(s3, wire, whole, monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE", 1.5)
    create_run(small(), s3)
    with pytest.raises(Unreachable, match="did not answer for 1 s") as caught:
        carry_out(s3, SerialEngine(), watch=lambda p: wire.cut() if p.cycle == 3 else None)
    assert caught.value.where.startswith(s3)
    assert "halocast resume" in caught.value.remedy
    wire.mend()
    assert RunStore.open(s3).committed() == 3
    assert carry(s3) == 6
    assert compare_runs(s3, whole) is None


def test_a_killed_process_is_gone_on_from(s3, whole):
    create_run(small(), s3)
    command = [sys.executable, "-c", DRIVER, s3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        for line in driver.stdout:
            if line.strip() == "3":
                driver.kill()
                break
        driver.wait()
    assert RunStore.open(s3).committed() >= 3
    assert carry(s3) == 6
    assert compare_runs(s3, whole) is None


def test_an_answer_that_is_lost(s3, wire):
    """The put was done, its answer never came: it is still ours, and another's is not."""
    place = locate(s3)
    lost = []

    def lose_first(request: bytes) -> bool:
        first = request.startswith(b"PUT") and not lost
        lost.extend([1] * first)
        return first

    wire.lose_answer = lose_first
    assert place.create("record", b"mine")
    assert lost
    assert place.read("record") == b"mine"
    lost.clear()
    assert not place.create("record", b"another's")
    assert lost
    assert place.read("record") == b"mine"


class Refusing(BaseHTTPRequestHandler):
    """Refuses access, and repeats in its answer whatever it was told."""

    def answer(self) -> None:
        """Answer any request."""
        body = (
            f"<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>{KEY}</AWSAccessKeyId>"
            f"<StringToSign>{SECRET} {self.headers['Authorization']}</StringToSign></Error>"
        ).encode()
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_DELETE = answer

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_refused_access_is_said_at_once_without_credentials(s3, monkeypatch):
    from halocast.stores import object_access

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with monkeypatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
            object_access.connect.cache_clear()
            place = locate(s3)
        for attempt in (
            lambda: place.read("a"),
            lambda: place.write("a", b""),
            lambda: place.create("a", b""),
            lambda: place.names(),
            lambda: RunStore.open(place),
        ):
            with pytest.raises(StoreError, match="refuses access: 403 Forbidden") as caught:
                attempt()
            text = f"{caught.value}{caught.value!r}{caught.value.__cause__}"
            assert KEY not in text
            assert SECRET not in text
            assert "AWS_ACCESS_KEY_ID" in caught.value.remedy
        server.shutdown()


def test_no_such_bucket(s3):
    with pytest.raises(StoreError, match="there is no such bucket"):
        locate("s3://nowhere/run").write("a", b"")
    with pytest.raises(StoreError, match="there is no such bucket"):
        create_run(small(), "s3://nowhere/run")
