import gc
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock
from hypothesis import settings

# What is imported here stays. While the tests are collected, the collector would go through it all again and again: a
# third of that time.
gc.disable()

# In the background a shell has its commands ignore Ctrl-C, Dagster has SIGTERM do what Ctrl-C does, and children
# inherit both: servers that tests start could not be ended.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is no claim of any test. At night there are many more.
settings.register_profile("day", deadline=None, max_examples=40)
settings.register_profile("long", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "day"))

#: The moment of the demo that tests and documents show.
DEMO_NOW = "2026-11-23T12:00:00Z"


def pytest_xdist_auto_num_workers() -> int:
    """A third of their time tests wait for something else than a processor."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shows the demo, or reads recorded answers, is for `make test-whole`. The demo is made at once, by the first
    test of it, and what else shows it comes last: nobody waits for it."""
    for item in items:
        if not {"demo", "shared"}.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("whole")
    of_demo = [item for item in items if "demo" in getattr(item, "fixturenames", ())]
    others = [item for item in items if item not in of_demo]
    items[:] = [*of_demo[:1], *others, *of_demo[1:]]


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


class Demo(NamedTuple):
    """A demo that was run: what it printed, and the folder in which it was called (its home is data/demo in there).
    Copy what you want to change."""

    told: str
    folder: Path


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded answers beside the checkout; whoever has none skips the tests that need it."""
    folder = Path(__file__).parents[2] / "shared"
    if not (folder / "recordings").is_dir():
        pytest.skip("needs the recorded answers in ../shared, which are not part of the repository")
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """`flyby demo` at DEMO_NOW: a quarter of a minute, so the processes of one test session share it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo"
    with FileLock(f"{folder}.lock"):
        told = folder / "told.txt"
        if not told.exists():
            folder.mkdir()
            command = [sys.executable, "-m", "flyby", "demo"]
            env = environment(FLYBY_HOME=str(folder / "data"), FLYBY_NOW=DEMO_NOW)
            process = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=300)
            assert (process.returncode, process.stderr) == (0, "")
            told.write_text(process.stdout)
    return Demo(told.read_text(), folder)


def environment(**named: str) -> dict[str, str]:
    """The environment for a flyby of the tests' own, with no settings but these."""
    own = ("FLYBY_", "NASA_", "DAGSTER_", "COLUMNS")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)} | named
