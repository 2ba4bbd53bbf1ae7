"""PostgreSQL and Redis, of the tests' own: on loopback, on free ports, in folders that go with them."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

PATIENCE_S = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until(true: Callable[[], bool], *, within_s: float = PATIENCE_S, what: str = "it") -> None:
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until, f"{what} did not happen within {within_s:.0f} s"
        time.sleep(0.2)


class Server(ABC):
    """A process that can be ended as hard as one likes, and started again with the same data."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="flyby-scale-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        assert self._process is None
        self._process = self._popen()
        wait_until(self._answers, what=f"the start of {type(self).__name__}")

    def stop(self, how: signal.Signals) -> None:
        """Returns once it has ended."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(PATIENCE_S)
        self._process = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self.stop(signal.SIGINT)
        shutil.rmtree(self.folder)

    @abstractmethod
    def _popen(self) -> "subprocess.Popen[bytes]":
        """The process, begun."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it does already."""


class Postgres(Server):
    """PostgreSQL. SIGINT ends it in order, SIGQUIT (`immediate`) as a power cut would."""

    user, password = "flyby", "a-password-of-the-tests"

    def __init__(self) -> None:
        super().__init__()
        self._programs = _postgres_programs()
        # The server refuses to be root's.
        self._account = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        words = self.folder / "password"
        words.write_text(self.password)
        data = str(self.folder / "data")
        create = [self._programs / "initdb", "--auth=scram-sha-256", "--no-sync", "--username", self.user]
        self._run([*map(str, create), "--pwfile", str(words), "--pgdata", data])

    def environment(self, database: str) -> dict[str, str]:
        """libpq's own variables: psql, pg_dump, psycopg, DuckLake and Dagster all find the database by them."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": database,
        }

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=self.user, password=self.password, dbname=database, autocommit=True
        )

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """A new database, gone with the context."""
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield name
        finally:
            with self.connect() as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _popen(self) -> "subprocess.Popen[bytes]":
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",  # what a process wrote outlives the process; only the machine's own end would need more
            "max_connections": 200,
            "logging_collector": "off",
        }
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data")]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, user=self._account, stdout=log, stderr=log, start_new_session=True
            )

    def _run(self, command: list[str]) -> None:
        subprocess.run(command, cwd=self.folder, user=self._account, check=True, capture_output=True)

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            self.connect().close()
            return True
        return False


class Redis(Server):
    """Redis as deploy/compose.yaml has it: with a password, keeping what it was told."""

    password = "a-password-of-the-tests"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def forget(self) -> None:
        """Lose all it holds, as with its volume."""
        assert self._process is None
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _popen(self) -> "subprocess.Popen[bytes]":
        settings = f"requirepass {self.password}\nappendonly yes\nappendfsync always\ndir {self.folder}\n"
        settings += f"bind 127.0.0.1\nport {self.port}\nsave ''\n"
        process = subprocess.Popen(
            ["redis-server", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        assert process.stdin is not None
        process.stdin.write(settings.encode())
        process.stdin.close()
        return process

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(f"AUTH {self.password}\r\nPING\r\nQUIT\r\n".encode())
            return b"+PONG" in connection.makefile("rb").read()
        return False


def _postgres_programs() -> Path:
    """Debian keeps them beside each other by version, and out of PATH."""
    by_version = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if by_version:
        return by_version[-1]
    initdb = shutil.which("initdb")
    assert initdb, "PostgreSQL is not installed: `make test-scale` does that"
    return Path(initdb).parent
