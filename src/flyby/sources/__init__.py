"""One folder per service that knows of close approaches. A source knows nothing of the record."""
