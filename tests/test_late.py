"""Whatever comes, goes and is withdrawn: an answer that comes late leaves the record that its order would have left.

`HYPOTHESIS_PROFILE=long` tries many more skies.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from answers import Home, Row, body, row, window
from approaches import make_cad, make_row
from flyby.days import DAY, Window
from flyby.fetch import raw
from flyby.record.load import take_in
from flyby.sources.answer import Answer, Quota
from test_record_properties import few

EPOCH = date(2019, 2, 4)
#: First day and length of what is asked for: next to one another, within one another, and across.
WINDOWS = ((0, 8), (0, 8), (8, 8), (0, 16), (-3, 6), (4, 8))
#: JPL tells to the minute, so that what lies near midnight may lie beyond.
TIMES = ("00:01", "12:00", "23:59")
Reading = tuple[datetime, str, dict[Window, bytes]]


@st.composite
def skies(draw: st.DrawFn) -> list[Reading]:
    """Eight to fourteen readings of one or two sources, of objects of which one or two are away from most."""
    sources = draw(st.sampled_from((["neows"], ["cad"], ["neows", "cad"])))
    objects = [
        (f"2019 A{n}", f"384000{n}", EPOCH + draw(st.integers(-1, 15)) * DAY, draw(st.sampled_from(TIMES)))
        for n in range(draw(st.integers(2, 6)))
    ]
    fickle = {name for name, *_ in objects[: draw(st.integers(1, 2))]}
    at = datetime.combine(EPOCH, time(6), UTC) + 10 * DAY
    readings: list[Reading] = []
    for _ in range(draw(st.integers(8, 14))):
        source = draw(st.sampled_from(sources))
        # Mostly away: what is withdrawn has to stay away from several readings, over a week.
        away = {name for name in sorted(fickle) if draw(st.integers(0, 7)) < 7} if readings else set()
        answers: dict[Window, bytes] = {}
        for start, length in draw(st.lists(st.sampled_from(WINDOWS), min_size=1, max_size=2, unique=True)):
            asked_for = Window(EPOCH + start * DAY, EPOCH + (start + length - 1) * DAY)
            listed = [one for one in objects if one[0] not in away and one[2] in asked_for.days]
            answers[asked_for] = neows(listed) if source == "neows" else cad(listed)
        readings.append((at, source, answers))
        at += draw(st.sampled_from((4 * DAY, 4 * DAY, DAY, 9 * DAY, timedelta(hours=1))))
    return readings


def neows(listed: list[tuple[str, str, date, str]]) -> bytes:
    return body([row(name, id_, str(day), at=at) for name, id_, day, at in listed])


def cad(listed: list[tuple[str, str, date, str]]) -> bytes:
    rows = [make_row(name, f"{day:%Y-%b-%d} {at}", fullname=f"({name})") for name, _, day, at in listed]
    return make_cad(*rows) if rows else make_cad(count=0, fields=..., data=...)


def land(home: Home, readings: list[Reading]) -> None:
    for at, source, answers in readings:
        for asked_for, content in answers.items():
            home.land(at, asked_for, content, source=source)
    home.take_in()


@few(3)
@given(readings=skies(), data=st.data())
def test_whatever_comes_late_leaves_the_record_that_its_order_would_have_left(
    readings: list[Reading], data: st.DataObject
) -> None:
    last = len(readings) - 1
    # Mostly late in the story, where something is withdrawn.
    late = data.draw(st.sets(st.sampled_from((1, *range(last - 4, last))), min_size=1, max_size=2))
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        land(home, [reading for n, reading in enumerate(readings) if n not in late])
        for n in sorted(late, reverse=True):
            land(home, [readings[n]])
        told = home.everything()
        for (change,) in home.ask("SELECT DISTINCT change FROM revisions"):
            event(change)
        home.rebuild()
        assert home.everything() == told


# Found by programs that tried what is rare


WEEK = window("2019-02-08", "2019-02-15")
THE_10TH, THE_11TH = window("2019-02-10"), window("2019-02-11")
ON_THE_10TH, ON_THE_11TH = row("2019 AB", "3840001", "2019-02-10"), row("2019 AB", "3840001", "2019-02-11")


def asked(day: int) -> datetime:
    return datetime(2019, 3, day, 6, tzinfo=UTC)


def jpls(minute: str, number: str = "2019 AB", fullname: str = "(2019 AB)") -> dict[str, object]:
    return make_row(number, f"2019-Feb-{minute}", fullname=fullname)


def assert_rebuilt_alike(home: Home) -> None:
    told = home.everything()
    home.rebuild()
    assert home.everything() == told


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_day_that_something_left_forgets_a_later_leaving(home: Home) -> None:
    for day, days, listed in ((1, THE_10TH, ON_THE_10TH), (5, THE_11TH, ON_THE_11TH), (3, THE_11TH, ON_THE_11TH)):
        land(home, [(asked(day), "neows", {days: body([listed])})])
    assert_rebuilt_alike(home)


def test_days_that_went_by_are_none_if_a_late_answer_was_asked_for_before_they_were_news(home: Home) -> None:
    days = window("2019-03-19")
    land(home, [(asked(1), "neows", {window("2019-02-27", "2019-02-28"): body([])})])
    land(home, [(asked(20), "neows", {days: body([])})])
    land(home, [(asked(1) - 28 * DAY, "neows", {days: body([])})])
    assert_rebuilt_alike(home)


def moved_away(home: Home, *days: int) -> None:
    """JPL's stays on the 10th, and NeoWs' moves from there, two days at a time."""
    land(home, [(asked(1), "cad", {WEEK: make_cad(jpls("10 06:20"))})])
    for n, day in enumerate(days):
        days_of = window(f"2019-02-{day}")
        land(home, [(asked(2 + n), "neows", {days_of: body([row("2019 AB", "3840001", f"2019-02-{day}")])})])


def test_what_sources_list_days_apart_counts_on_one_day_whichever_was_asked_for(home: Home) -> None:
    moved_away(home, 10, 12, 14)
    land(home, [(asked(9), "neows", {THE_10TH: body([])})])
    assert_rebuilt_alike(home)


def test_what_has_moved_far_from_what_jpl_lists_is_not_joined_to_it_again(home: Home) -> None:
    moved_away(home, 10, 12, 14, 16)
    land(home, [(asked(9), "neows", {THE_10TH: body([ON_THE_10TH])})])
    assert_rebuilt_alike(home)
    assert sorted(home.believed("sources")) == [(["cad", "neows"],), (["neows"],)]


def test_which_of_two_passes_beyond_a_window_speaks_is_told_by_their_times(home: Home) -> None:
    both = make_cad(jpls("11 12:00"), jpls("11 13:00"))
    land(home, [(asked(1), "cad", {window("2019-02-10", "2019-02-11"): make_cad(jpls("10 05:00"), jpls("11 13:00"))})])
    land(home, [(asked(2), "cad", {THE_10TH: both})])
    assert_rebuilt_alike(home)


def test_what_a_thing_was_called_before_is_no_name_of_it_however_its_answers_are_taken_in(home: Home) -> None:
    renamed = row("2019 CD", "3840001", "2019-02-10")
    other = row("2019 AB", "3840009", "2019-02-10")
    for day, listed in ((1, [ON_THE_10TH]), (2, [renamed]), (3, [other, renamed])):
        land(home, [(asked(day), "neows", {THE_10TH: body(listed)})])
    assert home.believed("designation, neo_id") == [("2019 AB", "3840009"), ("2019 CD", "3840001")]
    assert_rebuilt_alike(home)


def test_answers_of_a_source_that_flyby_does_not_know_are_in_the_way_of_nothing(home: Home) -> None:
    land(home, [(asked(1), "other", {THE_10TH: b"{}"})])
    land(home, [(asked(5), "other", {THE_10TH: b"{}"})])
    land(home, [(asked(3), "neows", {THE_10TH: body([])})])
    assert_rebuilt_alike(home)


def taken_in(home: Home, day: int, asked_for: Window, *listed: Row, on: int) -> None:
    """An answer that was asked for on a day, and taken in on another."""
    none = Quota(limit=None, remaining=None)
    raw.land(home.settings.raw, Answer("neows", asked_for, asked(day), 1, 200, body(listed), none), purpose="manual")
    take_in(replace(home.settings, rehearsed_now=asked(on)))


def test_what_was_known_earlier_by_the_word_of_an_answer_alone_is_not_if_that_comes_to_say_something_else(
    home: Home,
) -> None:
    taken_in(home, 5, THE_10TH, ON_THE_10TH, on=5)
    taken_in(home, 1, THE_10TH, ON_THE_10TH, on=20)
    taken_in(home, 3, THE_11TH, ON_THE_11TH, on=25)
    assert_rebuilt_alike(home)


def test_what_a_late_answer_alone_lists_was_not_known_before_it_came_though_a_later_one_misses_it(home: Home) -> None:
    other = row("2019 CD", "3840002", "2019-02-10")
    taken_in(home, 5, THE_10TH, other, on=5)
    told = home.believed(at=asked(10))
    taken_in(home, 3, THE_10TH, ON_THE_10TH, other, on=20)
    assert home.believed(at=asked(10)) == told
    assert home.believed("designation, listed") == [("2019 AB", False), ("2019 CD", True)]
    assert_rebuilt_alike(home)
    assert home.believed(at=asked(10)) == told
