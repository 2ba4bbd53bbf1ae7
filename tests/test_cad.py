"""JPL's close-approach data: what is an answer and which rows it has, and every way in which asking can go."""

import json
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answers import Home, moment, window
from approaches import SIGNATURE, WINDOW, make_cad, make_row, serving
from faults import (
    HEROKU_PAGE,
    Act,
    FaultServer,
    Request,
    answer,
    bomb,
    drip,
    endless,
    gzipped,
    reset,
    response,
    send,
    stall,
)
from flyby.days import DAY, Window
from flyby.errors import FeedError, HomeError, PassingError, SourceError
from flyby.sandbox import Sandbox
from flyby.sources import jpl
from flyby.sources.answer import Answer, Quota
from flyby.sources.asteroids import ASTEROIDS
from flyby.sources.cad import feed
from flyby.sources.cad.client import Cad
from flyby.sources.observations import VALUES

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
YEAR = Window(date(2020, 1, 1), date(2020, 12, 31))
GOOD = make_cad()
#: Which of an observation's values is the name.
NAME = [column.name for column in VALUES].index("name")


def rows(body: bytes, window: Window = WINDOW) -> list[dict[str, Any]]:
    table = ASTEROIDS.table(feed.decode(body, window).rows)
    assert table.schema.equals(ASTEROIDS.observations)
    listed: list[dict[str, Any]] = table.to_pylist()
    return listed


def fault(body: bytes, window: Window = WINDOW) -> str:
    with pytest.raises(FeedError) as caught:
        feed.decode(body, window)
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith("not close-approach data")
    assert len(message) < 300
    return message


def test_a_row_has_every_field_of_the_contract_that_jpl_knows() -> None:
    assert rows(make_cad(make_row("613398", fullname="613398 (2006 FK)", diameter="0.153"))) == [
        {
            "entity": "2006 FK",
            "id": None,
            "aliases": ["#613398"],
            "day": date(2020, 1, 1),
            "moment": datetime(2020, 1, 1, 0, 54, tzinfo=UTC),
            "cohort": None,
            "firm": True,
            "apart": False,
            "preference": "",
            "neo_id": None,
            "name": "613398 (2006 FK)",
            "orbiting_body": "Earth",
            "miss_distance_au": 0.0211660525256395,
            "miss_distance_ld": pytest.approx(8.2335944325, abs=1e-9),
            "miss_distance_km": pytest.approx(3166396.389, abs=1e-3),
            "relative_velocity_km_s": 5.62203195551878,
            "absolute_magnitude_h": 25.1,
            "diameter_min_m": 153.0,
            "diameter_max_m": 153.0,
            "is_potentially_hazardous": None,
            "is_sentry_object": None,
            "miss_distance_min_au": 0.0211628345552616,
            "miss_distance_max_au": 0.0211692704882042,
            "miss_distance_min_ld": pytest.approx(8.2323426, abs=1e-6),
            "miss_distance_max_ld": pytest.approx(8.2348462, abs=1e-6),
            "miss_distance_min_km": pytest.approx(3165914.99, abs=0.1),
            "miss_distance_max_km": pytest.approx(3166877.79, abs=0.1),
            "close_approach_sigma_min": 1.0,
            "velocity_infinity_km_s": 5.59959589405614,
            "orbit_id": "18",
            "diameter_sigma_m": None,
        }
    ]


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        pytest.param(make_row(fullname=...), "entity", "2020 AY1", id="no full name"),
        pytest.param(make_row(fullname=...), "name", "2020 AY1", id="no full name, so the name is the designation"),
        pytest.param(make_row(fullname=None), "name", "2020 AY1", id="a full name that is null"),
        pytest.param(make_row("433", fullname=...), "entity", "433", id="a number stays one"),
        pytest.param(make_row("433", fullname="433 Eros"), "entity", "433", id="a number whose name has no more"),
        pytest.param(make_row("433", fullname="433 Eros (A898 PA)"), "entity", "A898 PA", id="numbered, in full"),
        pytest.param(make_row("2040 P-L"), "entity", "2040 P-L", id="an asteroid of the Palomar-Leiden survey"),
        pytest.param(make_row("A/2017 U7"), "entity", "A/2017 U7", id="an asteroid named like a comet"),
        pytest.param(make_row(h=None), "absolute_magnitude_h", None, id="no magnitude"),
        pytest.param(make_row(h=...), "absolute_magnitude_h", None, id="no column of magnitudes"),
        pytest.param(make_row(h="29."), "absolute_magnitude_h", 29.0, id="a magnitude that ends with its point"),
        pytest.param(make_row(h="-1.25"), "absolute_magnitude_h", -1.25, id="a negative magnitude"),
        pytest.param(make_row(dist="5.5e-05"), "miss_distance_au", 5.5e-05, id="an exponent"),
        pytest.param(make_row(dist=0.1), "miss_distance_au", 0.1, id="a number as a number"),
        pytest.param(make_row(diameter=...), "diameter_max_m", None, id="no column of diameters"),
        pytest.param(make_row(extra=[{"x": None}]), "entity", "2020 AY1", id="a column yet to be invented"),
        pytest.param(make_row("2020\0AB", fullname=...), "name", "2020\ufffdAB", id="a NUL"),
        pytest.param(make_row(cd="2020-Feb-29 23:59"), "day", date(2020, 2, 29), id="a leap day"),
    ],
)
def test_shapes_that_jpl_has_sent_or_may_send_are_accepted(row: dict[str, Any], column: str, value: object) -> None:
    (listed,) = rows(make_cad(row))
    assert listed[column] == value


