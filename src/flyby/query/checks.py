"""What can be wrong with the published record, as findings: the asset checks of Dagster's UI."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flyby.days import DAY, WINDOW_DAYS
from flyby.query.database import ask, lateness, query_text
from flyby.record.load import held
from flyby.settings import ApiSettings, Home, Settings
from flyby.words import count

#: Yesterday was looked at since it began, or in the morning after: a run a day, and twelve hours of grace.
FRESH_H = 36
#: The sources are compared on the days from so long ago to the last that a morning asks for.
RECENT_DAYS = 30

Numbers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: in words, and the numbers behind them."""

    name: str
    passed: bool
    said: str
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Check:
    """A claim about the record; `serious` if its failing means that flyby, and not the source, is at fault."""

    name: str
    claim: str
    judge: Callable[[Numbers], tuple[bool, str]]
    numbers: tuple[str, ...]
    serious: bool = False
    #: The claim is about yesterday: no news to who runs an old day.
    of_yesterday: bool = False


def findings(settings: Settings) -> list[Finding]:
    """What every check of CHECKS finds in the record now."""
    now = settings.now()
    # The day before the tick date, which is a day of the schedule's time zone.
    yesterday = now.astimezone(ZoneInfo(settings.timezone)).date() - DAY
    numbers = _numbers(settings, "checks", now=now, yesterday=yesterday)
    return [_finding(check, numbers) for check in CHECKS]


def api_findings(settings: ApiSettings) -> list[Finding]:
    """What every check of API_CHECKS finds in the record of a declared API now."""
    now = settings.now()
    yesterday = now.astimezone(ZoneInfo(settings.timezone)).date() - DAY
    schema = settings.dataset.schema
    numbers = _numbers(settings, "api_checks", schema, now=now, yesterday=yesterday)
    with held(settings) as place:
        late = lateness(place, schema, now, settings.policy.curve)
    shift = {"listed_days": late.days if late else 0, "lateness_shift": late.shift if late else None}
    return [_finding(check, {**numbers, **shift}) for check in API_CHECKS]


def second_opinion_finding(settings: Settings) -> Finding:
    """What SECOND_OPINION_CHECK finds in the record now."""
    today = settings.now().date()
    recent: dict[str, Any] = {"first": today - RECENT_DAYS * DAY, "last": today + WINDOW_DAYS * DAY}
    return _finding(SECOND_OPINION_CHECK, _numbers(settings, "second_opinion_recent", **recent))


def _numbers(settings: Home, query: str, schema: str | None = None, **parameters: Any) -> Numbers:
    with held(settings) as record:
        columns, [row] = ask(record, query_text(query, schema), parameters)
    return dict(zip(columns, row, strict=True))


def _finding(check: Check, numbers: Numbers) -> Finding:
    return Finding(check.name, *check.judge(numbers), {name: numbers[name] for name in check.numbers})


def _yesterday_is_present(n: Numbers) -> tuple[bool, str]:
    return _yesterday(n, n["yesterday_flybys"], "flyby", "`flyby run` does")


def _yesterday_is_listed(n: Numbers) -> tuple[bool, str]:
    return _yesterday(n, n["yesterday_rows"], "row", "a run of the job does")


def _yesterday(n: Numbers, listed: int | None, thing: str, what_does: str) -> tuple[bool, str]:
    if listed:
        return True, f"{n['yesterday']} lists {count(listed, thing)}"
    if n["yesterday_age_h"] is None:
        return False, f"{n['yesterday']} was never asked for: {what_does}"
    return False, f"{n['yesterday']} lists nothing"


def _each_is_there_once(n: Numbers) -> tuple[bool, str]:
    if n["duplicates"]:
        return False, f"listed twice under the same key: {count(n['duplicates'], 'row')}"
    return True, f"each of {n['rows']:,} rows is there once"


def _is_as_late_as_ever(n: Numbers) -> tuple[bool, str]:
    shift = n["lateness_shift"]
    if shift is None:
        return True, f"nothing tells the days of late from those before ({count(n['listed_days'], 'day')} followed)"
    how = "later" if shift < 0 else "earlier"
    return False, (
        f"the source has become {how}: of what a day lists two mornings on it has {abs(shift):.0%} "
        f"{'less' if shift < 0 else 'more'} on the first than it used to; what is asked again follows by itself"
    )


