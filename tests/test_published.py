"""The published file in other people's hands: attached, and asked what it holds."""

from pathlib import Path

import duckdb
import pytest

from answers import Home, body, moment, row, window
from flyby.record.load import take_in
from warehouses import file_only

WEEK = window("2019-02-08", "2019-02-15")
AS_OF = "SELECT count(*) FROM {}close_approaches_as_of(TIMESTAMPTZ '2019-03-01 00:00:00+00')"


def published(folder: Path, *, flybys: int) -> Path:
    home = Home(folder)
    listed = [row(f"2019 A{n}", f"384000{n}", "2019-02-10") for n in range(flybys)]
    home.land(moment("2019-02-16"), WEEK, body(listed))
    take_in(home.settings)
    return home.settings.published


@file_only
def test_attached_beside_another_record_of_flybys_the_macro_never_answers_out_of_that(tmp_path: Path) -> None:
    ours, theirs = published(tmp_path / "ours", flybys=7), published(tmp_path / "theirs", flybys=3)
    with duckdb.connect(theirs, read_only=True) as connection:
        connection.execute(f"ATTACH '{ours}' AS sky (READ_ONLY)")
        assert connection.execute("SELECT count(*) FROM sky.close_approaches").fetchall() == [(7,)]
        for macro in ("close_approaches_as_of", "believed_as_of"):
            with pytest.raises(duckdb.Error, match="USE it first, or ask close_approaches_history"):
                connection.execute(AS_OF.format("sky.").replace("close_approaches_as_of", macro)).fetchall()
        assert connection.execute(AS_OF.format("")).fetchall() == [(3,)]
        connection.execute("USE sky")
        assert connection.execute(AS_OF.format("")).fetchall() == [(7,)]


@file_only
def test_every_table_view_and_column_that_people_see_says_what_it_is(tmp_path: Path) -> None:
    with duckdb.connect(published(tmp_path, flybys=1), read_only=True) as connection:
        silent = connection.execute(
            """
            SELECT table_name, column_name FROM duckdb_columns()
            WHERE schema_name = 'main' AND NOT internal AND comment IS NULL
            UNION ALL SELECT table_name, NULL FROM duckdb_tables() WHERE schema_name = 'main' AND comment IS NULL
            UNION ALL SELECT view_name, NULL FROM duckdb_views() WHERE NOT internal AND comment IS NULL
            """
        ).fetchall()
    assert silent == []
