"""Processes of the tests' own, forked from one that has loaded what they need: each begins at once."""

import multiprocessing
from collections.abc import Callable
from typing import Any

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["pytest", "flyby.cli", "flyby.instance.instance", "flyby.record.load", "flyby.jobs.daily"])


def in_a_child(work: Callable[..., None], *arguments: Any) -> int:
    """Its exit status."""
    child = FORK.Process(target=work, args=arguments)
    child.start()
    child.join(120)
    assert child.exitcode is not None
    return child.exitcode
