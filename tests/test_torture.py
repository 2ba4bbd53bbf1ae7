"""The short form of `make torture`: a few kills and faults; and the campaign's own checks, checked."""

import hashlib
import json
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))

from answers import Home, body, window  # noqa: E402  torture lies beside tests
from faults import Request  # noqa: E402
from flyby.defs import claims  # noqa: E402
from flyby.instance.instance import instance  # noqa: E402
from flyby.record.load import take_in  # noqa: E402
from torture.campaign import Campaign  # noqa: E402
from torture.child import Child, Command  # noqa: E402
from torture.source import KEY_PREFIX, Exchange, Said, Source, encode, rows  # noqa: E402
from torture.truth import Truth  # noqa: E402
from torture.up import dead_runs  # noqa: E402
from torture.year import year  # noqa: E402
from torture.zones import zones  # noqa: E402

NOW = datetime(2024, 3, 1, 6, tzinfo=UTC)


@pytest.mark.whole
def test_kills_and_faults_lose_double_and_leak_nothing_and_every_clean_run_heals() -> None:
    tally = Campaign(2026, kills=2, faults=6, seconds=120, cold_share=0).run()
    assert tally.found == []
    assert tally.clean_runs
    assert tally.kills >= 2
    assert tally.injected >= 6


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    with Source(seed=1, now=NOW, share=0) as source:
        yield source


@pytest.fixture
def truth(tmp_path: Path, source: Source) -> Truth:
    """The checks, of a home that took in one answer of the source."""
    home = Home(tmp_path / "home")
    asked = window("2024-02-22", "2024-02-29")
    feed = source._feed(asked)
    home.land(NOW, asked, encode(feed))
    source.meant[Said(asked, 200, hashlib.sha256(encode(feed)).hexdigest())] = rows(feed)
    take_in(home.settings)
    return Truth(home.settings, source)


def test_a_home_as_it_should_be_passes(truth: Truth) -> None:
    assert [*truth.after_step(), *truth.after_clean_run()] == []


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        ("DELETE FROM asteroids_record.revisions WHERE rowid = 0", "lost"),
        ("INSERT INTO asteroids_record.revisions FROM asteroids_record.revisions LIMIT 1", "doubled"),
        ("UPDATE asteroids_record.revisions SET miss_distance_km = 1 WHERE rowid = 0", "changed"),
        ("DROP TABLE close_approaches", "closed"),
    ],
)
def test_harm_done_to_the_database_is_found(truth: Truth, harm: str, kind: str) -> None:
    with duckdb.connect(truth.settings.published) as connection:
        connection.execute(harm)
    found = list(truth.after_step())
    if kind in ("lost", "changed"):
        found += truth.after_clean_run()
    assert kind in {line.split(":")[0] for line in found}


def test_an_answer_that_nobody_gave_a_key_on_disk_and_litter_are_found(truth: Truth) -> None:
    stray = Home(truth.settings.home).land(NOW, window("2024-03-01", "2024-03-08"), body([]))
    assert [line.split(":")[0] for line in truth.after_step()] == ["altered"]
    stray.path.unlink()
    (truth.settings.home / "notes.txt").write_text(f"key={KEY_PREFIX}123")
    assert [line.split(":")[0] for line in truth.after_step()] == ["leak"]
    assert [line.split(":")[0] for line in truth.after_clean_run()] == ["litter"]


def test_an_answer_that_was_given_and_not_kept_is_found(truth: Truth, source: Source, tmp_path: Path) -> None:
    key = f"{KEY_PREFIX}Forgotten"
    source.given[key].append(Said(window("2024-02-22", "2024-02-29"), 200, "0" * 64))
    environ = {"FLYBY_HOME": str(truth.settings.home), "NASA_API_KEY": key}
    child = Child(Command(("status", "--json"), environ), tmp_path / "child")
    assert child.wait(60) == 0
    assert json.loads(child.said()[0])
    assert [line.split(":")[0] for line in truth.of_child(child, 0, killed=False)] == ["lost"]


def test_who_has_hung_up_when_the_answer_comes_was_given_none(source: Source) -> None:
    def given(*, hangs_up: bool) -> int:
        here, there = socket.socketpair()
        with here, there:
            if hangs_up:
                there.shutdown(socket.SHUT_WR)
            key = f"hangs up: {hangs_up}"
            asked = window("2024-02-22", "2024-02-29")
            sent = Exchange(source, here, Request("/feed", {}), key, asked, {}, random.Random(0)).tell(b"{}", None)
            assert sent
            return len(source.given[key])

    assert given(hangs_up=False) == 1
    assert given(hangs_up=True) == 0


@pytest.mark.parametrize("zone", ["Pacific/Auckland", pytest.param("America/Los_Angeles", marks=pytest.mark.long)])
def test_in_a_zone_far_from_utc_the_status_knows_every_morning_and_no_day_is_left_out(
    zone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert zones(2026, [zone], 5) == 0
    assert f"{zone}: all is well" in capsys.readouterr().out


@pytest.mark.long
def test_the_mornings_of_a_year_are_run_by_dagster_and_no_day_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert year(2026, 4) == 0
    assert "4 mornings in" in capsys.readouterr().out


def test_a_run_that_dagster_believes_to_go_on_though_its_process_is_gone_is_found(truth: Truth) -> None:
    with instance(truth.settings) as dagster:
        run = create_run_for_test(dagster, job_name="asteroid_job", status=DagsterRunStatus.STARTED)
    assert dead_runs(truth.settings) == []  # it may be about to claim it
    with claims.claimed(truth.settings.dagster_home, run.run_id):
        assert dead_runs(truth.settings) == []
    claim = truth.settings.dagster_home / "flyby-runs" / run.run_id
    claim.touch()
    assert dead_runs(truth.settings) == [f"{run.run_id} is STARTED"]


def test_a_claim_that_cannot_be_opened_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "flyby-runs" / "run").mkdir(parents=True)
    assert claims.state(tmp_path, "run") == "unclaimed"


def test_the_campaign_says_how_it_is_called() -> None:
    done = subprocess.run([sys.executable, "-m", "torture", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    for option in ("--seed", "--kills", "--faults", "--seconds", "--year", "--zones"):
        assert option in done.stdout
