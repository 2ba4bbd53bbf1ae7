"""The picture of the week in Chromium, on pages of other people: in a frame, as a part, as an image."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, sync_playwright

from flyby.output.feeds import write_feeds
from skies import NOW, two_mornings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="there is no chromium: apt-get install chromium"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "CI must have chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The feeds of a sky of which one asteroid's name is markup."""
    home = two_mornings(tmp_path_factory.mktemp("home"))
    write_feeds(home.settings.database, home.settings.report.parent, home.settings, NOW)
    return home.settings.report.parent


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        *[(1200, "light"), (320, "dark")],
        *(
            pytest.param(*kind, marks=pytest.mark.long)
            for kind in [(1200, "dark"), (390, "light"), (390, "dark"), (320, "light")]
        ),
    ],
)
def test_the_frame_is_fit_for_everyone_at_every_width(browser: Browser, feeds: Path, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto((feeds / "embed.html").as_uri())
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("window.hit") is None
    assert page.get_by_role("img").get_attribute("aria-labelledby")
    assert page.get_by_role("link").count() == 3
    context.close()


def test_the_fragment_stands_in_a_page_of_any_policy_and_any_encoding(
    browser: Browser, feeds: Path, tmp_path: Path
) -> None:
    host = tmp_path / "host.html"
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    part = (feeds / "fragment.html").read_bytes()
    head = f'<!DOCTYPE html><html lang="de"><meta charset="iso-8859-1">{policy}<title>Zeitung</title><h1>'.encode()
    host.write_bytes(head + "Größer</h1><main>".encode("latin-1") + part + b"</main>")
    said: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.goto(host.as_uri())
    assert said == []
    assert page.get_by_role("heading").inner_text() == "Größer"
    box = page.locator("svg").bounding_box()
    assert box is not None
    assert box["width"] > 400
    assert page.locator("svg circle").count() == 3
    assert page.evaluate("window.hit") is None
    page.close()


@pytest.mark.parametrize("picture", ["week.svg", "week.png"])
def test_the_picture_is_an_image_with_a_size(browser: Browser, feeds: Path, picture: str) -> None:
    (feeds / "host.html").write_text(f'<!DOCTYPE html><img src="{picture}" alt="the week">')
    page = browser.new_page()
    page.goto((feeds / "host.html").as_uri())
    size = page.locator("img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert size == ([800, 450] if picture == "week.svg" else [1600, 900])
    page.close()
