"""How sure NASA is, in words: no minute where the day is not sure, no one number where the range is wide."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from flyby.errors import SettingsError
from flyby.output.notify.notices import Flyby, _line
from flyby.output.terminal import passing_table
from flyby.settings import NotableRule, Settings

SURE: dict[str, Any] = {
    "flyby_id": "2024 YR4@2032-12-22",
    "name": "(2024 YR4)",
    "close_approach_date": date(2032, 12, 22),
    "close_approach_at": datetime(2032, 12, 22, 9, 10, tzinfo=UTC),
    "miss_distance_ld": 0.8,
    "miss_distance_km": 307_000.0,
    "relative_velocity_km_s": 17.3,
    "is_potentially_hazardous": False,
    "miss_distance_min_ld": 0.79,
    "miss_distance_max_ld": 0.81,
    "close_approach_sigma_min": 7.0,
}
NOTICE = Flyby(**SURE, diameter_m=60.0)
WIDE: dict[str, Any] = {"miss_distance_min_ld": 0.2, "miss_distance_max_ld": 9.0}


def shown(**told: Any) -> str:
    flyby = SURE | {"diameter_min_m": 40.0, "diameter_max_m": 90.0, "is_sentry_object": False} | told
    from rich.console import Console

    console = Console(width=120, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    console.print(passing_table([flyby], width=120))
    return console.export_text()


def test_a_distance_that_is_sure_is_one_number_and_one_that_is_not_is_a_range() -> None:
    assert " 0.8 " in shown()
    assert " 0.2–9.0 " in shown(**WIDE)
    assert _line(NOTICE).count("between") == 0
    assert "0.80 LD (307,000 km), between 0.2 and 9 LD" in _line(replace(NOTICE, **WIDE))


def test_a_time_that_is_uncertain_by_a_day_shows_no_minute() -> None:
    assert "09:10" in shown()
    assert "09:10" not in shown(close_approach_sigma_min=1440.0)
    assert "09:10" in _line(NOTICE)
    assert "2032-12-22," in _line(replace(NOTICE, close_approach_sigma_min=3393.0))


@pytest.mark.parametrize(
    ("rule", "is_notable"),
    [
        ("1 LD", True),
        ("certain 1 LD", False),
        ("possible 1 LD", True),
        ("possible 0.1 LD", False),
        ("certain 9 LD", True),
    ],
)
def test_notable_is_what_is_certain_or_possible_by_jpls_range(rule: str, is_notable: bool) -> None:
    [read] = Settings.load({"FLYBY_NOTABLE": rule}).notable
    assert str(read) == rule
    assert replace(NOTICE, **WIDE).is_notable_by(read) == is_notable


def test_where_jpl_gives_no_range_the_distance_itself_counts() -> None:
    unknown = replace(NOTICE, miss_distance_min_ld=None, miss_distance_max_ld=None)
    assert unknown.is_notable_by(NotableRule(1.0, how_sure="certain"))
    assert not unknown.is_notable_by(NotableRule(0.5, how_sure="possible"))


def test_a_word_that_is_neither_is_named() -> None:
    with pytest.raises(SettingsError, match="FLYBY_NOTABLE: 'probable 1 LD' is no rule"):
        Settings.load({"FLYBY_NOTABLE": "probable 1 LD"})
