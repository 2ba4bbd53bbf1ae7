"""The built-in sky in a process of its own, for the benchmark.

    python -m benchmarks.sky NOW

Prints its URL; then, for every line that it reads, how many requests it has answered so far. Ends with its input.
"""

import sys
from datetime import datetime

from flyby.sky import Sandbox


def main(now: str) -> None:
    """Serve the sky of the moment `now`, with a quota that nobody uses up."""
    with Sandbox(now=datetime.fromisoformat(now), hourly_limit=10**9) as sandbox:
        print(sandbox.url, flush=True)
        for _ in sys.stdin:
            print(sandbox.requests, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
