"""The project keeps what it promises to those who install it and to those who work on it."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import flyby

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Each pattern is written so that it does not match itself.
HOSTS = re.compile(r"py[p]i\.org|pythonhoste[d]\.org|npmj[s]\.org|debia[n]\.org|anacond[a]\.org|py[p]i-?[a-z]*/simple")
MACHINE_PATHS = re.compile(r"/(?:wor[k]|roo[t])/|/(?:home|User[s])/[a-z]|/op[t]/[a-z]")
KEYS = re.compile(
    # NASA's: 40 letters and digits of all three kinds; others: by how they begin.
    r"\b(?=[0-9A-Za-z]*[a-z])(?=[0-9A-Za-z]*[A-Z])(?=[0-9A-Za-z]*[0-9])[0-9A-Za-z]{40}\b"
    r"|AKI[A][0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36}|-----BEGI[N] [A-Z ]*PRIVATE KEY"
)


def committed() -> Iterator[tuple[str, bytes]]:
    """Name and content of every file that git tracks."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            yield name, (ROOT / name).read_bytes()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed into a folder of its own; what it depends on is the environment's."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([*command, str(wheel)], check=True)
    return folder


def run(installed: Path, cwd: Path, *arguments: str) -> str:
    """What Python prints, outside the checkout, with the installed wheel."""
    own = ("FLYBY_", "NASA_", "DAGSTER_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environ["PYTHONPATH"] = str(installed)
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    package = {name.removeprefix("src/") for name, _ in committed() if name.startswith("src/")}
    assert {name for name in package if name.endswith(".sql")}
    assert package <= held
    assert {name.split("/")[0] for name in held} == {"flyby", f"flyby-{flyby.__version__}.dist-info"}


def test_the_wheel_works_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = run(installed, tmp_path, "-c", "import flyby; print(flyby.__file__)")
    assert Path(where.strip()).is_relative_to(installed)
    code = "from pathlib import Path; from flyby.record import Record; Record(Path('record.duckdb')).__enter__()"
    run(installed, tmp_path, "-c", code)
    assert (tmp_path / "record.duckdb").is_file()


def test_the_command_of_the_wheel_says_what_it_can_do(installed: Path, tmp_path: Path) -> None:
    text = run(installed, tmp_path, str(installed / "bin" / "flyby"), "--help")
    assert "run" in text
    assert "status" in text


def test_dagster_finds_the_definitions_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "from flyby.definitions import defs; print(defs.get_job_def('asteroid_job').name)"
    assert run(installed, tmp_path, "-c", code).split() == ["asteroid_job"]


def test_no_module_needs_what_the_wheel_does_not_ask_for() -> None:
    own_name = re.compile(r"[A-Za-z0-9._-]+")
    extras = PROJECT["optional-dependencies"]
    lines = PROJECT["dependencies"]
    lines += [line for extra in ("notify", "report", "mcp", "orbits", "lake", "scale") for line in extras[extra]]
    asked_for = {own_name.match(line)[0].lower() for line in lines}  # type: ignore[index]
    providers = packages_distributions()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for top in {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"flyby"}:
                assert asked_for & {provider.lower().replace("_", "-") for provider in providers.get(top, ())}, (
                    f"{path.name} imports {top}"
                )


@pytest.mark.parametrize("pattern", [HOSTS, MACHINE_PATHS, KEYS], ids=["registry host", "machine path", "key"])
def test_no_committed_file_names_a(pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}: {match[0]}"
        for name, content in committed()
        for match in pattern.finditer(content.decode("utf-8", "replace"))
    ]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_line_of_a_lock_is_an_exact_pin_with_hashes(lock: Path) -> None:
    lines = lock.read_text().replace("\\\n", " ").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    for pin in pins:
        assert re.fullmatch(
            r"[a-z0-9._-]+(\[[a-z0-9, -]+\])?==[^ ]+( ; [^-]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", pin
        ), pin[:100]


def test_the_locks_agree_so_that_they_can_share_an_environment() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in re.findall(r"^([a-z0-9._-]+)[^=\n]*==([^ \n]+)", lock.read_text(), re.MULTILINE):
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_first_commands_of_the_readme_are_make_demo_and_make_test() -> None:
    blocks = re.findall(r"(?ms)^```(?:sh|console|bash)\n(.*?)^```", (ROOT / "README.md").read_text())
    commands = [line.split("#")[0].strip() for line in "".join(blocks).splitlines()]
    assert [command for command in commands if command][:2] == ["make demo", "make test"]


def test_the_readme_names_every_setting() -> None:
    readme = (ROOT / "README.md").read_text()
    settings = (ROOT / "src/flyby/settings.py").read_text()
    names = set(re.findall(r"\"((?:FLYBY|NASA)_[A-Z_]+)\"", settings))
    assert {name for name in names if f"`{name}`" in readme} == names


def test_every_make_target_of_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE))
        assert named <= targets, page.name


def test_the_changelog_mentions_the_version() -> None:
    assert f"\n## {flyby.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_contributing_shows_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = {path.stem for path in (ROOT / "src" / "flyby").iterdir() if not path.name.startswith(("_", "."))}
    rooms -= {"py"}
    assert {room for room in rooms if f"`{room}`" not in text} == set()
