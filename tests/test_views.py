"""What the commands tell follows from the record, and says no more than it knows."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from answers import Home, moment, row, window
from approaches import make_cad, make_row
from flyby.errors import HomeError
from flyby.query import views
from flyby.record.load import publish_record

WEEK = window("2019-02-08", "2019-02-15")
AHEAD = window("2019-02-16", "2019-02-23")
#: Ten flybys, so that one of them may go without a doubt.
MANY = [row(f"2018 B{n}", f"38001{n:02}", "2019-02-12") for n in range(10)]
AB = row("2019 AB", "3840001", "2019-02-10")


class Published(Home):
    """A home whose every sitting is published."""

    @property
    def file(self) -> Path:
        self.release()
        publish_record(self.settings)
        return self.settings.published


@pytest.fixture
def home(tmp_path: Path) -> Published:
    return Published(tmp_path)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_a_database_every_view_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="`flyby run` makes it"):
        views.status(tmp_path / "flyby.duckdb", at("2019-02-16T07:00"))


def test_status_tells_the_last_morning_and_not_a_later_look_at_old_days(home: Published) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]), (AHEAD, []))
    home.sitting("2019-02-16T09:00", (window("2018-02-08"), []))
    status = views.status(home.file, at("2019-02-16T10:00"))
    assert status.last_morning is not None
    assert status.last_morning.requested_at == moment("2019-02-16")
    assert (status.last_morning.requests, status.last_morning.rows, status.last_morning.new) == (2, 11, 11)
    assert (status.requests, status.listed, status.first_day) == (3, 11, date(2018, 2, 8))
    assert not status.is_stale
    assert not status.simulated


def test_a_record_without_a_morning_for_more_than_a_day_is_stale(home: Published) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    assert not views.status(home.file, at("2019-02-17T06:30")).is_stale
    assert views.status(home.file, at("2019-02-17T09:00")).is_stale


def test_suspect_days_are_told_together_with_the_reason(home: Published) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    home.sitting("2019-02-17", (WEEK, []))
    [span] = views.status(home.file, at("2019-02-17T07:00")).suspect
    assert (span.first, span.last) == (WEEK.start, WEEK.end)
    assert span.note is not None
    assert "11 of 11 known flybys are missing" in span.note


def test_days_that_went_by_without_a_morning_are_missing(home: Published) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    home.sitting("2019-03-01", (window("2019-02-21", "2019-02-28"), []))
    [span] = views.status(home.file, at("2019-03-01T07:00")).missing
    assert (span.first, span.last, span.days) == (date(2019, 2, 16), date(2019, 2, 20), 5)


def test_upcoming_leaves_out_what_has_passed_this_morning(home: Published) -> None:
    coming = [
        row("2019 C1", "3840011", "2019-02-16", 0.3, "05:00"),
        row("2019 C2", "3840012", "2019-02-16", 0.2, "08:00"),
        row("2019 C3", "3840013", "2019-02-16", 0.4, None),
        row("2019 C4", "3840014", "2019-02-18", 0.1),
    ]
    home.sitting("2019-02-16", (AHEAD, coming))
    upcoming = views.upcoming(home.file, at("2019-02-16T07:00"))
    assert [flyby["designation"] for flyby in upcoming.flybys] == ["2019 C2", "2019 C3", "2019 C4"]
    assert upcoming.closest["designation"] == "2019 C4"
    closest_first = views.upcoming(home.file, at("2019-02-16T07:00"), closest_first=True)
    assert [flyby["designation"] for flyby in closest_first.flybys] == ["2019 C4", "2019 C2", "2019 C3"]
    assert [f["designation"] for f in views.upcoming(home.file, at("2019-02-16T07:00"), days=1).flybys] == [
        "2019 C2",
        "2019 C3",
    ]


def test_upcoming_leaves_out_what_is_listed_no_more(home: Published) -> None:
    home.sitting("2019-02-08", (WEEK, [AB, *MANY]))
    home.sitting("2019-02-08T09:00", (WEEK, MANY))
    assert len(views.upcoming(home.file, at("2019-02-08T10:00")).flybys) == len(MANY)


def test_changes_are_told_between_two_moments_whatever_happened_in_between(home: Published) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    home.sitting("2019-02-17", (WEEK, [row("2019 AB", "3840001", "2019-02-10", 0.2), *MANY]))
    home.sitting("2019-02-18", (WEEK, [row("2019 AB", "3840001", "2019-02-10", 0.3), *MANY]))
    [change] = views.changes(home.file, at("2019-02-16T12:00")).changes
    assert change.kind == "revised"
    [move] = change.moves
    assert (move.field, move.before, move.after) == ("miss_distance_km", 0.1 * 1.5e8, 0.3 * 1.5e8)
    assert move.size == pytest.approx(3e7)


def test_what_went_and_came_back_is_no_change(home: Published) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    home.sitting("2019-02-17", (WEEK, MANY))
    assert [c.kind for c in views.changes(home.file, at("2019-02-16T12:00")).changes] == ["unlisted"]
    home.sitting("2019-02-18", (WEEK, [AB, *MANY]))
    assert views.changes(home.file, at("2019-02-16T12:00")).changes == []
    assert [c.kind for c in views.changes(home.file, at("2019-02-17T12:00")).changes] == ["relisted"]


def test_a_flyby_that_stayed_away_is_withdrawn(home: Published) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    for day in ("2019-02-17", "2019-02-20", "2019-02-25"):
        home.sitting(day, (WEEK, MANY))
    assert [c.kind for c in views.changes(home.file, at("2019-02-16T12:00")).changes] == ["withdrawn"]
    assert [c.kind for c in views.changes(home.file, at("2019-02-21T12:00")).changes] == ["withdrawn"]
    assert views.changes(home.file, at("2019-02-26T12:00")).changes == []


def test_new_is_what_was_not_there_on_a_day_read_before(home: Published) -> None:
    home.sitting("2019-02-16", (WEEK, MANY))
    home.sitting("2019-02-17", (WEEK, [AB, *MANY]), (AHEAD, [row("2019 CD", "3840002", "2019-02-20")]))
    changes = views.changes(home.file, at("2019-02-16T12:00"))
    assert [(c.kind, c.designation) for c in changes.changes] == [("new", "2019 AB")]
    assert changes.first_looks == 1


def test_the_farthest_move_comes_first(home: Published) -> None:
    near, far = row("2019 CA", "3840021", "2019-02-10"), row("2019 CB", "3840022", "2019-02-11")
    home.sitting("2019-02-16", (WEEK, [near, far, *MANY]))
    moved = [row("2019 CA", "3840021", "2019-02-10", 0.11), row("2019 CB", "3840022", "2019-02-11", 0.02)]
    home.sitting("2019-02-17", (WEEK, [*moved, *MANY]))
    assert [c.designation for c in views.changes(home.file, at("2019-02-16T12:00")).changes] == ["2019 CB", "2019 CA"]


def test_a_day_that_moved_is_one_revision(home: Published) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    home.sitting("2019-02-17", (WEEK, [row("2019 AB", "3840001", "2019-02-11"), *MANY]))
    [change] = views.changes(home.file, at("2019-02-16T12:00")).changes
    assert [(move.field, move.size) for move in change.moves] == [
        ("close_approach_date", 1.0),
        ("close_approach_at", 24.0),
    ]


def test_days_followed_for_different_times_give_one_curve() -> None:
    # Two days followed to D+3: 8 of 10. One of them to D+7: 5 of 8. By D+1 then, 8/10 of 5/8 of what D+7 has.
    curve = views.growth([(1, 3, 2, 8, 10), (3, 7, 1, 5, 8)])
    assert [(step.age_days, step.share, step.days) for step in curve] == [
        (1, pytest.approx(0.5), 2),
        (3, pytest.approx(0.625), 1),
        (7, 1.0, 1),
    ]


def test_nothing_followed_is_no_curve() -> None:
    assert views.growth([]) == []


def test_growth_counts_only_days_that_were_read_from_the_start(home: Published) -> None:
    late = row("2019 AB", "3840001", "2019-02-15")
    home.sitting("2019-02-16", (WEEK, MANY), (window("2018-02-08", "2018-02-15"), []))
    home.sitting("2019-02-18", (WEEK, [late, *MANY]))
    home.sitting("2019-03-01", (WEEK, [late, row("2019 AC", "3840002", "2019-02-15"), *MANY]))
    # Only 15 February was read by the day after it: nothing by D+1, one by D+3, the other by D+14.
    shares = {step.age_days: step.share for step in views.latency(home.file, moment("2019-03-01")).growth}
    assert shares == {1: 0.0, 3: 0.5, 7: 0.5, 14: 1.0}


@pytest.mark.parametrize(
    ("readings", "hours"),
    [
        pytest.param([], None, id="nothing read"),
        pytest.param([("06:10", "12:20", False)], None, id="nothing differs"),
        pytest.param([("06:00", "12:00", True)], (6, 12), id="one change"),
        pytest.param([("06:00", "12:00", True), ("09:00", "20:00", True)], (9, 12), id="where changes overlap"),
        pytest.param([("06:00", "12:00", True), ("06:00", "09:00", False)], (9, 12), id="quiet hours are left out"),
        pytest.param([("22:00", "23:59", True)], (22, 24), id="to midnight"),
    ],
)
def test_answers_change_in_the_hours_that_differing_readings_share(
    readings: list[tuple[str, str, bool]], hours: tuple[int, int] | None
) -> None:
    reload = views.reload_hours(
        [(at(f"2019-02-16T{before}"), at(f"2019-02-16T{after}"), differ) for before, after, differ in readings]
    )
    assert (reload and (reload.after, reload.until)) == hours


def test_a_change_over_midnight_is_told_as_one_span() -> None:
    reload = views.reload_hours([(at("2019-02-16T22:00"), at("2019-02-17T03:00"), True)])
    assert reload is not None
    assert (reload.after % 24, reload.until % 24) == (22, 3)


def test_readings_within_a_day_show_when_the_source_changes(home: Published) -> None:
    home.sitting("2019-02-16T06:00", (WEEK, MANY))
    home.sitting("2019-02-16T12:00", (WEEK, [AB, *MANY]))
    home.sitting("2019-02-16T18:00", (WEEK, [AB, *MANY]))
    latency = views.latency(home.file, moment("2019-03-01"))
    assert latency.rereadings == 2
    assert latency.reload == views.Reload(6, 12, changed=1, unchanged=1)


@pytest.mark.parametrize(
    ("cron", "timezone", "hour"),
    [
        ("0 6 * * *", "UTC", 6.0),
        ("30 6 * * *", "Europe/Berlin", 5.5),
        ("0 6 * * 1", "UTC", None),
        ("0 */6 * * *", "UTC", None),
        ("@daily", "UTC", None),
    ],
)
def test_the_hour_of_a_daily_schedule(cron: str, timezone: str, hour: float | None) -> None:
    assert views.cron_hour_utc(cron, timezone, at("2019-02-16T00:00")) == hour


def test_how_good_jpls_ranges_are_is_told_from_its_own_later_word(home: Published) -> None:
    said = [("2020-Jan-05 06:00", "0.100"), ("2020-Jan-05 09:00", "0.130"), ("2020-Jan-05 09:00", "0.131")]
    for day, (cd, au) in enumerate(said, 10):
        told = make_row("2019 AB", cd, dist=au, dist_min="0.09", dist_max="0.1305", t_sigma_f="01:00")
        home.land(moment(f"2020-01-{day}"), window("2020-01-01", "2020-01-31"), make_cad(told), source="cad")
    home.take_in()
    [found] = views.calibration(home.file)[1]
    assert (found.against, found.orbit_age, found.pairs) == ("revised", "under ten years", 2)
    assert (found.distances_changed, found.distances_outside) == (2, 2)
    assert (found.times_changed, found.times_outside) == (1, 1)
