"""flyby keeps the record of every asteroid that passes the Earth."""

__version__ = "0.1.0"
