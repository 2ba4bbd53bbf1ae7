"""An API is asked as it is declared: its windows, its pages, its key, its quota."""

import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from catalogue import Catalogue, row
from flyby.days import Window
from flyby.errors import FeedError, PassingError, QuotaError, SourceError
from flyby.fetch.fetch import asking
from flyby.fetch.raw import landed, read
from flyby.settings import ApiSettings
from flyby.sources.windowed import client
from flyby.sources.windowed.feed import pages

NOW = datetime(2025, 5, 6, 6, tzinfo=UTC)
DAY = Window(date(2025, 5, 5), date(2025, 5, 5))
KEY = "a/secret+key=="


@pytest.fixture
def catalogue(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.setattr(client, "PATIENCE", replace(client.PATIENCE, first_wait_s=0.01))
    return Catalogue(httpserver, [row(f"us{n}", f"2025-05-05T{n:02}:00:00Z") for n in range(7)])


def settings(catalogue: Catalogue, home: Path, **more: Any) -> ApiSettings:
    return catalogue.component(home, NOW.isoformat(), **more).settings()


def fetch(told: ApiSettings, at: datetime = NOW, window: Window = DAY) -> int:
    """How many rows came."""
    with asking(told, purpose="manual") as asked:
        answer = asked.fetch(window, requested_at=at)
    return len(told.dataset.primary.decoder.decode(answer.body, window).rows)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"form": "date"}, ("2025-05-05", "2025-05-05")),
        ({"form": "date", "end_included": False}, ("2025-05-05", "2025-05-06")),
        ({"form": "iso"}, ("2025-05-05T00:00:00Z", "2025-05-05T23:59:59.999Z")),
        ({"form": "iso", "end_included": False}, ("2025-05-05T00:00:00Z", "2025-05-06T00:00:00Z")),
        ({"form": "epoch_s", "end_included": False}, ("1746403200", "1746489600")),
        ({"form": "epoch_ms"}, ("1746403200000", "1746489599999")),
    ],
)
def test_the_window_is_written_as_declared(
    catalogue: Catalogue, tmp_path: Path, window: dict[str, Any], expected: tuple[str, str]
) -> None:
    catalogue.instead = lambda _: Response(json.dumps({"found": {"rows": catalogue.rows}}))
    fetch(settings(catalogue, tmp_path, window={"start": "from", "end": "until", **window}, parameters={"all": True}))
    asked = catalogue.asked[0].args
    assert (asked["from"], asked["until"], asked["all"]) == (*expected, "true")


def test_pages_by_place_are_one_answer_that_keeps_each_page_as_it_came(catalogue: Catalogue, tmp_path: Path) -> None:
    told = settings(catalogue, tmp_path, paging={"offset": "place", "limit": "limit", "rows": 3})
    assert fetch(told) == 7
    assert [request.args["place"] for request in catalogue.asked] == ["0", "3", "6"]
    [answer] = landed(told.raw)
    assert [len(json.loads(page)["found"]["rows"]) for page in pages(read(answer))] == [3, 3, 1]


def test_pages_by_link_are_followed_to_the_end(catalogue: Catalogue, tmp_path: Path) -> None:
    def linked(request: Request) -> Response:
        rows, place = catalogue.rows, int(request.args.get("cursor", 0))
        following = f"?from=x&cursor={place + 4}" if place + 4 < len(rows) else None
        return Response(json.dumps({"found": {"rows": rows[place : place + 4]}, "next": {"href": following}}))

    catalogue.instead = linked
    assert fetch(settings(catalogue, tmp_path, paging={"link": "next.href"})) == 7
    assert len(catalogue.asked) == 2


def test_a_link_to_another_address_is_not_followed_with_the_key(catalogue: Catalogue, tmp_path: Path) -> None:
    page = {"found": {"rows": catalogue.rows}, "next": "http://elsewhere.invalid/api?page=2"}
    catalogue.instead = lambda _: Response(json.dumps(page))
    with pytest.raises(SourceError, match="another address") as error:
        fetch(settings(catalogue, tmp_path, paging={"link": "next"}, api_key=KEY, key_header="X-Api-Key"))
    assert "elsewhere" not in str(error.value)


