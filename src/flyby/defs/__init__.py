"""flyby in Dagster, laid out as `dg` lays projects out: the component, its assets, jobs, schedules and checks."""
