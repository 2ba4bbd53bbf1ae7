"""What a decoder promises for any bytes at all."""

from typing import Any

from flyby.days import DAY, Window
from flyby.errors import FeedError
from flyby.sources.asteroids import ASTEROIDS


def keep(source: Any, body: bytes, window: Window) -> None:
    """AssertionError, or whatever the decoder raised, if it is neither a feed nor a FeedError of one short line."""
    complaint = source.complaint(body)
    assert not complaint or (complaint.isprintable() and len(complaint) <= 200), complaint
    try:
        feed = source.decode(body, window)
    except FeedError as error:
        line = str(error)
        assert line.isprintable(), line
        assert len(line) <= 500, line
        return
    table = ASTEROIDS.table(feed.rows)
    table.validate(full=True)
    for day in table["day"].to_pylist():
        assert window.start - DAY <= day <= window.end + DAY
    for column in ("name", "entity", "id", "neo_id"):
        assert not any("\0" in text for text in table[column].to_pylist() if text)
