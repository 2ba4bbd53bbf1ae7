"""Processes of the tests' own, forked from one that has loaded what they need: each begins at once."""

import io
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flyby.cli import main
from flyby.query.guarded import answer
from flyby.sources.neows import client

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(
    [
        *("pytest", "flyby.cli", "flyby.instance.instance", "flyby.jobs.daily", "flyby.query.guarded"),
        *("flyby.record.load", "flyby.jobs.backfill", "flyby.output.terminal", "rich.progress"),
        *("pandas", "pytz"),  # which DuckDB imports when it is handed rows of Arrow's, or gives a moment
    ]
)


def in_a_child(work: Callable[..., None], *arguments: Any) -> int:
    """Its exit status."""
    child = FORK.Process(target=work, args=arguments)
    child.start()
    child.join(120)
    assert child.exitcode is not None
    return child.exitcode


def answered_in_a_fork(command: list[str], **given: Any) -> subprocess.CompletedProcess[str]:
    """In place of the process that `ask_guarded` begins anew: one that has loaded the same, with the same to go on."""
    here, there = FORK.Pipe()
    assert in_a_child(_answer, given["input"], given["env"], there) == 0
    return subprocess.CompletedProcess(command, 0, here.recv())


def _answer(asked: str, around: dict[str, str], pipe: Connection) -> None:
    os.environ.clear()
    os.environ.update(around)
    sys.stdin, sys.stdout = io.StringIO(asked), io.StringIO()
    answer()
    pipe.send(sys.stdout.getvalue())


def called(*arguments: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """`flyby …` as `commands.call` has it, where nothing is claimed of how a process begins."""
    with TemporaryDirectory() as told:
        status = in_a_child(_flyby, arguments, env, cwd, told)
        out, error = (Path(told, stream).read_text() for stream in ("1", "2"))
    return subprocess.CompletedProcess(["flyby", *arguments], status, out, error)


def _flyby(arguments: tuple[str, ...], env: dict[str, str], cwd: Path, told: str) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for stream in (1, 2):
        os.dup2(os.open(f"{told}/{stream}", os.O_CREAT | os.O_WRONLY | os.O_APPEND), stream)
    client.PATIENCE = replace(
        client.PATIENCE, first_wait_s=0.01
    )  # the waits between attempts are no part of any claim here
    main(arguments)