def test_columns_are_found_by_their_names() -> None:
    row = make_row()
    assert rows(make_cad(dict(reversed(row.items())))) == rows(make_cad(row))


@pytest.mark.parametrize("count", [2, "2"])
def test_the_count_may_be_text(count: object) -> None:
    assert len(rows(make_cad(count=count))) == 2


@pytest.mark.parametrize("count", [0, "0"])
@pytest.mark.parametrize("fields", [{"fields": ..., "data": ...}, {"fields": ["des"], "data": []}])
def test_nothing_in_the_window_is_an_answer_with_or_without_a_table(count: object, fields: dict[str, Any]) -> None:
    assert rows(make_cad(count=count, **fields)) == []


@pytest.mark.parametrize(
    ("des", "fullname"),
    [
        ("249P", "249P/LINEAR"),
        ("73P-B", "73P/Schwassmann-Wachmann 3-B"),
        ("C/2020 F3", "C/2020 F3 (NEOWISE)"),
        ("2020 F3", "C/2020 F3 (NEOWISE)"),
        ("P/2010 A2", "P/2010 A2 (LINEAR)"),
        ("D/1993 F2-A", "D/1993 F2-A (Shoemaker-Levy 9)"),
        ("1I", "1I/'Oumuamua (A/2017 U1)"),
    ],
)
def test_comets_are_kept_apart(des: str, fullname: str) -> None:
    whole = feed.decode(make_cad(make_row(), make_row(des, fullname=f" {fullname}")), WINDOW)
    assert [row.apart for row in whole.rows] == [False, True]
    assert whole.set_apart == 1
    bare = feed.decode(make_cad(make_row("249P", fullname=...)), WINDOW)
    assert [row.apart for row in bare.rows] == [True]


@pytest.mark.parametrize(
    ("cd", "jd", "day"),
    [
        ("2020-Mar-02 00:00", "2458910.499826389", date(2020, 3, 1)),
        ("2020-Mar-01 23:59", "2458910.499305556", date(2020, 3, 1)),
        ("2020-Jan-01 00:00", "2458849.499826389", date(2019, 12, 31)),
        ("2020-Jan-01 00:00", "2458849.500116", date(2020, 1, 1)),
    ],
)
def test_the_data_day_is_that_of_the_exact_time_not_of_the_rounded_one(cd: str, jd: str, day: date) -> None:
    assert [row["day"] for row in rows(make_cad(make_row(cd=cd, jd=jd)))] == [day]


@pytest.mark.parametrize("cd", ["2019-Dec-31 00:00", "2020-Mar-02 23:59"])
def test_a_row_of_the_day_beside_the_window_is_read(cd: str) -> None:
    assert len(rows(make_cad(make_row(cd=cd)))) == 1


@pytest.mark.parametrize("cd", ["2019-Dec-30 23:59", "2020-Mar-03 00:01", "2021-Jan-01 00:54"])
def test_a_row_further_from_the_window_is_rejected_with_its_name(cd: str) -> None:
    assert "row 1 (2020 AY1) is on " in fault(make_cad(make_row(cd=cd)))


