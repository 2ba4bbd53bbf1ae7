"""The page in Chromium: what a person sees and does, and that it asks nobody for anything."""

import csv
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Download, Page, sync_playwright

from answers import Home
from flyby.output import report
from flyby.output.report import write_report
from flyby.record.load import publish_record
from skies import COMING, FORMULA, HOSTILE, NOW, PAST, two_mornings, write_page

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
PHONE, DESK = 360, 1440
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


@contextmanager
def opened(browser: Browser, file: Path, *, width: int = DESK, **options: Any) -> Iterator[Page]:
    """The page when everything is drawn. In the end: nothing was asked for, no error, no warning."""
    context = browser.new_context(viewport={"width": width, "height": 800}, **options)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-drawn]")
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("blob:")] == [file.as_uri()]


@pytest.fixture
def page(browser: Browser, page_file: Path) -> Iterator[Page]:
    with opened(browser, page_file) as page:
        yield page


def texts(page: Page, selector: str) -> list[str]:
    return [text.strip().replace("\u00a0", " ") for text in page.locator(selector).all_inner_texts()]


def names(page: Page) -> list[str]:
    """The table's designations in their order (the marked-up and the formula names by theirs)."""
    return [text.split("(")[-1].rstrip(")") for text in texts(page, "#flybys-table tbody button.name")]


def use_unit(page: Page, unit: str) -> None:
    page.locator(f"input[name=unit][value={unit}]").check(force=True)
    page.wait_for_selector(f"html[data-drawn={unit}]")


def show_all(page: Page) -> None:
    page.locator("select[name=when]").select_option("all")


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
    assert set(names(page)) == COMING | PAST
    assert texts(page, "#last-night-table tbody button.name") == ["2019 FF", "2019 BB"]


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
    assert page.locator("#flybys-count").inner_text() == "1 of 7 flybys"
    page.locator("input[name=text]").fill("")
    page.locator("select[name=within]").select_option("50")
    assert names(page) == ["2019 CC", "2019 EE"]
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
    assert f"{HOSTILE} (2019 GG)" in texts(page, "#flybys-table tbody button.name")
    page.get_by_role("button", name="<img").first.click()
    assert page.locator("#details-title").inner_text() == f"{HOSTILE} (2019 GG)"
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
    dialog = page.locator("#details")
    assert dialog.is_visible()
    assert dialog.locator("h2").inner_text() == tip.splitlines()[0]
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_only_a_real_asteroid_has_a_link_to_jpl(browser: Browser, page: Page, tmp_path: Path) -> None:
    page.get_by_role("button", name="2019 CC").first.click()
    link = page.locator("#details a")
    assert link.get_attribute("href") == "https://ssd.jpl.nasa.gov/tools/sbdb_lookup.html#/?sstr=2019%20CC"
    assert "Simulated data" not in page.locator("#banners").inner_text()

    home = two_mornings(tmp_path, simulated=True)
    with opened(browser, write_page(home)) as simulated:
        assert "Simulated data" in simulated.locator("#banners").inner_text()
        simulated.get_by_role("button", name="2019 CC").first.click()
        assert simulated.locator("#details a").count() == 0


def test_a_page_that_was_fresh_when_it_was_written_says_later_that_it_is_not(browser: Browser, page_file: Path) -> None:
    assert '"stale":false' in page_file.read_text(encoding="utf-8")
    with opened(browser, page_file) as page:  # years later
        assert "not up to date" in page.locator("#banners").inner_text()


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_nothing_is_wider_than_the_screen(browser: Browser, page_file: Path, width: int) -> None:
    with opened(browser, page_file, width=width) as page:
        for unit in ("ld", "km", "au"):
            use_unit(page, unit)
            show_all(page)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.locator("#coming-chart svg").bounding_box()["width"] <= width  # type: ignore[index]
        assert (
            min(
                float(size)
                for size in page.locator("p, td, th, dt, dd, li").evaluate_all(
                    "all => all.map((one) => parseFloat(getComputedStyle(one).fontSize))"
                )
            )
            >= 12
        )


@pytest.mark.parametrize("brightness", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_axe_finds_no_serious_violation(browser: Browser, page_file: Path, width: int, brightness: Any) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    with opened(browser, page_file, width=width, color_scheme=brightness) as page:
        page.evaluate(axe)
        found = page.evaluate("axe.run()")["violations"]
        page.get_by_role("button", name="2019 CC").first.click()
        found += page.evaluate("axe.run('#details')")["violations"]
    serious = [f"{v['id']}: {v['nodes'][0]['html']}" for v in found if v["impact"] in ("serious", "critical")]
    assert serious == []


def test_page_follows_the_dark(browser: Browser, page_file: Path) -> None:
    grounds = {}
    for brightness in ("light", "dark"):
        with opened(browser, page_file, color_scheme=brightness) as page:
            grounds[brightness] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert grounds["dark"] != grounds["light"]


def test_an_empty_record_is_told_in_words(browser: Browser, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.take_in()
    publish_record(home.settings)
    with opened(browser, write_page(home)) as page:
        assert page.locator("#coming-lead").inner_text() == "Nothing is listed for the days ahead."
        assert texts(page, "#last-night-table") == ["None."]


def test_without_the_extra_the_tables_are_there_and_the_pictures_say_what_is_missing(
    browser: Browser, page_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "_vega", lambda _: "")
    page_without = write_report(page_file.parents[1] / "flyby.duckdb", tmp_path / "index.html", now=NOW)
    with opened(browser, page_without) as page:
        assert "flyby[report]" in page.locator("#coming-chart").inner_text()
        assert set(names(page)) == COMING
