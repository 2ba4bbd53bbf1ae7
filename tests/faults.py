"""A loopback server that breaks in every way that a source can, down to the bytes on the wire.

`FaultServer.play` takes what to do with the requests to come, one act each; the last goes on for ever.
"""

import gzip
import select
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Request:
    """What a client sent; header names are in lower case."""

    target: str
    headers: Mapping[str, str]


#: Answers one request; the connection is closed afterwards unless it returns True.
Act = Callable[[socket.socket, Request], bool | None]

HEROKU_PAGE = b"<!DOCTYPE html><html><title>Application Error</title><p>An error occurred in the application</html>"
OVER_RATE_LIMIT = b'{"error": {"code": "OVER_RATE_LIMIT", "message": "You have exceeded your rate limit."}}'


class FaultServer:
    """A context manager; serves `url` on loopback from its first line to its last."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._acts: list[Act] = []
        self._tls = tls
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/neo/rest/v1"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def play(self, *acts: Act) -> None:
        with self._lock:
            self._acts = list(acts)

    def heard(self, count: int) -> int:
        """How many requests came, once `count` have: a client that hangs up may be ahead of a server on a busy
        machine."""
        until = time.monotonic() + 30
        while len(self.requests) < count and time.monotonic() < until:
            time.sleep(0.01)
        return len(self.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            if select.select([self._listener], [], [], 0.01)[0]:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                connection.settimeout(30)
                while request := _read(connection):
                    with self._lock:
                        self.requests.append(request)
                        act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
                    if not act(connection, request):
                        break


def _read(connection: socket.socket) -> Request | None:
    head = b""
    while b"\r\n\r\n" not in head:
        if not (more := connection.recv(65536)):
            return None
        head += more
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(first.split(" ")[1], headers)


def response(body: bytes, status: int = 200, headers: Mapping[str, object] | None = None) -> bytes:
    """A whole response, as its bytes on the wire."""
    lines = {"Content-Type": "application/json", "Content-Length": len(body)} | dict(headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body


def answer(body: bytes, status: int = 200, **headers: object) -> Act:
    """A whole answer; `Retry_After=5` is the header Retry-After."""

    def act(connection: socket.socket, _: Request) -> bool:
        connection.sendall(response(body, status, {name.replace("_", "-"): value for name, value in headers.items()}))
        return True

    return act


def echo_key(body: bytes) -> Act:
    """`body` with the caller's key for every `KEY` in it, as NeoWs does."""

    def act(connection: socket.socket, request: Request) -> bool:
        connection.sendall(response(body.replace(b"KEY", request.headers["x-api-key"].encode())))
        return True

    return act


def gzipped(body: bytes, *, keep: float = 1.0) -> Act:
    """`body` in gzip, of which only the part `keep` is sent, under a Content-Length that fits it."""
    packed = gzip.compress(body)
    return answer(packed[: int(len(packed) * keep)], Content_Encoding="gzip")


def send(data: bytes) -> Act:
    """These bytes and no more, then an orderly end."""
    return lambda connection, _: connection.sendall(data)


def reset(data: bytes = b"") -> Act:
    """These bytes, then a reset."""

    def act(connection: socket.socket, _: Request) -> None:
        connection.sendall(data)
        time.sleep(0.02)  # a reset overtakes what the client has not read yet
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return act


def stall(data: bytes = b"") -> Act:
    """These bytes, then silence until the client hangs up."""

    def act(connection: socket.socket, _: Request) -> None:
        connection.sendall(data)
        connection.recv(1)

    return act


def drip(data: bytes, pause_s: float = 0.05) -> Act:
    """These bytes one by one."""

    def act(connection: socket.socket, _: Request) -> None:
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(pause_s)

    return act


def endless(length: int = 1 << 30) -> Act:
    """A body of 1 GB, as long as somebody reads it."""

    def act(connection: socket.socket, _: Request) -> None:
        connection.sendall(response(b"", headers={"Content-Length": length}))
        for _chunk in range(length >> 16):
            connection.sendall(b" " * (1 << 16))

    return act


def bomb(mebibytes: int = 1024) -> Act:
    """A small gzip body that unpacks to `mebibytes` MiB."""
    packer = zlib.compressobj(9, wbits=31)
    head = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    mebibyte = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return answer(head + mebibyte * (mebibytes - 1), Content_Encoding="gzip")