@pytest.mark.parametrize(
    ("written", "minutes"),
    [("< 00:01", 1), ("00:07", 7), ("2_08:33", 3393), ("23:59", 1439), ("< 00:05", 5), ("112_00:00", 161_280)],
)
def test_the_uncertainty_of_a_time_is_read_in_each_of_its_forms(written: str, minutes: float) -> None:
    (row,) = rows(make_cad(make_row(t_sigma_f=written)))
    assert row["close_approach_sigma_min"] == minutes


@pytest.mark.parametrize("written", ["", "1", "00:60", "24:00", "a", "-00:01", "2_8", 7, []])
def test_an_uncertainty_that_is_none_is_named(written: object) -> None:
    assert "t_sigma_f is no uncertainty like 2_08:33" in fault(make_cad(make_row(t_sigma_f=written)))


def test_an_answer_of_the_built_in_sky_is_known_as_simulated() -> None:
    assert not feed.decode(GOOD, WINDOW).simulated
    assert feed.decode(make_cad(signature=SIGNATURE | {"simulated": "by flyby"}), WINDOW).simulated


@pytest.mark.parametrize("field", ["des", "cd", "dist", "v_rel"])
def test_a_missing_column_is_named(field: str) -> None:
    assert fault(make_cad({name: value for name, value in make_row().items() if name != field})).endswith(
        f"the field {field} is missing"
    )


@pytest.mark.parametrize(
    "value", ["abc", "", "NaN", "nan", "inf", "-inf", "1e999", "-1", -1, None, True, [], {}, "1_0", "0x1", "١"]
)
@pytest.mark.parametrize("field", ["dist", "v_rel"])
def test_a_number_that_is_none_is_named_with_its_row_and_field(field: str, value: object) -> None:
    message = fault(make_cad(make_row(), make_row("2020 ZZ") | {field: value}))
    assert f": row 2 (2020 ZZ): {field} is no " in message


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"NaN", b"Infinity", b"1" * 5000])
def test_a_number_beyond_all_bounds_is_rejected(number: bytes) -> None:
    assert fault(make_cad(make_row(h=25.1)).replace(b"25.1", number))


@pytest.mark.parametrize(
    "cd",
    ["", "2020-01-01 00:54", "2020-Jan-01", "2020-Jan-32 00:54", "2020-Foo-01 00:54", "2020-Jan-01 24:00", None, 1, []],
)
def test_a_time_that_is_none_is_named_with_its_row(cd: object) -> None:
    assert ": row 1 (2020 AY1): cd is no time like 2020-Jan-01 00:54: " in fault(make_cad(make_row() | {"cd": cd}))


def with_body(row: dict[str, Any], body: object, place: int) -> dict[str, Any]:
    fields = list(row.items())
    return dict([*fields[:place], ("body", body), *fields[place:]])


@pytest.mark.parametrize("place", [0, 3, len(make_row())])
@pytest.mark.parametrize("body", ["Moon", "Venus", "Mars", "Juptr", "", None, 3, []])
def test_an_approach_to_another_body_is_named_with_its_row(body: object, place: int) -> None:
    listed = make_cad(with_body(make_row(), "Earth", place), with_body(make_row("2020 ZZ"), body, place))
    assert ": row 2 (2020 ZZ): body is not Earth: " in fault(listed)


@pytest.mark.parametrize("place", [0, 3, len(make_row())])
def test_an_answer_may_say_that_all_its_approaches_are_to_the_earth(place: int) -> None:
    assert len(rows(make_cad(with_body(make_row(), "Earth", place)))) == 1


