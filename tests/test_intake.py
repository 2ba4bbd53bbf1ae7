"""Whatever is killed, late or at the same time: what lies in raw/ ends up in the record, once, and is published."""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pytest

from answers import Home, body, moment, row, window
from approaches import make_cad, make_row
from flyby.address import Lake
from flyby.days import DAY
from flyby.errors import BusyError, HomeError
from flyby.fetch.raw import Landed, land, recorded_moments
from flyby.query.database import ask
from flyby.record import OutOfOrder, Record
from flyby.record.load import load_staged, publish_record, rebuild, stage_landed, take_in
from flyby.record.staging import Batch, opened, typed
from flyby.sources.answer import Answer, Quota
from flyby.sources.dataset import Dataset
from flyby.store.turns import turn
from flyby.store.warehouse import warehouse
from forks import FORK, in_a_child
from warehouses import file_only

WEEK, NEXT_WEEK = window("2019-02-08", "2019-02-15"), window("2019-02-16", "2019-02-23")
FAR = window("2010-01-01", "2010-01-08")
AB, CD = row("2019 AB", "3840001", "2019-02-10"), row("2019 CD", "3840002", "2019-02-12")
JPLS_NONE = make_cad(count=0, fields=..., data=...)
FIRST, SECOND, THIRD = moment("2019-02-16"), moment("2019-02-17"), moment("2019-02-18")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).begun()


def published(home: Home, query: str) -> list[tuple[object, ...]]:
    return ask(home.settings.database, query)[1]


def taken_in_as_they_came(tmp_path: Path, home: Home) -> dict[str, set[tuple[object, ...]]]:
    """Everything in the record of another home that got the same answers, each in its time."""
    other = Home(tmp_path / "as they came")
    for path in sorted((home.settings.raw).rglob("*.json.zst")):
        there = other.settings.raw / path.relative_to(home.settings.raw)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(path.read_bytes())
        other.take_in()
    return other.everything()


