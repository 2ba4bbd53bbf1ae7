"""The page as a file. How it behaves in a browser is test_page_in_browser.py's."""

import gzip
import json
import re
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from answers import Home, body, moment, row, window
from flyby.errors import HomeError
from flyby.output import report, vega
from flyby.output.notify import notices
from flyby.output.report import write_report
from flyby.record.load import publish_record
from skies import COMING, HOSTILE, NOW, PAST, two_mornings, write_page


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return two_mornings(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def page(home: Home) -> str:
    return write_page(home).read_text(encoding="utf-8")


def embedded(page: str) -> Any:
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(data)


def packed(page: str, name: str) -> str:
    [text] = re.findall(rf'<script type="text/plain" id="{name}">(.*?)</script>', page, re.DOTALL)
    return gzip.decompress(b64decode(text)).decode()


def test_page_is_one_file_of_two_megabytes_at_most(page: str) -> None:
    assert len(page.encode()) <= 2_000_000


def test_page_loads_nothing_and_its_policy_forbids_it(page: str) -> None:
    assert re.findall(r"<link (.{21})", page) == ['rel="icon" href="data']
    assert not re.findall(r"<(?:img|iframe|object|embed|script[^>]* src)\b", page.split('id="data"')[0])
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    assert "@import" not in page.split("</style>")[0]
    assert "default-src 'none'" in page
    assert "unsafe-eval" not in page.split("<style>")[0]


def test_page_holds_the_flybys_of_a_month_back_and_what_is_coming(page: str) -> None:
    flybys = embedded(page)["flybys"]
    assert {row[flybys["columns"].index("designation")] for row in flybys["rows"]} == PAST | COMING


def test_changes_are_those_of_the_last_readings_day(page: str) -> None:
    told = embedded(page)["changes"]
    assert told["since"] == "2019-02-16T00:00:00Z"
    assert told["counts"] == {"new": 2, "revised": 1, "unlisted": 1}
    assert told["first_looks"] == 1
    [revised] = [change for change in told["listed"] if change["kind"] == "revised"]
    moves = {move["field"]: (move["before"], move["after"]) for move in revised["moves"]}
    assert moves["close_approach_at"] == ("2019-02-19T06:20:00Z", "2019-02-19T07:45:00Z")
    assert moves["miss_distance_km"] == pytest.approx((0.1 * 1.5e8, 0.11 * 1.5e8))


def test_days_come_with_their_states(page: str) -> None:
    days = embedded(page)["days"]
    assert [days[0], days[-1]] == [["2019-02-07", "fresh", 1, 0], ["2019-02-23", "fresh", 1, 1]]
    assert len(days) == 17


def test_what_jpl_says_is_told_once_it_was_asked(page: str) -> None:
    opinion = embedded(page)["opinion"]
    assert (opinion["heard_at"], opinion["days"], opinion["months"], opinion["largest"]) == (None, 0, [], [])


def test_latency_is_not_claimed_where_two_mornings_cannot_tell(page: str) -> None:
    assert embedded(page)["latency"]["is_little"]


def test_text_from_the_feed_cannot_end_the_element_that_holds_it(page: str) -> None:
    assert HOSTILE not in page
    assert "<" not in re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0]
    assert any(HOSTILE in value for row in embedded(page)["flybys"]["rows"] for value in row if isinstance(value, str))


@pytest.mark.parametrize("text", ["</script>", "<!--", "&lt;", "\u2028", "\u2029", "\ud800", "{{style}}", "\\1"])
def test_any_text_comes_through_whole(text: str) -> None:
    page = report._page({"text": text}, drawing=b"", ever="{}")
    assert embedded(page) == {"text": text}
    assert page.count("</script>") == 4
    page.encode()


def test_what_is_no_number_is_null() -> None:
    page = report._page({"values": [float("nan"), float("inf"), 1.5]}, drawing=b"", ever="{}")
    assert embedded(page)["values"] == [None, None, 1.5]


