"""Asking JPL's Small-Body Database for one orbit."""

from urllib.parse import urlencode

from flyby.orbits.elements import Elements, from_sbdb
from flyby.sources.jpl import Jpl


class Sbdb(Jpl):
    """JPL's Small-Body Database at `url`. A context manager."""

    def __init__(self, url: str) -> None:
        super().__init__(url, what="Small-Body Database", setting="FLYBY_SBDB_URL")

    def elements(self, asked: str) -> Elements:
        """The orbit of the asteroid that is called `asked`.

        What tends to pass is tried again. Raises PassingError when the attempts are used up, SourceError when trying
        again would change nothing: OrbitError where JPL tells no orbit of it.
        """
        return self._patience.until_done(lambda _: self._read(asked))

    def _read(self, asked: str) -> Elements:
        response = self.get(urlencode({"sstr": asked, "full-prec": "true", "phys-par": "true"}))
        # Where several are called so the status is 300, where none is 404 or 200: the body tells.
        if response.status in (200, 300) or (response.status == 404 and b"not found" in response.body):
            return from_sbdb(response.body, asked)
        raise self.refusal(response, asked)
