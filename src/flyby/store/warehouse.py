"""Where the record is kept: in a file of FLYBY_HOME, or in a lake that several machines share.

Everything in which the two differ, for who writes: whose turn it is, how a new edition comes before people's eyes, what
becomes of a record that is replaced. How each is opened is `flyby.record`'s and `flyby.query.database`'s.
"""

import os
import shutil
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Protocol

from flyby.address import Lake
from flyby.errors import HomeError
from flyby.settings import Home
from flyby.store import lake as lakes
from flyby.store.publish import is_newest, publish
from flyby.store.turns import PATIENCE_S, mark, marked, turn

#: How long one waits for another who makes the record again: ten years of mornings take minutes.
REBUILD_PATIENCE_S = 1800.0


class Warehouse(Protocol):
    """A place for the record. What replaces or publishes is to be called in one's turn."""

    @property
    def place(self) -> Path | Lake:
        """What `Record` opens."""

    def turn(self) -> AbstractContextManager[None]:
        """The right to write; raises BusyError after PATIENCE_S."""

    def asking(self) -> AbstractContextManager[None]:
        """Have the record stay as it is for who asks it."""

    def mark(self, at: datetime) -> AbstractContextManager[None]:
        """Mark the sitting at `at` as being read, for as long as the context, or this process, lasts."""

    def marked(self) -> set[datetime]:
        """The moments of the sittings that are being read now."""

    def is_whole(self) -> bool:
        """Whether the record is there, and all that was committed where it is to stay."""

    def publish(self) -> None:
        """Have people see the record as it is now."""

    def keep(self, name: str) -> None:
        """Back up a record that is about to be replaced."""

    def rebuilding(self, patience_s: float = REBUILD_PATIENCE_S) -> AbstractContextManager[None]:
        """The right to make the record again; who writes meanwhile is not kept from it."""


def warehouse(settings: Home) -> Warehouse:
    """The one that the settings name."""
    return InLake(settings.lake) if settings.lake else InFile(settings)


class InFile:
    """One file, one machine; people open copies."""

    def __init__(self, settings: Home) -> None:
        self.place: Path = settings.record
        self._home = settings.home
        self._published = settings.published

    def turn(self) -> AbstractContextManager[None]:
        return turn(self._home)

    def asking(self) -> AbstractContextManager[None]:
        return self.turn()

    def mark(self, at: datetime) -> AbstractContextManager[None]:
        return mark(self._home, at)

    def marked(self) -> set[datetime]:
        return marked(self._home)

    def is_whole(self) -> bool:
        # With a log, closing could not write all of it, or a run was killed.
        return self.place.exists() and not log(self.place).exists()

    def publish(self) -> None:
        if not is_newest(self.place, self._published):
            publish(self.place, self._published)

    def keep(self, name: str) -> None:
        copy = self.place.with_name(f"{name}.duckdb")
        try:
            copy.unlink(missing_ok=True)
            try:
                os.link(self.place, copy)
            except OSError:  # a disk without hard links
                shutil.copyfile(self.place, copy)
        except OSError as error:
            raise HomeError(f"the record could not be backed up ({error.strerror}): it is as it was") from None

    def rebuilding(self, patience_s: float = REBUILD_PATIENCE_S) -> AbstractContextManager[None]:
        return turn(self._home, name=".rebuild.lock", patience_s=patience_s)


class InLake:
    """A DuckLake: what is committed is published, and its snapshots are backups of the last thirty days."""

    def __init__(self, lake: Lake) -> None:
        self.place = self._lake = lake

    def turn(self) -> AbstractContextManager[None]:
        return lakes.turn(self._lake, patience_s=PATIENCE_S)

    def asking(self) -> AbstractContextManager[None]:
        return nullcontext()  # every opening of a lake sees one snapshot

    def mark(self, at: datetime) -> AbstractContextManager[None]:
        return lakes.mark(self._lake, at)

    def marked(self) -> set[datetime]:
        return lakes.marked(self._lake)

    def is_whole(self) -> bool:
        return True

    def publish(self) -> None:
        pass

    def keep(self, name: str) -> None:
        pass

    def rebuilding(self, patience_s: float = REBUILD_PATIENCE_S) -> AbstractContextManager[None]:
        return lakes.turn(self._lake, key=lakes.REBUILD, patience_s=patience_s)


def log(path: Path) -> Path:
    """DuckDB's write-ahead log, which it removes when it closes the database in order."""
    return path.with_name(path.name + ".wal")
