"""The demo shows the product and leaves a database to go on with."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import DEMO_NOW, Demo, environment
from flyby.demo import MORNINGS


def flyby(*arguments: str, home: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = environment(FLYBY_HOME=str(home), FLYBY_NOW=DEMO_NOW)
    command = [sys.executable, "-m", "flyby", *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=300)


def test_the_demo_tells_its_mornings_and_leaves_a_database(demo: Demo, tmp_path: Path) -> None:
    assert "simulated" in demo.told.splitlines()[0]
    assert demo.told.count(": flyby run\n") == MORNINGS
    for word in ("found ", "late ", "ahead ", "revised ", "warning ", "Closest: ", "nothing is missing"):
        assert word in demo.told
    data = demo.folder / "data"
    status = json.loads(flyby("status", "--json", home=data / "demo", cwd=tmp_path).stdout)
    assert status["simulated"]
    assert status["last_morning"]["requested_at"] == "2026-11-23T06:00:00+00:00"
    assert status["suspect"] == status["missing"] == []
    runs = list((data / "demo" / "dagster").rglob("runs.db"))
    assert runs, "the demo's runs are to be seen in Dagster"
    assert [entry.name for entry in data.iterdir()] == ["demo"]


def test_the_demo_ends_with_its_page_and_with_commands_that_go_on(demo: Demo) -> None:
    page = Path("data", "demo", "report", "index.html")
    assert f"Open {page} in a browser" in demo.told
    assert "<title>" in (demo.folder / page).read_text()
    for command in ("report --open", "upcoming --closest", "changes"):
        assert f"FLYBY_HOME={Path('data', 'demo')} flyby {command}\n" in demo.told


@pytest.mark.parametrize("on_the_path", [True, False])
def test_the_commands_at_the_end_are_called_as_the_demo_was(
    on_the_path: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flyby import demo
    from flyby.settings import Settings

    called = tmp_path / ".venv" / "bin" / "flyby"
    called.parent.mkdir(parents=True)
    called.write_text("#!/bin/sh\n")
    called.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(called)])
    monkeypatch.setenv("PATH", str(called.parent) if on_the_path else "")
    demo._go_on(Settings.load({"FLYBY_HOME": str(tmp_path / "data" / "demo")}), beside_a_lake=False)
    command = "flyby" if on_the_path else str(Path(".venv", "bin", "flyby"))
    assert f"FLYBY_HOME={Path('data', 'demo')} {command} changes\n" in capsys.readouterr().out


def test_the_demo_keeps_out_of_the_lake_of_the_real_sky(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flyby import demo
    from flyby.settings import Settings

    settings = Settings.load({"FLYBY_HOME": str(tmp_path), "FLYBY_WAREHOUSE": "ducklake:postgres:host=127.0.0.1"})
    told: list[Settings] = []

    def history(ours: Settings, *_: object, **__: object) -> None:
        told.append(ours)
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_history", history)
    with pytest.raises(KeyboardInterrupt):
        demo.show(settings)
    assert [ours.lake for ours in told] == [None]
    demo._go_on(told[0], beside_a_lake=True)
    assert "  FLYBY_WAREHOUSE= FLYBY_HOME=" in capsys.readouterr().out


def test_the_demo_begins_anew_where_an_earlier_one_was_and_people_went_on_with_it(demo: Demo, tmp_path: Path) -> None:
    from flyby import demo as shown

    home = tmp_path / "demo"
    shutil.copytree(demo.folder / "data" / "demo", home, symlinks=True)
    for command in ("rebuild", "report"):
        assert flyby(command, home=home, cwd=tmp_path).returncode == 0
    shown._clear(home)
    assert list(home.iterdir()) == []


def test_the_demo_removes_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.tex").write_text("years of work")
    process = flyby("demo", home=tmp_path, cwd=tmp_path)
    assert process.returncode == 1
    assert "is not an earlier demo's" in process.stderr
    assert (tmp_path / "demo" / "thesis.tex").read_text() == "years of work"
