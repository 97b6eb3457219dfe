"""Downloads are whole or absent, against a server on this machine that misbehaves."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from halocast.errors import InputError
from halocast.sources import remote
from halocast.sources.files import require_netcdf, require_text
from halocast.sources.remote import fetch

BODY = b"CDF\x01" + bytes(5000)


class Handler(http.server.BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        times = self.asked.count(self.path)
        if self.path == "/absent":
            self.send_error(404, "Not Found")
        elif self.path == "/busy" and times < 3:
            self.send_error(503, "Service Unavailable")
        else:
            body = b"<html>please wait</html>" if self.path == "/html" else BODY
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            short = self.path == "/cut" or (self.path == "/cut-once" and times == 1)
            self.wfile.write(body[: len(body) // 2] if short else body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(remote, "_PAUSE", 0.001)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Handler.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_a_file_is_fetched_once(server: str, tmp_path: Path) -> None:
    path = fetch(f"{server}/good", tmp_path / "new", ".nc", require_netcdf)
    assert path.read_bytes() == BODY
    assert fetch(f"{server}/good", tmp_path / "new", ".nc", require_netcdf) == path
    assert Handler.asked == ["/good"]
    assert fetch(f"{server}/other", tmp_path / "new", ".nc", require_netcdf) != path


@pytest.mark.parametrize("name", ["busy", "cut-once"])
def test_a_server_in_trouble_is_asked_again(server: str, tmp_path: Path, name: str) -> None:
    assert fetch(f"{server}/{name}", tmp_path, ".nc", require_netcdf).read_bytes() == BODY


def test_half_a_file_is_never_left_behind(server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be reached"):
        fetch(f"{server}/cut", tmp_path, ".nc", require_netcdf)
    assert Handler.asked == ["/cut"] * 3
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_is_not_repeated(server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="404 Not Found: nothing matches the request"):
        fetch(f"{server}/absent", tmp_path, ".csv", require_text)
    assert Handler.asked == ["/absent"]


def test_a_web_page_with_status_200_is_thrown_away(server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="web page") as caught:
        fetch(f"{server}/html", tmp_path, ".nc", require_netcdf)
    assert caught.value.where == f"{server}/html"
    assert list(tmp_path.iterdir()) == []


def test_no_server_at_all(server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be reached"):
        fetch("http://127.0.0.1:9/nothing", tmp_path, ".nc", require_netcdf)
