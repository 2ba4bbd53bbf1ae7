"""A few questions to NASA itself, five requests in all: `make test-live`. Nothing else runs them.

They fail when NeoWs no longer keeps to what flyby builds on, and also when it is down or the key's hour is used up.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest

from flyby.days import Window
from flyby.errors import SourceError
from flyby.settings import Settings
from flyby.sources.answer import Answer
from flyby.sources.neows import NEOWS_URL, feed
from flyby.sources.neows.client import NeoWs

LONG_PAST = Window(date(2019, 2, 8), date(2019, 2, 15))


@pytest.fixture
def key() -> str:
    return Settings.load().api_key


@pytest.fixture(scope="module")
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=30) as client:
        yield client


def ask(window: Window, key: str, answers: list[Answer]) -> Answer:
    with NeoWs(NEOWS_URL, key, on_answer=answers.append) as neows:
        return neows.fetch(window, requested_at=datetime.now(UTC))


def test_eight_days_of_the_past_are_one_request_and_the_answer_tells_the_quota(key: str) -> None:
    answers: list[Answer] = []
    answer = ask(LONG_PAST, key, answers)
    assert answers == [answer]
    assert len(feed.decode(answer.body, LONG_PAST).rows) >= 50
    assert answer.quota.limit is not None
    assert answer.quota.remaining is not None
    assert key.encode() not in answer.body


def test_the_days_ahead_are_listed_too(key: str) -> None:
    today = datetime.now(UTC).date()
    ahead = Window(today, today + timedelta(days=7))
    assert len(feed.decode(ask(ahead, key, []).body, ahead).rows) >= 1


def test_nine_days_are_refused(key: str, http: httpx2.Client) -> None:
    answer = http.get(
        f"{NEOWS_URL}/feed",
        params={"start_date": "2019-02-08", "end_date": "2019-02-16"},
        headers={"X-Api-Key": key},
    )
    assert answer.status_code == 400


def test_an_unknown_key_is_refused_with_the_way_to_a_valid_one() -> None:
    answers: list[Answer] = []
    with pytest.raises(SourceError, match="NASA_API_KEY"):
        ask(LONG_PAST, "not-a-key-of-anyone", answers)
    assert [answer.http_status for answer in answers] == [403]


def test_no_key_at_all_is_refused(http: httpx2.Client) -> None:
    answer = http.get(f"{NEOWS_URL}/feed", params={"start_date": "2019-02-08", "end_date": "2019-02-08"})
    assert answer.status_code == 403
    assert "API_KEY_MISSING" in answer.text
