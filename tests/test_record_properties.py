"""Whatever the sky says, the database holds what a naive model in plain Python holds.

`HYPOTHESIS_PROFILE=long` tries many more skies.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from answers import BELIEVED, TABLES, Home, Row, as_set, body
from flyby.days import DAY, Window
from flyby.fetch.raw import Landed
from flyby.record import Record
from flyby.record.load import rebuild
from flyby.record.staging import typed
from model import Model, Said

TIMES_LONGER = 25 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 1

#: Before 2021-07 a first look has nothing to go by, after it has.
EPOCHS = (date(2019, 2, 4), date(2022, 3, 1))
#: First day and length; the likelier one is there several times.
WINDOWS = ((0, 8), (0, 8), (0, 8), (8, 8), (3, 8), (0, 1), (2, 3), (-4, 8))
GROUPS = {"2": "2{:06}", "3": "3{:06}", "54": "54{:06}"}


def few(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples * TIMES_LONGER,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@dataclass(frozen=True)
class Sitting:
    """Answers asked for at one moment: window, attempt and rows; rows None is an answer that is no feed."""

    at: datetime
    answers: tuple[tuple[Window, int, tuple[Row, ...] | None], ...]


@st.composite
def skies(draw: st.DrawFn) -> list[Sitting]:
    """What a source says over one to eight sittings: of six to twelve objects, some of which move, change their ids,
    are listed under two, vanish in groups or one by one, and come back."""
    epoch = draw(st.sampled_from(EPOCHS))
    groups = st.sampled_from(draw(st.sampled_from((["3"], ["54"], ["2", "3", "54"], ["3", "3", "54"]))))
    born = st.lists(st.tuples(groups, st.integers(0, draw(st.sampled_from((1, 5, 11))))), min_size=6, max_size=12)
    sky = {
        f"{epoch.year} A{n}": [
            Row(f"{epoch.year} A{n}", GROUPS[group].format(n), epoch + day * DAY, number=n if group == "2" else None)
        ]
        for n, (group, day) in enumerate(draw(born))
    }
    at = datetime.combine(epoch, time(6), UTC) + draw(st.integers(-3, 9)) * DAY
    sittings, away = [], set[str]()
    for _ in range(draw(st.integers(1, 8))):
        for designation in draw(st.lists(st.sampled_from(sorted(sky)), max_size=4)):
            fate = draw(st.sampled_from(FATES))
            sky[designation] = told_apart(fate(sky[designation], draw(st.integers(-2, 2))))
        hidden = draw(st.sampled_from(("none", "none", "2", "3", "54", "all")))
        away ^= draw(st.sets(st.sampled_from(sorted(sky)), max_size=2))
        listed = tuple(
            row
            for designation, rows in sky.items()
            for row in rows
            if hidden != "all" and designation not in away and not row.neo_id.startswith(hidden)
        )
        sittings.append(Sitting(at, draw(readings(epoch, listed))))
        at += draw(st.sampled_from((timedelta(hours=1), DAY, DAY, 4 * DAY, 9 * DAY, 31 * DAY, 91 * DAY)))
    return sittings


@st.composite
def readings(draw: st.DrawFn, epoch: date, listed: tuple[Row, ...]) -> tuple[Any, ...]:
    """One to three windows, which may overlap, each with what is listed in it; some come as no feed at first."""
    answers: dict[tuple[Window, int], tuple[Row, ...] | None] = {}
    for start, length in draw(st.lists(st.sampled_from(WINDOWS), min_size=1, max_size=3)):
        window = Window(epoch + start * DAY, epoch + (start + length - 1) * DAY)
        rows = tuple(row for row in listed if window.start <= row.day <= window.end)
        heard = draw(st.integers(0, 7)) > 0
        answers[window, 1] = rows if heard else None
        if not heard and draw(st.booleans()):
            answers[window, 2] = rows
    return tuple((window, attempt, rows) for (window, attempt), rows in answers.items())


def told_apart(rows: list[Row]) -> list[Row]:
    """Of two passes at one time under one id, which is which nobody can say."""
    return list({(row.day, row.at, row.neo_id): row for row in rows}.values())


def moves(rows: list[Row], by: int) -> list[Row]:
    return [replace(row, day=row.day + by * DAY) for row in rows]


def comes_nearer(rows: list[Row], by: int) -> list[Row]:
    return [replace(row, au=row.au + by / 64) for row in rows]


def loses_its_hour(rows: list[Row], by: int) -> list[Row]:
    return [replace(row, at=None if row.at else time(6, 20)) for row in rows]


def is_numbered(rows: list[Row], by: int) -> list[Row]:
    return [*rows, replace(rows[-1], neo_id="29" + rows[-1].neo_id[-5:], number=900 + int(rows[-1].neo_id[-5:]))][-2:]


def keeps_one_id(rows: list[Row], by: int) -> list[Row]:
    return rows[by % 2 :] or rows


def comes_by_twice(rows: list[Row], by: int) -> list[Row]:
    return [*rows, replace(rows[0], at=time(12 + by), au=0.3)][-3:]


def is_listed_on_two_days(rows: list[Row], by: int) -> list[Row]:
    return [*rows, replace(rows[0], day=rows[0].day + by * DAY)][-3:]


def loses_its_brightness(rows: list[Row], by: int) -> list[Row]:
    return [replace(row, h=None if by > 0 else 20.0 + by, sentry=None if by > 1 else by > 0) for row in rows]


FATES = (
    moves,
    moves,
    comes_nearer,
    loses_its_hour,
    is_numbered,
    keeps_one_id,
    comes_by_twice,
    is_listed_on_two_days,
    loses_its_brightness,
)


def land(home: Home, sky: Sequence[Sitting]) -> list[tuple[datetime, list[Landed], list[Said]]]:
    """Everything the sky said, landed: each sitting's answers as they lie in raw/, and as the model takes them."""
    heard = []
    for sitting in sky:
        landed = [
            home.land(sitting.at, window, b"<html>" if rows is None else body(rows), attempt=attempt)
            for window, attempt, rows in sitting.answers
        ]
        said = [
            Said(on_disk.request_id, on_disk.window, sitting.at, rows)
            for on_disk, (_, _, rows) in zip(landed, sitting.answers, strict=True)
        ]
        heard.append((sitting.at, landed, said))
    return heard


