"""A window whose answer cannot be read keeps no other from being asked for, in a reading, a morning and a backfill."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from answers import make_empty_feed
from faults import OVER_RATE_LIMIT, FaultServer, Request, response
from flyby.days import DAY, WINDOW_DAYS, Window, windows
from flyby.errors import FeedError, PassingError, QuotaError, SourceError
from flyby.fetch.fetch import IN_FLIGHT, REFUSED_IN_A_ROW, Refused, asking, read
from flyby.fetch.plan import LedgerDay, morning
from flyby.jobs.backfill import Interrupted, Progress, backfill, backfill_patiently
from flyby.jobs.daily import gather
from flyby.query.database import ledger
from flyby.record.load import held, take_in
from flyby.settings import Settings
from flyby.sources.answer import Answer
from flyby.sources.neows import client
from flyby.sources.neows.policy import NEOWS

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
TODAY = NOW.date()
JANUARY = list(windows(date(2019, 1, 1), date(2019, 4, 6)))
KEY = "a-made-up-key-0123456789"
EMPTY = "not a feed: the answer is empty"

#: What an answer is for a window: its body and status.
Sky = Callable[[Window], tuple[bytes, int]]


def listing_nothing(window: Window) -> tuple[bytes, int]:
    return make_empty_feed(), 200


def poisoned(*days: date, with_answer: tuple[bytes, int] = (b"", 200)) -> Sky:
    """A sky that lists nothing, and has `with_answer` for every window with one of `days`."""
    return lambda window: with_answer if set(days) & set(window.days) else listing_nothing(window)


class NeoWsServer(FaultServer):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Window] = []

    def show(self, sky: Sky) -> None:
        """Answer as `sky` says."""
        self.asked.clear()

        def act(connection: socket.socket, request: Request) -> bool:
            asked = dict(parse_qsl(urlsplit(request.target).query))
            window = Window(date.fromisoformat(asked["start_date"]), date.fromisoformat(asked["end_date"]))
            self.asked.append(window)
            connection.sendall(response(*sky(window)))
            return True

        self.play(act)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE", replace(client.PATIENCE, first_wait_s=0.001))


@pytest.fixture
def server() -> Iterator[NeoWsServer]:
    with NeoWsServer() as server:
        server.show(listing_nothing)
        yield server


@pytest.fixture
def settings(tmp_path: Path, server: NeoWsServer) -> Settings:
    return at(NOW, tmp_path, server)


def at(now: datetime, home: Path, server: NeoWsServer) -> Settings:
    return Settings.load(
        {"FLYBY_HOME": str(home), "FLYBY_NEOWS_URL": server.url, "NASA_API_KEY": KEY, "FLYBY_NOW": now.isoformat()}
    )


def reading(settings: Settings, asked: list[Window]) -> tuple[list[Window], SourceError | None]:
    """The windows that were answered, and how the reading ended."""
    answers: list[Answer] = []
    with asking(settings, purpose="backfill") as source:
        try:
            answers.extend(read(source, asked, at=NOW))
        except SourceError as error:
            return sorted(answer.window for answer in answers), error
    return sorted(answer.window for answer in answers), None


@pytest.mark.parametrize("n", [0, 1, 5, 11])
def test_the_others_are_asked_for_first_and_then_the_refused_window_is_named(
    settings: Settings, server: NeoWsServer, n: int
) -> None:
    server.show(poisoned(JANUARY[n].start))
    answered, error = reading(settings, JANUARY)
    assert answered == [window for window in JANUARY if window != JANUARY[n]]
    assert isinstance(error, Refused)
    assert list(error.refused) == [JANUARY[n]]
    assert str(error) == f"NeoWs gives no answer that can be read for {JANUARY[n]} ({EMPTY})"


def test_several_refused_windows_are_counted(settings: Settings, server: NeoWsServer) -> None:
    server.show(poisoned(JANUARY[2].end, JANUARY[7].start))
    answered, error = reading(settings, JANUARY)
    assert len(answered) == len(JANUARY) - 2
    assert isinstance(error, Refused)
    assert set(error.refused) == {JANUARY[2], JANUARY[7]}
    assert "for 2 windows, the first of them 2019-0" in str(error)


def test_a_source_that_answers_with_nonsense_only_is_not_asked_for_long(
    settings: Settings, server: NeoWsServer
) -> None:
    server.show(lambda window: (b"", 200))
    answered, error = reading(settings, JANUARY)
    assert answered == []
    assert type(error) is FeedError
    assert str(error) == f"NeoWs gives no answers that can be read: {EMPTY}"
    assert len(set(server.asked)) == REFUSED_IN_A_ROW


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        pytest.param((b"<html>", 503), PassingError, id="out of order"),
        pytest.param((OVER_RATE_LIMIT, 429), QuotaError, id="over the limit"),
        pytest.param((b"{}", 400), SourceError, id="refused"),
    ],
)
def test_any_other_failure_ends_the_reading(
    settings: Settings, server: NeoWsServer, said: tuple[bytes, int], kind: type[SourceError]
) -> None:
    server.show(poisoned(JANUARY[0].start, with_answer=said))
    answered, error = reading(settings, JANUARY)
    assert type(error) is kind
    assert len(answered) < len(JANUARY) - IN_FLIGHT


def refused(settings: Settings) -> dict[date, LedgerDay]:
    with held(settings) as record:
        return {entry.day: entry for entry in ledger(record, "asteroids_record") if entry.refused_at}


def test_a_morning_gets_all_it_can_and_names_the_revisit_that_it_could_not_have(
    tmp_path: Path, server: NeoWsServer
) -> None:
    start = TODAY - 64 * DAY
    backfill(at(NOW - 30 * DAY, tmp_path, server), start, TODAY - 31 * DAY, on_progress=lambda _: None)
    bad = TODAY - 40 * DAY
    server.show(poisoned(bad))
    gathered = gather(at(NOW, tmp_path, server), TODAY)
    assert gathered.windows == morning(TODAY, NEOWS)
    assert {bad - 8 * DAY, bad + 8 * DAY} <= {day for window in gathered.revisited for day in window.days}
    assert bad not in {day for window in gathered.revisited for day in window.days}
    [window] = {window for window in server.asked if bad in window.days}
    assert gathered.cut_short == f"NeoWs gives no answer that can be read for {window} ({EMPTY})"

    take_in(at(NOW, tmp_path, server))
    assert set(refused(at(NOW, tmp_path, server))) == set(window.days)
    gather(at(NOW + timedelta(hours=1), tmp_path, server), TODAY)
    assert server.asked.count(window) == client.PATIENCE.attempts, "asked for again after half a day only"
    server.show(listing_nothing)
    later = at(NOW + DAY, tmp_path, server)
    assert window in gather(later, TODAY + DAY).revisited
    take_in(later)
    assert refused(later) == {}


def test_a_poisoned_window_ahead_leaves_the_morning_its_own_day_and_its_revisits(
    settings: Settings, server: NeoWsServer
) -> None:
    behind, ahead = morning(TODAY, NEOWS)
    server.show(poisoned(TODAY + 5 * DAY))
    gathered = gather(settings, TODAY)
    assert gathered.windows == (behind,)
    assert gathered.cut_short == f"NeoWs gives no answer that can be read for {ahead} ({EMPTY})"


def test_a_morning_without_its_own_day_fails_once_everything_else_was_asked_for(
    tmp_path: Path, server: NeoWsServer
) -> None:
    backfill(at(NOW - 30 * DAY, tmp_path, server), TODAY - 64 * DAY, TODAY - 31 * DAY, on_progress=lambda _: None)
    behind, ahead = morning(TODAY, NEOWS)
    server.show(poisoned(TODAY - DAY))
    with pytest.raises(Refused, match=str(behind)):
        gather(at(NOW, tmp_path, server), TODAY)
    assert len(set(server.asked)) > 2
    assert ahead in server.asked


def test_a_backfill_goes_on_past_windows_that_cannot_be_read_and_says_at_the_end_how_many_and_why(
    settings: Settings, server: NeoWsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyby.jobs.backfill.READING_WINDOWS", 4)
    first, last = JANUARY[0].start, JANUARY[-1].end
    server.show(poisoned(JANUARY[1].start, JANUARY[6].start))
    with pytest.raises(Interrupted) as caught:
        backfill(settings, first, last, on_progress=lambda _: None)
    error = caught.value
    assert (error.progress.windows, error.progress.of_windows) == (len(JANUARY) - 2, len(JANUARY))
    assert str(error) == (
        f"NeoWs gives no answer that can be read for 2 windows, the first of them {JANUARY[1]} ({EMPTY}) "
        f"(10 of 12 windows are held: what is not is asked for again by later mornings)"
    )
    with held(settings) as record:
        states = {entry.day: entry.state for entry in ledger(record, "asteroids_record")}
    assert [day for day, state in states.items() if state == "missing"] == [*JANUARY[1].days, *JANUARY[6].days]

    server.show(listing_nothing)
    done: list[Progress] = []
    backfill(settings, first, last, on_progress=done.append)
    assert server.asked == [JANUARY[1], JANUARY[6]]
    assert (done[-1].windows, done[-1].of_windows) == (2, 2)


def test_a_patient_backfill_does_not_wait_for_what_cannot_be_read(settings: Settings, server: NeoWsServer) -> None:
    server.show(poisoned(JANUARY[0].start))
    with pytest.raises(Interrupted, match="no answer that can be read"):
        backfill_patiently(
            settings,
            JANUARY[0].start,
            JANUARY[1].end,
            on_progress=lambda _: None,
            on_wait=lambda seconds, why: pytest.fail(why),
        )


def test_weeks_that_cannot_be_read_do_not_keep_a_morning_from_the_others(tmp_path: Path, server: NeoWsServer) -> None:
    long_ago = NOW - 400 * DAY
    days = [TODAY - n * DAY for n in range(500, 500 + 30 * WINDOW_DAYS)]
    backfill(at(long_ago, tmp_path, server), TODAY - 1000 * DAY, TODAY - 800 * DAY, on_progress=lambda _: None)
    server.show(poisoned(*days[::-1]))
    for n in range(4):  # REFUSED_IN_A_ROW end each of these
        part = days[n * 64 : (n + 1) * 64]
        with pytest.raises(Interrupted):
            backfill(at(long_ago + n * DAY, tmp_path, server), part[-1], part[0], on_progress=lambda _: None)
    server.asked.clear()
    gathered = gather(at(NOW, tmp_path, server), TODAY)
    assert len(gathered.revisited) >= 11
    assert gathered.cut_short
