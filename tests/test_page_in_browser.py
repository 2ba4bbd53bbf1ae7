"""The page in Chromium: what a person sees and does, and that it asks nobody for anything."""

import csv
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Download, Page, sync_playwright

from answers import Home, body, moment, row, window
from approaches import make_cad, make_row
from flyby.output import report
from flyby.output.report import write_report
from flyby.record.load import publish_record
from skies import COMING, FORMULA, HOSTILE, NOW, PAST, heard_jpl, two_mornings, write_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="there is no chromium: apt-get install chromium"
)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
DESK = 1440
POINTS = "#coming-chart g.flybys_marks path"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "CI must have chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = two_mornings(tmp_path_factory.mktemp("home"))
    return write_page(home)


@pytest.fixture(scope="module")
def unsure_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a sky of which JPL has said how sure it is."""
    return write_page(heard_jpl(two_mornings(tmp_path_factory.mktemp("unsure"))))


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    """The one tab in which pages are opened: a new one for each takes three times as long. There is no network."""
    return browser.new_context(offline=True).new_page()


@contextmanager
def opened(tab: Page, file: Path, part: str = "", *, width: int = DESK, scheme: Any = "light") -> Iterator[Page]:
    """The page, at the part that a link names, when everything is drawn, for somebody who was never here. In the end:
    nothing was asked for, no error, no warning."""
    said: list[str] = []
    asked: list[str] = []
    listeners: dict[Any, Any] = {
        "console": lambda message: said.append(f"{message.type}: {message.text}"),
        "pageerror": lambda error: said.append(str(error)),
        "request": lambda request: asked.append(request.url),
    }
    tab.mouse.move(0, 0)
    tab.set_viewport_size({"width": width, "height": 800})
    tab.emulate_media(media="screen", color_scheme=scheme)
    for event, listener in listeners.items():
        tab.on(event, listener)
    tab.goto(file.as_uri() + part)
    tab.wait_for_selector("html[data-drawn]")
    try:
        yield tab
    finally:
        tab.evaluate("localStorage.clear()")
        tab.goto("about:blank")
        for event, listener in listeners.items():
            tab.remove_listener(event, listener)
    assert said == []
    # A page that is opened from its link, or loaded again, asks for itself and for nothing else.
    assert {url.split("#")[0] for url in asked if not url.startswith(("blob:", "data:"))} == {file.as_uri()}


@pytest.fixture
def page(tab: Page, page_file: Path) -> Iterator[Page]:
    with opened(tab, page_file) as page:
        yield page


def texts(page: Page, selector: str) -> list[str]:
    return [text.strip().replace("\u00a0", " ") for text in page.locator(selector).all_inner_texts()]


def names(page: Page) -> list[str]:
    """The table's designations in their order (the marked-up and the formula names by theirs)."""
    return [text.split("(")[-1].rstrip(")") for text in texts(page, "#flybys-table tbody a.name")]


def use_unit(page: Page, unit: str) -> None:
    page.locator(f"input[name=unit][value={unit}]").check(force=True)
    page.wait_for_selector(f"html[data-drawn={unit}]")


def show_all(page: Page) -> None:
    page.locator("select[name=when]").select_option("all")
    page.wait_for_selector("#flybys:not([aria-busy])")


def open_asteroid(page: Page, designation: str) -> None:
    page.locator(f"#flybys-table a[href='#{designation.replace(' ', '-')}']").click()
    page.wait_for_selector(f"html[data-told='{designation.replace(' ', '-')}']")


def test_picture_has_a_point_for_every_coming_flyby_and_another_shape_for_the_hazardous(page: Page) -> None:
    shapes = page.locator(POINTS).evaluate_all("all => all.map((one) => one.getAttribute('d'))")
    assert len(shapes) == len(COMING)
    assert sum("A" in shape for shape in shapes) == len(COMING) - 1


def test_lower_is_closer(page: Page) -> None:
    points = page.locator(POINTS).evaluate_all("all => all.map((one) => one.getBoundingClientRect().bottom)")
    assert page.locator("#coming-lead").inner_text().count("2019 CC") == 1
    assert max(points) - sorted(points)[-2] > 50


def test_tables_have_a_row_for_every_flyby(page: Page) -> None:
    assert set(names(page)) == COMING
    show_all(page)
    assert set(names(page)) == COMING | PAST | {"2019 DD"}
    assert texts(page, "#last-night-table tbody a.name") == ["2019 FF", "2019 BB"]