def _freshness(n: Numbers) -> tuple[bool, str]:
    age = n["yesterday_age_h"]
    if age is None:
        return False, f"{n['yesterday']} was never asked for: `flyby run` does"
    if age < -FRESH_H:
        return False, f"{n['yesterday']} was asked for {-age / 24:.0f} days from now: was this computer's clock wrong?"
    return age <= FRESH_H, f"{n['yesterday']} was last asked for {_ago(age)} (up to {FRESH_H} hours is fine)"


def _ago(hours: float) -> str:
    return "less than an hour ago" if abs(hours) < 1 else f"{count(hours, 'hour')} ago"


def _api_freshness(n: Numbers) -> tuple[bool, str]:
    if n["yesterday_age_h"] is None:
        return _yesterday_is_listed(n)
    return _freshness(n)


def _no_duplicates(n: Numbers) -> tuple[bool, str]:
    if n["duplicates"]:
        return False, f"there twice: {count(n['duplicates'], 'flyby')}: `flyby rebuild` makes the record again"
    return True, f"each of {n['flybys']:,} flybys is there once"


def _values_in_range(n: Numbers) -> tuple[bool, str]:
    if n["strange"]:
        return False, f"{n['strange']} of {n['flybys']:,} flybys have odd values: {', '.join(n['strange_examples'])}"
    return True, f"all values of {n['flybys']:,} flybys are plausible"


def _verdicts(n: Numbers) -> tuple[bool, str]:
    if n["partial"]:
        return False, f"the source left something out: {'; '.join(n['partial_notes'])}"
    return True, f"every answer of the last reading looks complete; {n['suspect_days']} days are suspect in all"


def _sources_agree(n: Numbers) -> tuple[bool, str]:
    if not n["days"]:
        return True, "no recent day was asked of both NeoWs and JPL yet"
    told = f"on {n['days']} recent days {n['in_both']:,} flybys are in both lists, {n['neows_only']:,} only in NeoWs'"
    if n["lacking_days"]:
        said = f"NeoWs lacks {n['lacking']:,} of {n['lacking_of']:,} flybys that JPL lists on {n['lacking_days']} days"
        return False, f"{said} from {n['lacking_first']} to {n['lacking_last']}; {told}"
    return True, f"{told}, {n['cad_only']:,} only in JPL's"


CHECKS = (
    Check(
        "yesterday_is_present",
        "Yesterday's flybys are in the record",
        _yesterday_is_present,
        ("yesterday", "yesterday_flybys", "yesterday_state"),
        of_yesterday=True,
    ),
    Check(
        "freshness",
        "Yesterday was asked for lately, which a backfill of old days does not do",
        _freshness,
        ("yesterday", "yesterday_age_h"),
        of_yesterday=True,
    ),
    Check(
        "no_duplicates",
        "No flyby is there twice, also not under two ids",
        _no_duplicates,
        ("flybys", "duplicates"),
        serious=True,
    ),
    Check(
        "values_in_range",
        "Distances, speeds, magnitudes and sizes are plausible, and distances agree in all their units",
        _values_in_range,
        ("flybys", "strange"),
    ),
    Check(
        "verdicts",
        "The source left nothing out in its last answers",
        _verdicts,
        ("partial", "rejected", "suspect_days"),
    ),
)

#: Of the record of a declared API.
API_CHECKS = (
    Check(
        "yesterday_is_present",
        "Yesterday's rows are in the record",
        _yesterday_is_listed,
        ("yesterday", "yesterday_rows"),
        of_yesterday=True,
    ),
    Check(
        "freshness",
        "Yesterday was asked for lately, which a backfill of old days does not do",
        _api_freshness,
        ("yesterday", "yesterday_age_h"),
        of_yesterday=True,
    ),
    Check("no_duplicates", "No row is listed twice", _each_is_there_once, ("rows", "duplicates"), serious=True),
    Check(
        "verdicts",
        "The source left nothing out in its last answers",
        _verdicts,
        ("partial", "rejected", "suspect_days"),
    ),
    Check(
        "lateness",
        "The source is as late as it used to be",
        _is_as_late_as_ever,
        ("listed_days", "lateness_shift"),
    ),
)

SECOND_OPINION_CHECK = Check(
    "sources_agree",
    "Of the recent days NeoWs lists what JPL lists",
    _sources_agree,
    ("days", "in_both", "neows_only", "cad_only", "lacking_days"),
)