@pytest.mark.parametrize("des", [None, "", "  ", 433, [], "x" * 201])
def test_a_row_without_a_designation_goes_by_its_place(des: object) -> None:
    message = fault(make_cad(make_row(), make_row() | {"des": des}))
    assert ": row 2" in message
    assert "des is no designation: " in message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"", "the answer is empty", id="empty"),
        pytest.param(HEROKU_PAGE, "a page (HTML or XML)", id="HTML"),
        pytest.param(GOOD[:-1], "not JSON, or not whole", id="truncated"),
        pytest.param(GOOD.replace(b"AY1", b"\xff\xfe"), "not UTF-8", id="not UTF-8"),
        pytest.param(b"[]", "expected object, got array", id="a list"),
        pytest.param(b"{}", "signature is missing", id="an empty object"),
        pytest.param(make_cad(signature=...), "signature is missing", id="no signature"),
        pytest.param(make_cad(count=...), "count is missing", id="no count"),
        pytest.param(make_cad(count=3), "count is 3, but 2 rows are listed", id="a wrong count"),
        pytest.param(make_cad(fields=..., data=...), "count is 2, but 0 rows", id="a count without a table"),
        pytest.param(make_cad(count=-1), "count: ", id="a negative count"),
        pytest.param(make_cad(fields=["des"]), "row 1 has 14 values for 1 fields", id="too few fields"),
        pytest.param(make_cad(fields=...), "row 1 has 14 values for 0 fields", id="no fields"),
        pytest.param(make_cad(data=[{}, {}]), "row 1: expected array", id="rows that are objects"),
        pytest.param(make_cad(data=None), "data: expected array", id="a table that is null"),
        pytest.param(
            b'{"message":"invalid value \\"x\\"","moreInfo":"https://x","code":"400"}', 'invalid value "x"', id="error"
        ),
        pytest.param(b'{"x":' * 100_000 + b"1" + b"}" * 100_000, "nested too deep", id="nested objects"),
        pytest.param(make_cad(make_row(x="X")).replace(b'"X"', b"[" * 100_000 + b"]" * 100_000), "deep", id="a nest"),
    ],
)
def test_what_is_no_answer_for_the_window_is_rejected_in_one_line(body: bytes, words: str) -> None:
    assert words in fault(body)


@given(st.binary())
def test_no_bytes_raise_anything_but_feed_error(body: bytes) -> None:
    with suppress(FeedError):
        feed.decode(body, WINDOW)


@given(st.data())
def test_no_damage_to_an_answer_raises_anything_but_feed_error(data: st.DataObject) -> None:
    body = bytearray(GOOD)
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


@given(field=st.sampled_from(sorted(make_row())), value=json_values)
def test_no_value_in_any_field_raises_anything_but_feed_error(field: str, value: object) -> None:
    with suppress(FeedError):
        whole = feed.decode(make_cad(make_row() | {field: value}), WINDOW)
        ASTEROIDS.table(whole.rows).validate(full=True)


def test_the_recording_of_2020_has_4697_asteroids_and_three_comets(shared: Path) -> None:
    body = (shared / "recordings" / "cad" / "cad-2020.json").read_bytes()
    whole = feed.decode(body, YEAR)
    assert (len(whole.rows), whole.set_apart) == (4700, 3)
    listed = [row for row in rows(body, YEAR) if not row["apart"]]
    assert len({(row["entity"], row["moment"]) for row in listed}) == 4697
    assert sum(row["absolute_magnitude_h"] is None for row in listed) < 5
    assert all(YEAR.start - DAY <= row["day"] <= YEAR.end for row in listed)
    assert fault(body, WINDOW).endswith("is on 2020-03-03")


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    patience(monkeypatch, first_wait_s=0.01)


def patience(monkeypatch: pytest.MonkeyPatch, **seconds: Any) -> None:
    monkeypatch.setattr(jpl, "PATIENCE", replace(jpl.PATIENCE, **seconds))


class Asked:
    """What came of asking `url` once."""

    def __init__(self, url: str, window: Window = WINDOW) -> None:
        self.landed: list[Answer] = []
        self.answer: Answer | None = None
        self.error: SourceError | None = None
        with Cad(url, on_answer=self.landed.append) as cad:
            try:
                self.answer = cad.fetch(window, requested_at=NOW)
            except SourceError as error:
                self.error = error
        if self.error:
            message = str(self.error)
            assert message.isprintable()
            assert len(message) < 400
            assert "date-min=" not in "".join(traceback.format_exception(self.error))
            assert self.error.__cause__ is None
            assert self.error.__context__ is None or self.error.__suppress_context__


def test_the_question_is_the_window_and_a_day_on_either_side_as_far_as_neows_lists_and_nothing_else_is_sent(
    server: FaultServer,
) -> None:
    server.play(gzipped(GOOD))
    asked = Asked(server.url)
    assert asked.answer == Answer("cad", WINDOW, NOW, 1, 200, GOOD, Quota(None, None))
    assert asked.landed == [asked.answer]
    (request,) = server.requests
    assert dict(parse_qsl(urlsplit(request.target).query)) == {
        "date-min": "2019-12-31",
        "date-max": "2020-03-02T23:59:59",
        "dist-max": "0.5",
        "body": "Earth",
        "fullname": "true",
        "diameter": "true",
    }
    assert set(request.headers) - {""} == {"host", "user-agent", "accept-encoding"}
    assert request.headers["user-agent"].startswith("flyby/")


