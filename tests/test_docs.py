"""What the documents say is so: commands run, answers are those of the built-in sky, links lead somewhere.

WRITE_DOCS=1 writes the answers into the documents instead of comparing them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest

from conftest import DEMO_NOW, Demo, environment
from flyby.cli import flyby as commands
from flyby.query.columns import COLUMNS
from flyby.sandbox import Sandbox
from forks import called

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "deploy/README.md"]
UNIT = ROOT / "deploy" / "flyby.service"
#: What the documents say of commands and settings, the unit's comments included.
TEXT = "\n".join(path.read_text() for path in [*PAGES, UNIT])

#: What `make` writes, and what may not be there yet.
WRITTEN = {ROOT / "docs" / name for name in ("replay.md", "benchmarks.md", "truth.md")}

#: A block, and what stands before it about running it.
BLOCK = re.compile(r"(?ms)^(<!-- not run: [^>]+ -->\n)?^```(\w*)\n(.*?)^```$")
#: A question in SQL, or commands after `$`, with their answer.
ASKED_IN_SQL = re.compile(r"(?ms)^```sql\n(?P<query>.*?)^```\n(?:\n```text\n(?P<answer>.*?)^```\n)?")
ASKED_IN_THE_TERMINAL = re.compile(r"(?ms)^```console\n(?P<block>.*?)^```$")
COLUMNS_WIDE = "110"
#: The commands of the other pages are run every time.
AT_NIGHT = {"feeds.md", "page.md", "running.md"}

each = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


class Reader:
    """Somebody in a checkout after `make demo`, whose NASA is the built-in sky."""

    def __init__(self, folder: Path, demo: Demo, sky: Sandbox) -> None:
        self.folder = folder
        shutil.copytree(demo.folder / "data", folder / "data", symlinks=True)
        shutil.copytree(folder / "data/demo/cache", folder / "data/cache")  # the charts' program takes seconds to make
        command = folder / ".venv" / "bin" / "flyby"
        command.parent.mkdir(parents=True)
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flyby "$@"\n')
        command.chmod(0o755)
        self.environment = environment(
            FLYBY_HOME="data/demo",
            FLYBY_NOW=DEMO_NOW,
            FLYBY_NEOWS_URL=sky.url,
            FLYBY_CAD_URL=sky.cad_url,
            NASA_API_KEY="SIMULATED-SKY",
            COLUMNS=COLUMNS_WIDE,
            BROWSER="true",  # a browser that shows nothing
            PATH=f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        )

    def run(self, *command: str) -> str:
        """What a command prints; it must succeed."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def flyby(self, *words: str) -> str:
        done = called(*words, env=self.environment, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def reader(demo: Demo, tmp_path: Path) -> Iterator[Reader]:
    with Sandbox(now=datetime.fromisoformat(DEMO_NOW)) as sky:
        yield Reader(tmp_path, demo, sky)


def blocks(page: Path, kind: str) -> str:
    """The blocks of a kind that are to be run, together."""
    return "".join(body for note, its, body in BLOCK.findall(page.read_text()) if its == kind and not note)


def prose(text: str) -> str:
    return BLOCK.sub("", text)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=[pytest.mark.long] * (page.name in AT_NIGHT))
        for page in PAGES
        if blocks(page, "sh") or blocks(page, "python")
    ],
)
def test_the_commands_of_a_page_run_one_after_the_other(page: Path, reader: Reader) -> None:
    reader.run("sh", "-euc", blocks(page, "sh"))
    reader.run(sys.executable, "-c", blocks(page, "python"))


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if ASKED_IN_SQL.search(t := page.read_text()) or ASKED_IN_THE_TERMINAL.search(t)],
    ids=lambda page: page.name,
)
def test_the_answers_that_a_page_shows_are_those_of_the_built_in_sky(page: Path, reader: Reader) -> None:
    def in_sql(asked: re.Match[str]) -> str:
        query = asked["query"].replace("(now() AT TIME ZONE 'UTC')::DATE", f"DATE '{DEMO_NOW[:10]}'")
        return f"```sql\n{asked['query']}```\n\n```text\n{stripped(reader.flyby('sql', query))}```\n"

    def in_the_terminal(asked: re.Match[str]) -> str:
        calls = [line for line in asked["block"].splitlines() if line.startswith("$ ")]
        told = (f"{call}\n{stripped(reader.run('sh', '-euc', call[2:]))}" for call in calls)
        return f"```console\n{''.join(told)}```"

    text = page.read_text()
    true = ASKED_IN_THE_TERMINAL.sub(in_the_terminal, ASKED_IN_SQL.sub(in_sql, text))
    if os.environ.get("WRITE_DOCS"):
        page.write_text(true)
    assert text == true


