"""An API that is asked by dates, as it is declared: how it is asked, what its rows hold, how it is judged. Pure."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from flyby.days import DAY, Window
from flyby.sources.dataset import Column, Dataset, Source
from flyby.sources.policy import Curve, Policy
from flyby.sources.windowed.feed import Rows

#: How a moment is written in an answer.
Form = Literal["iso", "date", "epoch_s", "epoch_ms"]
#: The types that a column may have.
Type = Literal["VARCHAR", "DOUBLE", "BIGINT", "BOOLEAN", "DATE", "TIMESTAMPTZ"]

#: Where something lies in an answer: names and places joined by points, `[:2]` for the first two characters of a text.
PATH = r"^[^.\s]+(\.[^.\s]+)*$"
NAME = r"^[a-z][a-z0-9_]{0,39}$"

_SHOWN = frozenset(
    """day moment ids listed sources source first_seen_at last_seen_at revision thing_id change seen_from seen_to
    request_id ordinal valid_from valid_to""".split()
)
#: What tables have of the record's own, so that no column may be called so.
RESERVED = _SHOWN | {"number", "entity", "id", "aliases", "cohort", "firm", "apart", "preference"}

#: Replaces the time of day of a window's last day where that is included.
_LAST_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Path:
    """Where something lies in an answer."""

    parts: tuple[str | int, ...]
    first: int | None = None

    @classmethod
    def of(cls, text: str) -> "Path":
        """The path that `text`, of the form PATH, names; nothing names the whole."""
        begun = re.fullmatch(r"(.*)\[:([1-9][0-9]*)\]", text)
        whole, first = (begun[1], int(begun[2])) if begun else (text, None)
        parts = tuple(int(part) if part.isdigit() else part for part in whole.split(".")) if whole else ()
        return cls(parts, first)

    def __str__(self) -> str:
        return ".".join(map(str, self.parts)) + (f"[:{self.first}]" if self.first else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A column of the API's, and where its rows have it."""

    name: str
    path: Path
    type: Type
    comment: str
    form: Form = "iso"
    #: Rows may lack it; else an answer with such a row is rejected.
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How a long answer comes in pages: by the place of the first row, or by a link to the next."""

    link: Path | None = None
    offset: str | None = None
    limit: str | None = None
    rows: int = 1000
    first: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One API. `title` is what people call it; paths lead into its answers."""

    name: str
    title: str
    url: str
    parameters: tuple[tuple[str, str], ...]
    start: str
    end: str
    #: How the window is written: as days, or as moments in one of the forms.
    window_form: Form
    end_included: bool
    window_days: int
    #: So many days from the tick date on are asked for, too.
    ahead_days: int
    rows: Path
    key: Path
    moment: Path
    moment_form: Form
    group: Path | None
    aliases: Path | None
    values: tuple[Value, ...]
    paging: Paging | None
    key_header: str | None
    remaining_header: str | None
    limit_header: str | None
    requests_a_day: int | None
    requests_a_morning: int
    pace_s: float
    #: Before the record has measured it: after so many days a day's list, and its values, are taken to be final.
    final_after_days: float
    first_day: date
    least_a_day: int
    group_lost: int
    window_lost_share: float
    withdraw_answers: int
    withdraw_days: float

    def query(self, window: Window) -> list[tuple[str, str]]:
        """What is asked for `window`."""
        if self.window_form == "date":
            last = window.end if self.end_included else window.end + DAY
            return [*self.parameters, (self.start, str(window.start)), (self.end, str(last))]
        first = datetime.combine(window.start, time(), UTC)
        end = datetime.combine(window.end + DAY, time(), UTC) - (_LAST_MS if self.end_included else timedelta())
        return [*self.parameters, (self.start, self._written(first)), (self.end, self._written(end))]

    def _written(self, moment: datetime) -> str:
        if self.window_form == "iso":
            spec = "milliseconds" if moment.microsecond else "seconds"
            return moment.isoformat(timespec=spec).replace("+00:00", "Z")
        ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        return str(ms if self.window_form == "epoch_ms" else ms // 1000)

    @property
    def key_name(self) -> str:
        """What the column of the key is called: as the API calls it, unless that is a word of the record's."""
        last = re.sub(r"\W", "_", str(self.key.parts[-1]).lower())
        return f"{self.name}_{last}" if last in _SHOWN or not re.match("[a-z_]", last) else last

    def policy(self) -> Policy:
        """How its mornings ask, as long as nothing of its lateness is learned."""
        return Policy(
            window_days=self.window_days,
            ahead_days=self.ahead_days,
            requests=self.requests_a_morning,
            a_day=self.requests_a_day,
            curve=Curve.final_after(self.final_after_days),
        )

    def dataset(self) -> Dataset:
        """The record that is kept of it."""
        source = Source(
            name=self.name,
            title=self.title,
            role="primary",
            priority=1,
            decoder=Rows(self),
            things="rows",
            window_days=self.window_days,
            passes=False,
            group_lost=self.group_lost,
            window_lost_share=self.window_lost_share,
            few_a_day=self.least_a_day,
            few_since=self.first_day if self.least_a_day else None,
            withdraw_answers=self.withdraw_answers,
            withdraw_days=self.withdraw_days,
        )
        return Dataset(
            name=self.name,
            sources=(source,),
            values=tuple(Column(value.name, value.type, value.comment) for value in self.values),
            shown=("entity", "day", "moment", *(value.name for value in self.values)),
            believed=self.name,
            prefix=f"{self.name}_",
            words={
                "thing_id": "thing_id",
                "entity": self.key_name,
                "ids": "ids",
                "day": "day",
                "moment": "moment",
                "things": "listed",
                "witness_only": "witness_only",
                "primary_only": "primary_only",
                "set_apart": "set_apart",
            },
            word_comments={
                self.key_name: "the key by which the API tells its rows apart",
                "moment": "when it happened; NULL where only the day is known",
                "day": "the UTC day on which it happened",
            },
            declaration=self._declaration(),
        )

    def _declaration(self) -> str:
        """A fingerprint of all that says what an answer means: with another one, the record is made again from raw/."""
        said = (self.rows, self.key, self.moment, self.moment_form, self.group, self.aliases, self.values)
        judged = (self.window_days, self.least_a_day, self.group_lost, self.window_lost_share)
        gone = (self.withdraw_answers, self.withdraw_days)
        return hashlib.sha256(repr((said, judged, gone)).encode()).hexdigest()[:12]
