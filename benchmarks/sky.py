"""The built-in sky in a process of its own, for the benchmark.

    python -m benchmarks.sky NOW [HOURLY_LIMIT [TIMES [DELAY_S]]]

Prints its URL; then, for every line that it reads, how many requests it has answered so far. Ends with its input.
"""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlsplit

from benchmarks.survey import Survey
from flyby.sandbox import Sandbox


def main(now: str, hourly_limit: str = "1000000000", times: str = "1", delay_s: str = "0") -> None:
    """Serve the sky of the moment `now`, with a quota that nobody uses up unless it is given; with TIMES as many
    discoveries since SURVEY_BEGAN, and every answer DELAY_S late, as NASA's are by a second."""
    sky = Survey(times=int(times)) if int(times) > 1 else None
    with (
        Sandbox(now=datetime.fromisoformat(now), hourly_limit=int(hourly_limit), population=sky) as sandbox,
        late(sandbox.url, float(delay_s)) as url,
    ):
        print(url, flush=True)
        for _ in sys.stdin:
            print(sandbox.requests, flush=True)


@contextmanager
def late(url: str, delay_s: float) -> Iterator[str]:
    """The address of what passes requests on to `url` after `delay_s`, any number at a time."""
    if not delay_s:
        yield url
        return
    port = urlsplit(url).port

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait_s: float) -> None:
        try:
            while data := await reader.read(1 << 20):
                await asyncio.sleep(wait_s)  # a request comes in one piece, and the next after its answer
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # one of the two went away
        finally:
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_sky, to_sky = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(passed(reader, to_sky, delay_s), passed(from_sky, writer, 0))

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(connected, "127.0.0.1", 0, backlog=256), loop)
    yield url.replace(str(port), str(server.result().sockets[0].getsockname()[1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
