"""Asking a source, whichever it is: a client, and the answers that it brings."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from flyby.days import Window


@dataclass(frozen=True, slots=True)
class Quota:
    """What the key may still ask for this hour; None where the source does not say."""

    limit: int | None
    remaining: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete HTTP response, less the key."""

    source: str
    window: Window
    requested_at: datetime  # UTC, of the sitting
    attempt: int  # 1, 2, …
    http_status: int
    body: bytes  # decoded content
    quota: Quota


#: When one request may be sent: inside this context, which is told of the answer.
Allowed = Callable[[], AbstractContextManager[Callable[[Answer], None]]]


class Client(Protocol):
    """What asks a source. A context manager; several threads may fetch."""

    @property
    def title(self) -> str:
        """What people call the source."""

    def fetch(self, window: Window, *, requested_at: datetime) -> Answer:
        """The answer for `window`, judged. Raises SourceError."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class MakesClient(Protocol):
    """Makes a client."""

    def __call__(
        self,
        *,
        on_answer: Callable[[Answer], object],
        allowed: Allowed | None = None,
        outage_s: float = 0.0,
        tell: Callable[[str], None] | None = None,
    ) -> Client:
        """A client whose every complete answer, a refusal or a page too, is given to `on_answer` before it is judged.
        Where others ask with the same key, or requests are counted, each is sent when it is `allowed`. While the source
        is down it is asked again for `outage_s`, and `tell` is told once that takes long."""
