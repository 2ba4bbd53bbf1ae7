"""Landed answers become two typed files, whatever the answers are."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from approaches import make_cad, make_row
from feeds import WINDOW, make_feed, make_object
from flyby.days import DAY
from flyby.errors import HomeError
from flyby.fetch import raw as landing
from flyby.record.staging import ANSWERS, opened, stage, typed
from flyby.sources.answer import Answer, Quota
from flyby.sources.asteroids import ASTEROIDS

ANSWER = Answer("neows", WINDOW, datetime(2019, 2, 16, 6, tzinfo=UTC), 1, 200, make_feed(), Quota(None, None))


def staged(home: Path, *answers: Answer) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is in the two files after landing and staging `answers`."""
    [batch] = typed([landing.land(home / "raw", answer) for answer in answers])
    folder = stage(batch, home / "staging")
    assert sorted(path.name for path in folder.iterdir()) == ["answers.parquet", "observations.parquet"]
    tables = pq.read_table(folder / "answers.parquet"), pq.read_table(folder / "observations.parquet")
    assert tables[0].schema.equals(ANSWERS)
    assert tables[1].drop_columns("number").schema.equals(ASTEROIDS.observations)
    assert opened(folder) == batch
    return tables[0].to_pylist(), tables[1].to_pylist()


def test_a_feed_becomes_an_answer_and_its_rows(tmp_path: Path) -> None:
    answers, observations = staged(tmp_path, ANSWER)
    name = "20190216T060000.000000Z_2019-02-08_2019-02-15_1_200"
    assert answers == [
        {
            "request_id": f"neows/{name}",
            "source": "neows",
            "window_start": date(2019, 2, 8),
            "window_end": date(2019, 2, 15),
            "requested_at": ANSWER.requested_at,
            "purpose": None,
            "tick": None,
            "http_status": 200,
            "rows": 2,
            "bytes": len(ANSWER.body),
            "sha256": hashlib.sha256(ANSWER.body).hexdigest(),
            "verdict": "ok",
            "note": None,
            "doubt": None,
            "raw_path": f"raw/neows/2019/02/{name}.json.zst",
            "simulated": False,
            "set_apart": 0,
            "listed": [0, 1],
        }
    ]
    assert (tmp_path / answers[0]["raw_path"]).is_file()
    assert [(row["number"], row["entity"]) for row in observations] == [(0, "2019 AB"), (1, "A898 PA")]


@pytest.mark.parametrize(
    ("status", "body", "note"),
    [
        (
            403,
            b'{"error": {"code": "API_KEY_INVALID", "message": "An invalid"}}',
            "HTTP 403 API_KEY_INVALID: An invalid",
        ),
        (503, b"<html>Application error</html>", "HTTP 503"),
        (204, b"", "HTTP 204"),
        (200, b"", "not a feed: the answer is empty"),
        (200, make_feed(make_object(is_potentially_hazardous_asteroid=...)), "(2019 AB), 2019-02-08: is_potentially"),
    ],
)
def test_what_is_no_feed_is_rejected_with_a_note_and_does_not_stop_the_others(
    tmp_path: Path, status: int, body: bytes, note: str
) -> None:
    bad = replace(ANSWER, http_status=status, body=body)
    answers, observations = staged(tmp_path, bad, replace(ANSWER, attempt=2))
    assert [(answer["verdict"], answer["rows"]) for answer in answers] == [("rejected", 0), ("ok", 2)]
    assert note in answers[0]["note"]
    assert [answer["listed"] for answer in answers] == [[], [0, 1]]
    assert len(observations) == 2


def test_what_several_answers_list_is_staged_once(tmp_path: Path) -> None:
    later = replace(
        ANSWER, requested_at=ANSWER.requested_at + DAY, body=make_feed(make_object(name="(2019 CD)", id="3"))
    )
    answers, observations = staged(tmp_path, ANSWER, replace(ANSWER, attempt=2), later)
    entities = [[observations[n]["entity"] for n in answer["listed"]] for answer in answers]
    assert entities == [["2019 AB", "A898 PA"], ["2019 AB", "A898 PA"], ["2019 CD"]]
    assert len(observations) == 3


