-- A staged batch, as it lies on the disk.
CREATE OR REPLACE TEMP TABLE staged_answers AS
FROM read_parquet(getvariable('batch') || '/answers.parquet', hive_partitioning = false);

CREATE OR REPLACE TEMP TABLE staged_observations AS
FROM read_parquet(getvariable('batch') || '/observations.parquet', hive_partitioning = false);