def test_changes_are_told_with_before_and_after(page: Page) -> None:
    assert texts(page, "#changes-groups > div h3") == [
        "New 2, not listed before",
        "Revised 1, widest moves first",
        "Not listed any more 1, kept, as such things often come back",
    ]
    moves = texts(page, "[data-kind=revised] .moves li")
    assert "time 06:20 → 07:45" in moves
    assert "distance 39.0 → 42.9 LD" in moves
    assert texts(page, "[data-kind=unlisted] tbody td:first-child") == ["2019 DD"]


def test_calendar_has_every_day_that_is_known(page: Page) -> None:
    assert page.locator("#completeness-chart g.mark-symbol path").count() == 17
    assert [text.split(":")[0] for text in texts(page, "#completeness-legend li")] == ["15 settling", "2 fresh"]


def test_latency_says_that_it_cannot_tell_yet(page: Page) -> None:
    assert "cannot tell yet" in page.locator("#latency-lead").inner_text()


def test_headings_sort_the_table_both_ways(page: Page) -> None:
    show_all(page)
    heading = page.locator("#flybys-table th[data-key=distance]")
    heading.locator("button").click()
    ascending = names(page)
    assert (ascending[0], ascending[-1]) == ("2019 CC", "2019 AA")
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator("button").click()
    assert names(page) == ascending[::-1]
    assert heading.get_attribute("aria-sort") == "descending"
    assert page.evaluate("document.activeElement.textContent") == "Distance ↓"


def test_what_is_unknown_comes_last_whichever_way(page: Page) -> None:
    for _ in range(2):
        page.locator("#flybys-table th[data-key=size] button").click()
        assert names(page)[-1] == "2019 GG"


def test_filters_narrow_the_table(page: Page) -> None:
    show_all(page)
    page.locator("input[name=text]").fill("bb")
    assert names(page) == ["2019 BB"]
    assert page.locator("#flybys-count").inner_text() == "1 of 8 flybys"
    page.locator("input[name=text]").fill("")
    page.locator("select[name=within]").select_option("50")
    assert names(page) == ["2019 CC", "2019 DD", "2019 EE"]
    page.locator("input[name=hazardous]").check()
    assert names(page) == ["2019 CC"]
    page.locator("select[name=when]").select_option("past")
    assert texts(page, "#flybys-table") == ["None."]


def test_units_switch_changes_tables_filters_and_the_axis(page: Page) -> None:
    cells = {}
    for unit in ("ld", "km", "au"):
        use_unit(page, unit)
        cells[unit] = texts(page, "#flybys-table tbody td.distance")[0]
        assert (
            page.locator("#coming-chart").get_by_text(f"distance in {unit.replace('ld', 'LD')}, log scale").count() == 1
        )
    assert cells == {"ld": "0.390 LD", "km": "150,000 km", "au": "0.00100 au"}
    assert "0.0514 au" in texts(page, "select[name=within] option")


def test_csv_is_the_filtered_table_in_its_order(page: Page) -> None:
    page.locator("#flybys-table th[data-key=distance] button").click()
    with page.expect_download() as event:
        page.locator("#csv").click()
    download: Download = event.value
    assert download.suggested_filename == "flybys-2019-02-16.csv"
    rows = list(csv.DictReader(io.StringIO(Path(download.path()).read_bytes().decode(), newline="")))
    assert [row["designation"] for row in rows] == ["2019 CC", "2019 EE", "2019 GG", "2019 HH"]
    assert (
        rows[0]
        | {
            "close_approach_at": "2019-02-17T06:20:00Z",
            "miss_distance_km": "150000",
            "is_potentially_hazardous": "true",
        }
        == rows[0]
    )
    assert rows[2]["name"] == f"{HOSTILE} (2019 GG)"
    assert (rows[2]["close_approach_at"], rows[2]["diameter_min_m"]) == ("", "")
    assert rows[3]["name"] == f"'{FORMULA} (2019 HH)", "a spreadsheet must not take a name for a formula"


def test_a_name_that_is_markup_stays_text(page: Page) -> None:
    assert f"{HOSTILE} (2019 GG)" in texts(page, "#flybys-table tbody a.name")
    open_asteroid(page, "2019 GG")
    assert page.locator("#asteroid-title").inner_text() == f"{HOSTILE} (2019 GG)"
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hit") is None


