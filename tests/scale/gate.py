"""The built-in sky behind a gate: while it is shut, whoever asks waits, and a run can be caught in the middle."""

import socket
import threading
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request as Question
from urllib.request import urlopen

from faults import FaultServer, Request, response
from flyby.sandbox import Sandbox
from scale.servers import wait_until

PASSED_ON = ("Content-Type", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-Simulated")


class Gate(FaultServer):
    """`url` is the feed's; `shut` and `open` it as often as needed."""

    def __init__(self, sky: Sandbox) -> None:
        super().__init__()
        self._sky = urlsplit(sky.url)
        self._opened = threading.Event()
        self._opened.set()
        self._waiting: list[str] = []
        self.play(self._pass)

    def shut(self) -> None:
        self._opened.clear()

    def open(self) -> None:
        self._opened.set()

    def wait_for(self, *words: str) -> None:
        """Until for each of the words somebody waits whose question has it."""
        wait_until(
            lambda: all(any(word in target for target in list(self._waiting)) for word in words),
            what=f"a question about {' and '.join(words)}",
        )

    def _pass(self, connection: socket.socket, request: Request) -> bool:
        self._waiting.append(request.target)
        self._opened.wait()
        self._waiting.remove(request.target)
        question = Question(
            f"{self._sky.scheme}://{self._sky.netloc}{request.target}",
            headers={"X-Api-Key": request.headers["x-api-key"]},
        )
        try:
            answer = urlopen(question, timeout=30)
        except HTTPError as error:
            answer = error
        with answer:
            headers = {name: answer.headers[name] for name in PASSED_ON}
            connection.sendall(response(answer.read(), answer.status, headers))
        return True
