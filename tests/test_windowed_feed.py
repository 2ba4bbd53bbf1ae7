"""What an API's answer has to be to be believed, and what a wrong one is told: claims about the pure decoder."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue import DECLARED, row
from flyby import WindowedApiComponent
from flyby.days import Window
from flyby.errors import FeedError, UsageError
from flyby.sources.dataset import Feed
from flyby.sources.windowed.api import Api
from flyby.sources.windowed.feed import Rows, pages, together

WINDOW = Window(date(2025, 5, 4), date(2025, 5, 5))
NOON = "2025-05-04T12:00:00Z"


def declared(**more: Any) -> Api:
    component: WindowedApiComponent = WindowedApiComponent.resolve_from_dict(
        DECLARED | {"url": "http://127.0.0.1/api"} | more
    )
    return component.declared()


def body(*rows: Any) -> bytes:
    return json.dumps({"found": {"rows": rows}}).encode()


def decoded(*rows: Any, **more: Any) -> Feed:
    return Rows(declared(**more)).decode(body(*rows), WINDOW)


def test_a_row_is_its_key_its_moment_its_group_and_its_values() -> None:
    [one] = decoded(row("us123", "2025-05-04T12:00:00.5+02:00", "2.5", count=7.0)).rows
    assert (one.entity, one.cohort, one.day) == ("us123", "us", date(2025, 5, 4))
    assert datetime.fromtimestamp((one.moment or 0) / 1e6, UTC) == datetime(2025, 5, 4, 10, 0, 0, 500_000, UTC)
    assert one.values == (2.5, "here", 7)


@pytest.mark.parametrize(
    ("said", "form", "expected"),
    [
        (1746360000123, "epoch_ms", "2025-05-04T12:00:00.123+00:00"),
        (1746360000, "epoch_s", "2025-05-04T12:00:00+00:00"),
        ("2025-05-04 12:00", "iso", "2025-05-04T12:00:00+00:00"),
    ],
)
def test_a_moment_is_read_in_the_declared_form(said: Any, form: str, expected: str) -> None:
    [one] = decoded(row("a", said), moment={"path": "when.at", "form": form}).rows
    assert datetime.fromtimestamp((one.moment or 0) / 1e6, UTC) == datetime.fromisoformat(expected)


def test_of_a_day_alone_no_moment_is_known() -> None:
    [one] = decoded(row("a", "2025-05-05"), moment={"path": "when.at", "form": "date"}).rows
    assert (one.day, one.moment) == (date(2025, 5, 5), None)


def test_the_same_row_twice_is_one() -> None:
    assert len(decoded(row("a", NOON), row("a", NOON)).rows) == 1


WRONG = [
    ([row("a", NOON), row("a", NOON, 2.0)], r"row 1 \(a\): its id is another row's, too"),
    ([row("", NOON)], "row 0: id is missing, or no key"),
    ([{"when": {"at": NOON}}], "row 0: id is missing, or no key"),
    ([row("a", NOON), 5], "row 1 is no object"),
    ([{"id": "a", "size": 1}], r"row 0 \(a\): when.at is missing"),
    ([row("a", "yesterday")], r"row 0 \(a\): when.at 'yesterday' is no moment like"),
    ([row("a", 1746360000)], r"row 0 \(a\): when.at is no moment like"),
    ([row("a", "2025-05-06T00:00:00Z")], r"when.at is on 2025-05-06, which was not asked for"),
    ([row("a", NOON, "big")], r"row 0 \(a\): size 'big' is no number"),
    ([row("a", NOON, "NaN")], "size 'NaN' is no number"),
    ([row("a", NOON, True)], "size is true or false, not DOUBLE"),
    ([row("a", NOON, count=1.5)], "count is a number, not BIGINT"),
    ([row("a", NOON, where="")], "where.0 is missing"),
    ([row("a", NOON, where=[7])], "where.0 is a number, not VARCHAR"),
]


@pytest.mark.parametrize(("rows", "said"), WRONG)
def test_an_answer_with_a_row_that_makes_no_sense_is_rejected_by_row_and_field(rows: list[Any], said: str) -> None:
    with pytest.raises(FeedError, match=said) as error:
        decoded(*rows)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("form", "said"), [("epoch_s", 1746360000123), ("epoch_ms", 1e30), ("epoch_ms", "1")])
def test_a_moment_in_another_form_than_declared_is_told(form: str, said: Any) -> None:
    with pytest.raises(FeedError, match=r"when\.at is (beyond|no number)"):
        decoded(row("a", said), moment={"path": "when.at", "form": form})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "the answer is empty"),
        (b"<!DOCTYPE html><p>maintenance", "a page"),
        (b'{"found": {"rows": [', "not JSON, or not whole"),
        (b'{"found": {"items": []}}', "found.rows is missing"),
        (b'{"error": {"code": 7, "message": "no such catalogue"}}', r"found.rows is missing \(no such catalogue\)"),
        (b'{"found": {"rows": {}}}', "found.rows is no list"),
        (b"[" * 5000 + b"]" * 5000, "nested too deep|found.rows is missing|not JSON"),
    ],
)
def test_what_is_no_list_of_rows_is_rejected_with_what_it_is(answer: bytes, said: str) -> None:
    with pytest.raises(FeedError, match=said):
        Rows(declared()).decode(answer, WINDOW)


def test_a_column_that_is_gone_tomorrow_rejects_the_answer_unless_it_is_optional() -> None:
    gone = {name: value for name, value in row("a", NOON).items() if name != "size"}
    with pytest.raises(FeedError, match=r"row 0 \(a\): size is missing"):
        decoded(gone)
    assert decoded(row("a", NOON)).rows[0].values[2] is None


def test_pages_are_kept_as_they_came_and_a_row_that_moved_between_them_counts_once() -> None:
    first, second = body(row("a", NOON), row("b", NOON)), body(row("b", NOON, 9), row("c", NOON))
    assert pages(together([first, second])) == [first + b"\n", second + b"\n"]
    assert pages(first) == [first]
    feed = Rows(declared()).decode(together([first, second]), WINDOW)
    assert [(one.entity, one.values[0]) for one in feed.rows] == [("a", 1.5), ("b", 9.0), ("c", 1.5)]


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_whatever_comes_is_rows_or_a_feed_error(answer: bytes) -> None:
    try:
        Rows(declared(rows="")).decode(answer, WINDOW)
    except FeedError as error:
        said = str(error)
        assert "\n" not in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"columns": {"Size": {"path": "size"}}}, "columns: 'Size' is no name"),
        ({"columns": {"listed": {"path": "size"}}}, "columns: listed is a column of every table"),
        ({"columns": {"id": {"path": "size"}}}, "columns: id is a column of every table"),
        ({"key": "nr", "columns": {"nr": {"path": "size"}}}, "columns: nr is the key's column"),
        ({"paging": {"offset": "place"}}, "paging: name either link, or both offset and limit"),
        ({"url": "http://127.0.0.1/api?key=secret"}, "url must be an http"),
        ({"first_day": "2025-02-30"}, "first_day '2025-02-30' is not a day"),
        ({"timezone": "Mars/Olympus"}, "timezone 'Mars/Olympus' is not a time zone"),
        ({"key_header": "X-Key"}, "api_key is empty"),
    ],
)
def test_a_declaration_that_cannot_be_is_told_by_its_attribute(more: dict[str, Any], said: str, tmp_path: Path) -> None:
    attributes = DECLARED | {"url": "http://127.0.0.1/api", "home": str(tmp_path)} | more
    with pytest.raises(UsageError, match=said) as error:
        WindowedApiComponent.resolve_from_dict(attributes).settings()
    assert "secret" not in str(error.value)
