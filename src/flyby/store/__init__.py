"""Where the record is kept: a file, or a lake that several machines share; locks, editions, upkeep."""