def test_pointing_at_a_mark_tells_of_it_and_a_tap_nearby_opens_it(page: Page) -> None:
    mark = page.locator(POINTS).last
    mark.scroll_into_view_if_needed()
    mark.hover()
    tip = page.locator("#tip").inner_text()
    assert "Distance: " in tip
    box = mark.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] + 8, box["y"] + box["height"] / 2)
    page.wait_for_selector("html[data-told]")  # what is known of it is unpacked first
    assert page.locator("#asteroid-title").inner_text() == tip.splitlines()[0]
    assert page.locator("#coming").is_hidden()
    page.go_back()
    assert page.locator("#coming").is_visible()


def test_the_keyboard_goes_from_mark_to_mark_and_opens_one(page: Page) -> None:
    page.locator("#coming-chart").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#tip").inner_text().startswith("2019 CC")
    page.keyboard.press("ArrowRight")
    assert page.locator("#coming-told").inner_text().startswith("2019 EE; When: 19 Feb 07:45 UTC")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_selector("html[data-told='2019-CC']")
    assert page.evaluate("document.activeElement.textContent") == "2019 CC"


def test_only_a_real_asteroid_has_a_link_to_jpl(tab: Page, page_file: Path, tmp_path: Path) -> None:
    with opened(tab, page_file) as page:
        open_asteroid(page, "2019 CC")
        links = page.locator("#asteroid .row a").evaluate_all("all => all.map((one) => one.href)")
        assert links == [
            "https://ssd.jpl.nasa.gov/tools/sbdb_lookup.html#/?sstr=2019%20CC",
            "https://cneos.jpl.nasa.gov/ca/?des=2019%20CC",
        ]
        assert "Simulated data" not in page.locator("#banners").inner_text()

    home = two_mornings(tmp_path, simulated=True)
    with opened(tab, write_page(home)) as simulated:
        assert "Simulated data" in simulated.locator("#banners").inner_text()
        open_asteroid(simulated, "2019 CC")
        assert simulated.locator("#asteroid .row a").count() == 0


def test_a_page_that_was_fresh_when_it_was_written_says_later_that_it_is_not(tab: Page, page_file: Path) -> None:
    assert '"stale":false' in page_file.read_text(encoding="utf-8")
    with opened(tab, page_file) as page:  # years later
        assert "not up to date" in page.locator("#banners").inner_text()


@pytest.mark.parametrize("width", [1200, pytest.param(390, marks=pytest.mark.long), 320])
def test_nothing_is_wider_than_the_screen(tab: Page, unsure_file: Path, width: int) -> None:
    with opened(tab, unsure_file, width=width) as page:
        for unit in ("ld", "km", "au"):
            use_unit(page, unit)
            show_all(page)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.locator("#coming-chart svg").bounding_box()["width"] <= width  # type: ignore[index]
        open_asteroid(page, "2019 CC")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("#history-0 svg").bounding_box()["width"] <= width  # type: ignore[index]
        assert (
            min(
                float(size)
                for size in page.locator("p, td, th, dt, dd, li").evaluate_all(
                    "all => all.map((one) => parseFloat(getComputedStyle(one).fontSize))"
                )
            )
            >= 12
        )


@pytest.mark.parametrize(
    ("width", "brightness"),
    [
        *[(1200, "light"), (320, "dark")],
        *(
            pytest.param(*kind, marks=pytest.mark.long)
            for kind in [(1200, "dark"), (390, "light"), (390, "dark"), (320, "light")]
        ),
    ],
)
def test_axe_finds_nothing(tab: Page, unsure_file: Path, width: int, brightness: Any) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    with opened(tab, unsure_file, width=width, scheme=brightness) as page:
        page.evaluate(axe)
        found = page.evaluate("axe.run()")["violations"]
        page.locator("#coming-chart").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_selector("html[data-told='2019-CC']")
        found += page.evaluate("axe.run()")["violations"]
    assert [f"{v['id']}: {v['nodes'][0]['html']}" for v in found] == []


def test_page_follows_the_dark(tab: Page, page_file: Path) -> None:
    grounds = {}
    with opened(tab, page_file) as page:
        for brightness in ("light", "dark"):
            page.emulate_media(color_scheme=brightness)
            grounds[brightness] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert grounds["dark"] != grounds["light"]


