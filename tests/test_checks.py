"""The checks are seen to fail: on what cannot be, and on what is there twice."""

from pathlib import Path

import duckdb
import pytest

from answers import Home, moment, row, window
from feeds import make_approach, make_feed, make_object
from flyby.query.checks import findings
from flyby.record.load import publish_record

WEEK = window("2019-02-08", "2019-02-15")
MANY = [row(f"2018 B{n}", f"380010{n}", "2019-02-09") for n in range(6)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def failed(home: Home) -> dict[str, str]:
    """The checks that fail of what is kept and not of when, by name, with what they say."""
    home.release()
    publish_record(home.settings)
    kept = ("no_duplicates", "values_in_range")
    return {one.name: one.said for one in findings(home.settings) if one.name in kept and not one.passed}


@pytest.mark.parametrize(
    ("km", "is_possible"),
    [(4_488.0, False), (6_370.0, False), (20_000.0, True), (9_000.0, False), (300_000.0, True)],
)
def test_what_passes_within_the_earth_or_slower_than_gravity_allows_is_flagged(
    home: Home, km: float, is_possible: bool
) -> None:
    # At 7.8 km/s nothing can pass nearer than about 13,000 km.
    au = km / 149_597_870.7
    distance = {"astronomical": f"{au}", "lunar": f"{au * 389}", "kilometers": f"{km}"}
    approach = make_approach("2019-02-10", miss_distance=distance)
    home.land(moment("2019-02-16"), WEEK, make_feed(make_object("(2019 AB)", close_approach_data=[approach])))
    home.take_in()
    assert [name for name, said in failed(home).items() if "2019 AB on 2019-02-10" in said] == (
        [] if is_possible else ["values_in_range"]
    )


@pytest.mark.parametrize(
    ("km", "km_s", "is_possible"),
    [
        (276_840, "1.570517537", True),  # 2006 RH120, while it circled the Earth
        (301_933, "1.471871901", True),  # 2020 CD3
        (13_121, "7.768625416", True),
        (301_933, "1.2", False),
        (13_121, "7.5", False),
        (49_637_139, "0.0754005585", True),  # 2002 TY57: there the Sun pulls more
    ],
)
def test_what_circles_the_earth_for_a_while_or_drifts_by_far_off_is_possible(
    home: Home, km: float, km_s: str, is_possible: bool
) -> None:
    au = km / 149_597_870.7
    distance = {"astronomical": f"{au}", "lunar": f"{au * 389}", "kilometers": f"{km}"}
    speed = {"kilometers_per_second": km_s, "kilometers_per_hour": f"{float(km_s) * 3600}"}
    approach = make_approach("2019-02-10", miss_distance=distance, relative_velocity=speed)
    home.land(moment("2019-02-16"), WEEK, make_feed(make_object("(2019 AB)", close_approach_data=[approach])))
    home.take_in()
    assert ("values_in_range" not in failed(home)) == is_possible


def test_a_flyby_that_is_there_twice_is_flagged(home: Home) -> None:
    home.sitting("2019-02-16", (WEEK, MANY))
    assert "no_duplicates" not in failed(home)
    with duckdb.connect(home.settings.record) as record:
        record.execute(
            "INSERT INTO asteroids_record.revisions FROM asteroids_record.revisions WHERE entity = '2018 B3'"
        )
    assert "1 " in failed(home)["no_duplicates"]
