"""The program that draws the page's pictures: Vega-Lite, Vega and vega-embed in one, which the extra `report` carries.

It takes seconds to make, and is kept. `python -m flyby.output.vega CACHE` makes it.
"""

import functools
import gzip
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from flyby.output.files import put

#: Where in FLYBY_HOME it is kept.
CACHE = "cache"
#: A script inside a page does not tell when it has run.
SNIPPET = 'window.vegaEmbed = vegaEmbed; dispatchEvent(new Event("vega"));'

#: The processes that are making it, by the file in which it will be.
_making: dict[Path, subprocess.Popen[bytes]] = {}


def program(cache: Path | None) -> bytes:
    """The program, packed, as it is kept in the folder `cache`; empty where the extra `report` is not installed."""
    try:
        kept = _kept(cache) if cache else None
        if kept in _making:
            _making[kept].wait()
        with suppress(OSError, EOFError, zlib.error):
            if kept and gzip.decompress(packed := kept.read_bytes()):
                return packed
        packed = _made()
    except ImportError:  # which PackageNotFoundError is, too
        return b""
    if kept:
        with suppress(OSError):  # no cache, no harm: the next page makes it again
            put(kept, packed)
    return packed


@contextmanager
def made_meanwhile(cache: Path) -> Iterator[None]:
    """What is done in the context need not wait for the program, where it is not kept yet: another process makes it.
    It would hold up every thread of this one."""
    try:
        kept = _kept(cache)
    except ImportError:
        kept = None
    if kept is None or kept.exists():
        yield
        return
    nothing = subprocess.DEVNULL
    command = [sys.executable, "-P", "-m", __name__, str(cache)]
    with subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing) as child:
        _making[kept] = child
        try:
            yield
        finally:
            del _making[kept]
            child.kill()  # whoever did not come to need it need not wait for it


@functools.cache
def _made() -> bytes:
    import vl_convert

    return gzip.compress(vl_convert.javascript_bundle(SNIPPET).encode(), mtime=0)


def _kept(cache: Path) -> Path:
    """Raises ImportError where the extra `report` is not installed."""
    return cache / f"vega-{version('vl-convert-python')}.js.gz"


if __name__ == "__main__":
    program(Path(sys.argv[1]))
