"""Asking JPL's Small-Body Database for one orbit. Keyless; one request at a time, as JPL asks."""

import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from flyby import __version__
from flyby.errors import FeedError, PassingError, SourceError
from flyby.orbits.elements import Elements, from_sbdb
from flyby.sources.http import Patience, Service, retry_after_s

_HEADERS = [("User-Agent", f"flyby/{__version__} (one request at a time, a few a day)")]

_PATIENCE = Patience(
    connect_s=5.0,
    read_s=20.0,
    deadline_s=40.0,
    body_bytes=4 << 20,
    attempts=3,
    first_wait_s=1.0,
    total_s=60.0,
    longest_wait_s=20.0,
)

_one_at_a_time = threading.Lock()


class Sbdb:
    """JPL's Small-Body Database at `url`. A context manager."""

    def __init__(self, url: str) -> None:
        self._service = Service(url, name="JPL", setting="FLYBY_SBDB_URL", connections=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.close()

    def elements(self, asked: str) -> Elements:
        """The orbit of the asteroid that is called `asked`.

        What tends to pass is tried again. Raises PassingError when the attempts are used up, SourceError when trying
        again would change nothing: OrbitError where JPL tells no orbit of it.
        """
        for attempt in _PATIENCE.tries():
            with attempt:
                return self._read(asked)
        raise AssertionError("unreachable")

    def _read(self, asked: str) -> Elements:
        query = urlencode({"sstr": asked, "full-prec": "true", "phys-par": "true"})
        with _one_at_a_time:
            status, headers, body = self._service.get(query, _HEADERS, _PATIENCE)
        host = self._service.host
        # Where several are called so the status is 300, where none is 404 or 200: the body tells.
        if status in (200, 300) or (status == 404 and b"not found" in body):
            return from_sbdb(body, asked)
        if status >= 500 or status in (408, 425):
            raise PassingError(
                f"JPL's Small-Body Database is out of order (HTTP {status}): try again later",
                retry_after_s=retry_after_s(headers),
            )
        if status == 429:  # final: asking again at once would be what it complains of
            raise SourceError(f"JPL asks for fewer requests (HTTP {status}): try again tomorrow")
        if status == 404:
            raise SourceError(f"there is no Small-Body Database at {host} (HTTP {status}): check FLYBY_SBDB_URL")
        if 300 <= status < 400:
            raise SourceError(f"{host} redirects elsewhere (HTTP {status}): set FLYBY_SBDB_URL to where it is now")
        if status < 300:
            raise FeedError(f"{asked}: not an orbit: HTTP {status}")
        raise SourceError(f"JPL refuses to answer for {asked} (HTTP {status}): check FLYBY_SBDB_URL, or upgrade flyby")
