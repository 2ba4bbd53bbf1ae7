"""Whatever NeoWs and JPL say of one sky, and in whatever order it is taken in, it is one list of flybys.

`HYPOTHESIS_PROFILE=long` tries many more skies.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from answers import Home, Row, body, moment, row, window
from approaches import make_cad, make_row
from flyby.days import DAY, Window
from test_record_properties import few

EPOCH = date(2019, 2, 4)
#: First day and length of what is asked for; JPL answers for longer windows.
WINDOWS = {
    "neows": ((0, 8), (0, 8), (8, 8), (3, 8), (2, 3), (-4, 8)),
    "cad": ((-4, 30), (-4, 30), (0, 8), (5, 4), (9, 12)),
}


@dataclass(frozen=True)
class Told:
    """An object that comes by once, and how each source tells of it: on which day, and from which moment until when."""

    designation: str
    number: int | None
    #: JPL names it by its number alone.
    by_number: bool
    day: dict[str, date]
    since: dict[str, int]
    until: dict[str, int]

    def told_by(self, source: str, nth: int) -> bool:
        return self.since[source] <= nth < self.until[source]


@dataclass(frozen=True)
class Sitting:
    """Answers of one source, asked for at one moment: windows with what each lists."""

    at: datetime
    source: str
    answers: tuple[tuple[Window, tuple[Told, ...]], ...]


@st.composite
def skies(draw: st.DrawFn) -> list[Sitting]:
    """What two sources say over two to seven sittings of up to eight objects. They hear of them at different times, or
    never, and may be a day apart; one object may be dropped by either."""
    never = 99
    dropped = draw(st.integers(0, 12))
    objects = []
    for n in range(draw(st.integers(1, 8))):
        number = 400 + n if draw(st.booleans()) else None
        day = EPOCH + draw(st.integers(-1, 17)) * DAY
        since = st.sampled_from((0, 0, 0, 2, 4, never))
        until = (
            draw(st.sampled_from(((never, never), (3, never), (never, 3), (2, 4)))) if n == dropped else (never,) * 2
        )
        objects.append(
            Told(
                f"2019 A{n}",
                number,
                number is not None and draw(st.booleans()),
                {"neows": day, "cad": day + draw(st.sampled_from((0, 0, -1, 1))) * DAY},
                {"neows": draw(since), "cad": draw(since)},
                dict(zip(("neows", "cad"), until, strict=True)),
            )
        )
    at = datetime.combine(EPOCH, time(6), UTC) + draw(st.integers(-3, 9)) * DAY
    sittings = []
    for nth in range(draw(st.integers(2, 7))):
        source = draw(st.sampled_from(("neows", "cad")))
        answers = {}
        for start, length in draw(st.lists(st.sampled_from(WINDOWS[source]), min_size=1, max_size=2, unique=True)):
            window = Window(EPOCH + start * DAY, EPOCH + (start + length - 1) * DAY)
            answers[window] = tuple(o for o in objects if o.told_by(source, nth) and o.day[source] in window.days)
        sittings.append(Sitting(at, source, tuple(answers.items())))
        at += draw(st.sampled_from((timedelta(hours=1), DAY, DAY, 4 * DAY, 9 * DAY)))
    return sittings


def content(source: str, objects: Iterable[Told]) -> bytes:
    if source == "neows":
        return body(
            Row(o.designation, f"38400{o.designation[6:]:0>2}", o.day["neows"], number=o.number) for o in objects
        )
    rows = [
        make_row(
            str(o.number) if o.number else o.designation,
            f"{o.day['cad']:%Y-%b-%d} 06:21",
            fullname=None if o.by_number else f"{o.number or ''} ({o.designation})",
        )
        for o in objects
    ]
    return make_cad(*rows) if rows else make_cad(count=0, fields=..., data=...)


def land(home: Home, sittings: Iterable[Sitting]) -> None:
    for sitting in sittings:
        for asked, objects in sitting.answers:
            home.land(sitting.at, asked, content(sitting.source, objects), source=sitting.source)


def listers(sittings: Sequence[Sitting]) -> dict[str, list[str]]:
    """For every object that a source lists, which do: those whose last answer for its day has it."""
    last: dict[tuple[str, date], tuple[Told, ...]] = {}
    objects: dict[str, Told] = {}
    for sitting in sittings:
        for asked, listed in sitting.answers:
            objects |= {o.designation: o for o in listed}
            last |= {(sitting.source, day): listed for day in asked.days}
    told = {
        name: [source for source in ("cad", "neows") if o in last.get((source, o.day[source]), ())]
        for name, o in objects.items()
    }
    return {name: sources for name, sources in told.items() if sources}


def assert_one_list(home: Home, sittings: Sequence[Sitting]) -> None:
    """What the record of `home` says is what the sources together say."""
    names = {str(o.number or o.designation): o.designation for s in sittings for _, listed in s.answers for o in listed}
    shown = [
        (names.get(designation, designation), day, listed, sources)
        for designation, day, listed, sources in home.ask(
            "SELECT designation, close_approach_date, listed, sources FROM close_approaches"
        )
    ]
    assert max(Counter(name for name, *_ in shown).values(), default=0) <= 1, "a flyby is there twice"
    assert {name: sources for name, _, listed, sources in shown if listed} == listers(sittings)
    assert home.believed() == home.ask("FROM close_approaches ORDER BY ALL")
    assert home.believed(at=sittings[-1].at) == home.believed()

    heard = {day for s in sittings if s.source == "cad" for asked, _ in s.answers for day in asked.days}
    for day, flybys, cad_only, neows_only in home.ask("SELECT day, flybys, cad_only, neows_only FROM days"):
        on_it = [sources for _, its_day, listed, sources in shown if listed and its_day == day]
        alone = [on_it.count([source]) if day in heard else None for source in ("cad", "neows")]
        assert (flybys, cad_only, neows_only) == (len(on_it), *alone), day
    for sources in listers(sittings).values():
        event("listed by " + " and ".join(sources))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


WEEK, WEEK_AFTER_NEXT = window("2019-02-04", "2019-02-11"), window("2019-02-20", "2019-02-27")
MONTH = window("2019-02-04", "2019-03-05")
JPL_S = make_cad(make_row("2019 AB", "2019-Feb-11 23:58", fullname="(2019 AB)"))


def counted(home: Home, day: str) -> tuple[object, ...]:
    """The ledger's flybys of the day: all, only JPL's, only NeoWs'."""
    [row] = home.ask("SELECT flybys, cad_only, neows_only FROM days WHERE day = ?", [day])
    return row


