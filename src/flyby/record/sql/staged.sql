-- What of a batch the record has not taken in yet, and the days that it is about.
-- answers_of_batch and rows_of_batch are its two tables.

CREATE OR REPLACE TEMP TABLE staged_answers AS
FROM answers_of_batch
WHERE request_id NOT IN (SELECT request_id FROM {schema}.requests);

CREATE OR REPLACE TEMP TABLE staged_rows AS
FROM rows_of_batch
WHERE number IN (SELECT unnest(listed) FROM staged_answers);

-- Things move, and sources differ, by a few days.
CREATE OR REPLACE TEMP TABLE near AS
SELECT DISTINCT unnest(generate_series(window_start - {near_days}, window_end + {near_days}, INTERVAL 1 DAY))::DATE AS day
FROM staged_answers;
