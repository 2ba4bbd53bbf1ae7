"""The jobs, for one instance of the component, and how they are executed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from flyby.defs.claims import claim
from flyby.defs.given import Given, warn

if TYPE_CHECKING:
    from dagster import DagsterEvent

#: A run that takes longer hangs, and is ended: a morning with all its attempts takes two hours at most.
HANGS_AFTER_S = 3 * 3600
#: History waits for the key's allowance: with DEMO_KEY a century takes weeks.
HISTORY_HANGS_AFTER_S = 60 * 86400


class _InThisProcess(dg.Executor):
    """Dagster's in-process executor, in a process that is known to be at work on the run until it ends."""

    def __init__(self, dagsters: dg.Executor) -> None:
        self._dagsters = dagsters

    @property
    def retries(self) -> Any:
        return self._dagsters.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._dagsters.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator["DagsterEvent"]:
        if not plan_context.instance.is_ephemeral:
            # Never released: how the run ended is written when this is over. Whoever looks later tidies the claim away.
            claim(Path(plan_context.instance.root_directory), plan_context.run_id)
        yield from self._dagsters.execute(plan_context, execution_plan)


def _make(context: dg.InitExecutorContext) -> dg.Executor:
    make = dg.in_process_executor.executor_creation_fn
    assert make is not None  # noqa: S101  Dagster's own has one
    return _InThisProcess(make(context))


#: A process for every step would import everything anew: 9 s instead of 2.
in_this_process = dg.ExecutorDefinition(
    name="in_process",
    config_schema=dg.in_process_executor.config_schema,  # type: ignore[arg-type]  # as Dagster itself hands it on
    executor_creation_fn=_make,
)


def morning_job(given: Given[Any], selection: Sequence[dg.AssetsDefinition]) -> Any:
    """The morning run."""
    return _job(
        given,
        given.names.job,
        selection,
        "The morning run: ask, stage, load, publish, check. Its config is the day it runs for; without one, today.",
    )


def second_opinion_job(given: Given[Any], asset: dg.AssetsDefinition) -> Any:
    """JPL's list, after the morning."""
    return _job(
        given,
        "second_opinion_job",
        [asset],
        "Asks JPL, and compares. Its config is the day it runs for. Whatever goes wrong here is no morning's.",
    )


def history_job(given: Given[Any], asset: dg.AssetsDefinition) -> Any:
    """Past years."""
    says = "Past years: choose them, press the button."
    return _job(given, given.names.history_job, [asset], says, hangs_after_s=HISTORY_HANGS_AFTER_S)


def upkeep_job(given: Given[Any], asset: dg.AssetsDefinition) -> Any:
    """The lake's tidying."""
    return _job(given, "upkeep_job", [asset], "Tidies the lake. Runs beside the others: it waits for its turn.")


def _job(
    given: Given[Any],
    name: str,
    selection: Sequence[dg.AssetsDefinition],
    description: str,
    hangs_after_s: int = HANGS_AFTER_S,
) -> Any:
    return dg.define_asset_job(
        given.name(name),
        selection=selection,
        hooks={_tell_of_failure(given, name)},
        executor_def=in_this_process,
        tags={**given.tags, "dagster/max_runtime": str(hangs_after_s)},
        description=description,
    )


def _tell_of_failure(given: Given[Any], job: str) -> dg.HookDefinition:
    @dg.failure_hook
    def tell_of_failure(context: dg.HookContext) -> None:
        """A notice, where somebody is to be told. Says no more of an unexpected error than its kind."""
        error = context.op_exception
        said = error.description if isinstance(error, dg.Failure) else type(error).__name__
        warn(context, given.tell_failure(given.settings(), job, said or "the event log says why"))

    return tell_of_failure