def test_an_answer_of_the_built_in_sky_is_known_as_simulated(tmp_path: Path) -> None:
    body = make_feed(links={"self": "http://127.0.0.1/feed", "simulated": "by flyby"})
    (answer,), _ = staged(tmp_path, replace(ANSWER, body=body))
    assert answer["simulated"] is True


def test_a_feed_under_another_status_than_200_is_no_feed(tmp_path: Path) -> None:
    answers, observations = staged(tmp_path, replace(ANSWER, http_status=500))
    assert (answers[0]["verdict"], observations) == ("rejected", [])


def test_an_answer_of_a_source_that_flyby_does_not_know_is_rejected(tmp_path: Path) -> None:
    (answer,), observations = staged(tmp_path, replace(ANSWER, source="minor_planets"))
    assert (answer["verdict"], answer["note"]) == ("rejected", "flyby knows no source called minor_planets")
    assert observations == []


def test_each_source_s_answers_are_understood_by_its_own_rules(tmp_path: Path) -> None:
    body = make_cad(make_row(cd="2019-Feb-08 06:20"), make_row("249P", "2019-Feb-08 06:20", fullname="249P/LINEAR"))
    jpl = replace(ANSWER, source="cad", body=body)
    answers, observations = staged(tmp_path, ANSWER, jpl, replace(ANSWER, source="cad", attempt=2))
    assert [(a["source"], a["verdict"], a["rows"], a["set_apart"]) for a in answers] == [
        ("neows", "ok", 2, 0),
        ("cad", "ok", 1, 1),
        ("cad", "rejected", 0, 0),
    ]
    entities = [[observations[n]["entity"] for n in answer["listed"]] for answer in answers]
    assert entities == [["2019 AB", "A898 PA"], ["2020 AY1", "249P"], []]


def test_a_damaged_answer_is_rejected(tmp_path: Path) -> None:
    landed = landing.land(tmp_path / "raw", ANSWER)
    landed.path.write_bytes(b"x")
    [batch] = typed([landed])
    (answer,) = batch.answers.to_pylist()
    assert answer["verdict"] == "rejected"
    assert "is damaged" in answer["note"]


def test_nothing_landed_is_no_batch() -> None:
    assert list(typed([])) == []


def test_staging_again_replaces_what_was_staged(tmp_path: Path) -> None:
    assert staged(tmp_path, ANSWER) == staged(tmp_path, ANSWER)


def test_a_folder_that_cannot_be_made_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "staging").write_text("mine")
    [batch] = typed([landing.land(tmp_path / "raw", ANSWER)])
    with pytest.raises(HomeError, match=r"^cannot write staging/2019.*: .* set FLYBY_HOME"):
        stage(batch, tmp_path / "staging")


def test_every_recording_since_september_2015_is_staged_as_a_feed(tmp_path: Path, shared: Path) -> None:
    answers = [
        replace(ANSWER, attempt=n, body=path.read_bytes(), window=replace(WINDOW, start=start, end=end))
        for n, path in enumerate(sorted((shared / "recordings" / "feeds").glob("20*.json")), 1)
        if path.name >= "2015-09"
        for start, end in [map(date.fromisoformat, path.name.split("_")[:2])]
    ]
    verdicts, observations = staged(tmp_path, *answers)
    assert {answer["verdict"] for answer in verdicts} == {"ok"}
    assert sum(answer["rows"] for answer in verdicts) == sum(len(a["listed"]) for a in verdicts) > len(observations)


def test_a_batch_tells_nothing_of_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyby.record.staging.BATCH_ROWS", 1)
    landed = [
        landing.land(tmp_path / "raw", replace(ANSWER, requested_at=ANSWER.requested_at + n * DAY)) for n in range(3)
    ]
    batches = list(typed(landed))
    assert [batch.answers["request_id"].to_pylist() for batch in batches] == [[answer.request_id] for answer in landed]
    assert [len(batch.rows) for batch in batches] == [2, 2, 2]
    assert [batch.answers["listed"].to_pylist() for batch in batches] == [[[0, 1]]] * 3
