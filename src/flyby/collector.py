"""Python's collector of garbage, kept away from what holds none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_gc() -> Iterator[None]:
    """Spare the collector hundreds of thousands of objects that stay for good, or go together and in no circle: else it
    goes through them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
