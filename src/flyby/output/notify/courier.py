"""Carrying messages to Apprise addresses, each in a process of its own, which is ended when it takes too long.

Apprise's services have timeouts of their own, but no total one, threads that keep a process from ending, and log lines
that name tokens. A process can be ended, and what it prints stays inside. No message here names more of an address than
the part before `://`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Literal

from flyby.errors import FlybyError

#: How long all messages to one address may take. Those to others are under way at the same time.
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Message:
    """Plain text for a person."""

    title: str
    body: str
    kind: Literal["info", "success", "warning", "failure"] = "info"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How many of an address' messages arrived, the first ones, and why no more did (None: all did)."""

    sent: int
    trouble: str | None = None


def deliver(post: Mapping[str, Sequence[Message]]) -> dict[str, Delivery]:
    """Carry to every address its messages, in order, until one does not arrive.

    Takes little more than PATIENCE_S, whatever the other ends do. Raises FlybyError when Apprise is not installed.
    """
    if not post:
        return {}
    if find_spec("apprise") is None:
        raise FlybyError("FLYBY_NOTIFY needs Apprise, which is not installed: pip install 'flyby[notify]'")
    with ThreadPoolExecutor(max_workers=len(post)) as pool:
        return dict(zip(post, pool.map(_carry, post.keys(), post.values()), strict=True))


def _carry(address: str, messages: Sequence[Message]) -> Delivery:
    errand = json.dumps([address, [asdict(message) for message in messages]]).encode()
    command = [sys.executable, "-m", "flyby.output.notify.courier"]
    try:
        said = subprocess.run(command, input=errand, capture_output=True, timeout=PATIENCE_S, check=False).stdout
        trouble = "it did not arrive"
    except subprocess.TimeoutExpired as expired:
        said, trouble = expired.stdout or b"", f"no answer within {PATIENCE_S:g} s"
    lines = said.split()
    if b"unknown" in lines:
        return Delivery(0, "Apprise knows no such address")
    sent = min(lines.count(b"sent"), len(messages))
    return Delivery(sent, None if sent == len(messages) else trouble)


def _run_errand() -> None:
    """The process: an address and its messages on stdin; on stdout a word for each that arrived."""
    import apprise

    address, messages = json.load(sys.stdin)
    # No pictures: they would be fetched from the web by whoever reads the message.
    asset = apprise.AppriseAsset(app_id="flyby", app_desc="flyby", app_url="", image_url_mask="", image_url_logo="")
    carrier = apprise.Apprise(asset=asset)
    if not carrier.add(address):
        print("unknown", flush=True)  # noqa: T201
        return
    for message in messages:
        if not carrier.notify(
            title=message["title"], body=message["body"], notify_type=message["kind"], body_format="text"
        ):
            return
        print("sent", flush=True)  # noqa: T201


if __name__ == "__main__":
    _run_errand()
    os._exit(0)  # Apprise's threads may still be waiting for somebody
