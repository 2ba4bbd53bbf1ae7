"""What a record is told about its sources: who they are, how they behave, and what their rows hold. Pure data.

A *dataset* is one list of things that happen on days, told by one or several sources. The rules of `flyby.record` know
these words and no others, so a further source, or another dataset, is a further value here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from flyby.days import Window


class Observation(NamedTuple):
    """A row of an answer: what the rules look at, and the values, opaque to them, in the order of `Dataset.values`.

    `entity` is what stays; `id` and `aliases` are other names by which it is known; `day` and `moment` (microseconds
    since 1970) are its valid time; `cohort` is what vanishes together; the loss of a `firm` row means something; what
    is kept `apart` is not counted with the rest; of several rows for one thing the highest `preference` speaks.
    """

    entity: str
    id: str | None
    aliases: tuple[str, ...]
    day: date
    moment: int | None
    cohort: str | None
    firm: bool
    apart: bool
    preference: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Feed:
    """What an answer lists; `simulated` if it says of itself that it is not the real source's."""

    rows: list[Observation]
    simulated: bool = False

    @property
    def set_apart(self) -> int:
        """How many rows are kept apart."""
        return sum(row.apart for row in self.rows)


#: Rows that were read before, by what they were read from: answers repeat each other, and what comes again is not read
#: again, and is the same object.
Before = dict[Any, Any]


class Decoder(Protocol):
    """What understands a source's answers. A module, or an object, with these functions."""

    def decode(self, body: bytes, window: Window, before: Before | None = None) -> Feed:
        """The feed that `body` holds, if it is one for `window`; raises FeedError otherwise, and nothing else. The
        rows that were read `before` are looked up there, and the others put there."""

    def complaint(self, body: bytes) -> str:
        """What an error body says of itself, in one line; empty if nothing."""

    def doubt(self, feed: Feed, window: Window, requested_at: datetime) -> str | None:
        """Why the answer looks incomplete, as far as it alone can tell; None if it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source of a dataset, and the thresholds by which its answers are judged.

    A `primary` source is the one that mornings ask and whose days the ledger counts; a `witness` is compared with it.
    Of a thing that several list, the values of the lowest `priority` are shown.
    """

    name: str
    title: str
    role: str
    priority: int
    decoder: Decoder = field(repr=False)
    #: What its rows are called.
    things: str
    #: The longest window of one request, in days, both ends included.
    window_days: int
    #: By how many days a thing may move and be the same.
    move_days: int = 2
    #: Answers may hold rows so many days beyond the window that they are judged for.
    margin_days: int = 0
    #: A thing so near to the edge of what was asked may lie beyond it: it is not missed.
    edge_minutes: int = 0
    #: The same thing may be listed several times a day (an object that passes twice); else such rows are copies.
    passes: bool = True
    #: So many of a group that was listed vanish together: the answer is incomplete.
    group_lost: int = 3
    #: So many of the firm rows of a window, and more than this share, …
    window_lost: int = 5
    window_lost_share: float = 0.3
    #: … or fewer, but more than half of them.
    window_lost_by_half: int = 3
    #: A day of so many that empties.
    day_lost: int = 4
    #: What was away for longer counts no more as lost, but for whole groups.
    long_lost_days: int = 90
    #: The first look at days that are past, at most so many days ago, lists so many a day at least, since that day on.
    few_a_day: int = 0
    few_within_days: int = 31
    few_since: date | None = None
    #: A thing that is gone is withdrawn at this healthy answer without it, so many days after the first.
    withdraw_answers: int = 3
    withdraw_days: float = 7


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a source fills: its DuckDB type, and what it says, with its unit."""

    name: str
    type: str
    comment: str
    #: Shown by `close_approaches` as a witness has it, whoever else lists the thing.
    of_witness: bool = False


#: Arrow's types of the columns' DuckDB types.
ARROW = {
    "VARCHAR": pa.string(),
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
}

#: The columns of an observation, less its values.
KEYS = [
    pa.field("entity", pa.string(), nullable=False),
    pa.field("id", pa.string()),
    pa.field("aliases", pa.list_(pa.string()), nullable=False),
    pa.field("day", pa.date32(), nullable=False),
    pa.field("moment", pa.timestamp("us", tz="UTC")),
    pa.field("cohort", pa.string()),
    pa.field("firm", pa.bool_(), nullable=False),
    pa.field("apart", pa.bool_(), nullable=False),
    pa.field("preference", pa.string(), nullable=False),
]


#: What was believed at `ts`, half open: what the record had by then. The same for ever, once `ts` is past.
AS_OF = files("flyby.sources").joinpath("as_of.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One list of things, its sources, and how people's tables name what the record calls by its own words."""

    name: str
    sources: tuple[Source, ...]
    values: tuple[Column, ...]
    #: The columns of what is believed, in their order: words of the record, and values.
    shown: tuple[str, ...]
    #: The table of what is believed; the others are named after `prefix`.
    believed: str
    prefix: str = ""
    #: The record's word → people's column.
    words: dict[str, str]
    #: What these columns say.
    word_comments: dict[str, str] = field(default_factory=dict)
    #: The macro `<believed>_as_of(ts)`, as SQL over `<prefix>believed_as_of(ts)`.
    as_of: str = AS_OF
    #: Further views, as SQL with the same placeholders as `record/sql/face.sql`, and what each is.
    views: str = ""
    view_comments: dict[str, str] = field(default_factory=dict)
    #: A fingerprint of what answers mean, where that is declared by a person and may change.
    declaration: str = ""
    #: Whether a body is a simulated answer; None if it is no answer at all, or nothing tells.
    is_simulated: Callable[[bytes], bool | None] = lambda _: None

    def source(self, name: str) -> Source | None:
        """The source of that name, None if there is none."""
        return next((source for source in self.sources if source.name == name), None)

    @property
    def fingerprint(self) -> str:
        """Of who tells, by which thresholds that is judged, and what was declared: a record of others is made again."""
        return sha256(repr((self.sources, self.declaration)).encode()).hexdigest()[:12]

    @property
    def primary(self) -> Source:
        """The source that mornings ask."""
        return next(source for source in self.sources if source.role == "primary")

    @property
    def observations(self) -> pa.Schema:
        """The columns of observations: KEYS, then the values."""
        return pa.schema([*KEYS, *(pa.field(column.name, ARROW[column.type]) for column in self.values)])

    def table(self, rows: Sequence[Observation]) -> pa.Table:
        """The rows, in the schema `observations`."""
        schema = self.observations
        columns = list(zip(*((*row[:-1], *row.values) for row in rows), strict=True)) or [()] * len(schema)
        return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)

    @property
    def schema(self) -> str:
        """The schema that holds the record's own tables."""
        return f"{self.name}_record"
