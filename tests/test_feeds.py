"""Feeds: read by parsers that did not write them, over mornings on which a flyby moves, is revised and is withdrawn."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import feedparser
import ics
import jsonschema
import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from answers import Home, moment, row, window
from flyby.errors import HomeError, SettingsError
from flyby.output.feeds import words, write_feeds
from flyby.output.feeds.calendar import calendar
from flyby.output.feeds.changes import Change, atom, entries, json_feed
from flyby.output.feeds.upcoming import schema, upcoming
from flyby.output.feeds.week import Week, fragment, page, png, svg
from flyby.output.report import after_run
from flyby.output.site import write_site
from flyby.record.load import publish_record
from flyby.settings import Settings
from warehouses import warehouse_of

SITE = "https://asteroids.example/sky"
FILES = {
    *("flybys.ics", "changes.atom", "changes.json", "upcoming.json", "upcoming.schema.json"),
    *("week.svg", "week.png", "embed.html", "fragment.html"),
}
BEHIND, AHEAD = window("2019-02-07", "2019-02-14"), window("2019-02-15", "2019-02-22")
#: Far away, so that one of them may go without a doubt.
FAR = [row(f"2018 B{n}", f"38001{n:02}", "2019-02-17", 0.4) for n in range(10)]
NEAR = row("2019 CC", "3840003", "2019-02-17", 0.001, "23:50")
OVER_MIDNIGHT = row("2019 CC", "3840003", "2019-02-18", 0.0011, "00:10")
GOES = row("2019 DD", "3840004", "2019-02-19", 0.003)


class Morning:
    """The feeds after one morning."""

    def __init__(self, folder: Path) -> None:
        self.ics = (folder / "flybys.ics").read_bytes()
        self.atom = (folder / "changes.atom").read_bytes()
        self.json = json.loads((folder / "changes.json").read_bytes())

    @property
    def events(self) -> dict[str, Any]:
        """The calendar's events by the asteroid's name, as vobject reads them."""
        read = vobject.readOne(self.ics.decode())
        return {re.sub(r"Withdrawn: | passes .*", "", event.summary.value): event for event in read.vevent_list}


@pytest.fixture(scope="module")
def mornings(tmp_path_factory: pytest.TempPathFactory) -> list[Morning]:
    """2019 CC is listed for 17 February; the next morning it has moved over midnight; the third, a little farther away.
    2019 DD is listed at first, and then left out by healthy answers until it is withdrawn."""
    home = Home(tmp_path_factory.mktemp("feeds"))
    settings = of_site(home)
    told = []
    days = ["2019-02-15", "2019-02-16", "2019-02-17", "2019-02-18", "2019-03-01", "2019-04-01"]
    revised = row("2019 CC", "3840003", "2019-02-18", 0.0014, "01:10")
    for day, rows in zip(days, [[NEAR, GOES], [OVER_MIDNIGHT], *[[revised]] * 4], strict=True):
        home.sitting(day, (BEHIND, []), (AHEAD, [*FAR, *rows]))
        home.release()
        publish_record(home.settings)
        folder = home.settings.home / "site"
        write_feeds(home.settings.database, folder, settings, moment(f"{day}T07:00"))
        told.append(Morning(folder))
    return told


def of_site(home: Home) -> Settings:
    folder = home.settings.home
    return Settings.load({"FLYBY_HOME": str(folder), "FLYBY_SITE": SITE, **warehouse_of(folder)})


def test_a_flyby_that_moves_over_midnight_stays_the_same_event(mornings: list[Morning]) -> None:
    told = [morning.events["2019 CC"] for morning in mornings[:3]]
    assert [event.dtstart.value for event in told] == [
        datetime(2019, 2, 17, 23, 50, tzinfo=UTC),
        datetime(2019, 2, 18, 0, 10, tzinfo=UTC),
        datetime(2019, 2, 18, 1, 10, tzinfo=UTC),
    ]
    assert len({event.uid.value for event in told}) == 1
    assert [event.sequence.value for event in told] == ["1", "2", "3"]
    assert [event.summary.value for event in told] == [
        "2019 CC passes at 0.39 LD",
        "2019 CC passes at 0.43 LD",
        "2019 CC passes at 0.54 LD",
    ]
    assert {event.status.value for event in told} == {"CONFIRMED"}


def test_what_is_left_out_is_tentative_and_then_cancelled_and_never_gone(mornings: list[Morning]) -> None:
    told = [morning.events["2019 DD"] for morning in mornings]
    assert [event.status.value for event in told][:2] == ["CONFIRMED", "TENTATIVE"]
    assert told[-1].status.value == "CANCELLED"
    assert told[-1].summary.value == "Withdrawn: 2019 DD"
    assert len({event.uid.value for event in told}) == 1
    sequence = [int(event.sequence.value) for event in told]
    assert sequence == sorted(sequence)
    assert sequence[-1] > sequence[0]


def test_the_calendar_has_what_is_near_and_nothing_else(mornings: list[Morning]) -> None:
    assert set(mornings[0].events) == {"2019 CC", "2019 DD"}


def test_two_more_parsers_read_the_same_calendar(mornings: list[Morning]) -> None:
    text = mornings[2].ics.decode()
    by_ics = {event.uid: event.begin.datetime for event in ics.Calendar(text).events}
    by_icalendar = {str(event["UID"]): event.start for event in Calendar.from_ical(text).events}
    by_vobject = {event.uid.value: event.dtstart.value for event in mornings[2].events.values()}
    assert by_ics == by_icalendar == by_vobject
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


def test_links_of_an_event_lead_to_the_site_and_to_jpl(mornings: list[Morning]) -> None:
    event = mornings[0].events["2019 CC"]
    assert event.url.value == f"{SITE}/#2019-CC"
    assert "https://ssd.jpl.nasa.gov/tools/sbdb_lookup.html#/?sstr=2019%20CC" in event.description.value


def test_a_feed_reader_finds_every_correction_under_an_id_that_stays(mornings: list[Morning]) -> None:
    seen: dict[str, str] = {}
    for morning in mornings:
        read = feedparser.parse(morning.atom)
        assert not read.bozo
        assert read.version == "atom10"
        assert [entry.id for entry in read.entries] == [item["id"] for item in morning.json["items"]]
        assert [entry.title for entry in read.entries] == [item["title"] for item in morning.json["items"]]
        for entry in read.entries:
            assert seen.setdefault(entry.id, entry.title) == entry.title
    told = set(seen.values())
    assert "2019 CC is revised: 0.43 LD, 2019-02-18" in told
    assert "2019 CC is revised: 0.54 LD, 2019-02-18" in told
    assert "2019 DD is no longer listed: 1.17 LD, 2019-02-19" in told
    assert "2019 DD is withdrawn: 1.17 LD, 2019-02-19" in told
    assert "2019-02-16: 1 revised, 1 no longer listed" in told
    # The first morning looks at its days for the first time: nothing there is a change.
    assert feedparser.parse(mornings[0].atom).entries == []


def test_what_moved_is_told_with_before_and_after(mornings: list[Morning]) -> None:
    entry = next(e for e in feedparser.parse(mornings[1].atom).entries if e.title.startswith("2019 CC"))
    assert "day: 2019-02-17 → 2019-02-18" in entry.content[0].value
    assert "distance: 150,000 → 165,000 km" in entry.content[0].value
    assert entry.link == f"{SITE}/#2019-CC"


def test_of_a_day_on_which_much_moved_what_moved_farthest_is_told_and_the_rest_counted(tmp_path: Path) -> None:
    home = Home(tmp_path)
    far = {f"2018 C{n}": row(f"2018 C{n}", f"38002{n:02}", "2019-02-17", 0.3) for n in range(12)}
    home.sitting("2019-02-15", (BEHIND, []), (AHEAD, [*far.values(), NEAR]))
    moved = [row(name, was.neo_id, "2019-02-17", 0.3 + n / 1000) for n, (name, was) in enumerate(far.items(), 1)]
    little = row("2019 CC", "3840003", "2019-02-17", 0.00102, "23:50")
    home.sitting("2019-02-16", (BEHIND, []), (AHEAD, [*moved, little]))
    home.release()
    publish_record(home.settings)
    write_feeds(home.settings.database, home.settings.home / "site", of_site(home), moment("2019-02-16T07:00"))
    of_the_day, of_the_flyby = Morning(home.settings.home / "site").json["items"]
    assert of_the_day["title"] == "2019-02-16: 13 revised"
    lines = re.findall("<li>(.*?)</li>", of_the_day["content_html"])
    assert [line.partition(",")[0] for line in lines[:-1]] == [f"2018 C{n}" for n in range(11, 1, -1)]
    assert lines[-1] == "… and 3 more"
    # Of those that are counted alone, one passes near: it has an entry of its own.
    assert of_the_flyby["title"].startswith("2019 CC is revised")


def test_the_json_feed_has_what_version_1_1_asks_for(mornings: list[Morning]) -> None:
    feed = mornings[-1].json
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == f"{SITE}/changes.json"
    for item in feed["items"]:
        assert item["id"].startswith("urn:uuid:")
        assert item["content_text"]
        assert datetime.fromisoformat(item["date_modified"]).tzinfo


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.sitting("2019-02-15", (BEHIND, []), (AHEAD, [*FAR, NEAR]))
    made.release()
    publish_record(made.settings)
    return made


def test_only_what_changed_is_written_again(home: Home, tmp_path: Path) -> None:
    site, database = tmp_path / "site", home.settings.database
    assert {path.name for path in write_feeds(database, site, home.settings, moment("2019-02-15T07:00"))} == FILES
    assert write_feeds(database, site, home.settings, moment("2019-02-15T09:00")) == []
    changed = {path.name for path in write_feeds(database, site, home.settings, moment("2019-02-16T07:00"))}
    assert changed == {"upcoming.json", "week.svg", "week.png", "embed.html", "fragment.html"}
    assert {path.name for path in site.iterdir()} == FILES


def test_upcoming_json_is_what_its_schema_says(home: Home, tmp_path: Path) -> None:
    write_feeds(home.settings.database, tmp_path, home.settings, moment("2019-02-15T07:00"))
    told = json.loads((tmp_path / "upcoming.json").read_bytes())
    says = json.loads((tmp_path / "upcoming.schema.json").read_bytes())
    assert says["$id"] == "urn:flyby:upcoming:1.0"
    assert told["version"] == "1.0"
    jsonschema.Draft202012Validator.check_schema(says)
    jsonschema.validate(told, says, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    assert [flyby["designation"] for flyby in told["flybys"] if flyby["miss_distance_ld"] < 1] == ["2019 CC"]
    # Every field is described, and none is described that is not there.
    assert list(says["properties"]["flybys"]["items"]["properties"]) == list(told["flybys"][0])


def test_the_picture_is_told_in_words(home: Home, tmp_path: Path) -> None:
    write_feeds(home.settings.database, tmp_path, home.settings, moment("2019-02-15T07:00"))
    root = ET.fromstring((tmp_path / "week.svg").read_bytes())
    names = {element.get("id"): element.text for element in root if element.get("id")}
    assert [names[name] for name in (root.get("aria-labelledby") or "").split()] == [
        "Asteroids passing the Earth, 15 February to 21 February 2019",
        "11 asteroids pass in these seven days, 1 of them inside the Moon's distance. The closest: "
        "2019 CC, 2019-02-17 23:50 UTC, 0.39 LD; 2018 B0, 2019-02-17 06:20 UTC, 156 LD; "
        "2018 B1, 2019-02-17 06:20 UTC, 156 LD.",
    ]
    assert (tmp_path / "week.png").read_bytes().startswith(b"\x89PNG")
    html = (tmp_path / "embed.html").read_text("ascii")
    assert "<script" not in html
    assert "style=" not in html


def test_without_the_extra_no_picture_of_another_week_stays(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyby.output.feeds.png", lambda picture: None)
    (tmp_path / "week.png").write_bytes(b"old")
    write_feeds(home.settings.database, tmp_path, home.settings, moment("2019-02-15T07:00"))
    assert not (tmp_path / "week.png").exists()


def test_a_folder_that_cannot_be_written_is_one_line(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="could not be written"):
        write_feeds(home.settings.database, tmp_path / "file", home.settings, moment("2019-02-15T07:00"))


def test_a_site_is_the_page_and_its_feeds_and_only_what_changed_is_written(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    now = moment("2019-02-15T07:00")
    assert set(write_site(home.settings, folder, now=now)) == {*FILES, "index.html", "flyby-site.json"}
    assert {path.name for path in folder.iterdir()} == {*FILES, "index.html", "flyby-site.json"}
    assert write_site(home.settings, folder, now=now) == []
    (folder / "robots.txt").write_text("mine")
    (folder / "week.svg").write_text("damaged")
    assert write_site(home.settings, folder, now=now) == ["week.svg"]
    assert (folder / "robots.txt").read_text() == "mine"


def test_what_flyby_no_longer_writes_goes_from_a_site_and_nothing_else(home: Home, tmp_path: Path) -> None:
    folder, now = tmp_path / "site", moment("2019-02-15T07:00")
    write_site(home.settings, folder, now=now)
    (tmp_path / "precious").write_text("mine")
    (folder / "old.json").write_text("flyby's")
    told = json.loads((folder / "flyby-site.json").read_text())
    told["files"] += ["old.json", "../precious", str(tmp_path / "precious")]
    (folder / "flyby-site.json").write_text(json.dumps(told))
    assert "old.json" in write_site(home.settings, folder, now=now)
    assert not (folder / "old.json").exists()
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize("listed", [None, "{", "[]", "{}", '{"files": 1}'])
def test_a_folder_that_is_no_site_is_refused_and_left_alone(home: Home, tmp_path: Path, listed: str | None) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "index.html").write_text("mine")
    if listed is not None:
        (folder / "flyby-site.json").write_text(listed)
    with pytest.raises(HomeError, match="something else than a site"):
        write_site(home.settings, folder, now=moment("2019-02-15T07:00"))
    assert (folder / "index.html").read_text() == "mine"


def test_a_run_writes_the_feeds_beside_the_page(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert after_run(home.settings) == []
    assert {path.name for path in home.settings.report.parent.iterdir()} == {*FILES, "index.html"}


@pytest.mark.parametrize(
    "site",
    [
        *("asteroids.example", "ftp://asteroids.example", "https://", "https://me@asteroids.example"),
        *("https://asteroids.example/?a=b", "https://asteroids.example/#a", 'https://asteroids.example/"><script>'),
        *("https://asteroids.example/a b", "https://asteroids.example/\u202e", "javascript:alert(1)"),
    ],
)
def test_an_address_that_is_none_is_named(site: str) -> None:
    with pytest.raises(SettingsError, match="FLYBY_SITE"):
        Settings.load({"FLYBY_SITE": site})


@pytest.mark.parametrize("site", [SITE, f"{SITE}/", f"{SITE}/index.html", f" {SITE} "])
def test_an_address_may_have_a_path(site: str) -> None:
    assert Settings.load({"FLYBY_SITE": site}).site == SITE
    assert Settings.load({}).site is None


OF_THE_CALENDAR = {"listed": True, "withdrawn": False, "sequence": 2, "changed_at": moment("2019-02-16")}


def flyby(name: str = "(2019 CC)", designation: str = "2019 CC", **more: Any) -> dict[str, Any]:
    """A row of every query that feeds ask."""
    at = datetime(2019, 2, 17, 23, 50, tzinfo=UTC)
    told = {"designation": designation, "neo_id": "3840003", "name": name, "sources": ["neows"], "revision": 2}
    when = {"close_approach_date": at.date(), "close_approach_at": at, "close_approach_sigma_min": None}
    lunar = {"miss_distance_ld": 0.8, "miss_distance_min_ld": None, "miss_distance_max_ld": None}
    km = {"miss_distance_km": 307_000.0, "miss_distance_min_km": None, "miss_distance_max_km": None}
    body = {"absolute_magnitude_h": 22.0, "diameter_min_m": 78.0, "diameter_max_m": 178.0}
    flags = {"is_potentially_hazardous": False, "is_sentry_object": False, "relative_velocity_km_s": 7.5}
    return {"flyby_id": f"{designation}@2019-02-17"} | told | when | lunar | km | body | flags | OF_THE_CALENDAR | more


@pytest.mark.parametrize(
    ("sigma_min", "starts", "says"),
    [
        pytest.param(None, datetime(2019, 2, 17, 23, 50, tzinfo=UTC), "2019-02-17 23:50 UTC", id="not said"),
        pytest.param(0.5, datetime(2019, 2, 17, 23, 50, tzinfo=UTC), "2019-02-17 23:50 UTC", id="sure"),
        pytest.param(
            95.0,
            datetime(2019, 2, 17, 23, 50, tzinfo=UTC),
            "23:50 UTC, give or take 95 minutes",
            id="an hour and a half",
        ),
        pytest.param(
            720.0, datetime(2019, 2, 17, 23, 50, tzinfo=UTC), "23:50 UTC, give or take 12 hours", id="half a day"
        ),
        pytest.param(4320.0, date(2019, 2, 17), "2019-02-17, give or take 3 days", id="three days"),
    ],
)
def test_a_time_that_is_uncertain_by_a_day_or_more_is_a_whole_day(
    sigma_min: float | None, starts: date, says: str
) -> None:
    made = calendar([flyby(close_approach_sigma_min=sigma_min)], site=None, simulated=False)
    [event] = vobject.readOne(made.decode()).vevent_list
    assert event.dtstart.value == starts
    assert says in event.description.value
    assert ("23:50" in event.description.value) == (not sigma_min or sigma_min < 1440)


@pytest.mark.parametrize(
    ("least", "most", "says"),
    [
        (0.79, 0.81, "0.80 lunar distances (307,000 km), certainly inside the Moon's distance"),
        (0.2, 9.0, "between 0.20 lunar distances and 9.00 lunar distances, possibly inside it"),
        (0.2, 0.9, "between 0.20 lunar distances and 0.90 lunar distances, certainly inside the Moon's distance"),
    ],
)
def test_how_sure_the_distance_is_stands_in_words(least: float, most: float, says: str) -> None:
    made = calendar([flyby(miss_distance_min_ld=least, miss_distance_max_ld=most)], site=None, simulated=False)
    [event] = vobject.readOne(made.decode()).vevent_list
    assert says in event.description.value


#: What a source might send as a name: markup, quotes, line breaks, what steers a display, what XML has no words for.
HOSTILE = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=80),
    st.sampled_from(
        [
            '"><script>alert(1)</script>',
            "]]>&lt;&#0;",
            r"\N \n \, \\N",
            "a\r\nEND:VCALENDAR\r\nBEGIN:VEVENT\nSUMMARY:b;c,d\\n",
            "\u202e(CC 9102)\u2066\u200f",
            "\x00\x0b\x1b[31m\ufffe\uffff\x85\u2028",
            "=cmd|' /C calc'!A0",
            "x" * 5000,
        ]
    ),
)


@given(HOSTILE)
def test_no_name_breaks_a_calendar(name: str) -> None:
    made = calendar([flyby(name, designation=name)], site=SITE, simulated=False)
    lines = made.decode().split("\r\n")
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VCALENDAR") == 1
    assert all(line.isprintable() for line in lines)
    [event] = vobject.readOne(made.decode()).vevent_list
    told = words.named({"name": name}).replace(r"\N", r"\n")  # no name has a backslash, and this one stays text
    assert event.summary.value == f"{told} passes at 0.80 LD"
    [same] = Calendar.from_ical(made).events
    assert str(same["SUMMARY"]) == event.summary.value
    assert event.url.value.startswith(f"{SITE}/#")


@given(HOSTILE)
def test_no_name_breaks_a_feed(name: str) -> None:
    at = moment("2019-02-16")
    change = Change(at, "neows", "NASA NeoWs", "new", 1, at, at, flyby(name, designation=name), None)
    made = entries([change], {change.told["flyby_id"]}, site=None)
    written = atom(made, as_of=moment("2019-02-16"), site=None, simulated=False)
    read = feedparser.parse(written, sanitize_html=False)
    assert not read.bozo
    title = f"{words.named({'name': name})} is new: 0.80 LD, 2019-02-17"
    assert title in {ET.fromstring(written)[5][1].text, ET.fromstring(written)[4][1].text}
    for entry in read.entries:
        # What is in the entry is its own markup and nothing else.
        assert set(re.findall(r"<(/?\w+)", entry.content[0].value)) <= {"p", "/p", "ul", "/ul", "li", "/li"}
    assert title in {item["title"] for item in json.loads(json_feed(made, site=None, simulated=False))["items"]}


@given(HOSTILE)
def test_no_name_breaks_the_json_of_what_is_coming(name: str) -> None:
    rows = [{key: value for key, value in flyby(name, designation=name).items() if key not in OF_THE_CALENDAR}]
    day = date(2019, 2, 17)
    written = upcoming(rows, first=day, last=day, as_of=moment("2019-02-16"), site=None, simulated=False)
    assert written.isascii()
    told = json.loads(written)
    assert told["flybys"][0]["name"] == name
    jsonschema.validate(told, json.loads(schema()))


@given(HOSTILE)
def test_no_name_breaks_the_picture(name: str) -> None:
    week = Week(date(2019, 2, 15), [flyby(name, designation=name)], simulated=False, site=SITE)
    drawn = svg(week)
    assert drawn.isascii()
    root = ET.fromstring(drawn)
    drawing = {"svg", "title", "desc", "rect", "line", "text", "circle"}
    assert {element.tag.split("}")[1] for element in root.iter()} <= drawing
    assert f"{words.named({'name': name})}, 2019-02-17" in (root[1].text or "")
    for html in (fragment(week), page(week)):
        assert html.isascii()
        words_of_html = {
            "html",
            "head",
            "meta",
            "style",
            "body",
            "main",
            "h1",
            "figure",
            "figcaption",
            "p",
            "ul",
            "li",
            "a",
        }
        assert set(re.findall(r"<(\w+)", html.decode())) <= drawing | words_of_html


def test_a_name_that_is_markup_is_drawn_as_it_is() -> None:
    week = Week(date(2019, 2, 15), [flyby('"><script>x</script>\u202e')], simulated=True, site=None)
    drawn = png(svg(week))
    assert drawn is not None
    assert drawn.startswith(b"\x89PNG")


def test_a_week_without_flybys_says_so() -> None:
    week = Week(date(2019, 2, 15), [], simulated=False, site=None)
    assert "No asteroid is known to pass" in svg(week).decode()
