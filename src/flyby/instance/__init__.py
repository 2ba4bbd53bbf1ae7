"""Dagster's instance in FLYBY_HOME: runs in this process, `flyby up`, workers elsewhere."""
