"""Files beside each other in a folder that others read: each replaced at one instant, and only if it changed."""

import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4


def put(path: Path, content: bytes) -> bool:
    """Make `content` that of `path`, at one instant; whether that changed anything. Raises OSError."""
    with suppress(FileNotFoundError):
        if path.stat().st_size == len(content) and path.read_bytes() == content:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
    return True
