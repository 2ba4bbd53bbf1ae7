"""What is a feed and what is not, and which rows a feed has."""

import json
import re
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds import WINDOW, make_approach, make_feed, make_object
from flyby.days import Window
from flyby.errors import FeedError
from flyby.sources import observations
from flyby.sources.asteroids import ASTEROIDS
from flyby.sources.neows import feed


def rows(body: bytes, window: Window = WINDOW) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = ASTEROIDS.table(feed.decode(body, window).rows).to_pylist()
    return listed


def fault(body: bytes, window: Window = WINDOW) -> str:
    with pytest.raises(FeedError) as caught:
        feed.decode(body, window)
    message = str(caught.value)
    assert message.isprintable()
    return message


def test_a_row_has_every_field_of_the_contract() -> None:
    assert rows(make_feed(make_object("613398 (2006 FK)", is_potentially_hazardous_asteroid=True))) == [
        {
            "entity": "2006 FK",
            "id": "3840001",
            "aliases": ["#613398"],
            "day": date(2019, 2, 8),
            "moment": datetime(2019, 2, 8, 6, 20, tzinfo=UTC),
            "cohort": "3",
            "firm": True,
            "apart": False,
            "preference": "110073840001",
            "neo_id": "3840001",
            "name": "613398 (2006 FK)",
            "orbiting_body": "Earth",
            "miss_distance_au": 0.1133706803,
            "miss_distance_ld": 44.1011946367,
            "miss_distance_km": 16960012.293330961,
            "relative_velocity_km_s": 7.8147859061,
            "absolute_magnitude_h": 25.02,
            "diameter_min_m": 26.3363130952,
            "diameter_max_m": 58.8897863577,
            "is_potentially_hazardous": True,
            "is_sentry_object": False,
            # What JPL alone says.
            **dict.fromkeys([column.name for column in observations.VALUES if column.of_witness]),
        }
    ]


@pytest.mark.parametrize(
    ("name", "designation"),
    [
        ("(2019 AB)", "2019 AB"),
        ("433 Eros (A898 PA)", "A898 PA"),
        ("3122 Florence (1981 ET3) (again)", "again"),
        ("433 Eros", "433 Eros"),
        ("()", "()"),
        (")(", ")("),
        ("(2019 AB", "(2019 AB"),
    ],
)
def test_the_designation_is_the_text_in_the_last_parentheses_else_the_name(name: str, designation: str) -> None:
    assert observations.designation(name) == designation


@pytest.mark.parametrize(
    ("neo", "column", "value"),
    [
        pytest.param(make_object(id=...), "neo_id", "3840001", id="no id before October 2018"),
        pytest.param(make_object(is_sentry_object=...), "is_sentry_object", None, id="no is_sentry_object before then"),
        pytest.param(make_object(absolute_magnitude_h=...), "absolute_magnitude_h", None, id="no magnitude"),
        pytest.param(make_object(absolute_magnitude_h=None), "absolute_magnitude_h", None, id="null magnitude"),
        pytest.param(make_object(estimated_diameter=...), "diameter_max_m", None, id="no diameter"),
        pytest.param(make_object(sentry_data="https://…", orbital_data={"a": [1]}), "name", "(2019 AB)", id="extras"),
        pytest.param(
            make_object(close_approach_data=[make_approach(close_approach_date_full=None)]),
            "moment",
            None,
            id="an epoch without a full date is a date only",
        ),
        pytest.param(
            make_object(close_approach_data=[make_approach(close_approach_date_full=...)]),
            "moment",
            None,
            id="no full date before 2019",
        ),
        pytest.param(
            make_object(close_approach_data=[make_approach(), make_approach("2019-05-01", orbiting_body="Moon")]),
            "orbiting_body",
            "Earth",
            id="the approach of the day, where others are told too",
        ),
    ],
)
def test_shapes_that_neows_has_sent_are_accepted(neo: dict[str, Any], column: str, value: object) -> None:
    (row,) = rows(make_feed(neo))
    assert row[column] == value


