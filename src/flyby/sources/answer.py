"""What comes of asking a source: an answer, whoever brought it."""

from dataclasses import dataclass
from datetime import datetime

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