def tables(record: Record) -> dict[str, set[tuple[Any, ...]]]:
    return {
        table: as_set(record.connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall())
        for table, columns in TABLES.items()
    }


def by_birth(told: dict[str, set[tuple[Any, ...]]]) -> dict[str, set[tuple[Any, ...]]]:
    """The tables with every flyby named by its first revision: ids are the record's own affair, if no two share one."""
    place = TABLES["revisions"].index
    births: dict[str, tuple[Any, ...]] = {}
    for revision in told["revisions"]:
        if revision[place("revision")] == 1:
            assert revision[0] not in births, "two flybys share an id"
            births[revision[0]] = tuple(
                revision[place(name)] for name in ("designation", "close_approach_date", "seen_from", "ordinal")
            )
    named = {table: {(births[row[0]], *row[1:]) for row in told[table]} for table in ("revisions", "absences")}
    return told | named


def believed(record: Record, at: datetime | str = "infinity") -> set[tuple[Any, ...]]:
    query = f"SELECT {', '.join(BELIEVED)} FROM close_approaches_as_of(?::TIMESTAMPTZ)"
    return as_set(record.connection.execute(query, [at]).fetchall())


@few(4)
@given(sky=skies())
def test_the_database_holds_what_a_naive_model_holds(sky: list[Sitting]) -> None:
    with TemporaryDirectory() as folder:
        home, model = Home(Path(folder)), Model()
        history: list[tuple[datetime, set[tuple[Any, ...]]]] = []
        with Record(home.settings.place) as record:
            for at, landed, said in land(home, sky):
                [batch] = typed(landed)
                record.load([batch])
                model.take_in(at, said)
                after = tables(record)
                named = by_birth(after)
                for table, rows in by_birth(model.tables()).items():
                    assert (named[table] - rows, rows - named[table]) == (set(), set()), f"{table} after {at}"
                assert believed(record) == model.believed()
                history.append((at, model.believed()))

                assert record.load([batch]).answers == 0
                assert tables(record) == after, "an answer loaded twice"

            assert believed(record, history[0][0] - timedelta(microseconds=1)) == set()
            for (at, then), (later, _) in zip(history, [*history[1:], (history[-1][0] + DAY, set())], strict=True):
                for moment in (at, at + (later - at) / 2, later - timedelta(microseconds=1)):
                    assert believed(record, moment) == then, f"as of {moment}"
            for (change,) in record.connection.execute("SELECT DISTINCT change FROM revisions").fetchall():
                event(change)
            for (verdict,) in record.connection.execute("SELECT DISTINCT verdict FROM requests").fetchall():
                event(verdict)
            for (state,) in record.connection.execute("SELECT DISTINCT state FROM days").fetchall():
                event(state)


@few(2)
@given(sky=skies(), data=st.data())
def test_in_whatever_order_answers_are_loaded_the_record_is_the_one_rebuilt_from_raw(
    sky: list[Sitting], data: st.DataObject
) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        live, late = Home(Path(one)), Home(Path(other))
        for sitting in sky:
            land(live, [sitting])
            live.take_in()
        told = live.everything()

        each = [replace(sitting, answers=(answer,)) for sitting in sky for answer in sitting.answers]
        shuffled = data.draw(st.permutations(each))
        cuts = sorted(data.draw(st.sets(st.integers(1, len(each)), max_size=2)) | {0, len(each)})
        for begin, end in pairwise(cuts):
            land(late, shuffled[begin:end])
            late.take_in()
        assert late.everything() == told

        rebuild(live.settings)
        assert live.everything() == told


@few(4)
@given(sky=skies(), data=st.data())
def test_readings_that_are_taken_in_long_after_they_were_asked_for_tell_what_a_naive_model_tells(
    sky: list[Sitting], data: st.DataObject
) -> None:
    delays = st.sampled_from((timedelta(), timedelta(minutes=1), DAY, 5 * DAY, 40 * DAY))
    with TemporaryDirectory() as folder:
        home, model = Home(Path(folder)), Model()
        with Record(home.settings.place) as record:
            for at, landed, said in land(home, sky):
                recorded = at + data.draw(delays)
                record.load(typed(landed), recorded={("neows", at): recorded})
                model.take_in(at, said, recorded)
                named = by_birth(tables(record))
                for table, rows in by_birth(model.tables()).items():
                    assert (named[table] - rows, rows - named[table]) == (set(), set()), f"{table} after {at}"
                assert believed(record) == model.believed()
