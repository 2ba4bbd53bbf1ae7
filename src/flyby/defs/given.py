"""What a component hands down to its assets, jobs and schedules, and the ways in which a step may fail."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import dagster as dg

from flyby.defs.claims import claimed
from flyby.errors import FlybyError, PassingError, QuotaError
from flyby.query.database import Database
from flyby.settings import Home

#: Who sits at the terminal hears here what could not be done, and failed no run.
UNDONE = logging.getLogger("flyby.undone")
UNDONE.propagate = False
UNDONE.addHandler(logging.NullHandler())

#: The tags of runs that nobody started by hand, so that nobody waits for them.
UNATTENDED = ("dagster/schedule_name", "dagster/sensor_name", "dagster/from_automation_condition")
#: A used-up allowance is waited for as long as the source says, but no longer than leaves it a morning.
LONGEST_RETRY_S = 3600.0
#: Where somebody waits, a source that is down is waited for no longer than this.
ATTENDED_S = 45.0


S = TypeVar("S", bound=Home)


@dataclass(frozen=True, slots=True)
class Names:
    """What the definitions of one record are called: assets, jobs, the schedule."""

    rows: str
    file: str
    table: str
    history: str
    job: str
    history_job: str
    schedule: str


@dataclass(frozen=True, slots=True)
class Given(Generic[S]):
    """One instance of a component: its settings, and what its definitions are called."""

    names: Names
    #: Asked when a step begins: what is wrong with them fails the step, and not a whole code location.
    settings: Callable[[], S]
    #: The sources that the assets begin with, and what kind Dagster shows them as.
    sources: tuple[str, ...]
    kind: str
    #: What the assets of the rows and of the table say, what the table is called, and its columns: name, type, what
    #: each says.
    rows_say: str
    table_says: str
    table_name: str
    columns: tuple[tuple[str, str, str], ...]
    #: The years that `history` can be asked for.
    years: dg.TimeWindowPartitionsDefinition
    #: What there is to do once something was taken in by the job so called; what went wrong, in lines for the log.
    after: Callable[[dg.AssetExecutionContext, S, str], list[str]]
    #: What there is to show of the record as it is now.
    shown: Callable[[S, Database], dict[str, Any]]
    #: Somebody is told that the job failed, and how; what went wrong with that, in lines for the log.
    tell_failure: Callable[[S, str, str], list[str]]
    cron: str
    #: What a person has to mend where it is none.
    cron_is_called: str
    timezone: str
    #: Whether the record is in a lake, which wants upkeep.
    in_lake: bool
    key_prefix: tuple[str, ...]
    group: str | None
    owners: tuple[str, ...]
    tags: Mapping[str, str]
    #: Whether the schedules run of their own accord.
    schedules: bool
    #: So often a run that nobody waits for asks again for what tends to pass, and after how many seconds.
    retries: int
    retry_after_s: float

    def key(self, name: str) -> dg.AssetKey:
        """The asset's key."""
        return dg.AssetKey([*self.key_prefix, name])

    def op(self, name: str) -> str:
        """The asset's name in a run's config."""
        return "__".join([*self.key_prefix, name])

    def name(self, name: str) -> str:
        """The name of a job, a schedule or a check, none of which have a key."""
        return "_".join([*self.key_prefix, name])

    def is_waited_for(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> bool:
        """Whether somebody started the run by hand, and may be waiting for it."""
        return context.run.tags.keys().isdisjoint(UNATTENDED)

    @contextmanager
    def step(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Iterator[None]:
        """A step's work: its process is known to be at work on the run, and it fails with flyby's own line.

        What tends to pass is asked for again later, in the same run, if nobody waits for it. `from None`, as the event
        log keeps what an exception came from.
        """
        run = context.run
        home = None if context.instance.is_ephemeral else Path(context.instance.root_directory)
        try:
            if home is None:
                yield
            else:
                with claimed(home, run.run_id):
                    yield
        except FlybyError as error:
            tends_to_pass = isinstance(error, PassingError | QuotaError)
            if tends_to_pass and context.retry_number < self.retries and not self.is_waited_for(context):
                wait_s = max(self.retry_after_s, min(getattr(error, "retry_after_s", None) or 0.0, LONGEST_RETRY_S))
                context.log.warning(f"{error}; asked again in {wait_s / 60:.0f} minutes")
                raise dg.RetryRequested(max_retries=self.retries, seconds_to_wait=wait_s) from None
            raise dg.Failure(str(error), allow_retries=False) from None


def warn(context: dg.HookContext | dg.AssetExecutionContext, lines: Iterable[str]) -> None:
    """Say the lines in the run's log, and to whoever sits at the terminal."""
    for line in lines:
        context.log.warning(line)
        UNDONE.warning("%s", line)
