"""One key's allowance, kept by all machines together: none asks for what another is asking for already.

It lives in the Postgres of a lake, beside the catalog. What a source says is left holds from the moment it was said;
what was sent since is taken off, and an answer that crossed others on the way counts those as not yet known to the
source. So the sum of what all machines send never exceeds what is left. What a dead machine had under way comes back
when no request could still be on its way: the client waits a minute for an answer, this a minute and a half.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

from flyby.address import Lake, psycopg_or_say
from flyby.errors import HomeError, QuotaError
from flyby.sources.answer import Answer
from flyby.store import lake as lakes

#: How often a request that has to wait for others looks again.
LOOK_EVERY_S = 0.1
#: More than anybody asks for in an hour.
NO_END = 2**31 - 1


class SharedAllowance:
    """What `key` may still ask for at NeoWs, shared through `lake`; for the threads of one process.

    Raises HomeError when Postgres cannot be reached. To be closed.
    """

    def __init__(self, lake: Lake, key: str) -> None:
        self._lake = lake
        # Enough to tell keys apart, and nothing to find one by.
        self._key = hashlib.blake2b(key.encode(), digest_size=8, person=b"flyby").hexdigest()
        self._one_at_a_time = threading.Lock()
        self._open()

    def close(self) -> None:
        """Let go of Postgres."""
        self._session.close()

    @contextmanager
    def __call__(self) -> Iterator[Callable[[Answer], None]]:
        """Wait until one request may be sent; what is yielded is to be told of its answer, if one comes.

        Raises QuotaError when nothing is left, HomeError when Postgres cannot be reached.
        """
        request = self._taken()
        remaining: list[int | None] = [None]

        def answered(answer: Answer) -> None:
            # A source that does not say what is left is not held back, unless it refuses.
            said = answer.quota.remaining
            remaining[0] = said if said is not None else 0 if answer.http_status == 429 else NO_END

        try:
            yield answered
        finally:
            self._ask("answered", {"key": self._key, "request": request, "remaining": remaining[0]})

    def _taken(self) -> int:
        while True:
            [(request, under_way, wait_s)] = self._ask("take", {"key": self._key})
            if request is not None:
                return int(request)
            if not under_way:
                raise QuotaError(
                    "the key's allowance for this hour is used up, by all machines together: "
                    "wait an hour, or use a key with more",
                    retry_after_s=float(wait_s),
                )
            time.sleep(LOOK_EVERY_S)

    def _open(self) -> None:
        self._session = lakes.session(self._lake)
        [(is_made,)] = self._answers("is_made")
        if not is_made:  # by another role it could not be made again
            self._session.execute(_sql("schema"))

    def _ask(self, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        psycopg = psycopg_or_say()
        with self._one_at_a_time:
            try:
                try:
                    return self._answers(name, parameters)
                except psycopg.OperationalError:  # Postgres was restarted, or the network was away
                    self._open()
                    return self._answers(name, parameters)
            except psycopg.Error as error:
                raise HomeError(f"{self._lake} cannot be used: {str(error).splitlines()[0]}") from None

    def _answers(self, name: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return self._session.execute(_sql(name), parameters).fetchall()  # type: ignore[no-any-return]


@cache
def _sql(name: str) -> str:
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