@pytest.mark.parametrize("days", [{}, {"2019-02-08": []}])
def test_a_window_without_rows_is_a_feed(days: dict[str, Any]) -> None:
    assert rows(make_feed(element_count=0, near_earth_objects=days)) == []


@pytest.mark.parametrize("name", ['O\'Neill "x"; DROP TABLE', "<b>a</b>\n\t", "\u202eabc", "名前 🪨", "\x01\x7f"])
def test_a_name_stays_as_it_came(name: str) -> None:
    assert rows(make_feed(make_object(name)))[0]["name"] == name


def test_a_nul_becomes_a_replacement_character() -> None:
    (row,) = rows(make_feed(make_object("(2019\0AB)", id="38\x00")))
    assert (row["name"], row["entity"], row["neo_id"]) == ("(2019\ufffdAB)", "2019\ufffdAB", "38\ufffd")


def test_a_repeated_key_is_accepted_while_element_count_agrees() -> None:
    body = make_feed(make_object())
    assert len(rows(body.replace(b'"id"', b'"id": "1", "id"', 1))) == 1
    twice = body.replace(
        b'{"2019-02-08": [', b'{"2019-02-08": [' + json.dumps(make_object()).encode() + b'], "2019-02-08": ['
    )
    assert len(rows(twice)) == 1
    assert "element_count is 2, but 1" in fault(twice.replace(b'"element_count": 1', b'"element_count": 2'))


def without(path: str) -> dict[str, Any]:
    """A plain object that lacks the field at `path`."""
    neo = make_object()
    *above, last = re.split(r"[.\[\]]+", path)
    place: Any = neo
    for step in above:
        place = place[int(step) if step.isdigit() else step]
    del place[last]
    return neo


@pytest.mark.parametrize(
    "path",
    [
        "is_potentially_hazardous_asteroid",
        "close_approach_data[0].miss_distance",
        "close_approach_data[0].miss_distance.kilometers",
        "close_approach_data[0].miss_distance.astronomical",
        "close_approach_data[0].relative_velocity.kilometers_per_second",
        "close_approach_data[0].orbiting_body",
        "estimated_diameter.meters.estimated_diameter_max",
    ],
)
def test_a_missing_field_is_named_with_its_object_and_day(path: str) -> None:
    body = make_feed(make_object("(2018 ZZ)"), without(path))
    assert fault(body) == f"not a feed: (2019 AB), 2019-02-08: {path} is missing"


def test_an_object_without_a_name_goes_by_its_id() -> None:
    assert (
        fault(make_feed(make_object() | {"name": None}))
        == "not a feed: 3840001, 2019-02-08: name: expected str, got null"
    )


def test_an_object_without_any_id_is_rejected() -> None:
    assert fault(make_feed(make_object(id=..., neo_reference_id=...))).endswith("(2019 AB), 2019-02-08: id is missing")


@pytest.mark.parametrize("value", ["abc", "", "NaN", "nan", "inf", "-inf", "1e999", "-1", -1, None, True, [], {}])
@pytest.mark.parametrize("field", ["astronomical", "lunar", "kilometers"])
def test_a_distance_that_is_no_number_from_zero_up_is_rejected(field: str, value: object) -> None:
    approach = make_approach()
    approach["miss_distance"][field] = value
    message = fault(make_feed(make_object(close_approach_data=[approach])))
    assert f"(2019 AB), 2019-02-08: close_approach_data[0].miss_distance.{field}: " in message


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"NaN", b"Infinity", b"1" * 5000])
def test_a_magnitude_that_is_no_finite_number_is_rejected(number: bytes) -> None:
    assert fault(make_feed(make_object(absolute_magnitude_h=25.02)).replace(b"25.02", number))


@pytest.mark.parametrize("epoch", [10**30, -(10**18), 1.5, "soon", True])
def test_an_epoch_that_is_no_moment_is_rejected(epoch: object) -> None:
    message = fault(make_feed(make_object(close_approach_data=[make_approach(epoch_date_close_approach=epoch)])))
    assert "close_approach_data[0].epoch_date_close_approach: " in message


