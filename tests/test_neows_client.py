"""Every way in which asking NeoWs can go, each with its outcome: healed, given up in one line, or final at once."""

import json
import shutil
import socket
import ssl
import subprocess
import threading
import traceback
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from faults import (
    HEROKU_PAGE,
    OVER_RATE_LIMIT,
    Act,
    FaultServer,
    answer,
    bomb,
    drip,
    echo_key,
    endless,
    gzipped,
    reset,
    response,
    send,
    stall,
)
from feeds import WINDOW, make_feed, make_object
from flyby.days import Window
from flyby.errors import FeedError, HomeError, PassingError, QuotaError, SourceError, UsageError
from flyby.sources import http
from flyby.sources.answer import Answer, Quota
from flyby.sources.neows import client
from flyby.sources.neows.client import NeoWs

KEY = "Secret/0123456789+abcdefghijklmnopqrstuv"
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
FEED = make_feed()
GOOD = answer(FEED)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    patience(monkeypatch, first_wait_s=0.01)


def patience(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    monkeypatch.setattr(client, "PATIENCE", replace(client.PATIENCE, **values))


class Asked:
    """What came of asking `url` once."""

    def __init__(self, url: str, key: str = KEY) -> None:
        self.landed: list[Answer] = []
        self.answer: Answer | None = None
        self.error: SourceError | None = None
        with NeoWs(url, key, on_answer=self.landed.append) as neows:
            try:
                self.answer = neows.fetch(WINDOW, requested_at=NOW)
            except SourceError as error:
                self.error = error
        assert not any(KEY.encode() in landed.body for landed in self.landed)
        if self.error:
            message = str(self.error)
            assert message.isprintable()
            assert len(message) < 400
            assert KEY not in repr(self.error)
            assert "?" not in message.replace("network?", "")
            assert KEY not in "".join(traceback.format_exception(self.error))
            assert self.error.__cause__ is None
            assert self.error.__context__ is None or self.error.__suppress_context__


def test_a_feed_is_fetched_with_the_key_in_a_header_and_both_days_in_the_query(server: FaultServer) -> None:
    server.play(GOOD)
    asked = Asked(server.url)
    assert asked.answer == Answer("neows", WINDOW, NOW, 1, 200, FEED, Quota(None, None))
    assert asked.landed == [asked.answer]
    (request,) = server.requests
    assert parse_qs(urlsplit(request.target).query) == {"start_date": ["2019-02-08"], "end_date": ["2019-02-15"]}
    assert request.target.startswith("/neo/rest/v1/feed?")
    assert request.headers["x-api-key"] == KEY


def test_a_window_of_more_than_eight_days_is_wrong_usage_and_not_asked_for(server: FaultServer) -> None:
    server.play(GOOD)
    nine_days = Window(WINDOW.start, WINDOW.start + timedelta(days=8))
    with NeoWs(server.url, KEY, on_answer=print) as neows, pytest.raises(UsageError, match="at most 8 days"):
        neows.fetch(nine_days, requested_at=NOW)
    assert server.requests == []


def test_a_window_holds_a_leap_year_and_no_more() -> None:
    assert len(Window(date(2020, 1, 1), date(2020, 12, 31)).days) == 366
    for start, end in ((date(2020, 1, 1), date(2021, 1, 1)), (date(2020, 1, 2), date(2020, 1, 1))):
        with pytest.raises(UsageError, match="a window holds 1 to 366 days"):
            Window(start, end)


def test_gzip_is_unpacked(server: FaultServer) -> None:
    server.play(gzipped(FEED))
    asked = Asked(server.url)
    assert asked.answer
    assert asked.answer.body == FEED


PASSING = {
    "no answer": send(b""),
    "reset before the answer": reset(),
    **{
        f"reset after {n} tenths of the body": reset(response(FEED)[: n * len(response(FEED)) // 10])
        for n in range(1, 10)
    },
    "stall before the answer": stall(),
    "stall in the headers": stall(response(FEED)[:40]),
    "stall in the body": stall(response(FEED)[:-40]),
    "headers that drip": drip(response(FEED)),
    "a body that drips": lambda connection, request: drip(FEED)(
        connection.sendall(response(FEED)[: -len(FEED)]) or connection, request
    ),
    "a body shorter than its length": send(response(FEED, headers={"Content-Length": len(FEED) + 100})),
    "a body longer than its length": send(response(FEED, headers={"Content-Length": len(FEED) - 100})),
    "a chunk missing": send(
        response(b"5\r\nabcde\r\n", headers={"Content-Length": None, "Transfer-Encoding": "chunked"})
    ),
    "truncated gzip": gzipped(FEED, keep=0.7),
    "damaged gzip": answer(b"\x1f\x8bnonsense", Content_Encoding="gzip"),
    "an encoding that nobody asked for": answer(FEED, Content_Encoding="br"),
    "not HTTP": send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "200 empty": answer(b""),
    "200 empty in gzip": answer(b"", Content_Encoding="gzip"),
    "200 HTML": answer(HEROKU_PAGE),
    "200 that is not a feed": answer(b"{}"),
    "204": answer(b"", 204, Content_Length=None),
    "503 Heroku page": answer(HEROKU_PAGE, 503, Content_Type="text/html"),
    "503 with a short Retry-After": answer(HEROKU_PAGE, 503, Retry_After=0),
    "500": answer(b"", 500),
    "429 with a short Retry-After": answer(OVER_RATE_LIMIT, 429, Retry_After=0),
    "429 with a Retry-After that has passed": answer(OVER_RATE_LIMIT, 429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "429 without a Retry-After": answer(OVER_RATE_LIMIT, 429),
    "429 with a wrong Retry-After": answer(OVER_RATE_LIMIT, 429, Retry_After="soon"),
}
#: Those that only patience ends; of the others nobody is to run out of it, however busy the machine.
SLOW = {
    "stall before the answer",
    "stall in the headers",
    "stall in the body",
    "headers that drip",
    "a body that drips",
}
passing = pytest.mark.parametrize("name", PASSING)


@passing
def test_what_passes_is_asked_again_until_it_has_passed(
    server: FaultServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in SLOW:
        patience(monkeypatch, read_s=0.5, deadline_s=0.9)
    server.play(PASSING[name], GOOD)
    asked = Asked(server.url)
    assert asked.error is None
    assert asked.answer
    assert (asked.answer.attempt, asked.answer.body) == (2, FEED)
    assert server.heard(2) == 2


@passing
def test_what_does_not_pass_is_given_up_in_one_line(
    server: FaultServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience(monkeypatch, attempts=2)
    if name in SLOW:
        patience(monkeypatch, read_s=0.5, deadline_s=0.9)
    server.play(PASSING[name])
    asked = Asked(server.url)
    assert isinstance(asked.error, (PassingError, QuotaError))
    assert server.heard(2) == 2
    assert [answer.attempt for answer in asked.landed] in ([], [1, 2])


COMPLETE = ("200 empty", "200 HTML", "200 that is not a feed", "503 Heroku page", "429 without a Retry-After")


@pytest.mark.parametrize("name", COMPLETE)
def test_every_complete_response_is_handed_over_before_it_is_judged(server: FaultServer, name: str) -> None:
    server.play(PASSING[name], GOOD)
    asked = Asked(server.url)
    assert [(answer.attempt, answer.body == FEED) for answer in asked.landed] == [(1, False), (2, True)]


def test_half_a_response_is_not_handed_over(server: FaultServer) -> None:
    server.play(reset(response(FEED)[:-10]), GOOD)
    assert [answer.attempt for answer in Asked(server.url).landed] == [2]


INVALID_KEY = b'{"error": {"code": "API_KEY_INVALID", "message": "An invalid api_key was supplied: %s"}}' % KEY.encode()
DATE_LIMIT = b'{"code": 400, "http_error": "BAD_REQUEST", "error_message": "The Feed date limit is only 7 Days"}'


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        pytest.param(answer(INVALID_KEY, 403), SourceError, "API_KEY_INVALID", id="403 says what"),
        pytest.param(answer(INVALID_KEY, 403), SourceError, "set NASA_API_KEY", id="403 says what to do"),
        pytest.param(answer(INVALID_KEY, 403), SourceError, "https://api.nasa.gov", id="403 says where"),
        pytest.param(answer(HEROKU_PAGE, 403), SourceError, "HTTP 403", id="403 with a page"),
        pytest.param(answer(DATE_LIMIT, 400), SourceError, "limit is only 7 Days", id="400"),
        pytest.param(answer(b"{}", 404), SourceError, "check FLYBY_NEOWS_URL", id="404"),
        pytest.param(answer(b"", 418), SourceError, "HTTP 418", id="another 4xx"),
        pytest.param(answer(b"", 302), SourceError, "redirects elsewhere", id="302 to nowhere"),
        pytest.param(answer(OVER_RATE_LIMIT, 429, Retry_After=2870), QuotaError, "in 48 minutes", id="429 long"),
        pytest.param(answer(HEROKU_PAGE, 503, Retry_After=3600), PassingError, "HTTP 503", id="503 long"),
        pytest.param(endless(), SourceError, "more than 16 MiB", id="a body of 1 GB"),
        pytest.param(bomb(), SourceError, "more than 16 MiB", id="a compression bomb of 1 GB"),
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


@pytest.mark.parametrize("act", [endless(), bomb()], ids=["1 GB", "bomb"])
def test_a_body_without_end_takes_bounded_memory(server: FaultServer, act: Act) -> None:
    server.play(act)
    tracemalloc.start()
    try:
        Asked(server.url)
        assert tracemalloc.get_traced_memory()[1] < 4 * client.PATIENCE.body_bytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("down", [answer(b"<html>", 503), reset()], ids=["503", "reset"])
def test_a_source_that_is_down_is_asked_again_for_the_stated_time_and_who_waits_is_told_once(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, down: Act
) -> None:
    monkeypatch.setattr(http, "OUTAGE_WAIT_S", 0.02)
    server.play(*[down] * 12, GOOD)
    told: list[str] = []
    with NeoWs(server.url, KEY, on_answer=lambda _: None, outage_s=60, tell=told.append) as neows:
        assert neows.fetch(WINDOW, requested_at=NOW).body == FEED
    [line] = told
    assert "waiting: asked again for 60 s" in line


def test_a_source_that_stays_down_is_given_up_after_the_stated_time(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "OUTAGE_WAIT_S", 0.05)
    server.play(answer(b"<html>", 503))
    with NeoWs(server.url, KEY, on_answer=lambda _: None, outage_s=2) as neows, pytest.raises(PassingError):
        neows.fetch(WINDOW, requested_at=NOW)
    assert len(server.requests) > client.PATIENCE.attempts


def test_an_answer_that_is_no_feed_is_asked_for_no_more_often_however_long_an_outage_is_waited_for(
    server: FaultServer,
) -> None:
    server.play(answer(b"<html>"))
    with NeoWs(server.url, KEY, on_answer=lambda _: None, outage_s=60) as neows, pytest.raises(FeedError):
        neows.fetch(WINDOW, requested_at=NOW)
    assert len(server.requests) == client.PATIENCE.attempts


def test_an_allowance_used_up_says_how_long_to_wait(server: FaultServer) -> None:
    server.play(answer(OVER_RATE_LIMIT, 429, Retry_After=2870, Content_Type="text/html"))
    error = Asked(server.url).error
    assert isinstance(error, QuotaError)
    assert error.retry_after_s == 2870
    assert "DEMO_KEY" not in str(error)
    hint = Asked(server.url, key="DEMO_KEY").error
    assert "a key of your own at https://api.nasa.gov (this is DEMO_KEY)" in str(hint)


def test_an_allowance_that_is_never_said_to_return_is_a_quota_error_too(server: FaultServer) -> None:
    server.play(answer(OVER_RATE_LIMIT, 429))
    error = Asked(server.url).error
    assert isinstance(error, QuotaError)
    assert error.retry_after_s is None
    assert len(server.requests) == client.PATIENCE.attempts


def test_a_retry_after_ten_years_ahead_is_not_waited_for(server: FaultServer) -> None:
    server.play(answer(OVER_RATE_LIMIT, 429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(days=3650))))
    assert isinstance(Asked(server.url).error, QuotaError)
    assert len(server.requests) == 1


def test_the_key_does_not_follow_a_redirect(server: FaultServer) -> None:
    with FaultServer() as elsewhere:
        elsewhere.play(GOOD)
        server.play(answer(b"", 302, Location=f"{elsewhere.url}/feed?api_key={KEY}"))
        assert isinstance(Asked(server.url).error, SourceError)
        assert elsewhere.requests == []


def test_a_refused_connection_is_given_up_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = Asked(f"http://127.0.0.1:{port}").error
    assert isinstance(error, PassingError)
    assert "127.0.0.1 refuses connections" in str(error)


def test_an_unknown_host_asks_for_a_network() -> None:
    error = Asked("https://neows.invalid").error
    assert isinstance(error, PassingError)
    assert "neows.invalid is not found: is there a network?" in str(error)


def test_a_server_without_tls_is_no_secure_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].sendall(b"HTTP/1.1 400 Bad\r\n\r\n"), daemon=True).start()
        error = Asked(f"https://127.0.0.1:{listener.getsockname()[1]}").error
    assert type(error) is SourceError
    assert "no secure connection to 127.0.0.1" in str(error)


def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_key_is_sent(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout key.pem -out cert.pem"
    subprocess.run([openssl, *command.split()], cwd=tmp_path, check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with FaultServer(tls=tls) as server:
        server.play(GOOD)
        error = Asked(server.url).error
        assert server.requests == []
    assert type(error) is SourceError
    assert "self-signed certificate" in str(error)


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        quote(KEY, safe=""),
        quote(KEY),
        quote(KEY, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
        KEY.replace("/", "\\/"),
        KEY.replace("/", "\\u002f").replace("+", "\\u002b"),
    ],
)
def test_the_key_is_taken_out_of_an_answer_in_every_form(server: FaultServer, form: str) -> None:
    server.play(
        answer(
            make_feed(make_object(links=...)).replace(b'"element_count"', b'"l": "%s", "element_count"' % form.encode())
        )
    )
    asked = Asked(server.url)
    assert asked.answer
    assert form.encode() not in asked.answer.body
    assert json.loads(asked.answer.body)["l"] == "REDACTED"


def test_the_key_that_neows_repeats_is_not_in_the_answer_nor_in_what_is_said_of_it(server: FaultServer) -> None:
    server.play(echo_key(make_feed(make_object("(KEY)", close_approach_data=[{"close_approach_date": "2019-02-08"}]))))
    asked = Asked(server.url)
    assert isinstance(asked.error, FeedError)
    assert "(REDACTED), 2019-02-08: " in str(asked.error)


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        ({"X_RateLimit_Limit": 2000, "X_RateLimit_Remaining": 1993}, Quota(2000, 1993)),
        ({"x_ratelimit_limit": " 30 ", "x_ratelimit_remaining": "0"}, Quota(30, 0)),
        ({"X_RateLimit_Limit": "many", "X_RateLimit_Remaining": "-1"}, Quota(None, None)),
        ({"X_RateLimit_Limit": "9" * 50, "X_RateLimit_Remaining": "1e3"}, Quota(None, None)),
        ({}, Quota(None, None)),
    ],
)
def test_the_quota_is_what_the_headers_say_if_they_make_sense(
    server: FaultServer, headers: dict[str, Any], quota: Quota
) -> None:
    server.play(answer(FEED, **headers))
    asked = Asked(server.url)
    assert asked.answer
    assert asked.answer.quota == quota


def test_a_full_disk_is_not_the_source_s_fault_and_not_tried_again(server: FaultServer) -> None:
    def full(_: Answer) -> None:
        raise HomeError("the disk is full")

    server.play(GOOD)
    with NeoWs(server.url, KEY, on_answer=full) as neows, pytest.raises(HomeError, match="the disk is full"):
        neows.fetch(WINDOW, requested_at=NOW)
    assert len(server.requests) == 1


def test_eight_requests_are_in_flight_at_once_and_no_more(server: FaultServer) -> None:
    together = threading.Barrier(client.IN_FLIGHT)

    def act(connection: socket.socket, _: Any) -> bool:
        together.wait(10)  # breaks unless eight are here at the same time
        connection.sendall(response(FEED))
        return True

    server.play(act)
    landed: list[Answer] = []
    with NeoWs(server.url, KEY, on_answer=landed.append) as neows, ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: neows.fetch(WINDOW, requested_at=NOW), range(32)))
    assert len(landed) == len(server.requests) == 32


@pytest.mark.parametrize("kept", [4, 17, len(KEY) - 1])
def test_an_answer_that_is_cut_off_in_the_key_keeps_nothing_of_it(server: FaultServer, kept: int) -> None:
    server.play(answer(b'{"links": "http://x?api_key=' + KEY.encode()[:kept]))
    asked = Asked(server.url)
    assert {landed.body for landed in asked.landed} == {b'{"links": "http://x?api_key=REDACTED'}