def test_what_was_landed_and_not_staged_is_taken_in_by_the_next(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    home.land(SECOND, WEEK, body([AB, CD]))
    assert take_in(home.settings).answers == 2
    assert published(home, "SELECT count(*) FROM close_approaches") == [(2,)]


def test_what_was_staged_and_not_loaded_is_taken_in_once_by_the_next(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    stage_landed(home.settings)
    home.land(SECOND, WEEK, body([AB]))
    assert take_in(home.settings).answers == 2
    assert take_in(home.settings).answers == 0
    assert home.ask("SELECT count(*) FROM revisions") == [(1,)]


@file_only
def test_what_was_loaded_and_not_published_is_published_by_the_next(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    take_in(home.settings)
    home.land(SECOND, WEEK, body([AB, CD]))
    home.take_in()
    assert published(home, "SELECT count(*) FROM close_approaches") == [(1,)]
    assert take_in(home.settings).answers == 0
    assert published(home, "SELECT count(*) FROM close_approaches") == [(2,)]


@file_only
def test_nothing_new_publishes_nothing(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    take_in(home.settings)
    edition = home.settings.published.resolve()
    take_in(home.settings)
    assert home.settings.published.resolve() == edition


def test_what_a_killed_run_half_staged_is_staged_again(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    [batch] = stage_landed(home.settings)
    (batch / "observations.parquet").unlink()
    assert load_staged(home.settings).answers == 0
    assert take_in(home.settings).answers == 1


def test_a_process_killed_while_it_loads_leaves_the_record_as_it_was(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    home.take_in()
    before = home.everything()
    home.land(SECOND, WEEK, body([AB, CD]))
    [batch] = stage_landed(home.settings)
    assert in_a_child(die_while_loading, home.settings.place, batch) == -signal.SIGKILL
    with Record(home.settings.place):
        pass
    assert home.everything() == before
    assert take_in(home.settings).changes == {"new": 1}


def die_while_loading(place: Path | Lake, batch: Path) -> None:
    """Load the batch, and be killed once all is written and nothing committed."""
    with Record(place) as held, mock.patch.object(Record, "_write", die_after(Record._write)):
        held.load([opened(batch)])


def die_after(write: Any) -> Any:
    def written_and_killed(*given: Any) -> None:
        write(*given)
        os.kill(os.getpid(), signal.SIGKILL)

    return written_and_killed


def test_answers_that_come_too_late_are_refused_by_the_record_with_nothing_done(home: Home) -> None:
    home.land(SECOND, WEEK, body([AB]))
    home.take_in()
    before = home.everything()
    both = [home.land(FIRST, WEEK, body([CD])), home.land(FIRST, FAR, body([]))]
    with Record(home.settings.place) as record, pytest.raises(OutOfOrder):
        record.load(typed(both))
    assert home.everything() == before


def test_answers_that_come_too_late_make_the_record_the_one_it_would_have_been(home: Home, tmp_path: Path) -> None:
    home.land(THIRD, WEEK, body([CD]))
    home.take_in()
    home.land(FIRST, WEEK, body([AB]))
    home.take_in()
    home.land(SECOND, WEEK, body([AB, CD]))
    home.take_in()
    assert home.everything() == taken_in_as_they_came(tmp_path, home)
    assert home.story("2019 AB") == ["new", "unlisted"]
    assert home.ask("SELECT seen_from FROM revisions WHERE designation = '2019 CD'") == [(SECOND,)]


def test_late_answers_for_other_days_need_no_rebuild(home: Home, tmp_path: Path) -> None:
    home.land(SECOND, WEEK, body([AB]))
    home.take_in()
    landed = home.land(FIRST, FAR, body([row("2009 ZZ", "3840009", "2010-01-03")]))
    with Record(home.settings.place) as record:
        assert record.load(typed([landed])).changes == {"new": 1}
    assert home.everything() == taken_in_as_they_came(tmp_path, home)


@pytest.mark.parametrize("apart", [*(pytest.param(n, marks=pytest.mark.long) for n in (1, 4)), 12, 13])
def test_late_answers_for_neighbouring_days_leave_what_their_order_would_have_left(
    home: Home, tmp_path: Path, apart: int
) -> None:
    neighbours = window(str(WEEK.end + apart * DAY))
    here, there = row("2019 AB", "3840001", str(WEEK.end)), row("2019 AB", "3840001", str(neighbours.start))
    home.land(SECOND, neighbours, body([there]))
    home.take_in()
    home.land(FIRST, WEEK, body([here]))
    home.take_in()
    assert home.everything() == taken_in_as_they_came(tmp_path, home)


def test_a_late_answer_leaves_what_was_withdrawn_with_the_answers_that_withdrew_it(home: Home, tmp_path: Path) -> None:
    home.land(FIRST, WEEK, body([AB, CD]))
    home.take_in()
    for day in (1, 2, 9, 10, 11, 13):
        home.land(FIRST + day * DAY, WEEK, body([CD]))
        home.take_in()
    assert home.story("2019 AB") == ["new", "unlisted", "withdrawn"]
    home.land(FIRST + 12 * DAY, WEEK, body([CD]))
    home.take_in()
    assert home.everything() == taken_in_as_they_came(tmp_path, home)


def test_a_late_answer_leaves_what_may_lie_beyond_a_window_uncounted(home: Home, tmp_path: Path) -> None:
    whole, cut = window("2019-02-08", "2019-02-16"), WEEK
    late_at_night = make_row("2019 AB", "2019-Feb-15 23:59", fullname="(2019 AB)")
    home.land(FIRST, whole, make_cad(late_at_night), source="cad")
    home.take_in()
    for day, days in ((1, whole), (2, cut), (3, cut), (5, cut)):
        home.land(FIRST + day * DAY, days, JPLS_NONE, source="cad")
        home.take_in()
    home.land(FIRST + 4 * DAY, whole, JPLS_NONE, source="cad")
    home.take_in()
    assert home.everything() == taken_in_as_they_came(tmp_path, home)


def test_the_rest_of_a_sitting_that_was_taken_in_half_makes_it_whole(home: Home) -> None:
    before, after = row("2019 AB", "3840001", "2019-02-15"), row("2019 AB", "3840001", "2019-02-16")
    home.land(FIRST, WEEK, body([before]))
    home.take_in()
    home.land(SECOND, WEEK, body([]))
    home.take_in()
    assert home.story("2019 AB") == ["new", "unlisted"]
    home.land(SECOND, NEXT_WEEK, body([after]))
    home.take_in()
    assert home.story("2019 AB") == ["new", "changed"]


def test_a_sitting_taken_in_half_is_judged_as_one_however_far_apart_its_days_are(home: Home, tmp_path: Path) -> None:
    near = [row("2019 A1", "54000001", "2019-02-10"), row("2019 A2", "54000002", "2019-02-10")]
    far = row("2010 A3", "54000003", "2010-01-03")
    home.land(FIRST, WEEK, body(near))
    home.land(FIRST, FAR, body([far]))
    home.take_in()
    for days in (WEEK, FAR):
        home.land(SECOND, days, body([]))
        home.take_in()
    reason = "no 54… ids in the whole reading, where 3 were listed"
    assert home.verdicts()[2:] == [("partial", reason)] * 2
    told = home.everything()
    home.rebuild()
    assert home.everything() == told


def test_a_sitting_that_is_being_read_is_left_alone_until_it_is_whole(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    with warehouse(home.settings).mark(SECOND):
        home.land(SECOND, WEEK, body([AB]))
        assert take_in(home.settings).answers == 1
        assert rebuild(home.settings).answers == 1
        home.land(SECOND, NEXT_WEEK, body([]))
    with mock.patch("flyby.record.load._rebuild", side_effect=AssertionError("it was taken in by halves")):
        assert take_in(home.settings).answers == 2


def test_a_sitting_whose_reader_was_killed_is_taken_in_as_far_as_it_came(home: Home) -> None:
    there, here = FORK.Pipe()
    process = FORK.Process(target=read_for_ever, args=(home.settings.home, there))
    process.start()
    assert here.poll(60)
    assert take_in(home.settings).answers == 0
    process.kill()
    process.join()
    assert take_in(home.settings).answers == 1
    assert not list((home.settings.home / ".reading").glob("*"))


def read_for_ever(folder: Path, pipe: Connection) -> None:
    home = Home(folder)
    with warehouse(home.settings).mark(FIRST):
        home.land(FIRST, WEEK, body([AB]))
        pipe.send("begun")
        signal.pause()


def test_more_rows_than_a_batch_holds_are_several_batches(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyby.record.staging.BATCH_ROWS", 2)
    home.land(FIRST, WEEK, body([AB, CD]))
    home.land(FIRST, FAR, body([row("2009 ZZ", "3840009", "2010-01-03")]))
    assert len(stage_landed(home.settings)) == 1, "a reading is never divided"
    home.land(SECOND, WEEK, body([AB]))
    assert len(stage_landed(home.settings)) == 2
    assert load_staged(home.settings).answers == 3


def test_however_many_batches_it_takes_the_record_tells_the_same(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for at, listed in ((FIRST, [AB]), (SECOND, [AB, CD]), (THIRD, [CD])):
        home.land(at, WEEK, body(listed))
    monkeypatch.setattr("flyby.record.staging.BATCH_ROWS", 1)
    assert take_in(home.settings).answers == 3
    in_three = home.everything()
    assert home.story("2019 CD") == ["new"]
    monkeypatch.undo()
    rebuild(home.settings)
    assert home.everything() == in_three


def test_a_rebuild_that_fails_leaves_the_record_in_use(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.land(FIRST, WEEK, body([AB]))
    take_in(home.settings)
    before = home.everything()
    home.settings.record.with_name("rebuilt.duckdb").mkdir(parents=True)
    with pytest.raises(HomeError):
        rebuild(home.settings)
    assert home.everything() == before


@file_only
def test_a_rebuild_needs_nothing_but_raw(home: Home) -> None:
    for at, listed in ((FIRST, [AB]), (SECOND, [AB, CD]), (THIRD, [CD])):
        home.land(at, WEEK, body(listed))
        home.take_in()
    live = home.everything()
    home.settings.record.unlink()
    assert rebuild(home.settings).answers == 3
    assert home.everything() == live


def test_a_damaged_answer_is_rejected_and_the_others_are_taken_in(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB])).path.write_bytes(b"not zstd")
    home.land(SECOND, WEEK, body([AB]))
    assert len(home.take_in().rejected) == 1
    assert home.story("2019 AB") == ["new"]


def take_turns(home: Path, first: datetime, mornings: int) -> None:
    """A process that lands and takes in one morning after another, all at moments of its own."""
    at_home = Home(home)
    for n in range(mornings):
        at_home.land(first + n * DAY, WEEK, body([AB, CD][: 1 + n % 2]))
        take_in(at_home.settings)


def test_two_processes_at_once_take_turns(home: Home, tmp_path: Path) -> None:
    both = [
        FORK.Process(target=take_turns, args=(home.settings.home, FIRST + hours, 3))
        for hours in (timedelta(0), timedelta(hours=5))
    ]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    told = home.everything()
    assert len(told["requests"]) == 6
    rebuild(home.settings)
    assert home.everything() == told


def test_threads_at_once_take_turns(home: Home) -> None:
    with ThreadPoolExecutor(4) as pool:
        for n in range(8):
            home.land(FIRST + n * DAY, WEEK, body([AB]))
            pool.submit(take_in, home.settings)
    assert take_in(home.settings).answers == 0
    assert home.ask("SELECT count(*), max(observations) FROM requests, days") == [(64, 8)]
    assert published(home, "SELECT count(*) FROM requests") == [(8,)]


@file_only
def test_a_reader_in_the_published_database_stops_nobody_and_keeps_what_it_sees(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    take_in(home.settings)
    with duckdb.connect(home.settings.published, read_only=True) as reader:
        home.land(SECOND, WEEK, body([AB, CD]))
        assert take_in(home.settings).changes == {"new": 1}
        assert reader.execute("SELECT count(*) FROM close_approaches").fetchall() == [(1,)]
    assert published(home, "SELECT count(*) FROM close_approaches") == [(2,)]


@file_only
def test_who_waits_too_long_for_their_turn_is_told_so(home: Home) -> None:
    with turn(home.settings.home), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait_for_turn, home.settings.home)
        with pytest.raises(BusyError, match="another flyby is at work"):
            waiting.result()


def wait_for_turn(home: Path) -> None:
    with turn(home, patience_s=0.1):
        raise AssertionError("it was not free")


def test_a_record_of_a_newer_flyby_is_left_alone(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    take_in(home.settings)
    with Record(home.settings.place) as record:
        record.connection.execute("CREATE OR REPLACE MACRO flyby_schema_version() AS 99")
    home.land(SECOND, WEEK, body([CD]))
    with pytest.raises(HomeError, match="newer flyby"):
        take_in(home.settings)


def test_publishing_before_anything_was_taken_in_is_no_accident(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert take_in(home.settings).answers == 0
    publish_record(home.settings)
    assert published(home, "SELECT count(*) FROM close_approaches") == [(0,)]


def test_a_reading_that_another_takes_in_meanwhile_was_taken_in_when_the_other_did(home: Home) -> None:
    answer = Answer("neows", WEEK, FIRST, 1, 200, body([AB]), Quota(limit=None, remaining=None))
    land(home.settings.raw, answer, purpose="daily", tick=FIRST.date())
    seconds = [replace(home.settings, rehearsed_now=FIRST + timedelta(seconds=n)) for n in (1, 2)]
    stage_landed(seconds[1])
    take_in(seconds[0])
    assert load_staged(seconds[1]).answers == 0
    assert recorded_moments(home.settings.raw) == {("neows", FIRST): seconds[0].now()}
    told = home.everything()
    home.rebuild()
    assert home.everything() == told


def test_a_reading_that_a_run_takes_in_while_the_record_is_made_again_was_taken_in_when_the_run_did(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.land(FIRST, WEEK, body([AB]))
    home.take_in()
    answer = Answer("neows", WEEK, SECOND, 1, 200, body([AB, CD]), Quota(limit=None, remaining=None))
    land(home.settings.raw, answer, purpose="daily", tick=SECOND.date())  # and the run was killed
    later = replace(home.settings, rehearsed_now=SECOND + timedelta(minutes=1))

    def meanwhile(landed: Sequence[Landed], dataset: Dataset) -> Iterator[Batch]:
        monkeypatch.undo()
        assert take_in(later).changes == {"new": 1}
        return typed(landed, dataset)

    monkeypatch.setattr("flyby.record.load.typed", meanwhile)
    rebuild(replace(later, rehearsed_now=SECOND + timedelta(minutes=2)))
    assert home.ask("SELECT seen_from FROM revisions WHERE designation = '2019 CD'") == [(later.now(),)]


def test_a_reading_that_no_run_took_in_is_taken_in_by_a_rebuild_as_by_a_run(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    home.take_in()
    answer = Answer("neows", WEEK, SECOND, 1, 200, body([AB, CD]), Quota(limit=None, remaining=None))
    land(home.settings.raw, answer, purpose="daily", tick=SECOND.date())
    later = replace(home.settings, rehearsed_now=SECOND + timedelta(minutes=1))
    rebuild(later)
    told = home.everything()
    assert home.ask("SELECT seen_from FROM revisions WHERE designation = '2019 CD'") == [(later.now(),)]
    rebuild(replace(later, rehearsed_now=THIRD))
    assert home.everything() == told


def test_where_nothing_tells_when_answers_were_taken_in_they_count_from_when_they_were_asked_for(home: Home) -> None:
    answer = Answer("neows", WEEK, FIRST, 1, 200, body([AB]), Quota(limit=None, remaining=None))
    land(home.settings.raw, answer, purpose="daily", tick=FIRST.date())
    rebuild(replace(home.settings, rehearsed_now=THIRD))
    assert home.ask("SELECT seen_from FROM revisions") == [(FIRST,)]


def test_what_a_killed_rebuild_left_is_tidied_away_and_what_one_that_goes_on_makes_is_not(home: Home) -> None:
    left = home.settings.record.with_name("rebuilt.duckdb")
    home.land(FIRST, WEEK, body([AB]))
    home.take_in()
    left.parent.mkdir(exist_ok=True)  # of a lake there is none
    left.write_bytes(b"half a record")
    with warehouse(home.settings).rebuilding():
        take_in(home.settings)
        assert left.exists()
    take_in(home.settings)
    assert not left.exists()
