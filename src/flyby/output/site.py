"""`flyby report --to DIR`: the page and its feeds as a folder to publish, by S3, Pages, rsync or nginx.

A list of what flyby wrote lies in the folder. So nothing else is touched there, a folder without the list is not
written into, and what flyby no longer writes goes.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from flyby.errors import HomeError
from flyby.output.files import put
from flyby.output.report import write_beside
from flyby.settings import Settings

LIST = "flyby-site.json"


def write_site(settings: Settings, folder: Path, *, now: datetime) -> list[str]:
    """Make `folder` the site of what the record says at `now`; the names of the files that this changed or removed.

    Raises HomeError when there is no database yet, when the folder is somebody else's, or when it cannot be written.
    """
    before = _ours(folder)
    with TemporaryDirectory(prefix="flyby-") as made:
        write_beside(settings, Path(made, "index.html"), now=now)
        contents = {path.name: path.read_bytes() for path in sorted(Path(made).iterdir())}
    try:
        # The list comes first: whatever is killed after it can go on.
        changed = [LIST] if put(folder / LIST, _list({*before, *contents})) else []
        changed += [name for name, content in contents.items() if put(folder / name, content)]
        for name in sorted(before - set(contents)):
            (folder / name).unlink(missing_ok=True)
            changed.append(name)
        put(folder / LIST, _list(contents))
    except OSError as error:
        raise HomeError(f"{folder} could not be written ({error.strerror}): the same command goes on") from None
    return changed


def _ours(folder: Path) -> set[str]:
    """What flyby wrote into the folder before. Raises HomeError where something else lies there, and no list."""
    try:
        if not folder.exists() or not any(folder.iterdir()):
            return set()
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            told = json.loads((folder / LIST).read_bytes())
            # Names of files in this very folder, whoever wrote the list.
            return {name for name in told["files"] if Path(name).name == name and name != LIST}
    except OSError as error:
        raise HomeError(f"{folder} cannot be written ({error.strerror})") from None
    raise HomeError(f"{folder} holds something else than a site of flyby's: name an empty folder, or one of a site")


def _list(names: Iterable[str]) -> bytes:
    told = {"about": "What `flyby report --to` wrote here. It leaves alone what is not listed.", "files": sorted(names)}
    return json.dumps(told, indent=1).encode() + b"\n"