@pytest.mark.parametrize("simulated", [True, False])
def test_page_knows_whether_the_sky_is_simulated(tmp_path: Path, simulated: bool) -> None:
    home = two_mornings(tmp_path, simulated=simulated)
    page = write_page(home)
    assert embedded(page.read_text(encoding="utf-8"))["simulated"] is simulated


@pytest.mark.parametrize(("hours", "stale"), [(20, False), (30, True)])
def test_page_says_when_no_morning_came(home: Home, tmp_path: Path, hours: int, stale: bool) -> None:
    page = write_page(home, tmp_path / "index.html", now=NOW + timedelta(hours=hours))
    assert embedded(page.read_text(encoding="utf-8"))["stale"] is stale


def test_an_empty_record_makes_a_page(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.take_in()
    publish_record(home.settings)
    page = write_page(home)
    told = embedded(page.read_text(encoding="utf-8"))
    assert (told["flybys"]["rows"], told["days"], told["changes"]["counts"], told["stale"]) == ([], [], {}, False)


def test_no_database_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="there is no"):
        write_report(tmp_path / "flyby.duckdb", tmp_path / "index.html", now=NOW)
    assert not (tmp_path / "index.html").exists()


def test_after_a_run_a_page_that_cannot_be_written_is_a_line_and_no_failure(home: Home, tmp_path: Path) -> None:
    settings = replace(home.settings, home=tmp_path)
    (tmp_path / "report").touch()
    [line] = report.after_run(settings)
    assert line.startswith("the page is the old one: the page ")
    assert "could not be written" in line


def test_who_writes_in_the_published_file_has_it_to_themselves_while_a_run_writes_page_and_notices(
    tmp_path: Path,
) -> None:
    settings = replace(two_mornings(tmp_path).settings, rehearsed_now=NOW)
    with duckdb.connect(settings.published) as mine:
        mine.execute("CREATE TABLE my_own AS SELECT 1 AS one")
        assert report.after_run(settings) == []
        assert notices.after_load(replace(settings, notify=("json://127.0.0.1:9/",), digest=True))[0].startswith(
            "address 1"
        )
        assert mine.execute("FROM my_own").fetchall() == [(1,)]
    assert "my_own" not in settings.report.read_text(encoding="utf-8")


def test_after_a_run_the_page_is_there(tmp_path: Path) -> None:
    settings = replace(two_mornings(tmp_path).settings, rehearsed_now=NOW)
    settings.report.parent.mkdir()
    assert report.after_run(settings) == []
    assert embedded(settings.report.read_text(encoding="utf-8"))["now"] == "2019-02-16T06:05:00Z"


def test_page_is_replaced_whole_and_leaves_nothing_beside_it(home: Home, tmp_path: Path) -> None:
    page = tmp_path / "report" / "index.html"
    for _ in range(2):
        assert write_page(home, page) == page
        assert [path.name for path in page.parent.iterdir()] == ["index.html"]


