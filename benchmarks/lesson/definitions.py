"""Three assets and a job: `asteroids` → `asteroids_file` → `duckdb_table`.

It keeps the lesson's ways on purpose: the key in the query, values handed on by the default I/O manager, one fixed CSV
path, and a COPY that appends, so that running a day twice doubles its rows.
"""

import csv
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import requests

FIELDS = ("id", "name", "absolute_magnitude_h", "is_potentially_hazardous_asteroid")


class AsteroidsConfig(dg.Config):
    """The tick date; the job is about the day before."""

    date: str


def folder() -> Path:
    """Where the file and the database go."""
    return Path(os.environ["LESSON_HOME"])


@dg.asset
def asteroids(config: AsteroidsConfig) -> list[dict[str, Any]]:
    """What NeoWs lists for the day before the tick date; the request asks for that day and the tick date."""
    tick = date.fromisoformat(config.date)
    day = tick - timedelta(days=1)
    answer = requests.get(
        os.environ["FLYBY_NEOWS_URL"] + "/feed",
        params={"start_date": day.isoformat(), "end_date": tick.isoformat(), "api_key": os.environ["NASA_API_KEY"]},
        timeout=60,
    )
    answer.raise_for_status()
    neos: list[dict[str, Any]] = answer.json()["near_earth_objects"].get(day.isoformat(), [])
    return neos


@dg.asset
def asteroids_file(asteroids: list[dict[str, Any]]) -> None:
    """The four fields as CSV, at one fixed path."""
    with (folder() / "asteroids.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(asteroids)


@dg.asset(deps=[asteroids_file])
def duckdb_table() -> None:
    """The file appended to `raw_asteroid_data`."""
    with duckdb.connect(folder() / "lesson.duckdb") as db:
        db.execute(
            "CREATE TABLE IF NOT EXISTS raw_asteroid_data (id VARCHAR, name VARCHAR, absolute_magnitude_h DOUBLE, "
            "is_potentially_hazardous_asteroid BOOLEAN)"
        )
        db.execute(f"COPY raw_asteroid_data FROM '{folder() / 'asteroids.csv'}' (HEADER)")


asteroid_job = dg.define_asset_job("asteroid_job", selection=[asteroids, asteroids_file, duckdb_table])

defs = dg.Definitions(assets=[asteroids, asteroids_file, duckdb_table], jobs=[asteroid_job])
