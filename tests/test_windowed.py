"""The record of a declared API: every version kept, nothing believed too soon, and all of it again from raw/."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from catalogue import DECLARED, Catalogue, row
from flyby.errors import HomeError
from flyby.jobs.backfill import backfill
from flyby.jobs.daily import gather
from flyby.record import Loaded
from flyby.record.load import rebuild, take_in
from flyby.sources.windowed import client

MORNING = datetime(2025, 5, 6, 6, tzinfo=UTC)
YESTERDAY = date(2025, 5, 5)


class Kept:
    """A home and its catalogue; every call of `morning` is a day later than the one before."""

    def __init__(self, server: HTTPServer, home: Path) -> None:
        self.catalogue = Catalogue(server)
        self.home = home
        self.now = MORNING

    def morning(self, *rows: dict[str, Any], **more: Any) -> Loaded:
        self.catalogue.rows = list(rows)
        settings = self.catalogue.component(self.home, self.now.isoformat(), **more).settings()
        self.now += timedelta(days=1)
        gather(settings, settings.now().date())
        return take_in(settings)

    def ask(self, query: str) -> list[Any]:
        with duckdb.connect(self.home / "sightings.duckdb", read_only=True) as connection:
            return connection.execute("SET TimeZone = 'UTC'").execute(query).fetchall()


@pytest.fixture
def kept(httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setattr(client, "PATIENCE", replace(client.PATIENCE, first_wait_s=0.01))
    return Kept(httpserver, tmp_path / "home")


def some(n: int = 6, group: str = "us") -> list[dict[str, Any]]:
    return [row(f"{group}{k}", f"2025-05-05T{k:02}:00:00Z") for k in range(n)]


def test_a_morning_is_in_tables_that_are_called_after_it(kept: Kept) -> None:
    kept.morning(*some())
    assert kept.ask("SELECT count(*), min(day), max(moment), min(size_m) FROM sightings") == [
        (6, YESTERDAY, datetime(2025, 5, 5, 5, tzinfo=UTC), 1.5)
    ]
    assert kept.ask("SELECT id, listed, sources FROM sightings ORDER BY id LIMIT 1") == [("us0", True, ["sightings"])]
    assert kept.ask("SELECT count(*) FROM sightings_revisions WHERE change = 'new'") == [(6,)]
    assert kept.ask("SELECT day, listed, state FROM sightings_days") == [(YESTERDAY, 6, "fresh")]
    assert kept.ask("SELECT verdict, rows, purpose, tick FROM sightings_requests") == [
        ("ok", 6, "daily", date(2025, 5, 6))
    ]
    [(said,)] = kept.ask(
        "SELECT comment FROM duckdb_columns() WHERE column_name = 'size_m' AND table_name = 'sightings'"
    )
    assert said == "its size, in m"


def test_what_was_believed_at_any_moment_can_be_asked_for(kept: Kept) -> None:
    kept.morning(*some())
    kept.morning(row("us0", "2025-05-05T00:00:00Z", 9), *some()[1:])
    sizes = "SELECT size_m FROM sightings_as_of(TIMESTAMPTZ '{}') WHERE id = 'us0'"
    assert kept.ask(sizes.format("2025-05-06 07:00:00+00")) == [(1.5,)]
    assert kept.ask(sizes.format("2025-05-07 07:00:00+00")) == [(9.0,)]
    assert kept.ask("SELECT count(*) FROM sightings_history WHERE id = 'us0'") == [(2,)]


def test_what_comes_back_within_the_stated_days_was_never_withdrawn(kept: Kept) -> None:
    kept.morning(*some())
    for _ in range(5):
        assert kept.morning(*some()[1:]).changes.keys() <= {"unlisted"}
    assert kept.morning(*some()).changes == {"relisted": 1}


def test_what_is_deleted_for_good_is_withdrawn_within_the_stated_days(kept: Kept) -> None:
    absence = {"answers": 2, "days": 3}
    kept.morning(*some(), absence=absence)
    changes = [kept.morning(*some()[1:], absence=absence).changes for _ in range(4)]
    assert changes == [{"unlisted": 1}, {}, {}, {"withdrawn": 1}]
    assert kept.ask("SELECT count(*) FROM sightings") == [(5,)]


def test_another_key_for_the_same_thing_leaves_the_old_one_unlisted(kept: Kept) -> None:
    kept.morning(*some())
    renamed = [*some()[1:], row("ak9", "2025-05-05T00:00:00Z")]
    assert kept.morning(*renamed).changes == {"unlisted": 1, "new": 1}
    assert kept.ask("SELECT count(*) FROM sightings WHERE listed") == [(6,)]


def test_another_key_that_the_source_calls_the_same_is_a_change(kept: Kept) -> None:
    told = [{**one, "also": f",{one['id']},"} for one in some()]
    kept.morning(*told, aliases="also")
    renamed = [*told[1:], {**told[0], "id": "ak9", "also": "ak9,us0"}]
    assert kept.morning(*renamed, aliases="also").changes == {"changed": 1}
    assert kept.ask("SELECT id FROM sightings WHERE thing_id = 'us0@2025-05-05'") == [("ak9",)]


def test_a_row_that_moves_over_midnight_is_the_same(kept: Kept) -> None:
    kept.morning(*some())
    moved = [row("us0", "2025-05-06T00:00:01Z"), *some()[1:]]
    assert kept.morning(*moved).changes == {"changed": 1}
    assert kept.ask("SELECT day FROM sightings WHERE id = 'us0'") == [(date(2025, 5, 6),)]


def test_nothing_at_all_on_a_day_just_past_is_not_believed(kept: Kept) -> None:
    assert "only 0 rows on a past day" in kept.morning().partial[0][1]
    assert kept.ask("SELECT state FROM sightings_days") == [("suspect",)]


def test_nothing_at_all_is_right_where_days_without_a_row_are_usual(kept: Kept) -> None:
    loaded = kept.morning(absence={"least_a_day": 0})
    assert (loaded.answers, loaded.partial, loaded.rejected) == (1, (), ())


def test_a_group_that_vanishes_together_is_a_broken_answer(kept: Kept) -> None:
    kept.morning(*some(), *some(4, "ak"))
    loaded = kept.morning(*some())
    assert "no ak… ids where 4 were listed" in loaded.partial[0][1]
    assert kept.ask("SELECT count(*) FROM sightings WHERE listed") == [(10,)]


@pytest.mark.parametrize(
    "answer",
    [
        Response("<html>maintenance</html>", content_type="text/html"),
        Response('{"error": "try again"}'),
        Response('{"found": {"rows": [{"id": "us0"}]}}'),
    ],
)
def test_what_is_no_answer_loses_nothing_and_loads_nothing(kept: Kept, answer: Response) -> None:
    kept.morning(*some())
    kept.catalogue.instead = lambda _: answer
    with pytest.raises(Exception, match="the catalogue gives no answer that can be read"):
        kept.morning(*some())
    take_in(kept.catalogue.component(kept.home, kept.now.isoformat()).settings())
    assert kept.ask("SELECT count(*) FROM sightings WHERE listed") == [(6,)]
    assert kept.ask("SELECT DISTINCT verdict FROM sightings_requests WHERE window_start = '2025-05-06'") == [
        ("rejected",)
    ]


def test_made_again_from_raw_the_record_is_the_same(kept: Kept) -> None:
    kept.morning(*some())
    kept.morning(*some()[1:], *some(3, "ak"))
    kept.morning(row("us1", "2025-05-05T01:00:00Z", 4), *some()[2:])
    tables = ("sightings", "sightings_revisions", "sightings_days", "sightings_requests")
    before = {table: kept.ask(f"FROM {table} ORDER BY ALL") for table in tables}
    settings = kept.catalogue.component(kept.home, kept.now.isoformat()).settings()
    rebuild(settings)
    take_in(settings)
    assert {table: kept.ask(f"FROM {table} ORDER BY ALL") for table in tables} == before


def test_a_column_that_is_declared_later_is_filled_from_what_was_landed(kept: Kept) -> None:
    kept.morning(*some())
    columns = DECLARED["columns"] | {"second_place": {"path": "where.1"}}
    kept.morning(*some(), columns=columns)
    assert kept.ask("SELECT DISTINCT second_place FROM sightings") == [("there",)]
    assert kept.ask("SELECT count(*) FROM sightings_revisions") == [(6,)]


def test_the_home_of_one_record_is_not_another_s(kept: Kept) -> None:
    kept.morning(*some())
    with pytest.raises(HomeError, match="home of sightings: give each record one of its own"):
        kept.morning(*some(), name="others")


def test_today_is_asked_for_where_it_is_declared(kept: Kept) -> None:
    ahead = DECLARED["window"] | {"ahead_days": 1}
    kept.morning(*some(), row("us9", "2025-05-06T05:00:00Z"), window=ahead)
    assert kept.ask("SELECT day, count(*) FROM sightings GROUP BY day ORDER BY day") == [
        (YESTERDAY, 6),
        (date(2025, 5, 6), 1),
    ]


def test_history_is_held_in_the_fewest_requests_and_goes_on_where_it_stopped(kept: Kept) -> None:
    week = DECLARED["window"] | {"days": 7}
    kept.catalogue.rows = [row(f"us{n}", f"2024-03-{n:02}T00:00:00Z") for n in range(1, 32)]
    settings = kept.catalogue.component(kept.home, MORNING.isoformat(), window=week, final_after_days=2).settings()
    held = [backfill(settings, date(2024, 3, 1), date(2024, 3, 31), on_progress=lambda _: None) for _ in range(2)]
    assert [(progress.windows, progress.loaded.rows) for progress in held] == [(5, 31), (0, 0)]


def definitions(kept: Kept, home: Path | None = None, **more: Any) -> dg.Definitions:
    kept.now += timedelta(minutes=1)
    return kept.catalogue.component(home or kept.home, kept.now.isoformat(), **more).build_defs()


def run(kept: Kept, instance: dg.DagsterInstance, config: dict[str, Any] | None = None) -> dg.ExecuteInProcessResult:
    job = definitions(kept).resolve_job_def("sightings_job")
    return job.execute_in_process(instance=instance, run_config=config or {}, raise_on_error=False)


def test_a_launch_without_config_means_today_and_tells_what_it_did(kept: Kept) -> None:
    kept.catalogue.rows = some()
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(kept, instance)
        assert result.success
        [table] = result.asset_materializations_for_node("sightings_table")
        assert table.metadata["new"].value == 6
        checks = {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}
    assert checks == dict.fromkeys(("yesterday_is_present", "freshness", "no_duplicates", "verdicts", "lateness"), True)


def test_the_data_version_changes_with_the_rows_and_with_nothing_else(kept: Kept) -> None:
    versions = []
    with dg.DagsterInstance.ephemeral() as instance:
        for rows in (some(), some(), some(7)):
            kept.catalogue.rows = rows
            assert run(kept, instance).success
            record = instance.get_latest_data_version_record(dg.AssetKey("sightings_table"))
            assert record
            assert record.asset_materialization
            versions.append((record.asset_materialization.tags or {})["dagster/data_version"])
    assert versions[0] == versions[1] != versions[2]


def test_a_day_that_is_none_fails_the_run_in_one_plain_line(kept: Kept) -> None:
    config = {"ops": {"sightings": {"config": {"date": "6 May"}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(kept, instance, config)
    [failure] = result.get_step_failure_events()
    assert failure.step_failure_data.error
    assert "date '6 May' is not a day: write it as YYYY-MM-DD" in failure.step_failure_data.error.message
    assert kept.catalogue.asked == []


def test_several_live_side_by_side_in_one_project_whose_executor_stays_its_own(kept: Kept, tmp_path: Path) -> None:
    @dg.asset(deps=["sightings_table"])
    def theirs() -> None: ...

    other = definitions(kept, name="others", home=tmp_path / "others")
    prefixed = definitions(kept, home=tmp_path / "third", key_prefix="third")
    theirs_alone = dg.Definitions(assets=[theirs], executor=dg.multiprocess_executor)
    merged = dg.Definitions.merge(definitions(kept), other, prefixed, theirs_alone)
    dg.Definitions.validate_loadable(merged)
    jobs = {job.name for job in merged.resolve_all_job_defs()}
    assert {"sightings_job", "others_job", "third_sightings_job", "others_history_job"} <= jobs
    assert merged.executor is dg.multiprocess_executor
    graph = merged.resolve_asset_graph()
    assert dg.AssetKey("sightings_table") in graph.get(dg.AssetKey("theirs")).parent_keys