def test_pages_without_end_are_an_error_and_no_endless_run(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.instead = lambda request: catalogue.page(request, next=f"?{request.query_string.decode()}")
    with pytest.raises(SourceError, match="pages without end"):
        fetch(settings(catalogue, tmp_path, paging={"link": "next"}))


def test_a_page_that_breaks_is_asked_for_again_with_its_answer(catalogue: Catalogue, tmp_path: Path) -> None:
    broken = iter([None, Response("down", 503)])
    catalogue.instead = lambda _: next(broken, None)
    told = settings(catalogue, tmp_path, paging={"offset": "place", "limit": "limit", "rows": 3})
    assert fetch(told) == 7
    assert sorted(answer.http_status for answer in landed(told.raw)) == [200, 503]


def test_the_key_goes_in_its_header_and_into_nothing_that_is_kept(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.key = KEY
    catalogue.rows[0]["where"] = [f"asked with {KEY}", KEY.replace("/", "\\/")]
    told = settings(catalogue, tmp_path, api_key=KEY, key_header="X-Api-Key")
    assert fetch(told) == 7
    assert KEY not in catalogue.asked[0].url
    assert KEY not in repr(told)
    for answer in landed(told.raw):
        kept = read(answer)
        assert KEY.encode() not in kept
        assert b"REDACTED" in kept


def test_a_wrong_key_is_told_by_the_attributes_that_hold_it(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.key = "another"
    with pytest.raises(SourceError, match=r"without a valid key \(HTTP 403 no such key\): check api_key") as error:
        fetch(settings(catalogue, tmp_path, api_key=KEY, key_header="X-Api-Key"))
    assert KEY not in str(error.value)


def test_the_headers_of_the_quota_are_read(catalogue: Catalogue, tmp_path: Path) -> None:
    def answer(request: Request) -> Response:
        said = catalogue.page(request)
        said.headers.update({"X-Left": "41", "X-Most": "50"})
        return said

    catalogue.instead = answer
    told = settings(catalogue, tmp_path, quota={"remaining": "X-Left", "limit": "X-Most"})
    with asking(told, purpose="manual") as asked:
        quota = asked.fetch(DAY, requested_at=NOW).quota
    assert (quota.limit, quota.remaining) == (50, 41)


def test_a_figure_of_requests_a_day_is_kept_to(catalogue: Catalogue, tmp_path: Path) -> None:
    told = settings(catalogue, tmp_path, quota={"a_day": 2})
    assert [fetch(told), fetch(told, NOW - timedelta(hours=1))] == [7, 7]
    with pytest.raises(QuotaError, match="used up"):
        fetch(told)
    assert len(catalogue.asked) == 2


def test_a_used_up_allowance_says_when_to_come_again(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.instead = lambda _: Response('{"detail": "slow down"}', 429, {"Retry-After": "1800"})
    with pytest.raises(QuotaError, match=r"HTTP 429 slow down\): try again in 30 minutes"):
        fetch(settings(catalogue, tmp_path))


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (500, PassingError, "out of order"),
        (404, SourceError, "check url"),
        (400, SourceError, "window"),
        (302, SourceError, "url"),
        (204, FeedError, "HTTP 204"),
    ],
)
def test_every_refusal_is_landed_and_told_in_one_line(
    catalogue: Catalogue, tmp_path: Path, status: int, kind: type[Exception], said: str
) -> None:
    catalogue.instead = lambda _: Response("", status)
    told = settings(catalogue, tmp_path)
    with pytest.raises(kind, match=said) as error:
        fetch(told)
    assert "\n" not in str(error.value)
    assert {answer.http_status for answer in landed(told.raw)} == {status}


def test_requests_keep_the_declared_pace(catalogue: Catalogue, tmp_path: Path) -> None:
    moments: list[float] = []
    catalogue.instead = lambda _: moments.append(time.monotonic())
    began = time.monotonic()
    fetch(settings(catalogue, tmp_path, pace_s=0.3, paging={"offset": "place", "limit": "limit", "rows": 3}))
    assert len(moments) == 3
    assert all(moment - began >= 0.3 * earlier for earlier, moment in enumerate(moments))


def test_the_address_of_an_answer_holds_no_more_than_what_was_declared(catalogue: Catalogue, tmp_path: Path) -> None:
    fetch(settings(catalogue, tmp_path))
    assert set(parse_qs(urlsplit(catalogue.asked[0].url).query)) == {"from", "until"}
