"""Where a lake is, in the words of a setting."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flyby.errors import SettingsError

#: How FLYBY_WAREHOUSE names a lake.
PREFIX = "ducklake:postgres:"


@dataclass(frozen=True, slots=True)
class Lake:
    """Where a lake is: its catalog, in the words of libpq, and the folder or bucket of its files.

    `str` of it holds no password.
    """

    catalog: str = field(repr=False)
    data: str

    @classmethod
    def named(cls, warehouse: str, data: str) -> "Lake":
        """The lake that FLYBY_WAREHOUSE and FLYBY_WAREHOUSE_DATA name. Raises SettingsError."""
        if not warehouse.startswith(PREFIX):
            raise SettingsError(f"FLYBY_WAREHOUSE names no lake: write it like {PREFIX}host=db.example dbname=flyby")
        folder = data if "://" in data else str(Path(data).expanduser().absolute())
        return cls(warehouse.removeprefix(PREFIX).strip(), f"{folder.rstrip('/')}/")

    def __str__(self) -> str:
        words = self.words()
        host = words.get("host") or os.environ.get("PGHOST", "localhost")
        return f"the lake {words.get('dbname') or os.environ.get('PGDATABASE', '')} at {host}"

    def words(self) -> dict[str, Any]:
        """The catalog's address, word by word: libpq's keywords, from either of the forms that it knows."""
        psycopg = psycopg_or_say()
        try:
            return dict(psycopg.conninfo.conninfo_to_dict(self.catalog))
        except psycopg.Error:
            raise SettingsError(
                f"FLYBY_WAREHOUSE is no address of a Postgres: write it like {PREFIX}host=db.example dbname=flyby"
            ) from None


def psycopg_or_say() -> Any:
    """The module psycopg. Raises SettingsError where it is not installed."""
    try:
        import psycopg
    except ImportError:
        raise SettingsError("FLYBY_WAREHOUSE names a lake, which needs `pip install 'flyby[lake]'`") from None
    return psycopg
