"""A third source is a value and no change of code: three sources of one list equal a naive model in plain Python."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

import flyby.settings
from answers import body, moment, row, window
from approaches import make_cad, make_row
from catalogue import DECLARED
from flyby import WindowedApiComponent
from flyby.days import DAY, Window
from flyby.fetch.raw import land
from flyby.query import views
from flyby.record.load import take_in
from flyby.settings import ApiSettings, Home
from flyby.sources.answer import Answer, Quota
from flyby.sources.asteroids import ASTEROIDS, NEOWS
from flyby.sources.dataset import Dataset, Source
from test_record_properties import few

FIRST = date(2025, 5, 1)
WHOLE = Window(FIRST, FIRST + 3 * DAY)
NEVER = 10**6
WEEK = window("2019-02-08", "2019-02-15")
AB, CD = row("2019 AB", "3840001", "2019-02-10"), row("2019 CD", "3840002", "2019-02-12")


COMPONENT: WindowedApiComponent = WindowedApiComponent.resolve_from_dict(
    DECLARED | {"url": "http://127.0.0.1/api", "moment": {"path": "day", "form": "date"}}
)
API = COMPONENT.declared()


def three() -> Dataset:
    """The catalogue of the tests, told by a primary source and two witnesses that differ in nothing but their names.
    Nothing makes an answer partial: that is other tests' matter."""
    dataset = API.dataset()
    [source] = dataset.sources
    trusting = replace(
        source, few_since=None, window_lost=NEVER, window_lost_by_half=NEVER, day_lost=NEVER, group_lost=NEVER
    )
    return replace(dataset, sources=tuple(_named(trusting, name, n) for n, name in enumerate("abc", 1)))


def _named(source: Source, name: str, n: int) -> Source:
    return replace(source, name=name, role="primary" if n == 1 else "witness", priority=n)


THREE = three()


class Settings(ApiSettings):
    @property
    def dataset(self) -> Dataset:
        return THREE


def flybys(folder: Path, *further: Source) -> flyby.settings.Settings:
    """Settings for a record of asteroids of which others tell, too."""

    class Told(flyby.settings.Settings):
        @property
        def dataset(self) -> Dataset:
            return replace(ASTEROIDS, sources=(*ASTEROIDS.sources, *further))

    return Told.load({"FLYBY_HOME": str(folder)})


def another(**more: Any) -> Source:
    """A third source of flybys, in NeoWs' words."""
    return replace(NEOWS, name="esa", title="ESA", role="witness", few_since=None, **more)


def heard(settings: Home, at: str, source: str, content: bytes) -> None:
    answer = Answer(source, WEEK, moment(at), 1, 200, content, Quota(None, None))
    land(settings.raw, answer)
    take_in(settings)


def asked(settings: Home, query: str) -> list[Any]:
    with duckdb.connect(settings.published, read_only=True) as connection:
        return connection.execute(query).fetchall()


@dataclass(frozen=True)
class Sitting:
    """What one source says of all days, at one moment: key to size."""

    at: datetime
    source: str
    rows: dict[str, int]


@st.composite
def stories(draw: st.DrawFn) -> list[Sitting]:
    at = datetime(2025, 5, 2, 6, tzinfo=UTC)
    sittings = []
    for _ in range(draw(st.integers(1, 9))):
        rows = draw(st.dictionaries(st.sampled_from("pqrs"), st.integers(1, 3)))
        sittings.append(Sitting(at, draw(st.sampled_from("abc")), rows))
        at += draw(st.sampled_from((timedelta(hours=1), DAY, 3 * DAY, 8 * DAY)))
    return sittings


def day_of(key: str) -> date:
    return FIRST + ("pqrs".index(key)) * DAY


class Model:
    """One chain for each source and key: change, size, and whether it is listed."""

    def __init__(self) -> None:
        self.chains: dict[tuple[str, str], list[tuple[str, int, datetime]]] = {}
        self.away: dict[tuple[str, str], int] = {}
        self.heard: set[str] = set()

    def take_in(self, sitting: Sitting) -> None:
        self.heard.add(sitting.source)
        for key, size in sitting.rows.items():
            chain = self.chains.setdefault((sitting.source, key), [])
            self.away[sitting.source, key] = 0
            change = "new" if not chain else "relisted" if chain[-1][0] in ("unlisted", "withdrawn") else "changed"
            if change != "changed" or chain[-1][1] != size:
                chain.append((change, size, sitting.at))
        for (source, key), chain in self.chains.items():
            change, size, since = chain[-1]
            if source != sitting.source or key in sitting.rows or change == "withdrawn":
                continue
            self.away[source, key] += 1
            is_unlisted = change == "unlisted"
            if not is_unlisted:
                chain.append(("unlisted", size, sitting.at))
            elif self.away[source, key] >= 3 and sitting.at - since >= 7 * DAY:
                chain.append(("withdrawn", size, sitting.at))

    def revisions(self) -> list[tuple[Any, ...]]:
        return sorted(
            (source, key, n, change, float(size))
            for (source, key), chain in self.chains.items()
            for n, (change, size, _) in enumerate(chain, 1)
        )

    def believed(self) -> list[tuple[Any, ...]]:
        found = []
        for key in "pqrs":
            its = {s: self.chains[s, key][-1] for s in "abc" if (s, key) in self.chains}
            its = {s: now for s, now in its.items() if now[0] != "withdrawn"}
            listing = [s for s, now in its.items() if now[0] != "unlisted"]
            if its:
                speaks = (listing or list(its))[0]
                found.append((key, bool(listing), listing or list(its), float(its[speaks][1])))
        return found

    def days(self) -> list[tuple[Any, ...]]:
        """Of each day that the primary source or a change knows of: how many are listed, by whom alone."""
        found = []
        for key in "pqrs":
            listing = {
                s for s in "abc" if self.chains.get((s, key), [("unlisted",)])[-1][0] not in ("unlisted", "withdrawn")
            }
            witnessed = bool(self.heard & {"b", "c"})
            found.append(
                (
                    day_of(key),
                    int(bool(listing)),
                    int(bool(listing) and "a" not in listing) if witnessed else None,
                    int(listing == {"a"}) if witnessed else None,
                )
            )
        return found