PASSING = {
    "no answer": send(b""),
    "reset before the answer": reset(),
    "reset in the body": reset(response(GOOD)[:-40]),
    "stall before the answer": stall(),
    "stall in the body": stall(response(GOOD)[:-40]),
    "headers that drip": drip(response(GOOD)),
    "a body shorter than its length": send(response(GOOD, headers={"Content-Length": len(GOOD) + 100})),
    "truncated gzip": gzipped(GOOD, keep=0.7),
    "damaged gzip": answer(b"\x1f\x8bnonsense", Content_Encoding="gzip"),
    "an encoding that nobody asked for": answer(GOOD, Content_Encoding="br"),
    "not HTTP": send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "200 empty": answer(b""),
    "200 HTML": answer(HEROKU_PAGE),
    "200 of another window": answer(make_cad(make_row(cd="2021-Jan-01 00:54"))),
    "200 with rows missing": answer(make_cad(count=3)),
    "204": answer(b"", 204, Content_Length=None),
    "503": answer(HEROKU_PAGE, 503, Content_Type="text/html"),
    "503 with a short Retry-After": answer(HEROKU_PAGE, 503, Retry_After=0),
    "500": answer(b'{"message":"database unavailable","code":"500"}', 500),
}


#: Those that only patience ends; of the others nobody is to run out of it, however busy the machine.
SLOW = {"stall before the answer", "stall in the body", "headers that drip"}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_asked_again_twice_and_then_given_up_in_one_line(
    server: FaultServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in SLOW:
        patience(monkeypatch, read_s=0.5, deadline_s=0.9)
    server.play(PASSING[name], answer(GOOD))
    healed = Asked(server.url)
    assert healed.error is None
    assert healed.answer
    assert (healed.answer.attempt, healed.answer.body) == (2, GOOD)
    server.requests.clear()
    server.play(PASSING[name])
    asked = Asked(server.url)
    assert isinstance(asked.error, PassingError)
    assert server.heard(3) == 3
    assert [answer.attempt for answer in asked.landed] in ([], [1, 2, 3])


REFUSAL = b'{"message":"date-min: invalid date","moreInfo":"https://ssd-api.jpl.nasa.gov/doc/cad.html","code":"400"}'


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        pytest.param(answer(REFUSAL, 400), SourceError, "(HTTP 400 date-min: invalid date)", id="400"),
        pytest.param(answer(HEROKU_PAGE, 403), SourceError, "refuses to answer", id="403 with a page"),
        pytest.param(answer(b"", 405), SourceError, "HTTP 405", id="405"),
        pytest.param(answer(b"", 404), SourceError, "check FLYBY_CAD_URL", id="404"),
        pytest.param(answer(b"", 429), SourceError, "fewer requests (HTTP 429): try again tomorrow", id="429"),
        pytest.param(answer(b"", 301, Location="https://elsewhere/"), SourceError, "redirects elsewhere", id="301"),
        pytest.param(answer(HEROKU_PAGE, 503, Retry_After=3600), PassingError, "HTTP 503", id="503 for an hour"),
        pytest.param(endless(), SourceError, "more than 32 MiB: check FLYBY_CAD_URL", id="a body of 1 GB"),
        pytest.param(bomb(64), SourceError, "more than 32 MiB", id="a compression bomb"),
    ],
)
def test_what_does_not_pass_by_itself_is_final_at_once(
    server: FaultServer, act: Act, kind: type[SourceError], words: str
) -> None:
    server.play(act)
    asked = Asked(server.url)
    assert type(asked.error) is kind
    assert words in str(asked.error)
    assert len(server.requests) == 1


def test_a_refused_connection_is_given_up_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = Asked(f"http://127.0.0.1:{port}/cad.api").error
    assert str(error) == "127.0.0.1 refuses connections: try again later, or check FLYBY_CAD_URL"


