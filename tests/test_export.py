"""The dataset: the same bytes from the same record, only what changed written again, read back by other programs."""

import hashlib
import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import frictionless
import pandas as pd
import polars as pl
import pytest

from answers import Home, Row, row, window
from flyby.errors import HomeError
from flyby.output.export import TABLES, export
from flyby.query.database import ask
from flyby.record.load import publish_record

BEHIND, AHEAD = window("2019-02-07", "2019-02-14"), window("2019-02-15", "2019-02-22")
MANY = [row(f"2018 B{n}", f"38001{n:02}", f"2019-02-{7 + n % 16:02}") for n in range(40)]
OLD = [row(f"2017 B{n}", f"37001{n:02}", f"2018-{n % 12 + 1:02}-03") for n in range(36)]
HOSTILE = row("=2019 HYPERLINK\u202e", "3840009", "2019-02-20")


def sit(home: Home, at: str, *answers: tuple[str, str, list[Row]]) -> None:
    home.sitting(at, *[(window(first, last), rows) for first, last, rows in answers])
    home.release()
    publish_record(home.settings)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Home(tmp_path_factory.mktemp("prepared") / "home")
    history = [(str(old.day), str(old.day), [o for o in OLD if o.day == old.day]) for old in OLD[:12]]
    sit(made, "2019-02-14", *history)
    sit(
        made,
        "2019-02-15",
        ("2019-02-07", "2019-02-14", [r for r in MANY if r.day <= BEHIND.end]),
        ("2019-02-15", "2019-02-22", [*[r for r in MANY if r.day > BEHIND.end], HOSTILE]),
    )
    return made.settings.home


