"""In which warehouse the tests keep their records: files, or where FLYBY_TEST_LAKE names a Postgres, lakes in it.

`make test` uses files, `make test-scale` runs the same tests of the record again in lakes.
"""

import hashlib
import os
from pathlib import Path

import pytest

#: The address of a Postgres in which databases may be made, as libpq writes it.
POSTGRES = os.environ.get("FLYBY_TEST_LAKE")

file_only = pytest.mark.skipif(POSTGRES is not None, reason="about the file, and this is a lake")


def warehouse_of(home: Path) -> dict[str, str]:
    """The settings of a warehouse of this FLYBY_HOME's own, the same for whoever asks again."""
    if POSTGRES is None:
        return {}
    import psycopg
    from psycopg import sql

    name = "flyby_" + hashlib.sha256(str(home.absolute()).encode()).hexdigest()[:24]
    with psycopg.connect(POSTGRES, autocommit=True) as session:
        if not session.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall():
            session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return {"FLYBY_WAREHOUSE": f"ducklake:postgres:{psycopg.conninfo.make_conninfo(POSTGRES, dbname=name)}"}