@pytest.mark.parametrize("per_ms", [0.001, 1000, 1 / 60_000, 1 / 86_400_000], ids=["s", "us", "min", "days"])
def test_an_epoch_in_another_unit_than_milliseconds_is_rejected(per_ms: float) -> None:
    approach = make_approach()
    approach["epoch_date_close_approach"] = int(approach["epoch_date_close_approach"] * per_ms)
    message = fault(make_feed(make_object(close_approach_data=[approach])))
    assert message.startswith("not a feed: (2019 AB), 2019-02-08: ")
    assert "epoch_date_close_approach" in message


@pytest.mark.parametrize("hours", [-1, 0, 7, 8, 24])
def test_an_epoch_may_be_of_the_day_beside(hours: int) -> None:
    midnight_ms = make_approach()["epoch_date_close_approach"] - 22_800_000
    moved = make_approach(epoch_date_close_approach=midnight_ms + hours * 3_600_000)
    assert len(rows(make_feed(make_object(close_approach_data=[moved])))) == 1


@pytest.mark.parametrize("body", ["Moon", "Venus", "Mars", "earth", "Merc"])
@pytest.mark.parametrize("first", [True, False])
def test_an_approach_to_another_body_is_no_flyby_of_the_earth(body: str, first: bool) -> None:
    other = make_object("(2019 XY)", close_approach_data=[make_approach(orbiting_body=body)])
    message = fault(make_feed(*[other, make_object()][:: 1 if first else -1]))
    assert message == f"not a feed: (2019 XY), 2019-02-08: orbiting_body is '{body}', not Earth"


@pytest.mark.parametrize(
    "field", sorted(set(make_object()) - {"links", "nasa_jpl_url", "close_approach_data", "neo_reference_id"})
)
@pytest.mark.parametrize(
    "wrong", [["x"], {"x": 1}, 1e300, "", "\x01" * 201], ids=["list", "object", "number", "empty", "long"]
)
def test_a_wrong_type_is_named_with_its_field(field: str, wrong: object) -> None:
    assert field in fault(make_feed(make_object() | {field: wrong}))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"", "the answer is empty", id="empty"),
        pytest.param(b" \r\n", "the answer is empty", id="blank"),
        pytest.param(b"<!DOCTYPE html><html>Application error</html>", "a page (HTML or XML)", id="HTML"),
        pytest.param(make_feed()[:-1], "not JSON, or not whole", id="truncated"),
        pytest.param(make_feed() + b"x", "not JSON, or not whole", id="something after the end"),
        pytest.param(make_feed(make_object("abc")).replace(b"abc", b"\xff\xfe"), "not UTF-8", id="not UTF-8"),
        pytest.param(b"[]", "not a JSON object", id="a list"),
        pytest.param(b"null", "not a JSON object", id="null"),
        pytest.param(b"{}", "element_count is missing", id="an empty object"),
        pytest.param(json.dumps({"2009-12-18": [make_object()]}).encode(), "element_count is missing", id="bare days"),
        pytest.param(make_feed(near_earth_objects=[]), "near_earth_objects: expected object", id="days as a list"),
        pytest.param(make_feed(near_earth_objects={"2019-02-08": None}), "expected array", id="a day that is null"),
        pytest.param(make_feed(near_earth_objects={"2019-02-08": [3]}), "object 1, 2019-02-08", id="a row that is 3"),
        pytest.param(make_feed(element_count=-1), "element_count", id="a negative count"),
        pytest.param(make_feed(element_count=3), "element_count is 3, but 2 objects are listed", id="a wrong count"),
        pytest.param(make_feed(make_object(day="2019-02-16")), "2019-02-16", id="a day after the window"),
        pytest.param(make_feed(element_count=0, near_earth_objects={"x": []}), "lists x", id="a day that is none"),
        pytest.param(make_feed().replace(b'"2019-02-10": [', b'"2019-02-11": ['), "Eros", id="a row of another day"),
        pytest.param(
            b'{"error": {"code": "OVER_RATE_LIMIT", "message": "You have exceeded"}}',
            "OVER_RATE_LIMIT: You have exceeded",
            id="the gateway's error",
        ),
        pytest.param(
            b'{"code": 400, "http_error": "BAD_REQUEST", "error_message": "Date Format Exception"}',
            "BAD_REQUEST: Date Format Exception",
            id="the application's error",
        ),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "expected object, got array", id="nested lists"),
        pytest.param(b'{"x":' * 100_000 + b"1" + b"}" * 100_000, "nested too deep", id="nested objects"),
        pytest.param(
            make_feed(x=1).replace(b": 1}", b": " + b"[" * 100_000 + b"]" * 100_000 + b"}"), "deep", id="a nest"
        ),
    ],
)
def test_what_is_no_feed_for_the_window_is_rejected_in_one_line(body: bytes, words: str) -> None:
    assert words in fault(body)