def test_page_that_cannot_be_written_is_said_in_one_line_and_the_old_one_stays(home: Home, tmp_path: Path) -> None:
    (tmp_path / "index.html").mkdir()
    with pytest.raises(HomeError, match="could not be written"):
        write_page(home, tmp_path / "index.html")
    assert (tmp_path / "index.html").is_dir()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_vegas_program_is_made_once_and_kept_in_flyby_home_and_nowhere_else(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    monkeypatch.setenv("HOME", str(tmp_path / "users"))
    home.release()
    for _ in range(2):
        assert report.after_run(home.settings) == []
        [kept] = (home.settings.home / "cache").iterdir()
        assert b"vegaEmbed" in gzip.decompress(kept.read_bytes())
        kept.write_bytes(gzip.compress(b"/* kept: vegaEmbed */"))
    assert "/* kept: vegaEmbed */" in packed(home.settings.report.read_text(encoding="utf-8"), "vega")
    assert not (tmp_path / "users").exists()


def test_without_a_cache_the_page_has_its_pictures_all_the_same(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    page = tmp_path / "index.html"
    write_report(home.settings.published, page, now=NOW, cache=tmp_path / "file")
    assert "vegaEmbed=" in packed(page.read_text(encoding="utf-8"), "vega")


def missing() -> bytes:
    raise ImportError("vl_convert")


def test_in_a_new_home_another_process_makes_vegas_program_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vega, "_made", missing)
    with vega.made_meanwhile(tmp_path / "cache"):
        assert b"vegaEmbed=" in gzip.decompress(vega.program(tmp_path / "cache"))
    assert vega.program(tmp_path / "other") == b"", "not this one"


def test_a_run_that_ends_before_its_page_does_not_wait_for_vegas_program(tmp_path: Path) -> None:
    with pytest.raises(HomeError), vega.made_meanwhile(tmp_path / "cache"):
        raise HomeError("the disk is full")
    assert not (tmp_path / "cache").exists()


def test_a_program_that_is_not_whole_is_made_again(tmp_path: Path) -> None:
    whole = vega.program(tmp_path)
    [kept] = tmp_path.iterdir()
    for damaged in (b"", whole[:1000], b"?" * 1000):
        kept.write_bytes(damaged)
        assert vega.program(tmp_path) == whole


def test_without_the_extra_there_is_a_page_all_the_same(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vega, "_made", missing)
    page = write_page(home, tmp_path / "index.html").read_text(encoding="utf-8")
    assert packed(page, "vega") == ""
    assert len(embedded(page)["flybys"]["rows"]) == 7


def test_the_whole_record_is_packed_in_the_page_and_what_was_said_of_it_lately(page: str) -> None:
    ever = json.loads(packed(page, "archive"))
    asteroids, flybys, versions = ever["asteroids"], ever["flybys"], ever["versions"]
    assert asteroids["designation"] == [f"2019 {letter * 2}" for letter in "ABCDEFGH"]
    assert asteroids["name"][:6] == [None] * 6, "a designation in parentheses is no other name"
    assert asteroids["name"][6] == f"{HOSTILE} (2019 GG)"
    assert flybys["state"] == [0, 0, 0, 1, 0, 0, 0, 0], "2019 DD is no longer listed"
    said = list(zip(versions["flyby"], versions["revision"], versions["change"], strict=True))
    assert [what for what in said if what[0] == 4] == [(4, 1, "new"), (4, 2, "changed")]


def test_of_years_ago_only_what_is_believed_is_in_the_page(home: Home, tmp_path: Path) -> None:
    later = write_page(home, tmp_path / "index.html", now=NOW + timedelta(days=2000)).read_text(encoding="utf-8")
    ever = json.loads(packed(later, "archive"))
    assert len(ever["flybys"]["km"]) == 8
    within_the_moons_distance = ever["asteroids"]["designation"].index("2019 CC")
    assert set(ever["versions"]["flyby"]) == {within_the_moons_distance}


def test_a_page_that_is_served_somewhere_says_so_to_those_who_link_to_it(home: Home, tmp_path: Path) -> None:
    told = "4 asteroids to come; the closest is 2019 CC, at 0.39 lunar distances (150,000 km), on 2019-02-17 06:20 UTC."
    alone = write_page(home, tmp_path / "alone.html").read_text(encoding="utf-8")
    assert f'<meta name="description" content="{told}">' in alone
    assert "og:" not in alone.split("<style>")[0]
    site = "https://asteroids.example/flyby"
    served = write_report(home.settings.published, tmp_path / "served.html", now=NOW, site=site)
    head = served.read_text(encoding="utf-8").split("<style>")[0]
    assert f'<meta property="og:url" content="{site}/">' in head
    assert f'<meta property="og:image" content="{site}/week.png">' in head
    assert f'<meta property="og:description" content="{told}">' in head


@pytest.mark.parametrize("au", [0.0, 1e-12])
def test_a_distance_that_makes_no_sense_makes_a_page_all_the_same(tmp_path: Path, au: float) -> None:
    home = Home(tmp_path)
    home.land(moment("2019-02-16"), window("2019-02-16", "2019-02-23"), body([row("2019 AA", "1", "2019-02-17", au)]))
    home.take_in()
    publish_record(home.settings)
    assert len(embedded(write_page(home).read_text(encoding="utf-8"))["flybys"]["rows"]) == 1
