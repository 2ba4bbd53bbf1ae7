"""What runs: the daily run, the backfill, the comparison with JPL. No Dagster here."""