def test_a_full_disk_is_not_the_source_s_fault_and_not_tried_again(server: FaultServer) -> None:
    def full(_: Answer) -> None:
        raise HomeError("the disk is full")

    server.play(answer(GOOD))
    with Cad(server.url, on_answer=full) as cad, pytest.raises(HomeError, match="the disk is full"):
        cad.fetch(WINDOW, requested_at=NOW)
    assert len(server.requests) == 1


def test_one_request_is_under_way_at_a_time_however_many_ask(server: FaultServer) -> None:
    lock = threading.Lock()
    together = []

    def act(connection: socket.socket, _: Request) -> bool:
        together.append(lock.acquire(blocking=False))
        time.sleep(0.01)
        lock.release()
        connection.sendall(response(GOOD))
        return True

    server.play(act)
    with ThreadPoolExecutor(8) as threads:
        asked = list(threads.map(lambda _: Asked(server.url), range(16)))
    assert all(a.answer for a in asked)
    assert together == [True] * 16


def test_the_recording_of_2020_is_fetched_over_http(server: FaultServer, shared: Path) -> None:
    server.play(serving((shared / "recordings" / "cad" / "cad-2020.json").read_bytes()))
    asked = Asked(server.url, YEAR)
    assert asked.answer
    assert len(feed.decode(asked.answer.body, YEAR).rows) == 4700


def test_the_built_in_sky_answers_as_jpl_does() -> None:
    tick = NOW.date()
    window = Window(tick - timedelta(days=15), tick + timedelta(days=15))
    with Sandbox(now=NOW) as sandbox:
        asked = Asked(sandbox.cad_url, window)
        assert asked.answer
        whole = feed.decode(asked.answer.body, window)
        days = [window.start - DAY, *window.days, window.end + DAY]  # it is asked a day wider
        truth = [row for day in days for row in sandbox.population.cad(day, NOW) if row.miss_distance_au <= 0.5]
        comets = {row.des for row in truth if row.is_comet}
        assert whole.simulated
        assert (len(whole.rows), whole.set_apart) == (len(truth), len(comets))
        assert {row.values[NAME] for row in whole.rows} == {row.fullname for row in truth}
        sandbox.set_fault("cad-down")
        assert "HTTP 503" in str(Asked(sandbox.cad_url).error)
    assert json.loads(asked.answer.body)["count"] == len(truth)


def test_every_value_of_a_year_of_jpl_s_answers_is_in_the_record_field_by_field(shared: Path, tmp_path: Path) -> None:
    body = (shared / "recordings" / "cad" / "cad-2020.json").read_bytes()
    told = json.loads(body)
    home = Home(tmp_path)
    home.land(moment("2021-01-02"), window("2020-01-01", "2020-12-31"), body, source="cad")
    home.take_in()
    kept = home.ask(
        "SELECT split_part(thing_id, '@', 1), orbit_id, moment, miss_distance_au, miss_distance_min_au, "
        "miss_distance_max_au, relative_velocity_km_s, velocity_infinity_km_s, close_approach_sigma_min, "
        "absolute_magnitude_h, name, day, apart FROM asteroids_record.revisions"
    )
    expected = []
    for row in told["data"]:
        said = dict(zip(told["fields"], row, strict=True))
        at = datetime.strptime(said["cd"], "%Y-%b-%d %H:%M").replace(tzinfo=UTC)
        days, _, clock = said["t_sigma_f"].removeprefix("< ").rpartition("_")
        hours, minutes = clock.split(":")
        sigma = float((int(days or 0) * 24 + int(hours)) * 60 + int(minutes))
        jd = timedelta(days=float(said["jd"]) - 2_440_587.5)
        names = ("dist", "dist_min", "dist_max", "v_rel", "v_inf")
        numbers = [None if said[name] is None else float(said[name]) for name in names]
        magnitude = None if said["h"] is None else float(said["h"])
        day = (datetime(1970, 1, 1, tzinfo=UTC) + jd).date()
        expected.append((said["des"], said["orbit_id"], at, *numbers, sigma, magnitude, said["des"], day))
    in_order = itemgetter(0, 2)
    assert sorted((row[:-1] for row in kept), key=in_order) == sorted(expected, key=in_order)
    assert sum(row[-1] for row in kept) == 3
    assert home.ask("SELECT count(*) FROM comet_approaches") == [(3,)]
    assert home.ask("SELECT count(*) FROM revisions") == [(4697,)]
