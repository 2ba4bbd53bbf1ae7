"""Any bytes, and any damage to a feed: a feed, or one of the project's own errors in one line. `make fuzz` goes on for
longer, guided by coverage."""

import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds import WINDOW, make_feed, make_object
from flyby.sources.cad import feed as cad
from flyby.sources.neows import feed as neows
from promises import keep

few = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
both = pytest.mark.parametrize("source", [neows, cad], ids=["neows", "cad"])
#: Whatever JSON can say, and what JSON cannot: NaN, infinities, lone surrogates.
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)

CAD_FEED: dict[str, Any] = {
    "signature": {"version": "1.5", "source": "NASA/JPL SBDB Close Approach Data API"},
    "count": 1,
    "fields": ["des", "orbit_id", "jd", "cd", "dist", "v_rel", "h", "diameter", "fullname"],
    "data": [["2019 AB", "1", "2458522.76", "2019-Feb-08 06:20", "0.1", "7.8", "22", None, "(2019 AB)"]],
}


def whole(source: ModuleType) -> Any:
    return (
        CAD_FEED
        if source is cad
        else json.loads(make_feed(make_object(), make_object("433 Eros (A898 PA)", id="2000433")))
    )


@both
@few
@given(body=st.binary(max_size=300))
def test_any_bytes(source: ModuleType, body: bytes) -> None:
    keep(source, body, WINDOW)


@both
@few
@given(value=values)
def test_any_json(source: ModuleType, value: Any) -> None:
    keep(source, json.dumps(value).encode(), WINDOW)


@both
@few
@given(data=st.data(), value=values)
def test_any_value_anywhere_in_a_feed(source: ModuleType, data: st.DataObject, value: Any) -> None:
    feed = json.loads(json.dumps(whole(source)))
    place, key = feed, data.draw(st.sampled_from(sorted(feed)))
    while data.draw(st.integers(0, 4)) and isinstance(place[key], dict | list) and place[key]:
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = value
    keep(source, json.dumps(feed).encode(), WINDOW)


@both
@few
@given(data=st.data())
def test_any_damage_to_the_bytes_of_a_feed(source: ModuleType, data: st.DataObject) -> None:
    body = bytearray(json.dumps(whole(source)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(start + 40, len(body))))
        body[start:end] = data.draw(st.binary(max_size=12))
    keep(source, bytes(body), WINDOW)