def test_a_day_that_went_by_unasked_counts_what_jpl_lists_for_it(home: Home) -> None:
    home.land(moment("2019-02-10"), MONTH, make_cad(make_row("2019 AB", "2019-Feb-15 12:00")), source="cad")
    home.land(moment("2019-02-11"), WEEK, body([]))
    home.land(moment("2019-02-20"), WEEK_AFTER_NEXT, body([]))
    home.take_in()
    assert home.states()["2019-02-15"] == "missing"
    assert counted(home, "2019-02-15") == (1, 1, 0)


def test_a_flyby_that_the_sources_list_on_two_days_counts_on_the_one_of_neows(home: Home) -> None:
    home.land(moment("2019-02-10"), WEEK, body([]))
    home.land(moment("2019-02-11"), MONTH, JPL_S, source="cad")
    home.take_in()
    assert counted(home, "2019-02-11") == (1, 1, 0)
    home.land(moment("2019-02-12"), window("2019-02-12"), body([row("2019 AB", "3840001", "2019-02-12", at="00:01")]))
    home.take_in()
    assert home.believed("close_approach_date::VARCHAR, sources") == [("2019-02-12", ["cad", "neows"])]
    assert counted(home, "2019-02-11") == (0, 0, 0)
    assert counted(home, "2019-02-12") == (1, 0, 0)


def jpl(name: str, cd: str = "2019-Feb-11 12:00", full: str | None = None) -> bytes:
    return make_cad(make_row(name, cd, fullname=full))


