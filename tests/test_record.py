"""The rules of the record, one by one (docs/how-it-works.md)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from answers import Home, Row, body, moment, row, window
from flyby.days import DAY
from flyby.record import Record
from flyby.record.load import load_staged, publish_record, stage_landed
from flyby.record.staging import typed
from warehouses import file_only

WEEK = window("2019-02-08", "2019-02-15")
#: Ten flybys of one group, so that a few of them may go without a doubt.
MANY = [row(f"2018 B{n}", f"38001{n:02}", "2019-02-12") for n in range(10)]
AB = row("2019 AB", "3840001", "2019-02-10")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.release()


def test_a_first_look_is_all_new(home: Home) -> None:
    loaded = home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    assert (loaded.answers, loaded.rows, loaded.changes) == (1, 11, {"new": 11})
    assert home.story("2019 AB") == ["new"]
    assert home.verdicts() == [("ok", None)]


def test_an_answer_that_says_nothing_new_writes_no_revision(home: Home) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    assert home.sitting("2019-02-17", (WEEK, [AB, *MANY])).changes == {}
    assert home.ask("SELECT count(*) FROM revisions") == [(11,)]
    [(first_seen_at, last_seen_at)] = home.ask(
        "SELECT first_seen_at, last_seen_at FROM close_approaches WHERE designation = '2019 AB'"
    )
    assert (first_seen_at, last_seen_at) == (moment("2019-02-16"), moment("2019-02-17"))


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(row("2019 AB", "3840001", "2019-02-10", 0.2), id="distance"),
        pytest.param(row("2019 AB", "3840001", "2019-02-10", at="06:21"), id="minute"),
        pytest.param(
            row("2019 AB", "3840001", "2019-02-10", at=None), id="minute no longer known", marks=pytest.mark.long
        ),
        pytest.param(row("2019 AB", "3840001", "2019-02-10", h=None), id="magnitude and diameters no longer known"),
        pytest.param(row("2019 AB", "3840001", "2019-02-10", h=21.9), id="magnitude", marks=pytest.mark.long),
        pytest.param(row("2019 AB", "3840001", "2019-02-10", sentry=True), id="sentry"),
        pytest.param(
            row("2019 AB", "3840001", "2019-02-10", sentry=None), id="sentry no longer said", marks=pytest.mark.long
        ),
        pytest.param(row("2019 AB", "3840001", "2019-02-10", number=613398), id="name", marks=pytest.mark.long),
        pytest.param(row("2019 AB", "2613398", "2019-02-10", number=613398), id="id and name"),
        pytest.param(row("2019 AB", "3840001", "2019-02-11"), id="day"),
    ],
)
def test_every_difference_in_value_is_one_change_of_the_same_flyby(home: Home, after: Row) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    assert home.sitting("2019-02-17", (WEEK, [after, *MANY])).changes == {"changed": 1}
    assert home.ask("SELECT DISTINCT flyby_id, revision FROM revisions WHERE designation = '2019 AB' ORDER BY ALL") == [
        ("2019 AB@2019-02-10", 1),
        ("2019 AB@2019-02-10", 2),
    ]
    assert home.sitting("2019-02-18", (WEEK, [after, *MANY])).changes == {}


def test_the_same_row_sent_twice_is_one_flyby(home: Home) -> None:
    assert home.sitting("2019-02-16", (WEEK, [AB, AB])).changes == {"new": 1}


def test_an_object_that_comes_by_twice_on_a_day_is_two_flybys_by_time(home: Home) -> None:
    late = row("2019 AB", "3840001", "2019-02-10", 0.3, "20:00")
    home.sitting("2019-02-16", (WEEK, [late, AB]))
    assert home.ask("SELECT flyby_id, ordinal, miss_distance_au FROM revisions ORDER BY ALL") == [
        ("2019 AB@2019-02-10", 1, 0.1),
        ("2019 AB@2019-02-10#2", 2, 0.3),
    ]


def test_two_flybys_of_one_minute_and_distance_keep_their_order_however_they_are_sent(home: Home) -> None:
    bright, faint = (row("2019 AB", "3840001", "2019-02-10", h=h) for h in (21.0, 22.0))
    home.sitting("2019-02-16", (WEEK, [bright, faint, *MANY]))
    assert home.sitting("2019-02-17", (WEEK, [faint, *MANY[::-1], bright])).changes == {}
    assert home.ask("SELECT ordinal, absolute_magnitude_h FROM revisions WHERE designation = '2019 AB' ORDER BY 1") == [
        (1, 21.0),
        (2, 22.0),
    ]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(
            row("2006 FK", "3320001", "2019-02-10"),
            row("2006 FK", "2613398", "2019-02-10", at=None, number=613398),
            id="the one that knows its time of day",
        ),
        pytest.param(
            row("2006 FK", "2613398", "2019-02-10", number=613398),
            row("2006 FK", "3320001", "2019-02-10"),
            id="then the numbered object's",
        ),
        pytest.param(row("2006 FK", "54000001", "2019-02-10"), row("2006 FK", "3320001", "2019-02-10"), id="longer id"),
        pytest.param(row("2006 FK", "3320002", "2019-02-10"), row("2006 FK", "3320001", "2019-02-10"), id="higher id"),
    ],
)
@pytest.mark.parametrize("better_first", [True, False])
def test_two_ids_for_one_designation_are_one_flyby_and_the_better_row_wins(
    home: Home, better: Row, worse: Row, better_first: bool
) -> None:
    home.sitting("2019-02-16", (WEEK, [better, worse] if better_first else [worse, better]))
    assert home.believed("neo_id, name") == [(better.neo_id, better.name)]
    assert home.ask("SELECT neo_ids FROM revisions") == [(sorted([better.neo_id, worse.neo_id]),)]


def test_both_ids_are_remembered_after_one_is_gone(home: Home) -> None:
    old, new = row("2006 FK", "3320001", "2019-02-10"), row("2006 FK", "2613398", "2019-02-10", number=613398)
    home.sitting("2019-02-16", (WEEK, [old]))
    home.sitting("2019-02-17", (WEEK, [old, new]))
    home.sitting("2019-02-18", (WEEK, [new]))
    assert home.story("2006 FK") == ["new", "changed"]
    assert home.ask("SELECT neo_ids FROM revisions WHERE seen_to IS NULL") == [(["2613398", "3320001"],)]


def test_a_worse_id_that_appears_is_a_change_all_the_same(home: Home) -> None:
    home.sitting("2019-02-16", (WEEK, [row("2006 FK", "2613398", "2019-02-10", number=613398)]))
    both = [row("2006 FK", "2613398", "2019-02-10", number=613398), row("2006 FK", "3320001", "2019-02-10")]
    assert home.sitting("2019-02-17", (WEEK, both)).changes == {"changed": 1}


def test_an_object_without_a_designation_is_known_by_its_name(home: Home) -> None:
    eros = row("433 Eros", "2000433", "2019-02-10")
    home.land(moment("2019-02-16"), WEEK, body([eros]).replace(b"(433 Eros)", b"433 Eros"))
    home.take_in()
    assert home.believed("designation, name") == [("433 Eros", "433 Eros")]


@pytest.mark.parametrize("days", [-2, -1, 1, 2])
def test_a_flyby_that_moves_by_up_to_two_days_is_followed(home: Home, days: int) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    moved = row("2019 AB", "3840001", str(AB.day + days * DAY))
    assert home.sitting("2019-02-17", (WEEK, [moved, *MANY])).changes == {"changed": 1}
    assert home.believed("close_approach_date, listed")[0] == (moved.day, True)


def test_a_flyby_three_days_away_is_another_one(home: Home) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    far = row("2019 AB", "3840001", "2019-02-13")
    assert home.sitting("2019-02-17", (WEEK, [far, *MANY])).changes == {"new": 1, "unlisted": 1}


def test_a_flyby_listed_on_two_days_at_once_is_two(home: Home) -> None:
    next_day = row("2019 AB", "3840001", "2019-02-11")
    home.sitting("2019-02-16", (WEEK, [AB]))
    assert home.sitting("2019-02-17", (WEEK, [AB, next_day])).changes == {"new": 1}


def test_a_flyby_moves_in_from_a_day_that_was_not_asked_for(home: Home) -> None:
    before, after = window("2019-02-03", "2019-02-10"), window("2019-02-11", "2019-02-18")
    home.sitting("2019-02-16", (before, [AB, *MANY[:0]]))
    home.sitting("2019-02-17", (after, [row("2019 AB", "3840001", "2019-02-11")]))
    assert home.story("2019 AB") == ["new", "changed"]
    assert home.sitting("2019-02-18", (before, [])).changes == {}


def test_a_flyby_listed_on_either_side_of_a_border_does_not_go_to_and_fro(home: Home) -> None:
    before, after = window("2019-02-03", "2019-02-10"), window("2019-02-11", "2019-02-18")
    for n in range(0, 6, 2):
        home.sitting(str(AB.day + n * DAY), (before, [AB]))
        home.sitting(str(AB.day + (n + 1) * DAY), (after, [row("2019 AB", "3840001", "2019-02-11")]))
    assert home.story("2019 AB") == ["new", "changed", "new"]
    assert home.believed("close_approach_date, listed") == [(AB.day, True), (AB.day + DAY, True)]


def test_a_flyby_that_moved_away_and_back_is_the_same_all_along(home: Home) -> None:
    moved = row("2019 AB", "3840001", "2019-02-11")
    for at, where in (("2019-02-16", AB), ("2019-02-17", moved), ("2019-02-18", AB)):
        home.sitting(at, (WEEK, [where, *MANY]))
    assert home.ask("SELECT DISTINCT flyby_id FROM revisions WHERE designation = '2019 AB'") == [
        ("2019 AB@2019-02-10",)
    ]


def test_what_is_gone_is_unlisted_then_withdrawn_at_the_third_healthy_answer_after_seven_days(home: Home) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    stories = []
    for day in ("2019-02-17", "2019-02-18", "2019-02-19", "2019-02-23", "2019-02-24", "2019-03-24"):
        home.sitting(day, (WEEK, MANY))
        stories.append(home.story("2019 AB")[1:])
    assert stories == [["unlisted"]] * 4 + [["unlisted", "withdrawn"]] * 2


def test_seven_days_alone_do_not_withdraw(home: Home) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    home.sitting("2019-02-17", (WEEK, MANY))
    home.sitting("2019-03-24", (WEEK, MANY))
    assert home.story("2019 AB") == ["new", "unlisted"]
    home.sitting("2019-03-25", (WEEK, MANY))
    assert home.story("2019 AB") == ["new", "unlisted", "withdrawn"]


def test_an_unlisted_flyby_is_believed_and_a_withdrawn_one_is_not(home: Home) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    home.sitting("2019-02-17", (WEEK, MANY))
    asked = "listed, last_seen_at"
    assert home.believed(asked)[0] == (False, moment("2019-02-16"))
    assert home.ask("SELECT flybys FROM days WHERE day = '2019-02-10'") == [(0,)]
    home.sitting("2019-02-25", (WEEK, MANY))
    home.sitting("2019-02-26", (WEEK, MANY))
    assert {listed for (listed,) in home.believed("listed")} == {True}
    assert (False, moment("2019-02-16")) in home.believed(asked, moment("2019-02-25"))


@pytest.mark.parametrize("away", [["2019-02-17"], ["2019-02-17", "2019-02-20", "2019-02-24"]])
def test_what_comes_back_is_relisted_with_its_whole_past(home: Home, away: list[str]) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    for at in away:
        home.sitting(at, (WEEK, MANY))
    home.sitting("2019-03-20", (WEEK, [AB, *MANY]))
    assert home.story("2019 AB") == ["new", "unlisted", *["withdrawn"][: len(away) > 1], "relisted"]
    assert home.ask("SELECT DISTINCT first_seen_at FROM revisions WHERE designation = '2019 AB'") == [
        (moment("2019-02-16"),)
    ]
    home.sitting("2019-03-21", (WEEK, MANY))
    home.sitting("2019-03-29", (WEEK, MANY))
    assert home.story("2019 AB")[-2:] == ["relisted", "unlisted"], "an absence counts from its own first answer"


def test_a_group_of_three_that_vanishes_makes_an_answer_partial_and_takes_nothing_away(home: Home) -> None:
    new_ones = [row(f"2019 C{n}", f"5400000{n}", "2019-02-09") for n in range(3)]
    home.sitting("2019-02-16", (WEEK, [*new_ones, *MANY]))
    added = row("2019 CX", "3840009", "2019-02-09")
    loaded = home.sitting("2019-02-17", (WEEK, [added, *MANY]))
    note = "no 54… ids where 3 were listed"
    assert loaded.partial == ((str(WEEK), note),)
    assert home.verdicts()[-1] == ("partial", note)
    assert loaded.changes == {"new": 1}, "what it adds is taken, what it lacks is not"
    assert set(home.states().values()) == {"suspect"}
    [(last_seen_at,)] = home.ask("SELECT last_seen_at FROM close_approaches WHERE designation = '2019 C0'")
    assert last_seen_at == moment("2019-02-16")


@pytest.mark.parametrize(
    ("ids", "group"),
    [
        pytest.param(["3840001", "3840002", "3840003"], "3…", id="seven digits"),
        pytest.param(["54000001", "54999999", "54000003"], "54…", id="eight"),
        pytest.param(["55000001", "55000002", "55000003"], "55…", id="the next million"),
    ],
)
def test_a_group_is_an_id_less_its_last_six_digits(home: Home, ids: list[str], group: str) -> None:
    others = [row(f"2018 B{n}", f"53001{n:03}", "2019-02-12") for n in range(20)]
    home.sitting("2019-02-16", (WEEK, [*(row(f"2019 {i}", i, "2019-02-09") for i in ids), *others]))
    home.sitting("2019-02-17", (WEEK, others))
    assert home.verdicts()[-1] == ("partial", f"no {group} ids where 3 were listed")


def test_ids_of_different_groups_do_not_stand_in_for_each_other(home: Home) -> None:
    vanishing = [row(f"2019 C{n}", f"5400000{n}", "2019-02-09") for n in range(3)]
    others = [row(f"2018 B{n}", f"55001{n:03}", "2019-02-12") for n in range(20)]
    home.sitting("2019-02-16", (WEEK, [*vanishing, *others]))
    assert home.sitting("2019-02-17", (WEEK, others)).changes == {}


NEXT_WEEK = window("2019-02-16", "2019-02-23")
WEEK_AFTER = window("2019-02-24", "2019-03-03")


def test_a_group_that_vanishes_from_a_whole_reading_makes_every_answer_of_it_partial(home: Home) -> None:
    one, two = row("2019 C1", "54000001", "2019-02-09"), row("2019 C2", "54000002", "2019-02-17")
    three, rest = row("2019 C3", "54000003", "2019-02-18"), row("2018 BX", "3800300", "2019-02-25")
    home.sitting("2019-02-08", (WEEK, [one, *MANY]), (NEXT_WEEK, [two, three]), (WEEK_AFTER, [rest]))
    loaded = home.sitting("2019-02-09", (WEEK, MANY), (NEXT_WEEK, []), (WEEK_AFTER, []))
    reason = "no 54… ids in the whole reading, where 3 were listed"
    assert loaded.partial == ((str(WEEK), reason), (str(NEXT_WEEK), reason), (str(WEEK_AFTER), reason))
    assert loaded.changes == {}, "nothing of the week that had none of the group, either"
    assert set(home.states().values()) == {"suspect"}
    healed = home.sitting("2019-02-10", (WEEK, [one, *MANY]), (NEXT_WEEK, [two, three]), (WEEK_AFTER, []))
    assert (healed.partial, healed.changes) == ((), {"unlisted": 1})
    assert set(home.states().values()) == {"settling"}


def test_a_group_that_one_answer_of_the_sitting_still_lists_has_not_vanished(home: Home) -> None:
    one, two = row("2019 C1", "54000001", "2019-02-09"), row("2019 C2", "54000002", "2019-02-17")
    three = row("2019 C3", "54000003", "2019-02-18")
    home.sitting("2019-02-08", (WEEK, [one, *MANY]), (NEXT_WEEK, [two, three]))
    loaded = home.sitting("2019-02-09", (WEEK, MANY), (NEXT_WEEK, [three]))
    assert (loaded.partial, loaded.changes) == ((), {"unlisted": 2})


def test_two_of_a_group_may_go(home: Home) -> None:
    home.sitting(
        "2019-02-16",
        (WEEK, [row("2019 C1", "54000001", "2019-02-09"), row("2019 C2", "54000002", "2019-02-09"), *MANY]),
    )
    assert home.sitting("2019-02-17", (WEEK, MANY)).changes == {"unlisted": 2}


def test_a_renumbered_group_has_not_vanished(home: Home) -> None:
    home.sitting("2019-02-16", (WEEK, [row(f"2006 F{n}", f"332000{n}", "2019-02-09") for n in range(3)]))
    loaded = home.sitting(
        "2019-02-17", (WEEK, [row(f"2006 F{n}", f"261000{n}", "2019-02-09", number=610000 + n) for n in range(3)])
    )
    assert (loaded.partial, loaded.changes) == ((), {"changed": 3})


@pytest.mark.parametrize(("known", "lost", "partial"), [(16, 5, True), (17, 5, False), (13, 4, False), (10, 5, True)])
def test_five_lost_and_more_than_three_in_ten_is_too_many(home: Home, known: int, lost: int, partial: bool) -> None:
    listed = [row(f"2018 D{n}", f"38002{n:02}", f"2019-02-{8 + n % 8:02}") for n in range(known)]
    home.sitting("2019-02-16", (WEEK, listed))
    loaded = home.sitting("2019-02-17", (WEEK, listed[lost:]))
    assert loaded.changes == ({} if partial else {"unlisted": lost})
    assert [note for _, note in loaded.partial] == [f"{lost} of {known} known flybys are missing"] * partial


@pytest.mark.parametrize(("on_the_day", "partial"), [(4, True), (3, False)])
def test_a_day_of_four_that_empties_is_suspect_and_the_others_are_not(
    home: Home, on_the_day: int, partial: bool
) -> None:
    eighth = [row(f"2018 E{n}", f"380030{n}", "2019-02-08") for n in range(on_the_day)]
    tenth = [row(f"2018 F{n}", f"380050{n}", "2019-02-10") for n in range(9)]
    home.sitting("2019-02-16", (WEEK, [*eighth, AB, *tenth, *MANY]))
    loaded = home.sitting("2019-02-17", (WEEK, [*tenth, *MANY]))
    assert loaded.changes == {"unlisted": 1 if partial else 4}, "what the healthy days lack is gone"
    assert [note for _, note in loaded.partial] == ["2019-02-08 lists none of its 4 known flybys"] * partial
    assert home.states()["2019-02-08"] == ("suspect" if partial else "settling")
    assert home.states()["2019-02-10"] == "settling"


@pytest.mark.parametrize(
    ("at", "rows", "partial"),
    [
        ("2026-03-24", 8, True),
        ("2026-03-24", 7, False),
        pytest.param("2026-05-02", 8, True, marks=pytest.mark.long),
        ("2026-05-03", 8, False),
        pytest.param("2026-01-31", 8, False, marks=pytest.mark.long),
        ("2026-02-01", 8, True),
    ],
)
def test_a_first_look_at_days_near_now_without_a_long_id_is_partial(
    home: Home, at: str, rows: int, partial: bool
) -> None:
    listed = [row(f"2018 G{n}", f"380040{n}", "2026-03-19") for n in range(rows)]
    loaded = home.sitting(at, (window("2026-03-18", "2026-03-25"), listed))
    said = "no id of eight digits or more among 8 flybys"
    assert any(said in note for _, note in loaded.partial) == partial
    assert loaded.changes == {"new": rows}


@pytest.mark.parametrize("neo_id", ["54000001", "55000001"])
def test_a_first_look_with_one_long_id_is_healthy(home: Home, neo_id: str) -> None:
    listed = [row(f"2018 G{n}", f"380040{n}", "2026-03-24") for n in range(8)]
    loaded = home.sitting(
        "2026-03-24", (window("2026-03-24", "2026-03-31"), [*listed, row("2026 A", neo_id, "2026-03-25")])
    )
    assert loaded.partial == ()


@pytest.mark.parametrize(
    ("at", "days", "rows", "note"),
    [
        (
            "2026-03-18",
            ("2026-03-17", "2026-03-17"),
            4,
            "only 4 rows on a past day, where 5 a day and more are usual",
        ),
        ("2026-03-18", ("2026-03-17", "2026-03-17"), 5, None),
        (
            "2026-03-18",
            ("2026-03-16", "2026-03-20"),
            9,
            "only 9 rows on 2 past days, where 5 a day and more are usual",
        ),
        ("2026-03-18", ("2026-03-16", "2026-03-20"), 10, None),
        ("2026-03-18", ("2026-03-18", "2026-03-25"), 1, None),
        ("2026-03-18", ("2026-02-15", "2026-02-15"), 1, "only 1 row on a past day, where 5 a day and more are usual"),
        ("2026-03-18", ("2026-02-14", "2026-02-14"), 1, None),
        ("2024-12-31", ("2024-12-30", "2024-12-30"), 1, None),
    ],
)
def test_a_past_day_of_the_last_month_lists_five_and_more(
    home: Home, at: str, days: tuple[str, str], rows: int, note: str | None
) -> None:
    listed = [row(f"2026 G{n}", f"540040{n:02}", days[0]) for n in range(rows)]
    loaded = home.sitting(at, (window(*days), listed))
    assert [told for _, told in loaded.partial] == ([] if note is None else [note])
    assert loaded.changes == {"new": rows}


def test_before_2021_a_first_look_has_nothing_to_go_by(home: Home) -> None:
    listed = [row(f"2018 G{n}", f"380040{n}", "2021-06-20") for n in range(8)]
    assert home.sitting("2021-06-25", (window("2021-06-18", "2021-06-25"), listed)).partial == ()


def test_two_overlapping_windows_of_one_sitting_are_each_judged_by_all_that_they_list(home: Home) -> None:
    old = [row(f"2018 G{n}", f"380040{n}", "2026-03-25") for n in range(8)]
    new = [row(f"2026 H{n}", f"5400100{n}", "2026-03-26") for n in range(8)]
    loaded = home.sitting(
        "2026-03-24", (window("2026-03-24", "2026-03-31"), [*old, *new]), (window("2026-03-26", "2026-04-02"), new)
    )
    assert loaded.partial == ()


def test_a_suspect_day_heals_with_the_next_healthy_answer(home: Home) -> None:
    for at, listed in (("2019-02-16", [AB, *MANY]), ("2019-02-17", [AB]), ("2019-02-18", [AB, *MANY])):
        home.sitting(at, (WEEK, listed))
    assert set(home.states().values()) == {"settling"}
    assert home.ask("SELECT count(*) FROM revisions") == [(11,)]
    assert {seen for (seen,) in home.believed("last_seen_at")} == {moment("2019-02-18")}


def test_partial_answers_do_not_count_towards_a_withdrawal(home: Home) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    home.sitting("2019-02-17", (WEEK, MANY))
    for day in ("2019-02-25", "2019-02-26", "2019-02-27"):
        home.sitting(day, (WEEK, MANY[:3]))
    assert home.story("2019 AB") == ["new", "unlisted"]
    home.sitting("2019-02-28", (WEEK, MANY))
    assert home.story("2019 AB") == ["new", "unlisted"]
    home.sitting("2019-03-01", (WEEK, MANY))
    assert home.story("2019 AB") == ["new", "unlisted", "withdrawn"]


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param([row(f"2018 E{n}", f"38003{n:02}", "2019-02-08") for n in range(4)], id="an emptied day"),
        pytest.param([row(f"2018 E{n}", f"38003{n:02}", f"2019-02-{8 + n:02}") for n in range(6)], id="a third"),
    ],
)
def test_a_lasting_loss_is_believed_after_ninety_days(home: Home, gone: list[Row]) -> None:
    stay = [row(f"2018 B{n}", f"38001{n:02}", f"2019-02-{11 + n % 3}") for n in range(10)]
    home.sitting("2019-02-16", (WEEK, [*gone, *stay]))
    states, days = [], ("2019-02-17", "2019-05-18T05:59", "2019-05-18", "2019-05-18T06:01", "2019-05-19", "2019-05-26")
    for at in days:
        home.sitting(at, (WEEK, stay))
        states.append((home.verdicts()[-1][0], home.states()["2019-02-08"], home.story("2018 E0")))
    away = ["new", "unlisted"]
    assert states == [
        ("partial", "suspect", ["new"]),
        ("partial", "suspect", ["new"]),
        ("partial", "suspect", ["new"]),
        ("ok", "settling", away),
        ("ok", "settling", away),
        ("ok", "settling", [*away, "withdrawn"]),
    ]


def test_what_is_long_lost_does_not_hide_a_new_loss(home: Home) -> None:
    old = [row(f"2018 E{n}", f"38003{n:02}", "2019-02-08") for n in range(5)]
    listed = [row(f"2018 B{n}", f"38001{n:02}", "2019-02-12") for n in range(10)]
    home.sitting("2019-02-16", (WEEK, [*old, *listed]))
    home.sitting("2019-02-17", (WEEK, listed))
    loaded = home.sitting("2019-06-17", (WEEK, listed[5:]))
    assert [note for _, note in loaded.partial] == ["5 of 10 known flybys are missing"]
    assert loaded.changes == {}


def test_a_group_that_stays_away_is_never_believed_to_be_gone(home: Home) -> None:
    group = [row(f"2019 C{n}", f"5400000{n}", "2019-02-09") for n in range(3)]
    home.sitting("2019-02-16", (WEEK, [*group, *MANY]))
    for at in ("2019-02-17", "2019-06-17", "2020-02-17", "2021-02-17"):
        assert [note for _, note in home.sitting(at, (WEEK, MANY)).partial] == ["no 54… ids where 3 were listed"]
    assert home.story("2019 C0") == ["new"]


def test_an_answer_that_is_no_feed_is_noted_and_changes_nothing(home: Home) -> None:
    home.sitting("2019-02-16", (WEEK, [AB]))
    home.land(moment("2019-02-17"), WEEK, b"<html>503</html>", http_status=503)
    home.land(moment("2019-02-17"), window("2019-03-01"), b"")
    assert len(home.take_in().rejected) == 2
    assert [verdict for verdict, _ in home.verdicts()] == ["ok", "rejected", "rejected"]
    assert home.believed("last_seen_at") == [(moment("2019-02-16"),)]
    assert home.ask("SELECT observations, state FROM days WHERE day IN ('2019-02-10', '2019-03-01') ORDER BY day") == [
        (1, "fresh"),
        (0, "missing"),
    ]


def test_a_rejected_answer_and_its_retry_are_one_observation(home: Home) -> None:
    home.land(moment("2019-02-16"), WEEK, b"", attempt=1)
    home.land(moment("2019-02-16"), WEEK, body([AB]), attempt=2)
    home.take_in()
    assert set(home.ask("SELECT observations FROM days")) == {(1,)}


def test_a_day_asked_for_twice_in_a_sitting_counts_once_by_the_later_request(home: Home) -> None:
    near, far = row("2019 AB", "3840001", "2019-02-10", 0.1), row("2019 AB", "3840001", "2019-02-10", 0.2)
    home.sitting("2019-02-16", (WEEK, [near]), (window("2019-02-10"), [far]))
    assert home.believed("miss_distance_au") == [(0.2,)]
    assert home.ask("SELECT observations FROM days WHERE day = '2019-02-10'") == [(1,)]


def test_as_of_gives_the_belief_at_every_moment(home: Home) -> None:
    moved = row("2019 AB", "3840001", "2019-02-11", 0.2)
    home.sitting("2019-02-16", (WEEK, [AB, *MANY]))
    home.sitting("2019-02-17", (WEEK, [moved, *MANY]))
    home.sitting("2019-02-18", (WEEK, MANY))
    asked = "close_approach_date, miss_distance_au, listed, last_seen_at"
    instant = timedelta(microseconds=1)

    def ab(at: datetime) -> list[tuple[object, ...]]:
        return home.ask(f"SELECT {asked} FROM close_approaches_as_of(?) WHERE designation = '2019 AB'", [at])

    first, second, third = (moment(day) for day in ("2019-02-16", "2019-02-17", "2019-02-18"))
    assert ab(first - instant) == []
    assert ab(first) == ab(second - instant) == [(AB.day, 0.1, True, first)]
    assert ab(second) == ab(third - instant) == [(moved.day, 0.2, True, second)]
    assert ab(third) == ab(datetime(2100, 1, 1, tzinfo=UTC)) == [(moved.day, 0.2, False, second)]
    assert home.believed() == home.ask("FROM close_approaches ORDER BY ALL")


def test_a_past_day_settles_after_three_looks_and_thirty_quiet_days_and_a_change_reopens_it(home: Home) -> None:
    states = []
    for at, au in (
        ("2019-02-16", 0.1),
        ("2019-02-17", 0.1),
        ("2019-03-17", 0.1),
        ("2019-03-18", 0.1),
        ("2019-03-19", 0.2),
    ):
        home.sitting(at, (WEEK, [row("2019 AB", "3840001", "2019-02-10", au), *MANY]))
        states.append(home.states()["2019-02-10"])
    assert states == ["fresh", "settling", "settling", "settled", "settling"]
    assert home.states()["2019-02-12"] == "settled"


def test_a_day_to_come_does_not_settle(home: Home) -> None:
    for at in ("2018-11-01", "2018-12-15", "2019-01-30"):
        home.sitting(at, (WEEK, [AB]))
    assert set(home.states().values()) == {"settling"}


def test_days_that_went_by_unasked_are_missing(home: Home) -> None:
    home.sitting("2019-02-16", (WEEK, [AB]))
    home.sitting("2019-02-28", (window("2019-02-20", "2019-02-27"), []))
    states = home.states()
    assert [day for day, state in states.items() if state == "missing"] == [f"2019-02-{n}" for n in range(16, 20)]


def test_a_gap_between_history_and_the_mornings_is_nobodys_omission(home: Home) -> None:
    home.sitting("2019-02-15", (window("2015-01-01", "2015-01-08"), []))
    home.sitting("2019-02-16", (WEEK, [AB]))
    assert "missing" not in home.states().values()


def test_loading_a_batch_twice_is_loading_it_once(home: Home) -> None:
    landed = home.land(moment("2019-02-16"), WEEK, body([AB, *MANY]))
    [batch] = typed([landed])
    with Record(home.settings.place) as record:
        assert record.load([batch, batch]).answers == 1
        assert record.load([batch]).changes == {}
    assert home.ask("SELECT count(*) FROM requests") == [(1,)]


def test_rebuilt_from_raw_the_record_is_the_same(home: Home) -> None:
    for at, listed in (("2019-02-16", [AB, *MANY]), ("2019-02-17", [AB]), ("2019-02-18", MANY), ("2019-02-19", [])):
        home.sitting(at, (WEEK, listed))
    live = home.everything()
    assert home.rebuild().answers == 4
    assert home.everything() == live


@file_only
def test_unchanged_mornings_write_one_line_each_and_do_not_grow_the_database(home: Home) -> None:
    sky = [row(f"2018 J{n}", f"39{n:05}", f"2019-02-{8 + n % 8:02}") for n in range(80)]
    sizes, told = [], set()
    for n in range(10):
        at = moment("2019-02-16") + n * DAY
        home.land(at, WEEK, body(sky))
        stage_landed(home.settings)
        load_staged(home.settings)
        publish_record(home.settings)
        sizes.append(home.settings.published.stat().st_size)
        told.add(home.ask("SELECT count(*), count(DISTINCT flyby_id) FROM revisions")[0])
    assert told == {(80, 80)}
    assert home.ask("SELECT count(*) FROM requests") == [(10,)]
    assert home.ask("SELECT DISTINCT observations FROM days") == [(10,)]
    # DuckDB takes space in blocks of 256 kB and gives freed ones out again.
    assert sizes[-1] <= sizes[5] + 2 * 262_144, sizes


def test_what_is_said_as_before_after_having_been_said_otherwise_is_a_change_in_one_batch_too(home: Home) -> None:
    young, numbered = row("2019 AB", "3840001", "2019-02-09"), row("2019 AB", "2840001", "2019-02-09", number=7)
    other = row("2019 CD", "3840002", "2019-02-10")
    for day, said in (("2019-02-16", young), ("2019-02-17", numbered), ("2019-02-18", young)):
        home.land(moment(day), WEEK, body([said, other]))
    home.take_in()
    assert home.story("2019 AB") == ["new", "changed", "changed"]
    assert home.ask("SELECT neo_id FROM close_approaches WHERE designation = '2019 AB'") == [("3840001",)]
    assert home.story("2019 CD") == ["new"]
