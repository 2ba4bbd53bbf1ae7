"""docs/component.md is so: from `create-dagster project` to the first morning, every command in a project."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from jsonschema import Draft202012Validator
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from conftest import environment
from flyby import AsteroidsComponent, WindowedApiComponent

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples/earthquakes"
DOC = (ROOT / "docs/component.md").read_text()
COMMANDS = re.findall(r"(?ms)^<!-- not run: tests/test_component\.py [^>]*-->\n```sh\n(.*?)^```$", DOC)
DECLARED, ASTEROIDS = re.findall(r"(?ms)^```yaml\n(.*?)^```$", DOC)
DEFS = "src/ground/defs/earthquakes/defs.yaml"


class Project:
    """A folder in which somebody follows the document."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.home = folder / "ground"
        self.env = environment(
            USGS_URL=url,
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            PYTHONPATH=str(self.home / "src"),
            DAGSTER_HOME=str(folder / "dagster"),
            DAGSTER_DG_UPDATE_CHECK_ENABLED="0",
        )
        (folder / "dagster").mkdir()
        (folder / "dagster/dagster.yaml").write_text("telemetry: {enabled: false}\n")

    def run(self, script: str, *, fails: bool = False, at: Path | None = None) -> str:
        done = subprocess.run(
            ["sh", "-euc", script],
            cwd=at or (self.home if self.home.exists() else self.folder),
            env=self.env,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        told = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, told
        return told


def feature(key: str, at: datetime) -> dict[str, Any]:
    properties = {"mag": 1.5, "place": "3 km S of X", "time": int(at.timestamp() * 1000), "updated": 1746360000123}
    return {"type": "Feature", "id": key, "properties": properties, "geometry": {"coordinates": [-146.8, 64.5, 11.7]}}


def listed(request: Request) -> Response:
    """Three earthquakes on every day that is asked for."""
    first = datetime.fromisoformat(request.args["starttime"]).astimezone(UTC)
    rows = [feature(f"us{first:%m%d}{n}", first + timedelta(hours=n)) for n in range(3)]
    return Response(json.dumps({"type": "FeatureCollection", "features": rows}), content_type="application/json")


@pytest.fixture
def project(tmp_path: Path, httpserver: HTTPServer) -> Project:
    httpserver.expect_request("/fdsnws/event/1/query").respond_with_handler(listed)
    return Project(tmp_path, httpserver.url_for(""))


@pytest.mark.whole
def test_from_a_new_project_to_last_night_s_earthquakes_in_duckdb(project: Project) -> None:
    project.run(COMMANDS[0])
    told = project.run(COMMANDS[1])
    assert "flyby.WindowedApiComponent" in told
    assert "flyby.AsteroidsComponent" in told
    (project.home / DEFS).write_text(DECLARED)
    project.run(COMMANDS[2])
    with duckdb.connect(project.home / "data/earthquakes/earthquakes.duckdb", read_only=True) as connection:
        [(rows, day)] = connection.execute("SELECT count(*), min(day) FROM earthquakes").fetchall()
    assert (rows, day) == (3, datetime.now(UTC).date() - timedelta(days=1))


@pytest.mark.long
def test_dg_check_yaml_says_where_which_attribute_is_wrong(project: Project) -> None:
    project.run(COMMANDS[0])
    project.run(COMMANDS[1])
    (project.home / DEFS).write_text(DECLARED.replace("form: iso", "form: days"))
    told = project.run("dg check yaml", fails=True)
    assert "attributes.window.form 'days' is not one of ['iso', 'date', 'epoch_s', 'epoch_ms']" in told
    assert f"{DEFS}:" in told


@pytest.mark.parametrize(
    ("right", "mistake", "said"),
    [
        ("rows: features", "rows: a b", "'a b' does not match"),
        ("form: iso", "form: days", "'days' is not one of ['iso', 'date', 'epoch_s', 'epoch_ms']"),
        ("days: 1", "days: 0", "0 is less than the minimum of 1"),
        ("days: 1", "days: one", "'one' is not of type 'integer'"),
        ("  key: id\n", "", "'key' is a required property"),
        ("  key: id\n", "  key: id\n  keys: id\n", "'keys' was unexpected"),
        ("type: DOUBLE}", "type: FLOAT}", "'FLOAT' is not one of ['VARCHAR'"),
        ("magnitude:", "Magnitude:", "'Magnitude' does not match"),
        ("schedules: true", "schedules: perhaps", "'perhaps' is not of type 'boolean'"),
    ],
)
def test_dg_check_yaml_s_schema_says_which_attribute_is_wrong_and_the_form_that_it_wants(
    right: str, mistake: str, said: str
) -> None:
    model = WindowedApiComponent.get_model_cls()
    assert model
    validator = Draft202012Validator(model.model_json_schema())  # as dg has it
    assert list(validator.iter_errors(yaml.safe_load(DECLARED)["attributes"])) == []
    assert right in DECLARED
    [*_, error] = validator.iter_errors(yaml.safe_load(DECLARED.replace(right, mistake))["attributes"])
    assert said in error.message


def test_the_example_is_the_document_s_lines_and_nothing_else() -> None:
    assert (EXAMPLE / "src/earthquakes/defs/earthquakes/defs.yaml").read_text() == DECLARED
    assert len(DECLARED.splitlines()) <= 20
    assert [path.name for path in EXAMPLE.rglob("*.py")] == ["__init__.py", "definitions.py"]


@pytest.mark.long
def test_the_example_is_a_project_that_dg_loads_with_the_same_lines(project: Project) -> None:
    project.env["PYTHONPATH"] = str(EXAMPLE / "src")
    told = json.loads(project.run("dg list defs --json", at=EXAMPLE))
    assert {asset["asset_key"] for asset in told["assets"]} == {
        *("earthquakes_api", "earthquakes", "earthquakes_file", "earthquakes_table", "earthquakes_history"),
    }


@pytest.mark.parametrize("component", [WindowedApiComponent, AsteroidsComponent])
def test_every_attribute_has_its_description_and_the_document_tells_of_it(component: Any) -> None:
    properties = component.get_model_cls().model_json_schema()["properties"]
    assert all(attribute.get("description") for attribute in properties.values())
    if component is WindowedApiComponent:
        table = DOC.partition("## The attributes")[2].partition("## How")[0]
        told = {name for cells in re.findall(r"(?m)^\| ([^|]*) \|", table) for name in re.findall(r"`(\w+)`", cells)}
        assert told == set(properties)


def test_the_document_s_asteroids_are_a_component_that_can_be_built() -> None:
    attributes = yaml.safe_load(ASTEROIDS)["attributes"] | {"api_key": "DEMO_KEY"}
    built: AsteroidsComponent = AsteroidsComponent.resolve_from_yaml(yaml.safe_dump(attributes))
    assert {job.name for job in built.build_defs().resolve_all_job_defs()} >= {"asteroid_job", "history_job"}