@pytest.fixture
def home(prepared: Path, tmp_path: Path) -> Home:
    shutil.copytree(prepared, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_record_gives_the_same_bytes(home: Home, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    export(home.settings.database, one)
    home.rebuild()
    home.release()
    publish_record(home.settings)
    export(home.settings.database, two)
    assert content(one) == content(two)
    assert export(home.settings.database, one).written == []


def test_a_morning_writes_only_its_own_months_again(home: Home, tmp_path: Path) -> None:
    export(home.settings.database, tmp_path / "set")
    sit(home, "2019-02-16", ("2019-02-16", "2019-02-23", [r for r in MANY if r.day > date(2019, 2, 15)]))
    done = export(home.settings.database, tmp_path / "set")
    assert (
        sorted(done.written)
        == [
            "SHA256SUMS",
            "close_approaches/2019-02.parquet",
            "datapackage.json",
            "days/2019.parquet",
            "requests/2019-02.parquet",
        ]
        or "revisions/2019-02.parquet" in done.written
    )
    assert not [name for name in done.written if "2018" in name]


def test_every_row_of_every_table_comes_back_in_duckdb_pandas_and_polars(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    export(home.settings.database, folder)
    for table in TABLES:
        files = str(folder / table.name / "*.parquet")
        if not (folder / table.name).exists():
            continue
        names, told = ask(home.settings.database, f"FROM {table.name} ORDER BY ALL")
        with duckdb.connect() as fresh:
            fresh.execute("SET TimeZone = 'UTC'")
            assert fresh.execute(f"FROM '{files}' ORDER BY ALL").fetchall() == told
        frames = [pd.read_parquet(path) for path in sorted((folder / table.name).iterdir())]
        assert list(frames[0].columns) == names
        assert sum(map(len, frames)) == len(told)
        polars = pl.read_parquet(files)
        assert (polars.columns, polars.height) == (names, len(told))
    near = pl.read_parquet(str(folder / "close_approaches" / "*.parquet")).filter(pl.col("designation") == "2018 B0")
    assert near["close_approach_at"][0] == datetime(2019, 2, 7, 6, 20, tzinfo=UTC)
    pandas = pd.concat(map(pd.read_parquet, sorted((folder / "close_approaches").iterdir())))
    assert pandas.set_index("designation").loc["2018 B0", "miss_distance_au"] == 0.1
    assert HOSTILE.designation in set(pandas["designation"])


def test_the_descriptor_is_one_that_frictionless_reads_and_says_what_every_value_column_is(
    home: Home, tmp_path: Path
) -> None:
    export(home.settings.database, tmp_path / "set")
    descriptor = tmp_path / "set" / "datapackage.json"
    assert frictionless.Package.validate_descriptor(str(descriptor)).valid
    told = {resource["name"]: resource for resource in json.loads(descriptor.read_bytes())["resources"]}
    fields = {field["name"]: field for field in told["close_approaches"]["schema"]["fields"]}
    assert fields["miss_distance_ld"]["unit"] == "lunar distance (1 au = 389 LD)"
    assert fields["relative_velocity_km_s"]["unit"] == "km/s"
    assert fields["absolute_magnitude_h"]["unit"] == "mag"
    assert fields["sources"]["type"] == "array"
    assert [name for name, field in fields.items() if name.endswith(("_km", "_au", "_m")) and "unit" not in field] == []
    assert fields["designation"]["description"]


def test_the_comments_of_the_database_are_what_the_descriptor_says(home: Home, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "flyby.duckdb")) as made:
        made.execute("CREATE TABLE days (day DATE, flybys INTEGER)")
        made.execute("COMMENT ON COLUMN days.flybys IS 'how many are listed now'")
        made.execute("INSERT INTO days VALUES ('2019-02-07', 3)")
    export(tmp_path / "flyby.duckdb", tmp_path / "set")
    [days] = json.loads((tmp_path / "set" / "datapackage.json").read_bytes())["resources"]
    assert days["schema"]["fields"][1] == {
        "name": "flybys",
        "type": "integer",
        "description": "how many are listed now",
    }


def test_checksums_are_those_of_the_files(home: Home, tmp_path: Path) -> None:
    export(home.settings.database, tmp_path / "set")
    files = {name: hashlib.sha256(data).hexdigest() for name, data in content(tmp_path / "set").items()}
    told = json.loads((tmp_path / "set" / "datapackage.json").read_bytes())
    parts = {part["path"]: part for resource in told["resources"] for part in resource["parts"]}
    assert {*parts, "datapackage.json"} == set(files)
    assert {name: part["hash"] for name, part in parts.items()} == {name: f"sha256:{files[name]}" for name in parts}
    assert list(parts) == [path for resource in told["resources"] for path in resource["path"]]


def test_a_file_that_somebody_damaged_is_written_again(home: Home, tmp_path: Path) -> None:
    export(home.settings.database, tmp_path / "set")
    (tmp_path / "set" / "days" / "2019.parquet").write_bytes(b"damaged")
    assert export(home.settings.database, tmp_path / "set").written == ["days/2019.parquet"]


def test_what_is_no_longer_in_the_record_goes_and_what_is_not_ours_stays(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    export(home.settings.database, folder)
    (folder / "close_approaches" / "mine.txt").write_text("mine")
    (folder / "notes.md").write_text("mine")
    smaller = Home(tmp_path / "smaller")
    sit(smaller, "2019-02-15", ("2019-02-15", "2019-02-22", [HOSTILE]))
    done = export(smaller.settings.database, folder)
    assert "close_approaches/2018-01.parquet" in done.removed
    left = content(folder)
    assert {"close_approaches/mine.txt", "notes.md"} <= set(left)
    assert not [name for name in left if "2018" in name]


@pytest.mark.parametrize(
    "descriptor", [None, "{}", '{"name": "flyby"}', '{"name": "other", "resources": []}', "[]", "{"]
)
def test_a_folder_of_somebody_else_is_refused_and_left_alone(
    home: Home, tmp_path: Path, descriptor: str | None
) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "thesis.docx").write_text("ten years")
    if descriptor is not None:
        (folder / "datapackage.json").write_text(descriptor)
    before = content(folder)
    with pytest.raises(HomeError, match="something else than flyby's dataset"):
        export(home.settings.database, folder)
    assert content(folder) == before


def test_a_descriptor_that_names_files_elsewhere_removes_none(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    export(home.settings.database, folder)
    (tmp_path / "precious.parquet").write_text("precious")
    descriptor = json.loads((folder / "datapackage.json").read_bytes())
    descriptor["resources"][0]["path"] += [
        "../precious.parquet",
        "/etc/hostname",
        "close_approaches/../../precious.parquet",
    ]
    (folder / "datapackage.json").write_text(json.dumps(descriptor))
    assert export(home.settings.database, folder).removed == []
    assert (tmp_path / "precious.parquet").exists()


def test_an_export_that_was_killed_on_the_way_goes_on(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    export(home.settings.database, folder)
    whole = content(folder)
    for name in ("datapackage.json", "requests/2019-02.parquet"):
        (folder / name).unlink()
    export(home.settings.database, folder)
    assert content(folder) == whole


def test_a_folder_that_cannot_be_written_and_a_home_without_a_database_are_one_line(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="cannot be written"):
        export(home.settings.database, tmp_path / "file")
    with pytest.raises(HomeError, match="`flyby run` makes it"):
        export(tmp_path / "flyby.duckdb", tmp_path / "set")
