"""The files of deploy/ fit each other, flyby and the image that is built from them. That they work: tests/scale."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from scale.machines import DEPLOY, ROOT, compose

SERVICES = {name: service for name, service in compose()["services"].items() if "profiles" not in service}
COMMANDS = {name: service for name, service in compose()["services"].items() if "profiles" in service}
OURS = ("code", "webserver", "daemon", "worker")
DAGSTER = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
VALUES = yaml.safe_load((DEPLOY / "values.yaml").read_text())
IMAGE = (DEPLOY / "Dockerfile").read_text()

each = pytest.mark.parametrize("name", SERVICES)


def from_environment(value: Any) -> Iterator[str]:
    """The variables that a part of dagster.yaml names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from [inner] if name == "env" else from_environment(inner)


@each
def test_every_service_has_a_health_check_comes_back_by_itself_and_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_ports_are_published_on_loopback_alone_and_the_servers_have_no_way_out() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:3000:3000"]
    assert compose()["networks"]["inside"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["inside"]


def test_no_secret_stands_in_a_file_that_git_keeps() -> None:
    names = [name for service in compose()["services"].values() for name in service.get("environment", {})]
    assert [name for name in names if re.search("PASSWORD|KEY|TOKEN|SECRET", name)] == ["POSTGRES_PASSWORD_FILE"]
    places = [secret["file"] for secret in compose()["secrets"].values()]
    assert len(places) == 2
    for place in (*places, "flyby.env", "backups/any"):
        ignored = subprocess.run(["git", "check-ignore", "-q", f"deploy/{place}"], cwd=ROOT, check=False)
        assert ignored.returncode == 0, place
    example = (DEPLOY / "flyby.env.example").read_text()
    assert re.search(r"(?m)^NASA_API_KEY=$", example)


def test_everything_that_flyby_and_dagster_read_is_set() -> None:
    settings = set(re.findall(r"\"((?:FLYBY|NASA)_[A-Z_]+)\"", (ROOT / "src/flyby/settings.py").read_text()))
    in_file = set(re.findall(r"(?m)^(\w+)=", (DEPLOY / "flyby.env.example").read_text()))
    in_secrets = set(" ".join(re.findall(r"export (.+)", (DEPLOY / "with-secrets.sh").read_text())).split())
    for name in OURS:
        there = set(SERVICES[name]["environment"])
        assert settings <= in_file | there
        assert {setting for setting in there | in_file if setting.startswith(("FLYBY_", "NASA_"))} <= settings
        assert not in_file & there
        assert set(from_environment(DAGSTER)) <= there | in_secrets


def test_what_a_service_uses_is_declared_and_all_that_is_declared_is_used() -> None:
    for kind in ("secrets", "networks"):
        used = {use for service in compose()["services"].values() for use in service.get(kind, ())}
        assert used == set(compose()[kind])
    mounts = [mount.split(":")[0] for service in compose()["services"].values() for mount in service["volumes"]]
    assert {mount for mount in mounts if not mount.startswith(".")} == set(compose()["volumes"])
    for mount in {mount for mount in mounts if mount.startswith("./")} - {"./backups"}:
        assert (DEPLOY / mount).is_file()
    for service in compose()["services"].values():
        assert set(service.get("depends_on", ())) <= set(SERVICES)


def test_as_many_runs_are_started_as_there_are_workers() -> None:
    worker = SERVICES["worker"]
    assert worker["deploy"]["replicas"] == worker["environment"]["WORKERS"] == "2"
    assert DAGSTER["run_coordinator"]["config"]["max_concurrent_runs"] == {"env": "WORKERS"}
    assert worker["command"][-5:] == ["--concurrency", "1", "--max-tasks-per-child", "1", "--disable-prefetch"]


def test_the_image_takes_what_it_is_built_from_and_runs_as_nobody_special() -> None:
    copied = re.findall(r"(?m)^COPY (?:--\S+ )?(.+) \S+$", IMAGE)
    sources = {source for line in copied for source in line.split()}
    let_in = set(re.findall(r"(?m)^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text()))
    assert sources == let_in
    assert all((ROOT / source).exists() for source in sources)
    assert "--require-hashes --requirement requirements/scale.txt" in IMAGE
    assert re.findall(r"(?m)^USER (\w+)$", IMAGE) == ["flyby"]
    assert re.findall(r"(?m)^FROM (\S+)$", IMAGE) == ["python:3.13-slim"]


@pytest.mark.parametrize("script", sorted(DEPLOY.glob("*.sh")), ids=lambda script: script.name)
def test_the_scripts_are_plain_shell(script: Any) -> None:
    subprocess.run(["sh", "-n", str(script)], check=True)
    assert script.read_text().startswith("#!/bin/sh\n")
    if checker := shutil.which("shellcheck"):
        subprocess.run([checker, str(script)], check=True)


def test_helm_and_compose_start_the_same() -> None:
    [deployment] = VALUES["dagster-user-deployments"]["deployments"]
    pods = [deployment, VALUES["dagsterWebserver"], VALUES["dagsterDaemon"]]
    in_compose = SERVICES["code"]
    assert {pod["image"]["repository"] for pod in pods} == {in_compose["image"].split(":")[0]}
    assert deployment["codeServerArgs"] == in_compose["command"][-2:]
    assert str(deployment["port"]) == in_compose["command"][-3]
    assert VALUES["global"]["dagsterHome"] == re.findall(r"DAGSTER_HOME=(\S+)", IMAGE)[0]
    for pod in pods:
        shared = {name: value for name, value in in_compose["environment"].items() if name not in ("REDIS", "WORKERS")}
        assert shared.items() <= pod["env"].items()
        assert pod["envSecrets"] == [{"name": "flyby"}]
        assert pod["podSecurityContext"]["runAsNonRoot"] is True
        assert [mount["mountPath"] for mount in pod["volumeMounts"]] == ["/data"]
        assert pod["resources"]["limits"]["memory"]
        assert pod["livenessProbe"]
    assert "with-secrets " + " ".join(VALUES["dagsterDaemon"]["livenessProbe"]["exec"]["command"]) == " ".join(
        SERVICES["daemon"]["healthcheck"]["test"][1:]
    )


def test_helm_and_compose_have_dagster_behave_the_same() -> None:
    daemon, postgres = VALUES["dagsterDaemon"], VALUES["postgresql"]
    stored = DAGSTER["storage"]["postgres"]["postgres_db"]
    assert postgres["postgresqlScheme"] == stored["scheme"]
    assert "postgresqlPassword" not in postgres  # the chart takes it from the Secret that `global` names
    assert daemon["runMonitoring"] == {
        "enabled": DAGSTER["run_monitoring"]["enabled"],
        "startTimeoutSeconds": DAGSTER["run_monitoring"]["start_timeout_seconds"],
        "cancelTimeoutSeconds": DAGSTER["run_monitoring"]["cancel_timeout_seconds"],
        "pollIntervalSeconds": DAGSTER["run_monitoring"]["poll_interval_seconds"],
    }
    assert daemon["runRetries"] == {
        "enabled": DAGSTER["run_retries"]["enabled"],
        "maxRetries": DAGSTER["run_retries"]["max_retries"],
        "retryOnAssetOrOpFailure": DAGSTER["run_retries"]["retry_on_asset_or_op_failure"],
    }
    assert VALUES["telemetry"] == DAGSTER["telemetry"] == {"enabled": False}
    logs = VALUES["computeLogManager"]["config"]["customComputeLogManager"]
    assert logs == DAGSTER["compute_logs"]
    assert VALUES["runLauncher"]["type"] == "K8sRunLauncher"
