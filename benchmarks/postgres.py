"""A PostgreSQL of the benchmark's own: on loopback, on a free port, in a temporary folder, stopped by its pid."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

#: Where Debian puts its programs, which are in no PATH.
DEBIAN = Path("/usr/lib/postgresql")
#: Postgres refuses to run as root.
USER = "postgres"
START_S, STOP_S = 60.0, 60.0


class NoPostgres(Exception):
    """There is none here, or it does not start."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """One that runs."""

    programs: Path
    port: int

    def version(self) -> str:
        """Like `PostgreSQL 15.14`."""
        return f"PostgreSQL {self.ask('postgres', 'SHOW server_version').split()[0]}"

    def new(self, name: str) -> str:
        """Make the database `name`; its address, as FLYBY_WAREHOUSE wants it."""
        self._run("createdb", name)
        return f"ducklake:postgres:{self._where} dbname={name}"

    def ask(self, name: str, query: str) -> str:
        """What one query of the database `name` gives, unaligned."""
        return self._run("psql", "--no-psqlrc", "-At", "-c", query, name).strip()

    def megabytes(self, name: str) -> float:
        """How large the database `name` is."""
        return int(self.ask(name, "SELECT pg_database_size(current_database())")) / 1e6

    @property
    def _where(self) -> str:
        return f"host=127.0.0.1 port={self.port} user={USER}"

    def _run(self, program: str, *words: str) -> str:
        connection = ("-h", "127.0.0.1", "-p", str(self.port), "-U", USER)
        command = [str(self.programs / program), *connection, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def programs() -> Path:
    """The folder of the newest PostgreSQL's programs. Raises NoPostgres."""
    found = sorted(DEBIAN.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if there := shutil.which("postgres"):
        return Path(there).parent
    raise NoPostgres(
        f"this needs PostgreSQL, which is neither in {DEBIAN}/*/bin nor in PATH: apt-get install postgresql"
    )


@contextmanager
def started() -> Iterator[Postgres]:
    """Start one, stop it in the end, leave nothing. Raises NoPostgres."""
    there = programs()
    folder = Path(mkdtemp(prefix="flyby-postgres-"))
    # As root, all of it belongs to and runs as somebody else.
    other = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
    if other:
        shutil.chown(folder, USER, USER)
    data, log = folder / "data", folder / "log"
    port = _free_port()
    try:
        _initdb(there, data, other)
        command = [there / "postgres", "-D", data, "-p", str(port), "-k", folder]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=50"]
        with log.open("wb") as out:
            server = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, **other)  # type: ignore[call-overload]
        try:
            _wait_until_ready(there, port, server, log)
            yield Postgres(there, port)
        finally:
            server.send_signal(signal.SIGINT)  # its fast way to end: who is connected is cut off
            server.wait(STOP_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initdb(there: Path, data: Path, other: Mapping[str, object]) -> None:
    command = [there / "initdb", "-D", data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run(command, capture_output=True, text=True, cwd=data.parent, **other)  # type: ignore[call-overload]
    if made.returncode:
        raise NoPostgres(f"initdb: {made.stderr.strip()}")


def _wait_until_ready(there: Path, port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    ask = [str(there / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
    until = time.monotonic() + START_S
    while subprocess.run(ask, check=False).returncode:
        if server.poll() is not None or time.monotonic() > until:
            raise NoPostgres(f"PostgreSQL does not start: {log.read_text().strip()[-2000:]}")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
