"""A person's browser, as far as a hub sees it: log in, start a server, run code in a kernel."""

from __future__ import annotations

import json
import time
import uuid
from urllib.parse import urlsplit

import requests
import websocket

PATIENCE = 180.0


def free_port() -> int:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Browser:
    """One person's session with the hub at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.name = ""

    def log_in(self, name: str, password: str) -> requests.Response:
        self.session.get(f"{self.url}/hub/login", timeout=PATIENCE)
        self.name = name
        return self.session.post(
            f"{self.url}/hub/login",
            data={"username": name, "password": password, "_xsrf": self._xsrf("/hub/")},
            allow_redirects=False,
            timeout=PATIENCE,
        )

    def _xsrf(self, path: str) -> str:
        """Return the token that belongs to a path: hub and servers have one each."""
        found = [c for c in self.session.cookies if c.name == "_xsrf" and path.startswith(c.path)]
        return max(found, key=lambda c: len(c.path)).value or "" if found else ""

    def ask(self, method: str, path: str, **more) -> requests.Response:
        headers = {"X-XSRFToken": self._xsrf(path), "Referer": f"{self.url}{path}"}
        more = {"allow_redirects": False, "timeout": PATIENCE} | more
        return self.session.request(method, f"{self.url}{path}", headers=headers, **more)

    def start_server(self) -> None:
        """Start the person's server and enter it."""
        self.session.get(f"{self.url}/hub/home", timeout=PATIENCE)
        answer = self.ask("POST", f"/hub/api/users/{self.name}/server")
        assert answer.status_code in (201, 202), answer.text
        end = time.monotonic() + PATIENCE
        while not self._ready():
            assert time.monotonic() < end, "the server did not start"
            time.sleep(1.0)
        self.session.get(f"{self.url}/user/{self.name}/lab", timeout=PATIENCE)

    def _ready(self) -> bool:
        answer = self.ask("GET", f"/hub/api/users/{self.name}")
        return bool(answer.json().get("servers", {}).get("", {}).get("ready"))

    def stop_server(self) -> None:
        path = f"/hub/api/users/{self.name}/server"
        end = time.monotonic() + PATIENCE
        while self.ask("DELETE", path).status_code == 202:
            assert time.monotonic() < end, "the server did not stop"
            time.sleep(1.0)

    def run(self, code: str) -> str:
        """Run code in a new kernel of the person's server; returns what it printed, or raises."""
        base = f"/user/{self.name}"
        answer = self.ask("POST", f"{base}/api/kernels")
        assert answer.status_code == 201, answer.text
        kernel = answer.json()["id"]
        cookies = "; ".join(
            f"{c.name}={c.value}" for c in self.session.cookies if f"{base}/".startswith(c.path)
        )
        host = urlsplit(self.url).netloc
        socket = websocket.create_connection(
            f"ws://{host}{base}/api/kernels/{kernel}/channels", cookie=cookies, timeout=PATIENCE
        )
        try:
            socket.send(json.dumps(_request(code)))
            return _printed(socket)
        finally:
            socket.close()
            self.ask("DELETE", f"{base}/api/kernels/{kernel}")


def _request(code: str) -> dict:
    header = {
        "msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "",
        "session": uuid.uuid4().hex, "version": "5.3",
    }  # fmt: skip
    content = {"code": code, "silent": False, "store_history": False, "stop_on_error": True}
    return {
        "header": header, "parent_header": {}, "metadata": {}, "content": content,
        "channel": "shell",
    }  # fmt: skip


def _printed(socket: websocket.WebSocket) -> str:
    text, replied, idle = "", False, False
    while not (replied and idle):
        message = json.loads(socket.recv())
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "stream" and content["name"] == "stdout":
            text += content["text"]
        elif kind == "error":
            raise RuntimeError("\n".join(content["traceback"]))
        elif kind == "execute_reply":
            replied = True
        elif kind == "status" and message["parent_header"].get("msg_type") == "execute_request":
            idle = content["execution_state"] == "idle"
    return text
