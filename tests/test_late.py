"""Whatever comes, goes and is withdrawn: an answer that comes late leaves the record that its order would have left.

`HYPOTHESIS_PROFILE=long` tries many more skies.
"""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import event, given
from hypothesis import strategies as st

from answers import Home, body, row
from approaches import make_cad, make_row
from flyby.days import DAY, Window
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
            window = Window(EPOCH + start * DAY, EPOCH + (start + length - 1) * DAY)
            listed = [one for one in objects if one[0] not in away and one[2] in window.days]
            answers[window] = neows(listed) if source == "neows" else cad(listed)
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
        for window, content in answers.items():
            home.land(at, window, content, source=source)
    home.take_in()


@few(4)
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