def test_a_number_alone_is_the_flyby_whose_number_only_the_other_source_told(home: Home) -> None:
    home.land(moment("2019-02-12"), MONTH, jpl("2006 FK", full="(2006 FK)"), source="cad")
    home.land(moment("2019-02-13"), WEEK, body([row("2006 FK", "2613398", "2019-02-11", at="12:00", number=613398)]))
    home.land(moment("2019-02-14"), MONTH, jpl("613398"), source="cad")
    # And over midnight.
    home.land(moment("2019-02-15"), MONTH, jpl("613398", "2019-Feb-12 00:01"), source="cad")
    home.take_in()
    assert home.believed("designation, sources, listed") == [("2006 FK", ["cad", "neows"], True)]
    changes = "SELECT change, flyby_id FROM revisions WHERE sources[1] = 'cad' ORDER BY revision"
    assert home.ask(changes) == [(change, "2006 FK@2019-02-11") for change in ("new", "changed", "changed")]


def test_what_both_sources_rename_one_after_the_other_stays_one_flyby(home: Home) -> None:
    for day, name in (("2019-02-12", "2006 FK"), ("2019-02-13", "2005 XY")):
        home.land(moment(f"{day}T06:00"), WEEK, body([row(name, "3000001", "2019-02-11", at="12:00")]))
        home.land(moment(f"{day}T07:30"), MONTH, jpl(name, full=f"({name})"), source="cad")
    home.take_in()
    assert home.believed("designation, sources, listed") == [("2005 XY", ["cad", "neows"], True)]
    assert home.ask("SELECT change, count(*) FROM revisions GROUP BY ALL ORDER BY ALL") == [("changed", 2), ("new", 2)]


def test_what_jpl_lists_beyond_what_it_was_asked_for_was_seen_then(home: Home) -> None:
    lists = {
        "2019-02-20": ("2019-02-28", "2019-Feb-17 12:00"),
        "2019-03-01": ("2019-02-28", None),
        "2019-03-20": ("2019-02-18", "2019-Feb-19 12:00"),
    }
    other = make_row("2019 XY", "2019-Feb-12 12:00", fullname="(2019 XY)")
    for day, (last, cd) in lists.items():
        rows = [make_row("2019 AB", cd, fullname="(2019 AB)")] if cd else []
        home.land(moment(day), window("2019-02-01", last), make_cad(other, *rows), source="cad")
        home.take_in()
    told = home.believed("designation, listed, last_seen_at")
    assert ("2019 AB", True, moment("2019-03-20")) in told
    assert home.ask(
        "SELECT count(*) FROM (FROM close_approaches EXCEPT FROM close_approaches_as_of('infinity'::TIMESTAMPTZ))"
    ) == [(0,)]
    home.rebuild()
    assert home.believed("designation, listed, last_seen_at") == told


def test_what_jpl_numbers_is_the_same_whenever_neows_answer_for_other_years_is_taken_in(home: Home) -> None:
    home.land(moment("2019-02-11"), WEEK, make_cad(make_row("433", "2019-Feb-08 12:00", fullname=None)), source="cad")
    home.take_in()
    home.land(moment("2019-02-10"), window("2012-01-31"), body([row("A898 PA", "2000433", "2012-01-31", number=433)]))
    home.take_in()
    told = home.everything()
    home.rebuild()
    assert home.everything() == told


@few(4)
@given(sittings=skies())
def test_two_sources_are_one_list_in_which_no_flyby_is_twice(sittings: list[Sitting]) -> None:
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        land(home, sittings)
        home.take_in()
        assert_one_list(home, sittings)


@few(2)
@given(sittings=skies(), data=st.data())
def test_in_whatever_order_two_sources_are_taken_in_the_record_is_the_one_rebuilt_from_raw(
    sittings: list[Sitting], data: st.DataObject
) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        live, late = Home(Path(one)), Home(Path(other))
        for sitting in sittings:
            land(live, [sitting])
            live.take_in()
        told = live.everything()
        assert_one_list(live, sittings)

        each = [replace(sitting, answers=(answer,)) for sitting in sittings for answer in sitting.answers]
        shuffled = data.draw(st.permutations(each))
        cuts = sorted(data.draw(st.sets(st.integers(1, len(each)), max_size=2)) | {0, len(each)})
        for begin, end in pairwise(cuts):
            land(late, shuffled[begin:end])
            late.take_in()
        assert late.everything() == told

        live.rebuild()
        assert live.everything() == told
