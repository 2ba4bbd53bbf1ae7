"""The record: what every answer said, what is believed of it, and how complete it is. DuckDB; no HTTP, no Dagster."""

from flyby.record.record import SOMEBODY, DamagedRecord, Loaded, OutdatedRecord, OutOfOrder, Record
from flyby.record.staging import UnreadableBatch

__all__ = ["SOMEBODY", "DamagedRecord", "Loaded", "OutOfOrder", "OutdatedRecord", "Record", "UnreadableBatch"]
