"""What the record makes of answers is of a version: if it changes, records are to be made again."""

import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Any

from answers import Home, body, moment, row, window
from approaches import make_cad, make_row
from flyby.record.record import SCHEMA_VERSION

#: By the version of the record's tables, the digest of all that is made of `tell_a_story`.
MEANINGS = {3: "20a8fe18807b6ac03003e7810238da723f479f704a0a7ab196da99066a4c50d1"}
WEEK, NEXT_WEEK = window("2019-02-08", "2019-02-15"), window("2019-02-16", "2019-02-23")


def tell_a_story(home: Home) -> None:
    """Something of all that can happen: what is new, moves, changes, is numbered, comes by twice, is missing, withdrawn
    and back; a group that is gone, a first look that is short, answers that are none; and JPL's list beside it."""
    ab, cd = row("2019 AB", "3840001", "2019-02-10"), row("2019 CD", "3840002", "2019-02-12", at=None, h=None)
    twice = [row("2019 EF", "3840003", "2019-02-14", at=at, au=au) for at, au in (("01:30", 0.05), ("22:10", 0.3))]
    group = [row(f"2019 G{n}", f"5400000{n}", f"2019-02-{16 + n}") for n in range(4)]
    moved = row("2019 AB", "3840001", "2019-02-11", au=0.12, sentry=True)
    numbered = row("2019 CD", "2000433", "2019-02-12", number=433)
    told = {
        "2019-02-16": (WEEK, [ab, cd, *twice]),
        "2019-02-17": (NEXT_WEEK, group),
        "2019-02-18": (WEEK, [moved, numbered, twice[0]]),
        "2019-02-19": (NEXT_WEEK, []),
        "2019-02-20": (WEEK, [moved, *twice[:1]]),
        "2019-02-24": (NEXT_WEEK, group[1:]),
        "2019-02-25": (WEEK, [moved, twice[0]]),
        "2019-03-01": (WEEK, [moved, twice[0]]),
        "2019-03-09": (WEEK, [moved, twice[0]]),
        "2019-03-20": (WEEK, [moved, cd, *twice]),
        "2026-03-19": (window("2026-03-18"), [row("2026 FA", "54000009", "2026-03-18")]),
    }
    for day, (days, listed) in told.items():
        home.land(moment(day), days, body(listed))
    home.land(moment("2019-02-21"), WEEK, b"<html>")
    home.land(moment("2019-02-22"), WEEK, b'{"error": {"code": "OVER_RATE_LIMIT"}}', http_status=429)
    jpls = [
        make_row("2019 AB", "2019-Feb-10 23:59", fullname="(2019 AB)"),
        make_row("433", "2019-Feb-12 11:00", fullname="433 Eros (A898 PA)", diameter="16.84"),
        make_row("2019 XY", "2019-Feb-13 11:00", fullname="(2019 XY)", t_sigma_f="3_04:05"),
        make_row("C/2019 Q1", "2019-Feb-13 12:00", fullname="C/2019 Q1 (Somebody)", h=None),
    ]
    # Whose number only NeoWs told.
    renamed = make_row("2019 CD", "2019-Feb-12 11:00", fullname="(2019 CD)")
    for day, jpls_listed in (("2019-02-17", [renamed]), ("2019-02-23", jpls), ("2019-03-02", jpls[1:])):
        home.land(moment(day), window("2019-02-08", "2019-02-23"), make_cad(*jpls_listed), source="cad")
    home.take_in()


def text(value: Any) -> str:
    """The same on every machine."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {text(its)}' for key, its in value.items())}}}"
    return value.isoformat() if isinstance(value, date | datetime) else repr(value)


def test_what_is_made_of_the_same_answers_changes_with_the_version_of_the_record_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    tell_a_story(home)
    changes = {change for (change,) in home.ask("SELECT DISTINCT change FROM revisions")}
    verdicts = {verdict for verdict, _ in home.verdicts()}
    assert changes == {"new", "changed", "unlisted", "relisted", "withdrawn"}
    assert verdicts == {"ok", "partial", "rejected"}
    lines = [f"{table}: {line}" for table, rows in home.everything().items() for line in sorted(map(text, rows))]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert digest == MEANINGS.get(SCHEMA_VERSION), (
        "the same answers are another record than before: if that is meant, raise SCHEMA_VERSION, so that every record "
        "is made again from raw/, and put the new version with this digest into MEANINGS"
    )