def test_an_empty_record_is_told_in_words(tab: Page, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.take_in()
    publish_record(home.settings)
    with opened(tab, write_page(home)) as page:
        told = page.locator("#coming-lead").inner_text()
        assert told.startswith("Nothing is listed for the days ahead. Nothing has been read yet: flyby run reads")
        assert texts(page, "#last-night-table") == ["None."]


def test_without_the_extra_the_tables_are_there_and_the_pictures_say_what_is_missing(
    tab: Page, page_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "program", lambda _: b"")
    page_without = write_report(page_file.parents[1] / "flyby.duckdb", tmp_path / "index.html", now=NOW)
    with opened(tab, page_without) as page:
        assert "flyby[report]" in page.locator("#coming-chart").inner_text()
        assert set(names(page)) == COMING


def test_the_range_stands_in_the_picture_the_tables_and_the_words(tab: Page, unsure_file: Path) -> None:
    with opened(tab, unsure_file) as page:
        assert page.locator("#coming-chart g.ranges_marks line").count() == 1
        assert page.locator("#coming-chart g.times_marks line").count() == 1
        assert "0.390 LD, certainly inside the Moon’s distance on 17 Feb 06:20" in texts(page, "#coming-lead")[0]
        cells = dict(zip(names(page), texts(page, "#flybys-table td.distance"), strict=True))
        assert cells["2019 EE"] == "7.8–78 LD"
        assert cells["2019 CC"] == "0.390 LD"
        assert texts(page, "#coming-danger") == [
            "None of them hits the Earth, as far as NASA can tell: nothing listed comes nearer than 0.381 LD."
        ]


@pytest.mark.parametrize(
    ("au", "least_au", "told"),
    [
        (0.1, "0.00001", "too little is known of 2019 CC to rule it out"),
        (0.00003, "0.00001", "Listed to reach the Earth: 2019 CC."),
    ],
)
def test_what_may_reach_the_earth_is_said_plainly(
    tab: Page, tmp_path: Path, au: float, least_au: str, told: str
) -> None:
    home = Home(tmp_path)
    days = window("2019-02-16", "2019-02-23")
    home.land(moment("2019-02-16"), days, body([row("2019 CC", "3840003", "2019-02-17", au)]))
    ranged = make_row("2019 CC", "2019-Feb-17 06:20", dist=str(au), dist_min=least_au, dist_max="0.4")
    home.land(moment("2019-02-16"), days, make_cad(ranged), source="cad")
    home.take_in()
    publish_record(home.settings)
    with opened(tab, write_page(home)) as page:
        assert told in page.locator("#coming-danger").inner_text()


def test_a_time_that_is_uncertain_by_days_never_shows_a_minute(tab: Page, unsure_file: Path) -> None:
    with opened(tab, unsure_file) as page:
        whens = dict(zip(names(page), texts(page, "#flybys-table td.when"), strict=True))
        assert (whens["2019 CC"], whens["2019 GG"]) == ("17 Feb 06:20", "20 Feb")
        open_asteroid(page, "2019 GG")
        assert "10:00" not in page.locator("#asteroid").inner_text()
        assert "The time may be off by 3 days." in page.locator("#asteroid").inner_text()


def test_where_nothing_is_said_of_ranges_none_is_drawn_or_told(page: Page) -> None:
    assert page.locator("#coming-chart g.ranges_marks").count() == 0
    open_asteroid(page, "2019 EE")
    assert "JPL has it" not in page.locator("#asteroid").inner_text()
    assert page.locator("#history-0 g.mark-area").count() == 0


@pytest.mark.parametrize("link", ["#2019-CC", pytest.param("#2019%20cc", marks=pytest.mark.long)])
def test_a_flybys_own_page_opens_from_its_link_with_all_that_was_said_of_it(
    tab: Page, unsure_file: Path, link: str
) -> None:
    with opened(tab, unsure_file, link) as page:
        page.wait_for_selector("html[data-told='2019-CC']")
        assert page.title() == "2019 CC · flyby"
        assert page.locator("#asteroid-title").inner_text() == "2019 CC"
        said = [line.split("\t") for line in texts(page, "#asteroid .story tbody tr")]
        assert [(since, who, what, far) for since, who, what, far, *_ in said] == [
            ("15 Feb 06:00", "NASA NeoWs, 1", "first said", "0.390 LD"),
            ("15 Feb 12:00", "JPL CAD, 1", "first said", "0.078–8.9 LD"),
            ("16 Feb 06:00", "JPL CAD, 2", "changed", "0.389 LD"),
        ]
        assert "range 0.0778–8.95 → 0.381–0.397 LD" in said[2][-1]
        assert "raw/cad/2019/02/20190216T060000" in said[2][-1]
        assert page.locator("#history-0 g.versions_marks path").count() == 3
        assert page.locator("#history-0 g.mark-area path").count() == 1
        assert page.locator("#coming").is_hidden()
        page.get_by_role("link", name="← All flybys").click()
        page.wait_for_selector("#coming-chart svg")
        assert page.locator("#asteroid").is_hidden()


def test_a_link_to_an_asteroid_that_is_not_there_says_so_and_names_those_that_are_called_alike(
    tab: Page, unsure_file: Path
) -> None:
    with opened(tab, unsure_file, "#2019") as page:
        page.wait_for_selector("#asteroid li")
        assert "No asteroid is called “2019” here" in page.locator("#asteroid").inner_text()
        page.locator("#asteroid").get_by_role("link", name="2019 AA").click()
        page.wait_for_selector("html[data-told='2019-AA']")


def test_what_is_typed_is_looked_for_in_the_whole_record(page: Page) -> None:
    page.locator("input[name=text]").fill("2019dd")
    page.wait_for_selector("#flybys:not([aria-busy])")
    assert texts(page, "#flybys-table td.named") == ["2019 DD no longer listed"]
    assert page.locator("select[name=when]").input_value() == "all"


def test_a_flyby_of_years_ago_is_found_by_day_size_and_name_and_has_its_page(tab: Page, page_file: Path) -> None:
    published = page_file.parents[1] / "flyby.duckdb"
    years_later = write_report(published, page_file.with_name("later.html"), now=datetime(2024, 6, 1, tzinfo=UTC))
    with opened(tab, years_later) as page:
        page.locator("summary").click()
        page.locator("input[name=first]").fill("2019-02-10")
        page.locator("input[name=last]").fill("2019-02-16")
        page.wait_for_selector("#flybys:not([aria-busy])")
        assert set(names(page)) == PAST
        assert texts(page, "#flybys-table td.when")[0] == "10 Feb 2019"
        page.locator("select[name=size]").select_option("1000")
        assert texts(page, "#flybys-table") == ["None."]
        page.locator("select[name=size]").select_option("0")
        open_asteroid(page, "2019 BB")
        assert "1 version is in the database" in page.locator("#asteroid").inner_text()
        assert "flyby show" in page.locator("#asteroid").inner_text()


def test_a_link_keeps_filters_and_unit_and_a_reload_keeps_the_unit(tab: Page, page_file: Path) -> None:
    with opened(tab, page_file) as page:
        page.locator("select[name=within]").select_option("50")
        use_unit(page, "km")
        link = page.evaluate("location.hash")
        assert link == "#flybys?within=50&unit=km"
        page.goto("about:blank")
        page.goto(page_file.as_uri())
        page.wait_for_selector("html[data-drawn=km]")
    with opened(tab, page_file, link) as elsewhere:
        assert elsewhere.locator("input[value=km]").is_checked()
        assert names(elsewhere) == ["2019 CC", "2019 EE"]
        assert texts(elsewhere, "#flybys-table td.distance")[0] == "150,000 km"


def test_without_scripts_there_is_what_is_coming(browser: Browser, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(page_file.as_uri())
    rows = page.locator("noscript tbody tr")
    assert rows.count() == len(COMING)
    assert rows.first.inner_text().startswith("2019 CC\t2019-02-17 06:20 UTC\t0.39 lunar distances (150,000 km)")
    assert page.locator("#flybys").is_hidden()
    assert page.locator("img").count() == 0
    context.close()


def test_on_paper_the_page_is_light_and_has_no_controls(tab: Page, unsure_file: Path) -> None:
    with opened(tab, unsure_file, scheme="dark") as page:
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        fill = page.locator(POINTS).first.evaluate("one => getComputedStyle(one).fill")
        assert fill in ("rgb(43, 95, 148)", "rgb(176, 58, 18)")
        assert page.locator("#filters").is_hidden()
        assert page.locator("#csv").is_hidden()


def test_a_name_cannot_turn_the_text_around_it(tab: Page, tmp_path: Path) -> None:
    home = Home(tmp_path)
    turned = row("2019 \u202eAA\u200f", "3840001", "2019-02-17")
    home.land(moment("2019-02-16"), window("2019-02-16", "2019-02-23"), body([turned]))
    home.take_in()
    publish_record(home.settings)
    with opened(tab, write_page(home)) as page:
        assert texts(page, "#flybys-table a.name") == ["2019 \ufffdAA\ufffd"]
        page.locator("#flybys-table a.name").click()
        page.wait_for_selector("#asteroid .story")
        assert page.locator("#asteroid-title").inner_text() == "2019 \ufffdAA\ufffd"