def content(rows: dict[str, int]) -> bytes:
    told = [{"id": k, "day": str(day_of(k)), "size": size, "where": ["here"]} for k, size in rows.items()]
    return json.dumps({"found": {"rows": told}}).encode()


def kept(folder: Path, sittings: Sequence[Sitting]) -> Settings:
    settings = Settings(API, folder, None, "UTC")
    for sitting in sittings:
        answer = Answer(sitting.source, WHOLE, sitting.at, 1, 200, content(sitting.rows), Quota(None, None))
        land(settings.raw, answer)
    take_in(settings)
    return settings


@given(stories())
@few(5)
def test_three_sources_equal_a_naive_model_in_values_states_and_changes(sittings: list[Sitting]) -> None:
    model = Model()
    for sitting in sittings:
        model.take_in(sitting)
    with TemporaryDirectory() as folder:
        settings = kept(Path(folder), sittings)
        with duckdb.connect(settings.published, read_only=True) as connection:
            said = "SELECT sources[1], id, revision, change, size_m FROM sightings_revisions ORDER BY ALL"
            assert connection.execute(said).fetchall() == model.revisions()
            said = "SELECT id, listed, sources, size_m FROM sightings ORDER BY id"
            assert connection.execute(said).fetchall() == model.believed()
            said = "SELECT day, listed, witness_only, primary_only FROM sightings_days ORDER BY day"
            days = connection.execute(said).fetchall()
            assert days == [day for day in model.days() if "a" in model.heard or day in days]
            verdicts = connection.execute("SELECT DISTINCT verdict FROM sightings_requests").fetchall()
            assert verdicts == [("ok",)]


def test_a_source_that_a_record_is_given_later_is_in_all_of_it_at_once(tmp_path: Path) -> None:
    before, after = flybys(tmp_path), flybys(tmp_path, another(priority=3))
    heard(before, "2019-02-16", "neows", body([AB]))
    heard(before, "2019-02-17", "esa", body([AB, CD]))
    assert asked(before, "SELECT verdict FROM requests WHERE source = 'esa'") == [("rejected",)]
    take_in(after)
    assert asked(after, "SELECT name FROM sources ORDER BY priority") == [("neows",), ("cad",), ("esa",)]
    believed = "SELECT designation, sources FROM close_approaches ORDER BY ALL"
    assert asked(after, believed) == [("2019 AB", ["esa", "neows"]), ("2019 CD", ["esa"])]
    assert asked(after, "SELECT cad_only FROM days WHERE day = '2019-02-12'") == [(1,)]


@pytest.mark.parametrize("priority", [0, 3])
def test_the_range_of_the_distance_is_that_of_whoever_tells_one(tmp_path: Path, priority: int) -> None:
    settings = flybys(tmp_path, another(priority=priority))
    heard(settings, "2019-02-16", "neows", body([AB]))
    heard(settings, "2019-02-17", "esa", body([AB]))
    heard(settings, "2019-02-18", "cad", make_cad(make_row("2019 AB", "2019-Feb-10 06:20", fullname="(2019 AB)")))
    for table in ("close_approaches", "close_approaches_history WHERE valid_to IS NULL"):
        told = asked(settings, f"SELECT sources, miss_distance_min_au, orbit_id FROM {table}")
        assert told == [(["cad", "esa", "neows"], 0.0211628345552616, "18")]


def test_however_far_a_thing_may_move_it_is_found_where_it_went(tmp_path: Path) -> None:
    settings = flybys(tmp_path, another(priority=3, move_days=6))
    heard(settings, "2019-02-16", "esa", body([AB, CD]))
    moved = replace(AB, day=AB.day + 5 * DAY)
    heard(settings, "2019-02-17", "esa", body([moved, CD]))
    told = asked(
        settings, "SELECT change, close_approach_date FROM revisions WHERE designation = '2019 AB' ORDER BY ALL"
    )
    assert told == [("changed", moved.day), ("new", AB.day)]


def test_what_two_witnesses_list_and_the_primary_source_does_not_is_told_once(tmp_path: Path) -> None:
    settings = flybys(tmp_path, another(priority=3))
    heard(settings, "2019-02-16", "neows", body([AB]))
    heard(settings, "2019-02-17", "esa", body([AB, CD]))
    heard(settings, "2019-02-18", "cad", make_cad(make_row("2019 CD", "2019-Feb-12 06:20", fullname="(2019 CD)")))
    told = views.second_opinion(settings.published, moment("2019-02-18"))
    assert told is not None
    assert (told.cad_only, sum(told.cad_only_because.values()), len(told.cad_only_flybys)) == (1, 1, 1)
