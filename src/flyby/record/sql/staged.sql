-- A staged batch, less what the record has taken in already.
CREATE OR REPLACE TEMP TABLE staged_answers AS
FROM read_parquet(getvariable('batch') || '/answers.parquet')
ANTI JOIN requests USING (request_id);

CREATE OR REPLACE TEMP TABLE staged_observations AS
FROM read_parquet(getvariable('batch') || '/observations.parquet')
SEMI JOIN staged_answers USING (request_id);