def test_a_row_without_an_approach_is_rejected() -> None:
    body = make_feed(near_earth_objects={"2019-02-08": [make_object(close_approach_data=[])]}, element_count=1)
    assert "(2019 AB), 2019-02-08: no close_approach_data for that day" in fault(body)


def test_long_and_unprintable_text_is_cut_in_messages() -> None:
    message = fault(
        make_feed(make_object("\n\x1b[31m" + "x" * 150, close_approach_data=[{"close_approach_date": "2019-02-08"}]))
    )
    assert "x" * 60 not in message


@given(st.binary())
def test_no_bytes_raise_anything_but_feed_error(body: bytes) -> None:
    with suppress(FeedError):
        feed.decode(body, WINDOW)


@given(st.data())
def test_no_damage_to_a_feed_raises_anything_but_feed_error(data: st.DataObject) -> None:
    body = bytearray(make_feed(make_object("(2019 AB)\0"), make_object("433 Eros (A898 PA)", "2019-02-10")))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        body[start : start + data.draw(st.integers(0, 40))] = data.draw(
            st.binary(max_size=8)
            | st.sampled_from([b"null", b"1e999", b'"\\ud800"', b"\\u0000", b"[]", b"{", b'"', b"-1"])
        )
    with suppress(FeedError):
        whole = feed.decode(bytes(body), WINDOW)
        ASTEROIDS.table(whole.rows).validate(full=True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(field=st.sampled_from(sorted(make_object())), inner=st.sampled_from(sorted(make_approach())), value=json_values)
def test_no_value_in_any_field_raises_anything_but_feed_error(field: str, inner: str, value: object) -> None:
    for neo in (make_object() | {field: value}, make_object(close_approach_data=[make_approach() | {inner: value}])):
        body = make_feed(near_earth_objects={"2019-02-08": [neo]}, element_count=1)
        with suppress(FeedError):
            whole = feed.decode(body, WINDOW)
            ASTEROIDS.table(whole.rows).validate(full=True)


def test_every_recording_since_september_2015_has_the_rows_that_its_index_line_counts(shared: Path) -> None:
    recordings = shared / "recordings"
    counted = dict(
        re.findall(r"^\| (\S+\.json) \|.*?\) \| \d+ \| (\d+) \|", (recordings / "INDEX.md").read_text(), re.M)
    )
    assert len(counted) >= 27
    for name, expected in counted.items():
        if name >= "2015-09":
            window = Window(*(date.fromisoformat(day) for day in name.split("_")[:2]))
            whole = feed.decode((recordings / "feeds" / name).read_bytes(), window)
            assert len(whole.rows) == int(expected), name


def test_the_recording_of_2009_is_bare_days_and_no_feed(shared: Path) -> None:
    (recording,) = (shared / "recordings" / "feeds").glob("2009-*.json")
    assert "element_count is missing" in fault(recording.read_bytes())


def test_every_recorded_error_is_rejected_in_its_own_words(shared: Path) -> None:
    for recording in (shared / "recordings" / "errors").glob("4*.json"):
        body = recording.read_bytes()
        assert feed.complaint(body)
        assert feed.complaint(body) in fault(body)
