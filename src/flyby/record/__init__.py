"""The record: what every answer said, what is believed of it, and how complete it is. DuckDB; no HTTP, no Dagster."""

from flyby.record.publish import publish
from flyby.record.warehouse import Loaded, OutOfOrder, Record

__all__ = ["Loaded", "OutOfOrder", "Record", "publish"]
