"""A notice comes once, when there is something to say, and never stands in the way of a run."""

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event
from typing import Any

import dagster as dg
import duckdb
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from answers import Home, Row, body, moment, row, window
from flyby.days import DAY
from flyby.errors import SettingsError
from flyby.output.notify import courier, notices
from flyby.output.notify.notices import Flyby, Told, ToldFlyby
from flyby.query import views
from flyby.query.database import query_text
from flyby.record.load import load_staged, publish_record, stage_landed
from flyby.sandbox import Sandbox
from flyby.settings import NotableRule, Settings

TODAY = date(2019, 2, 16)
WEEK = window("2019-02-08", "2019-02-15")
AHEAD = window("2019-02-16", "2019-02-23")
#: Ten flybys of which one may be missing without a doubt; none of them is notable.
MANY = [row(f"2018 B{n}", f"38001{n:02}", "2019-02-12") for n in range(10)]
CLOSE = row("2019 CA", "3840001", "2019-02-18", 0.002)
RULES = Settings.load({}).notable


class Published(Home):
    """A home whose every sitting is published, and whose clock stands at the last one."""

    def morning(self, at: str, *answers: tuple[Any, Iterable[Row]]) -> Settings:
        for asked, rows in answers:
            self.land(moment(at), asked, body(rows))
        stage_landed(self.settings)
        load_staged(self.settings)
        publish_record(self.settings)
        self.settings = replace(self.settings, rehearsed_now=moment(at))
        return self.settings


class Receiver:
    """A service that takes Apprise's JSON."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.address = f"json://secret:t0ken@127.0.0.1:{server.port}/here"
        self.messages: list[dict[str, str]] = []
        self.heard = Event()
        server.expect_request("/here").respond_with_handler(self.take)

    def take(self, request: Request) -> Response:
        self.messages.append(request.get_json())
        self.heard.set()
        return Response()

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]


@pytest.fixture
def home(tmp_path: Path) -> Published:
    return Published(tmp_path).begun()


@pytest.fixture(scope="module")
def with_one_close(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record whose one notable flyby is CLOSE."""
    home = Published(tmp_path_factory.mktemp("home"))
    return home.morning("2019-02-16", (WEEK, MANY), (AHEAD, [CLOSE])).record


@pytest.fixture
def ready(with_one_close: Path, tmp_path: Path) -> Settings:
    """A home with that record alone."""
    (tmp_path / "record").mkdir()
    shutil.copyfile(with_one_close, tmp_path / "record" / "record.duckdb")
    return replace(Settings.load({"FLYBY_HOME": str(tmp_path)}), rehearsed_now=moment("2019-02-16"))


@pytest.fixture
def receiver(httpserver: HTTPServer) -> Receiver:
    return Receiver(httpserver)


