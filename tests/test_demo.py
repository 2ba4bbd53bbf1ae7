"""The demo shows the product and leaves a database to go on with."""

import json
import os
import subprocess
import sys
from pathlib import Path

from flyby import demo


def flyby(*arguments: str, home: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("FLYBY_", "NASA_", "DAGSTER_", "COLUMNS"))}
    env = kept | {"FLYBY_HOME": str(home), "FLYBY_NOW": "2026-11-23T12:00:00Z"}
    command = [sys.executable, "-m", "flyby", *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=300)


def test_the_demo_tells_its_mornings_and_leaves_a_database(tmp_path: Path) -> None:
    process = flyby("demo", home=tmp_path / "data", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    told = process.stdout
    assert "simulated" in told.splitlines()[0]
    assert told.count(": flyby run\n") == demo.MORNINGS
    for word in ("found ", "late ", "ahead ", "revised ", "warning ", "Closest: ", "nothing is missing"):
        assert word in told
    assert f"FLYBY_HOME={Path('data', 'demo')} flyby changes" in told
    page = Path("data", "demo", "report", "index.html")
    assert f"Open {page} in a browser" in told
    assert "<title>" in (tmp_path / page).read_text()
    status = json.loads(flyby("status", "--json", home=tmp_path / "data" / "demo", cwd=tmp_path).stdout)
    assert status["simulated"]
    assert status["last_morning"]["requested_at"] == "2026-11-23T06:00:00+00:00"
    assert status["suspect"] == status["missing"] == []
    runs = list((tmp_path / "data" / "demo" / "dagster").rglob("runs.db"))
    assert runs, "the demo's runs are to be seen in Dagster"
    assert [entry.name for entry in (tmp_path / "data").iterdir()] == ["demo"]


def test_the_demo_removes_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.tex").write_text("years of work")
    process = flyby("demo", home=tmp_path, cwd=tmp_path)
    assert process.returncode == 1
    assert "is not an earlier demo's" in process.stderr
    assert (tmp_path / "demo" / "thesis.tex").read_text() == "years of work"
