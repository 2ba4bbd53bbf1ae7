"""flyby's commands as processes of their own, and a NeoWs to ask."""

import os
import re
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from socket import socket
from urllib.parse import parse_qs, urlsplit

from faults import FaultServer, Request, response
from feeds import make_approach, make_feed, make_object

KEY = "a-made-up-key/with+signs"


def environment(home: Path, url: str = "http://127.0.0.1:1/neo/rest/v1", **more: str) -> dict[str, str]:
    """A clean environment, beside what Python itself needs."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("FLYBY_", "NASA_", "DAGSTER_", "COLUMNS"))}
    return kept | {"FLYBY_HOME": str(home), "FLYBY_NEOWS_URL": url, "NASA_API_KEY": KEY, "FLYBY_PATIENCE": "0"} | more


def hearing_ctrl_c() -> None:
    """Tests may run in the background, where a shell lets its commands ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def call(*arguments: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """`flyby …` as a process of its own."""
    command = [sys.executable, "-m", "flyby", *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=60)


def assert_one_line(said: str, *, contains: str = "") -> None:
    assert re.fullmatch(r"flyby: [^\n]+\n", said), said
    assert contains in said
    assert KEY not in said
    assert "Traceback" not in said


def windows_asked(server: FaultServer) -> list[str]:
    return [parse_qs(urlsplit(request.target).query)["start_date"][0] for request in server.requests]


def window_feed(connection: socket, request: Request) -> bool:
    """A good answer to whatever window was asked for."""
    start = parse_qs(urlsplit(request.target).query)["start_date"][0]
    name = f"({start[:4]} A{date.fromisoformat(start).timetuple().tm_yday})"
    connection.sendall(response(make_feed(make_object(name, start, close_approach_data=[make_approach(start)]))))
    return True
