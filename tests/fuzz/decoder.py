"""Bytes against the decoders, guided by coverage: `make fuzz`, or `python tests/fuzz/decoder.py -runs=100000`.

Whatever the bytes: a feed, or one of the project's own errors of one line. Starts from hand-made feeds; libFuzzer
writes what breaks the promise into the working directory.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import atheris  # type: ignore[import-untyped, unused-ignore]

from feeds import WINDOW, make_feed, make_object
from promises import keep

with atheris.instrument_imports(include=["flyby.sources"]):
    from flyby.sources.cad import feed as cad
    from flyby.sources.neows import feed as neows


def one(data: bytes) -> None:
    keep(neows, data, WINDOW)
    keep(cad, data, WINDOW)


def corpus(folder: Path) -> None:
    """Feeds to begin with, and the fields of CAD."""
    for n, body in enumerate(
        (
            make_feed(),
            make_feed(make_object(absolute_magnitude_h=..., estimated_diameter=..., is_sentry_object=...)),
            b'{"element_count": 0, "near_earth_objects": {}}',
            b'{"error": {"code": "OVER_RATE_LIMIT", "message": "later"}}',
            b'{"signature": {"version": "1.5", "source": "x"}, "count": 1, "fields": ["des", "orbit_id", "jd", "cd", '
            b'"dist", "v_rel", "h", "fullname", "diameter"], '
            b'"data": [["2019 AB", "1", "2458522.5", "2019-Feb-08 06:20", "0.1", "7.8", "22", "(2019 AB)", null]]}',
        )
    ):
        (folder / str(n)).write_bytes(body)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        corpus(Path(folder))
        atheris.Setup([*sys.argv, folder], one)
        atheris.Fuzz()