@pytest.fixture
def nobody() -> str:
    """An address on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"json://secret:t0ken@127.0.0.1:{port}/here"


def telling(settings: Settings, *addresses: str, **more: Any) -> Settings:
    return replace(settings, notify=addresses, **more)


def a_flyby(
    designation: str = "2019 CA",
    *,
    ld: float = 0.5,
    day: date = TODAY,
    diameter_m: float | None = 10.0,
    hazardous: bool = False,
) -> Flyby:
    return Flyby(f"{designation}@{day}", f"({designation})", day, None, ld, ld * 384400, 12.0, diameter_m, hazardous)


def rules_told(*flybys: Flyby, told: Told = Told()) -> dict[str, list[str]]:  # noqa: B008  it is never changed
    _, after = notices.noted(told, flybys, RULES, TODAY)
    return {key: flyby.rules for key, flyby in after.flybys.items()}


# What is sent, to a receiver that is really there.


def test_a_notable_flyby_is_told_once(ready: Settings, receiver: Receiver) -> None:
    settings = telling(ready, receiver.address)
    assert notices.after_load(settings) == []
    assert notices.after_load(settings) == []
    [message] = receiver.messages
    assert message["title"] == "flyby: 1 notable flyby, the closest at 0.78 LD"
    assert message["message"] == (
        "(2019 CA), 2019-02-18 06:20 UTC, 0.78 LD (300,000 km), about 118 m, 7.5 km/s: within 1 LD"
    )


def test_without_an_address_nothing_is_done(tmp_path: Path) -> None:
    settings = Settings.load({"FLYBY_HOME": str(tmp_path / "home")})
    assert notices.after_load(settings) == []
    assert notices.failed(settings, "asteroid_job", "NASA is away") == []
    assert not settings.home.exists()


def test_a_failing_job_is_told_once_and_again_when_it_works(ready: Settings, receiver: Receiver) -> None:
    nothing_yet = replace(ready, home=ready.home / "home")
    settings = telling(nothing_yet, receiver.address)
    assert notices.failed(settings, "asteroid_job", "NASA's key\nis wrong: set NASA_API_KEY") == []
    assert notices.failed(settings, "asteroid_job", "another reason on another day") == []
    settings.record.parent.mkdir()
    shutil.copyfile(ready.record, settings.record)
    assert notices.after_load(replace(settings, notable=())) == []
    assert notices.after_load(replace(settings, notable=())) == []
    assert receiver.titles == ["flyby: asteroid_job failed", "flyby: asteroid_job works again"]
    assert receiver.messages[0]["message"].startswith("NASA's key is wrong: set NASA_API_KEY\n")
    assert [message["type"] for message in receiver.messages] == ["failure", "success"]


def test_simulated_asteroids_frighten_nobody(home: Published, receiver: Receiver) -> None:
    feed = json.loads(body([CLOSE])) | {"links": {"self": "http://127.0.0.1/", "simulated": "the built-in sky"}}
    home.land(moment("2019-02-16"), AHEAD, json.dumps(feed).encode())
    notices.after_load(telling(home.morning("2019-02-16", (WEEK, MANY)), receiver.address))
    [message] = receiver.messages
    assert message["title"].startswith("SIMULATED flyby: 1 notable")
    assert "no real asteroids" in message["message"]


def test_the_digest_comes_once_a_day_if_asked_for(home: Published, receiver: Receiver) -> None:
    last_night = row("2019 BZ", "3840002", "2019-02-15", 0.05)
    settings = home.morning("2019-02-15", (WEEK, [last_night, *MANY]))
    settings = home.morning(
        "2019-02-16", (WEEK, [replace(last_night, au=0.04), *MANY]), (AHEAD, [row("2019 CB", "3840003", "2019-02-20")])
    )
    settings = telling(settings, receiver.address, digest=True)
    # A backfill before it does not use up the day's digest.
    assert notices.after_load(settings, job="history_job") == []
    assert receiver.messages == []
    assert notices.after_load(settings) == []
    assert notices.after_load(settings) == []
    [message] = receiver.messages
    assert message["title"] == "flyby: the sky on 2019-02-16"
    assert message["message"].splitlines() == [
        "Last night (2019-02-15): 1 flyby",
        "- (2019 BZ), 2019-02-15, 15.56 LD",
        "",
        "In the next 8 days: 1 flyby",
        "- (2019 CB), 2019-02-20, 38.90 LD",
        "",
        "Changed in 24 hours: 1 revised",
        "- (2019 BZ), 2019-02-15: 7,500,000 km is now 6,000,000 km",
    ]


def test_no_digest_before_the_morning_was_read(home: Published, receiver: Receiver) -> None:
    settings = home.morning("2019-02-16", (WEEK, MANY))
    settings = telling(settings, receiver.address, digest=True, rehearsed_now=moment("2019-02-17"))
    assert notices.after_load(settings) == []
    assert receiver.messages == []


def test_who_is_killed_between_sending_and_remembering_says_it_once_more(
    ready: Settings, httpserver: HTTPServer
) -> None:
    environment = {
        **os.environ,
        "FLYBY_HOME": str(ready.home),
        "FLYBY_NOW": "2019-02-16T06:00Z",
        "FLYBY_NOTIFY": f"json://127.0.0.1:{httpserver.port}/here",
    }
    code = (
        "from flyby.output.notify import notices; from flyby.settings import Settings; "
        "print(notices.after_load(Settings.load()))"
    )
    took: list[int] = []
    runs: list[subprocess.Popen[str]] = []

    def take(_: Request) -> Response:
        took.append(len(runs))
        if len(runs) == 1:
            runs[0].send_signal(signal.SIGKILL)
        return Response()

    httpserver.expect_request("/here").respond_with_handler(take)
    for ends_with in (-signal.SIGKILL, 0, 0):
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        runs.append(process)
        said, _ = process.communicate()
        assert process.returncode == ends_with
        assert said == ("" if ends_with else "[]\n")
    assert took == [1, 2]


def test_the_job_tells_that_it_failed_that_it_works_again_and_what_is_notable(
    tmp_path: Path, httpserver: HTTPServer, receiver: Receiver, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flyby.definitions import defs
    from flyby.defs.schedules import tick_config

    def run(**environment: str) -> tuple[bool, list[str]]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with dg.DagsterInstance.ephemeral() as instance:
            done = defs.resolve_job_def("asteroid_job").execute_in_process(
                run_config=tick_config("asteroids", date(2026, 11, 23)), instance=instance, raise_on_error=False
            )
            log = [entry.user_message for entry in instance.all_logs(done.run_id) if entry.level == logging.WARNING]
        return done.success, log

    for name in [name for name in os.environ if name.startswith(("FLYBY_", "NASA_"))]:
        monkeypatch.delenv(name)
    refused = {"error": {"code": "API_KEY_INVALID", "message": "An invalid api_key was supplied."}}
    httpserver.expect_request("/feed").respond_with_json(refused, status=403)
    environment = {
        "FLYBY_HOME": str(tmp_path),
        "FLYBY_NOW": "2026-11-23T06:00Z",
        "FLYBY_NEOWS_URL": f"http://127.0.0.1:{httpserver.port}",
        "FLYBY_NOTIFY": receiver.address,
        "FLYBY_NOTABLE": "100 LD",
    }
    assert run(**environment) == (False, [])
    assert receiver.titles == ["flyby: asteroid_job failed"]
    assert "NASA_API_KEY" in receiver.messages[0]["message"]

    with Sandbox(now=datetime(2026, 11, 23, 6, tzinfo=UTC)) as sky:
        assert run(FLYBY_NEOWS_URL=sky.url) == (True, [])
        assert receiver.titles[1] == "SIMULATED flyby: asteroid_job works again"
        assert "notable flybys" in receiver.titles[2]
        success, [line] = run(FLYBY_NOTIFY=nobody)
        assert success
        assert "address 1 of FLYBY_NOTIFY" in line


# What is in the way of sending.


def test_a_receiver_that_is_down_hears_it_at_the_next_run(ready: Settings, nobody: str, receiver: Receiver) -> None:
    for _ in range(2):
        [line] = notices.after_load(telling(ready, receiver.address, nobody))
        assert line == (
            "address 2 of FLYBY_NOTIFY (json://) was not told everything: it did not arrive; the next run tries again"
        )
    # The other one heard it at once, and once.
    assert len(receiver.messages) == 1


def test_a_receiver_that_hangs_is_given_up(ready: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "PATIENCE_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        never = f"json://secret:t0ken@127.0.0.1:{silent.getsockname()[1]}/?rto=60"
        [line] = notices.after_load(telling(ready, never))
    assert line.startswith("address 1 of FLYBY_NOTIFY (json://) was not told everything: no answer within 1 s;")


def test_a_slow_receiver_holds_up_no_other(ready: Settings, receiver: Receiver) -> None:
    def wait(_: Request) -> Response:
        return Response(status=200 if receiver.heard.wait(25) else 500)

    with HTTPServer() as slow:
        slow.expect_request("/").respond_with_handler(wait)
        assert notices.after_load(telling(ready, f"json://127.0.0.1:{slow.port}/?rto=30", receiver.address)) == []


@pytest.mark.parametrize("address", ["nonsense://t0ken/secret", "t0ken-secret"])
def test_a_wrong_address_is_one_line_that_tells_no_token(ready: Settings, address: str) -> None:
    settings = telling(ready, address)
    [line] = notices.after_load(settings)
    assert "address 1 of FLYBY_NOTIFY" in line
    assert "Apprise knows no such address" in line
    assert "t0ken" not in line


def test_without_apprise_one_line_says_what_to_install(ready: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "find_spec", lambda _: None)
    settings = telling(ready, "json://127.0.0.1/")
    [line] = notices.after_load(settings)
    assert "pip install 'flyby[notify]'" in line


def test_a_home_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings.load({"FLYBY_HOME": str(tmp_path / "file"), "FLYBY_NOTIFY": "json://127.0.0.1/"})
    assert notices.failed(settings, "asteroid_job", "no")[0].startswith("no notices: notices.json cannot be read")


def test_a_broken_memory_is_made_anew(ready: Settings, receiver: Receiver) -> None:
    settings = telling(ready, receiver.address)
    (settings.home / "notices.json").write_text("{")
    assert notices.after_load(settings) == []
    assert notices.after_load(settings) == []
    assert len(receiver.messages) == 1


def test_no_token_is_kept_or_shown(ready: Settings, receiver: Receiver) -> None:
    settings = telling(ready, receiver.address)
    notices.after_load(settings)
    kept = (settings.home / "notices.json").read_text()
    assert "2019 CA@2019-02-18" in kept
    assert "127.0.0.1" not in kept
    assert "t0ken" not in kept + repr(settings)


# Which flybys.


@pytest.mark.parametrize(
    ("flyby", "rules"),
    [
        pytest.param(a_flyby(ld=1.0), ["1 LD"], id="within 1 LD, whatever it is"),
        pytest.param(a_flyby(ld=1.01), None, id="small and not that close"),
        pytest.param(a_flyby(ld=20.0, hazardous=True), ["hazardous 20 LD"], id="hazardous within 20 LD"),
        pytest.param(a_flyby(ld=20.1, hazardous=True), None, id="hazardous and far"),
        pytest.param(a_flyby(ld=10.0, diameter_m=140.0), ["140 m 10 LD"], id="140 m within 10 LD"),
        pytest.param(a_flyby(ld=10.0, diameter_m=139.0), None, id="a little smaller"),
        pytest.param(a_flyby(ld=10.0, diameter_m=None), None, id="size not known"),
        pytest.param(
            a_flyby(ld=0.5, diameter_m=200.0, hazardous=True), ["1 LD", "hazardous 20 LD", "140 m 10 LD"], id="all"
        ),
    ],
)
def test_notable_is(flyby: Flyby, rules: list[str] | None) -> None:
    assert rules_told(flyby) == ({flyby.flyby_id: rules} if rules else {})


def test_a_revision_that_adds_a_reason_makes_a_flyby_notable_anew() -> None:
    before = a_flyby(ld=8.0, diameter_m=200.0)
    _, told = notices.noted(Told(), [before], RULES, TODAY)
    message, told = notices.noted(told, [a_flyby(ld=0.9, diameter_m=200.0)], RULES, TODAY)
    assert message is not None
    assert message.body.endswith(": now within 1 LD")
    # Back and forth is nothing new.
    for ld in (8.0, 12.0, 0.8):
        message, told = notices.noted(told, [a_flyby(ld=ld, diameter_m=200.0)], RULES, TODAY)
        assert message is None


def test_a_flood_is_one_message_of_a_few_lines() -> None:
    flybys = [a_flyby(f"2019 D{n}", ld=0.9 - n / 1000) for n in range(500)]
    message, told = notices.noted(Told(), flybys, RULES, TODAY)
    assert message is not None
    assert message.title == "500 notable flybys, the closest at 0.40 LD"
    assert len(message.body.splitlines()) == notices.MOST_LINES + 1
    assert message.body.endswith("… and 488 more: `flyby status` and `flyby upcoming` tell")
    assert notices.noted(told, flybys, RULES, TODAY)[0] is None


def test_what_was_told_is_forgotten_after_a_month() -> None:
    told = Told(flybys={"old": ToldFlyby(TODAY - 31 * DAY, ["1 LD"]), "new": ToldFlyby(TODAY - 30 * DAY, ["1 LD"])})
    assert set(rules_told(told=told)) == {"new"}


def test_only_the_last_days_and_the_next_month_are_told(home: Published, receiver: Receiver) -> None:
    days = {"2019-02-12": False, "2019-02-13": True, "2019-02-16": True, "2019-03-18": True, "2019-03-19": False}
    close = [row(f"2019 E{n}", f"38400{n}", day, 0.002) for n, day in enumerate(days)]
    asked = [(window(str(at.day)), [at]) for at in close]
    settings = home.morning(
        "2019-02-16", *asked, (window("2015-02-08"), [row("2015 A", "3800001", "2015-02-08", 0.001)])
    )
    assert notices.after_load(telling(settings, receiver.address)) == []
    [message] = receiver.messages
    told = [line.split(", ")[1][:10] for line in message["message"].splitlines()]
    assert told == [day for day, is_told in days.items() if is_told]


def test_a_magnitude_stands_for_a_size(home: Published) -> None:
    settings = home.morning("2019-02-16", (WEEK, MANY), (AHEAD, [replace(CLOSE, au=0.02, h=None)]))
    # A flyby that only JPL knows has no diameter.
    told = """
        CREATE TEMP TABLE told AS FROM close_approaches;
        INSERT INTO told SELECT * REPLACE (
            ['cad'] AS sources, '2019 CC@2019-02-18' AS flyby_id, 22.0 AS absolute_magnitude_h, NULL AS diameter_min_m,
            1.5 AS miss_distance_ld
        ) FROM close_approaches WHERE designation = '2019 CA';
    """
    query = query_text("notable").replace("FROM close_approaches", "FROM told")
    with duckdb.connect(settings.record) as connection:
        connection.execute(told)
        rows = connection.execute(query, {"first": TODAY, "last": TODAY + 7 * DAY, "within_ld": 20.0}).fetchall()
    assert [(flyby_id, round(ld, 2)) for flyby_id, _, _, _, ld, *_ in rows] == [
        ("2019 CC@2019-02-18", 1.5),
        ("2019 CA@2019-02-18", 7.78),
    ]
    assert [diameter_m and round(diameter_m) for *_, diameter_m, _, _, _, _ in rows] == [141, None]


def test_a_name_stays_text() -> None:
    hostile = replace(a_flyby(), name="<b>[x](https://evil.example) @everyone *_~` \x1b[31m")
    message, _ = notices.noted(Told(), [hostile], RULES, TODAY)
    assert message is not None
    assert not set(message.body.split(", ")[0]) & set("<>[]@*_~`:.\x1b")
    assert notices.named("433 Eros (A898 PA)") == "433 Eros (A898 PA)"
    assert notices.said("FLYBY_HOME: `flyby run` <img src=x>\n@all") == "FLYBY_HOME: `flyby run` ·img src=x· ·all"


# A source that leaves things out.


REASON = "no 54… ids where 33 were listed"


def hears(told: Told, today: str, *suspect: str) -> tuple[str | None, Told]:
    """The title, if one who was told this hears something on that day about days FROM..TO that are suspect."""
    days = [map(date.fromisoformat, span.split("..")) for span in suspect]
    spans = [views.Span(first, last, REASON) for first, last in days]
    message, after = notices.doubted(told, spans, date.fromisoformat(today))
    return message.title if message else None, after


def test_an_outage_is_told_when_it_begins_and_when_it_is_over_and_not_each_morning() -> None:
    said, told = hears(Told(), "2019-02-16")
    assert said is None
    said, told = hears(told, "2019-02-17", "2019-02-09..2019-02-16")
    assert said == "the source leaves asteroids out"
    for morning in range(18, 28):  # every morning makes another day suspect
        said, told = hears(told, f"2019-02-{morning}", f"2019-02-09..2019-02-{morning - 1}")
        assert said is None
    said, told = hears(told, "2019-02-28")
    assert said == "the source is complete again"
    said, told = hears(told, "2019-03-01")
    assert said is None
    said, told = hears(told, "2019-03-02", "2019-03-02..2019-03-09")
    assert said == "the source leaves asteroids out"


def test_days_that_stay_suspect_after_an_outage_are_mentioned_and_not_told_again() -> None:
    _, told = hears(Told(), "2019-02-17", "2019-02-09..2019-02-16")
    message, told = notices.doubted(told, [views.Span(date(2019, 2, 9), date(2019, 2, 16), REASON)], date(2019, 2, 27))
    assert message is not None
    assert message.title == "the source is complete again"
    assert message.body.endswith("Still suspect: 8 older days, asked for again by and by.")
    said, told = hears(told, "2019-02-28", "2019-02-09..2019-02-16")
    assert said is None


def test_old_days_that_become_suspect_without_an_outage_are_told_by_themselves_once() -> None:
    said, told = hears(Told(), "2019-02-16", "2018-02-08..2018-02-15")
    assert said == "8 older days not believed"
    said, told = hears(told, "2019-02-17", "2018-02-08..2018-02-15")
    assert said is None
    said, told = hears(told, "2019-02-18", "2018-02-08..2018-02-15", "2018-03-01..2018-03-01")
    assert said == "1 older day not believed"
    said, told = hears(told, "2019-02-19", "2018-02-08..2018-02-15", "2019-02-11..2019-02-18")
    assert said == "the source leaves asteroids out"


def test_one_notice_says_what_is_missing(home: Published, receiver: Receiver) -> None:
    home.morning("2019-02-16", (WEEK, MANY))
    settings = telling(home.morning("2019-02-17", (WEEK, [])), receiver.address)
    assert notices.after_load(settings) == []
    assert notices.after_load(settings) == []
    [message] = receiver.messages
    assert message["title"] == "flyby: the source leaves asteroids out"
    assert message["message"].startswith(
        "2019-02-08 to 2019-02-15: no 3… ids where 10 were listed; 10 of 10 known flybys are missing; "
    )
    assert message["type"] == "warning"


# What can be set.


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("0 LD", (NotableRule(0.0),)),
        ("0.5 ld;  Hazardous 100m 5 LD ;", (NotableRule(0.5), NotableRule(5.0, hazardous=True, diameter_m=100.0))),
    ],
)
def test_what_is_notable_can_be_set(text: str, rules: tuple[NotableRule, ...]) -> None:
    assert Settings.load({"FLYBY_NOTABLE": text}).notable == rules
    assert Settings.load({"FLYBY_NOTABLE": "; ".join(map(str, rules))}).notable == rules


@pytest.mark.parametrize(
    ("name", "text"), [("FLYBY_NOTABLE", "1"), ("FLYBY_NOTABLE", "near 1 LD"), ("FLYBY_DIGEST", "weekly")]
)
def test_a_setting_that_makes_no_sense_is_named(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.load({name: text})


def test_the_day_of_a_notice_is_that_of_the_tick() -> None:
    settings = Settings.load({"FLYBY_TIMEZONE": "Pacific/Auckland"})
    assert notices.local_day(settings, datetime(2019, 2, 16, 18, tzinfo=UTC)) == date(2019, 2, 17)
