"""A wire to a server: bytes pass both ways, until a test cuts it or tampers with them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Wire:
    """Listens on a port of its own and passes on to a server; close it by ``with``."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._cut = threading.Event()
        self._open: set[socket.socket] = set()
        self.seen: list[bytes] = []
        self.tamper: Callable[[bytes], bytes] = lambda request: request
        self.lose_answer: Callable[[bytes], bool] = lambda request: False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return "http://{}:{}".format(*self._listener.getsockname())

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._hang_up()

    def cut(self) -> None:
        """Break all connections, and take no new ones."""
        self._cut.set()
        self._hang_up()

    def mend(self) -> None:
        """Let everything pass again."""
        self._cut.clear()
        self.tamper, self.lose_answer = (lambda request: request), (lambda request: False)

    def _hang_up(self) -> None:
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._cut.is_set():
                client.close()
                continue
            server = socket.create_connection(self._server)
            self._open |= {client, server}
            lost = threading.Event()
            for ends in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pass_on, args=(*ends, lost), daemon=True).start()

    def _pass_on(
        self, source: socket.socket, target: socket.socket, asks: bool, lost: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if asks:
                    self.seen.append(data)
                    data = self.tamper(data)
                    if self.lose_answer(data):
                        lost.set()
                elif lost.is_set():
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
            self._open.discard(end)
