"""The built-in sky answers as NeoWs and CAD do, and does what its clock and its faults say."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from flyby.errors import UsageError
from flyby.sandbox import Sandbox
from flyby.sandbox.server import SIMULATED

MORNING = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = {"start_date": "2026-11-15", "end_date": "2026-11-22"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(now=MORNING) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx2.Client]:
    with httpx2.Client(headers={"X-Api-Key": "someone"}) as client:
        yield client


def feed(client: httpx2.Client, sandbox: Sandbox, **params: str) -> dict[str, Any]:
    answer = client.get(f"{sandbox.url}/feed", params=params or WEEK)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def rows(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(day, neo["id"]): neo for day, neos in found["near_earth_objects"].items() for neo in neos}


def origin(sandbox: Sandbox) -> str:
    return f"http://{urlsplit(sandbox.url).netloc}"


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value).__name__


def test_an_answer_has_the_shape_of_neows_and_says_that_it_is_simulated(
    client: httpx2.Client, sandbox: Sandbox
) -> None:
    answer = client.get(f"{sandbox.url}/feed", params=WEEK)
    assert answer.headers["X-Simulated"] == "true"
    found = answer.json()
    assert set(found) == {"links", "element_count", "near_earth_objects"}
    assert list(found["links"]) == ["next", "previous", "self", "simulated"]
    assert found["links"]["simulated"] == SIMULATED
    assert sorted(found["near_earth_objects"]) == [f"2026-11-{day}" for day in range(15, 23)]
    assert found["element_count"] == sum(map(len, found["near_earth_objects"].values())) > 60
    neo = next(neo for neo in rows(found).values() if not neo["is_sentry_object"])
    unit = {"estimated_diameter_min": "float", "estimated_diameter_max": "float"}
    assert shape(neo) == {
        "links": {"self": "str"},
        "id": "str",
        "neo_reference_id": "str",
        "name": "str",
        "nasa_jpl_url": "str",
        "absolute_magnitude_h": "float",
        "estimated_diameter": {"kilometers": unit, "meters": unit, "miles": unit, "feet": unit},
        "is_potentially_hazardous_asteroid": "bool",
        "close_approach_data": [
            {
                "close_approach_date": "str",
                "close_approach_date_full": "str",
                "epoch_date_close_approach": "int",
                "relative_velocity": dict.fromkeys(
                    ("kilometers_per_second", "kilometers_per_hour", "miles_per_hour"), "str"
                ),
                "miss_distance": dict.fromkeys(("astronomical", "lunar", "kilometers", "miles"), "str"),
                "orbiting_body": "str",
            }
        ],
        "is_sentry_object": "bool",
    }
    single = feed(client, sandbox, start_date="2026-11-15", end_date="2026-11-15")
    assert list(single["links"]) == ["next", "prev", "self", "simulated"]


def test_a_row_agrees_with_itself(client: httpx2.Client, sandbox: Sandbox) -> None:
    for (day, _), neo in rows(feed(client, sandbox)).items():
        approach = neo["close_approach_data"][0]
        assert approach["close_approach_date"] == day
        if approach["close_approach_date_full"] is not None:
            at = datetime.strptime(approach["close_approach_date_full"], "%Y-%b-%d %H:%M").replace(tzinfo=UTC)
            assert at.date().isoformat() == day
            assert at.timestamp() * 1000 == approach["epoch_date_close_approach"]
        miss = {unit: float(text) for unit, text in approach["miss_distance"].items()}
        assert miss["kilometers"] == pytest.approx(miss["astronomical"] * 149597870.7, rel=1e-5)
        assert miss["lunar"] == pytest.approx(miss["astronomical"] * 389, rel=1e-5)
        diameter_m = neo["estimated_diameter"]["meters"]
        from_magnitude_m = 1329e3 / 0.25**0.5 * 10 ** (-neo["absolute_magnitude_h"] / 5)
        assert diameter_m["estimated_diameter_min"] == pytest.approx(from_magnitude_m)
        assert diameter_m["estimated_diameter_max"] == pytest.approx(from_magnitude_m * 5**0.5)


def test_the_callers_key_is_repeated_wherever_neows_repeats_it(client: httpx2.Client, sandbox: Sandbox) -> None:
    found = feed(client, sandbox)
    assert all(found["links"][name].endswith("api_key=someone") for name in ("next", "previous", "self"))
    assert all(neo["links"]["self"].endswith("api_key=someone") for neo in rows(found).values())
    watched = [neo for neo in rows(found).values() if neo["is_sentry_object"]]
    assert watched
    assert all(neo["sentry_data"].endswith(f"/neo/sentry/{neo['id']}?api_key=someone") for neo in watched)
    assert "sentry_data" not in next(neo for neo in rows(found).values() if not neo["is_sentry_object"])


def test_a_window_is_identical_to_its_days_asked_singly(client: httpx2.Client, sandbox: Sandbox) -> None:
    singly: dict[tuple[str, str], dict[str, Any]] = {}
    for n in range(15, 23):
        singly |= rows(feed(client, sandbox, start_date=f"2026-11-{n}", end_date=f"2026-11-{n}"))
    assert rows(feed(client, sandbox)) == singly


def test_the_server_lists_what_the_population_lists(client: httpx2.Client, sandbox: Sandbox) -> None:
    listed = {
        (str(row.day), row.neo_id): (row.name, row.absolute_magnitude_h, f"{row.miss_distance_au:.10f}")
        for n in range(8)
        for row in sandbox.population.listed(date(2026, 11, 15) + timedelta(n), MORNING)
    }
    served = {
        key: (
            neo["name"],
            neo.get("absolute_magnitude_h"),
            f"{float(neo['close_approach_data'][0]['miss_distance']['astronomical']):.10f}",
        )
        for key, neo in rows(feed(client, sandbox)).items()
    }
    assert served == listed


def test_dates_the_wrong_way_round_are_swapped_silently(client: httpx2.Client, sandbox: Sandbox) -> None:
    assert feed(client, sandbox, start_date=WEEK["end_date"], end_date=WEEK["start_date"]) == feed(client, sandbox)


def test_without_an_end_the_window_is_eight_days_and_without_a_start_it_begins_today(
    client: httpx2.Client, sandbox: Sandbox
) -> None:
    assert feed(client, sandbox, start_date="2026-11-15") == feed(client, sandbox)
    assert min(client.get(f"{sandbox.url}/feed").json()["near_earth_objects"]) == "2026-11-23"


@pytest.mark.parametrize(
    "query",
    [
        "start_date=2026-11-15&end_date=2026-11-23",
        "start_date=20261115",
        "start_date=2026-02-30",
        "start_date=soon",
        "start_date=1899-12-31&end_date=1899-12-31",
        "end_date=2020-01-01",
    ],
)
def test_more_than_eight_days_or_no_date_is_a_400(client: httpx2.Client, sandbox: Sandbox, query: str) -> None:
    answer = client.get(f"{sandbox.url}/feed?{query}")
    assert answer.status_code == 400
    assert answer.json()["http_error"] == "BAD_REQUEST"
    assert answer.json()["error_message"].startswith("Date Format Exception")
    assert "api_key" not in answer.text


def test_a_missing_and_an_unknown_key_are_refused(client: httpx2.Client, sandbox: Sandbox) -> None:
    missing = httpx2.get(f"{sandbox.url}/feed")
    assert (missing.status_code, missing.json()["error"]["code"]) == (403, "API_KEY_MISSING")
    sandbox.set_fault("unknown-key=someone")
    unknown = client.get(f"{sandbox.url}/feed")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (403, "API_KEY_INVALID")


def test_other_paths_are_404_and_other_methods_405(client: httpx2.Client, sandbox: Sandbox) -> None:
    assert client.get(f"{sandbox.url}/nowhere").json()["http_error"] == "NOT_FOUND"
    assert client.get(f"{sandbox.url}/nowhere").status_code == 404
    assert client.post(f"{sandbox.url}/feed", content=b"x" * 100).status_code == 405


def test_the_quota_is_counted_by_the_simulated_clock() -> None:
    with Sandbox(now=MORNING, hourly_limit=2) as sandbox, httpx2.Client(headers={"X-Api-Key": "k"}) as client:
        url = f"{sandbox.url}/feed"
        assert client.get(url).headers["X-RateLimit-Remaining"] == "1"
        sandbox.set_now(MORNING + HOUR / 2)
        assert client.get(url).headers["X-RateLimit-Remaining"] == "0"
        refused = client.get(url)
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "OVER_RATE_LIMIT"
        assert 1795 < int(refused.headers["Retry-After"]) < 1805
        assert refused.headers["X-RateLimit-Limit"] == "2"
        assert client.get(url, headers={"X-Api-Key": "another"}).status_code == 200
        sandbox.set_now(MORNING + HOUR)
        assert client.get(url).status_code == 200
        assert sandbox.requests == 5


def test_demo_key_has_thirty_an_hour_and_fifty_a_day(sandbox: Sandbox) -> None:
    served = []
    with httpx2.Client(headers={"X-Api-Key": "DEMO_KEY"}) as client:
        for hour in (0, 1, 2, 24):
            sandbox.set_now(MORNING + hour * HOUR)
            answers = [client.get(f"{sandbox.url}/feed?start_date=2026-11-15&end_date=2026-11-15") for _ in range(31)]
            served.append(sum(answer.status_code == 200 for answer in answers))
    assert served == [30, 20, 0, 30]


def test_the_clock_is_set_by_address_by_header_and_by_the_program(client: httpx2.Client, sandbox: Sandbox) -> None:
    yesterday, tomorrow = (
        {str(row.designation) for row in sandbox.population.listed(date(2026, 11, 22), MORNING + n * 24 * HOUR)}
        for n in (-1, 1)
    )
    assert yesterday != tomorrow

    def names(**headers: str) -> set[str]:
        day = {"start_date": "2026-11-22", "end_date": "2026-11-22"}
        found = client.get(f"{sandbox.url}/feed", params=day, headers=headers).json()
        return {neo["name"].partition("(")[2].strip(")") for neo in rows(found).values()}

    assert names(**{"X-Now": "2026-11-24T06:00:00Z"}) == tomorrow
    sandbox.set_now(MORNING - 24 * HOUR)
    assert names() == yesterday
    assert client.get(f"{origin(sandbox)}/-/now/2026-11-24T06:00:00Z").status_code == 200
    assert names() == tomorrow
    assert client.get(f"{origin(sandbox)}/-/as-of/2026-11-21").status_code == 200
    assert names() == yesterday
    assert client.get(f"{origin(sandbox)}/-/now/real").status_code == 200
    assert client.get(f"{origin(sandbox)}/-/now/2026-11-24").status_code == 400
    assert client.get(f"{sandbox.url}/feed", headers={"X-Now": "noon"}).status_code == 400


def test_what_is_listed_changes_at_the_reload_and_not_at_midnight(client: httpx2.Client, sandbox: Sandbox) -> None:
    reload = sandbox.population.reload(date(2026, 11, 23))
    before = feed(client, sandbox)
    sandbox.set_now(reload - timedelta(seconds=1))
    assert feed(client, sandbox) == before
    sandbox.set_now(reload)
    assert feed(client, sandbox) != before


def test_a_group_fault_takes_its_ids_away_and_the_count_still_equals_the_rows(
    client: httpx2.Client, sandbox: Sandbox
) -> None:
    whole = rows(feed(client, sandbox))
    sandbox.set_fault("groups=54")
    partial = feed(client, sandbox)
    assert rows(partial) == {key: neo for key, neo in whole.items() if not neo["id"].startswith("54")}
    assert partial["element_count"] == len(rows(partial)) < len(whole)
    sandbox.set_fault("groups=54,groups=3")
    assert all(neo["id"].startswith("2") for neo in rows(feed(client, sandbox)).values())
    client.get(f"{origin(sandbox)}/-/fault/none")
    assert rows(feed(client, sandbox)) == whole


def test_outages_are_a_heroku_page_or_an_empty_200(client: httpx2.Client, sandbox: Sandbox) -> None:
    sandbox.set_fault("down")
    outage = client.get(f"{sandbox.url}/feed")
    assert outage.status_code == 503
    assert outage.headers["Content-Type"] == "text/html"
    assert "X-RateLimit-Remaining" in outage.headers
    sandbox.set_fault("empty")
    assert (client.get(f"{sandbox.url}/feed").status_code, client.get(f"{sandbox.url}/feed").content) == (200, b"")
    sandbox.set_fault("cad-down")
    assert client.get(f"{sandbox.url}/feed").json()
    assert client.get(sandbox.cad_url).status_code == 503


def test_an_unknown_fault_is_named(client: httpx2.Client, sandbox: Sandbox) -> None:
    with pytest.raises(UsageError, match="no fault is called 'groups=9'"):
        sandbox.set_fault("groups=9")
    assert client.get(f"{origin(sandbox)}/-/fault/flood").status_code == 400


def cad(client: httpx2.Client, sandbox: Sandbox, **params: str) -> list[dict[str, str | None]]:
    found = client.get(sandbox.cad_url, params={name.replace("_", "-"): text for name, text in params.items()}).json()
    assert found["count"] == len(found["data"])
    assert found["signature"]["simulated"] == SIMULATED
    return [dict(zip(found["fields"], row, strict=True)) for row in found["data"]]


def test_cad_lists_the_same_flybys_under_its_own_names(client: httpx2.Client, sandbox: Sandbox) -> None:
    sandbox.set_now(sandbox.population.reload(date(2026, 11, 23)))
    neows = {neo["name"]: neo["close_approach_data"][0] for neo in rows(feed(client, sandbox)).values()}
    found = cad(
        client, sandbox, date_min="2026-11-15", date_max="2026-11-22", dist_max="0.5", fullname="true", diameter="true"
    )
    assert {"des", "orbit_id", "jd", "cd", "dist", "v_rel", "t_sigma_f", "h", "diameter", "fullname"} <= set(found[0])
    both = [
        (row, neows[row["fullname"].strip()]) for row in found if row["fullname"] and row["fullname"].strip() in neows
    ]
    assert len(both) > 0.97 * len(found)
    for row, approach in both:
        assert row["cd"] == approach["close_approach_date_full"]
        assert float(row["dist"] or 0) == pytest.approx(float(approach["miss_distance"]["astronomical"]), abs=1e-10)
    assert all(isinstance(row[name], str) for row in found for name in ("des", "orbit_id", "jd", "cd", "dist"))
    assert [row["jd"] for row in found] == sorted(row["jd"] or "" for row in found)


def test_cad_takes_a_distance_a_body_and_relative_days(client: httpx2.Client, sandbox: Sandbox) -> None:
    week = {"date_min": "2026-11-15", "date_max": "2026-11-22"}
    default, far, near = (
        cad(client, sandbox, **week, **more) for more in ({}, {"dist_max": "0.5"}, {"dist_max": "5LD"})
    )
    assert len(near) < len(default) < len(far)
    assert all(float(row["dist"] or 1) <= 0.05 for row in default)
    assert cad(client, sandbox, **week, body="Mars") == []
    coming = cad(client, sandbox, date_max="+7", dist_max="0.5")
    assert {str(row["cd"])[:11] for row in coming} <= {f"2026-Nov-{day}" for day in range(23, 31)}
    assert client.get(sandbox.cad_url, params={"date-min": "soon"}).json()["code"] == "400"


def test_a_connection_serves_many_requests_and_many_callers_at_once(sandbox: Sandbox) -> None:
    bodies: list[bytes] = []

    def ask() -> None:
        with httpx2.Client(headers={"X-Api-Key": "k"}) as client:
            bodies.extend(client.get(f"{sandbox.url}/feed", params=WEEK).content for _ in range(10))

    callers = [threading.Thread(target=ask) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(bodies) == 40
    assert len(set(bodies)) == 1
    assert json.loads(bodies[0])["element_count"] > 60


def test_a_taken_port_is_one_clear_line(sandbox: Sandbox) -> None:
    port = urlsplit(sandbox.url).port
    assert port is not None
    with pytest.raises(UsageError, match=f"port {port} cannot be used: .*choose another"), Sandbox(port=port):
        pass
