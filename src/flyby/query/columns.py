"""The columns of `close_approaches`: name, DuckDB type, and what it says, with its unit."""

from flyby.record.record import believed_columns
from flyby.sources.asteroids import ASTEROIDS

COLUMNS = believed_columns(ASTEROIDS)