def stripped(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


@each
def test_every_link_to_a_file_leads_there(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?:src|srcset|href)=\"([^\"]+)\"", text)
    broken = []
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if target in WRITTEN and not target.exists():
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    titles = re.findall(r"(?m)^#+ (.+)$", prose(page.read_text()))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@each
def test_every_path_of_the_repository_that_a_page_names_is_there(page: Path) -> None:
    paths = re.findall(r"`((?:src|docs|deploy|tests|requirements|benchmarks|record/sql)/[\w./*-]+)`", page.read_text())
    missing = [path for path in paths if not [*ROOT.glob(path), *(ROOT / "src" / "flyby").glob(path)]]
    assert missing == []


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\(docs/([a-z-]+\.md)", (ROOT / "README.md").read_text()))
    assert linked >= {page.name for page in (ROOT / "docs").glob("*.md")} - {page.name for page in WRITTEN}


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_has_help_an_example_and_a_place_in_the_documents(name: str) -> None:
    command = commands.commands[name]
    assert command.help
    assert command.epilog
    assert f"flyby {name}" in command.epilog
    assert [p.name for p in command.params if isinstance(p, click.Option) and not p.help] == []
    assert re.search(rf"\bflyby {name}\b", TEXT)


def test_the_documents_name_no_command_and_no_option_that_is_not_there() -> None:
    code = re.findall(r"`(?:[A-Z_]+=\S+ )*flyby ([^`]+)`", prose(TEXT))
    typed = "".join(body for _, kind, body in BLOCK.findall(TEXT) if kind in ("sh", "console")) + UNIT.read_text()
    code += re.findall(r"(?m)^(?:\$ |ExecStart=.*/)?(?:[A-Z_]+=\S+ )*flyby ([^\n]+)", typed)
    unknown = []
    for words in (call.split("#")[0].split() for call in code):
        command = commands if words[0].startswith("-") else commands.commands.get(words[0].strip("\"',"))
        options = {option for parameter in command.params for option in parameter.opts} if command else set()
        asked = {word for word in words if word.startswith("--")} - {"--help"}
        if command is None or not asked <= options:
            unknown.append(" ".join(words))
    assert len(code) > 20
    assert unknown == []


def test_the_documents_name_every_setting_and_no_other() -> None:
    settings = set(re.findall(r"\"((?:FLYBY|NASA)_[A-Z_]+)\"", (ROOT / "src/flyby/settings.py").read_text()))
    readme = (ROOT / "README.md").read_text()
    assert {name for name in settings if f"`{name}`" not in readme} == set()
    assert set(re.findall(r"\b(?:FLYBY|NASA)_[A-Z_]+\b", TEXT)) - settings == set()


def test_the_tables_of_the_reading_page_are_those_of_the_database(reader: Reader) -> None:
    text = (ROOT / "docs" / "reading.md").read_text()
    documented = {
        table: re.findall(r"(?m)^\| `(\w+)` \| `([\w\[\]]+)` \|", section)
        for table, section in re.findall(r"(?ms)^### (\w+)\n(.*?)(?=^### |\Z)", text)
    }
    assert documented.pop("close_approaches") == [(name, kind) for name, kind, _ in COLUMNS]
    values = {(name, kind) for name, kind, _ in COLUMNS}
    for table in ("revisions", "days", "requests"):
        told = json.loads(reader.flyby("sql", "--json", f"DESCRIBE {table}"))
        kinds = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
        there = {(row["column_name"], kinds.get(row["column_type"], row["column_type"])) for row in told}
        assert set(documented[table]) == there - values | set(documented[table]) & values, table


def test_the_messages_that_the_running_page_explains_are_flybys_own() -> None:
    source = " ".join(path.read_text() for path in (ROOT / "src" / "flyby").rglob("*.py"))
    source = re.sub(r"\"\s*f?\"", "", source)
    section = (ROOT / "docs" / "running.md").read_text().split("## When something is wrong")[1].split("\n## ")[0]
    messages = re.findall(r"(?m)^\| `([^`]+)` \|", section)
    assert len(messages) > 10
    for message in messages:
        for part in message.split("…"):
            assert part.strip() in source, message


def test_the_unit_starts_what_there_is_with_settings_there_are() -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    assert unit["Service"]["ExecStart"].split("/")[-1].split()[:2] == ["flyby", "up"]
    if verifier := shutil.which("systemd-analyze"):
        # It also wants the command to be installed.
        told = subprocess.run([verifier, "verify", "--man=no", str(UNIT)], capture_output=True, text=True, check=False)
        complaints = [line for line in told.stderr.splitlines() if "flyby.service" in line and "Command" not in line]
        assert complaints == []


def test_the_pictures_are_small_and_used() -> None:
    for picture in (ROOT / "docs" / "screenshots").iterdir():
        assert picture.stat().st_size < 200_000, picture.name
        assert picture.name in TEXT


def test_the_drawing_is_legible_in_the_dark_and_needs_nothing_else() -> None:
    drawing = (ROOT / "docs" / "how-it-works.svg").read_text()
    assert ET.fromstring(drawing).tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in drawing
    assert "href" not in drawing
