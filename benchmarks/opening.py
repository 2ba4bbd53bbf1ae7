"""How long a page of flyby's takes to open, on a CPU that the browser slows down: python -m benchmarks.opening PAGE

Chromium's own throttle (Emulation.setCPUThrottlingRate of its DevTools protocol), on a screen of 390 × 800, each time in a
fresh context from a file. Prints the least of several times as a Markdown table: whatever else the machine does only adds.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

#: As fast as this machine; and six times slower, which Chromium's tools take for a slow phone.
SLOWER = (1, 6)
TIMES = 7
#: What is measured, in milliseconds since the navigation began, or since it was asked for.
STEPS = {
    "first words": "performance.getEntriesByName('first-contentful-paint')[0].startTime",
    "all words and tables": "performance.getEntriesByName('told')[0].startTime",
    "all pictures": "performance.now()",
    "search in the whole record, the first time": """(async () => {
        const began = performance.now();
        const when = document.querySelector("select[name=when]");
        when.value = "all";
        when.dispatchEvent(new Event("input", { bubbles: true }));
        while (document.querySelector("#flybys[aria-busy]")) await new Promise((resolve) => setTimeout(resolve, 5));
        return performance.now() - began;
    })()""",
    "an asteroid's page after that": """(async () => {
        const began = performance.now();
        document.querySelector("#flybys-table a.name").click();
        while (!document.querySelector("html[data-told]")) await new Promise((resolve) => setTimeout(resolve, 5));
        return performance.now() - began;
    })()""",
}


def opened(browser: Browser, page: Path, slower: int) -> dict[str, float]:
    """What each of STEPS takes once."""
    context = browser.new_context(viewport={"width": 390, "height": 800})
    tab = context.new_page()
    tab.goto(page.parent.as_uri())  # the throttle is the process's, and a file's is another than that of an empty tab
    context.new_cdp_session(tab).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    tab.goto(page.as_uri())
    tab.wait_for_selector("html[data-drawn]", timeout=120_000)
    took = {step: float(tab.evaluate(script)) for step, script in STEPS.items()}
    context.close()
    return took


def main(page: Path) -> None:
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        took = {slower: [opened(browser, page, slower) for _ in range(TIMES)] for slower in SLOWER}
        browser.close()
    size_mb = page.stat().st_size / 1e6
    print(
        f"| {size_mb:.2f} MB |"
        + "".join(f" CPU {slower} × slower |" for slower in SLOWER).replace("1 × slower", "as it is")
    )
    print("| --- |" + " ---: |" * len(SLOWER))
    for step in STEPS:
        cells = (f"{min(one[step] for one in took[slower]) / 1000:.2f} s" for slower in SLOWER)
        print(f"| {step} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
