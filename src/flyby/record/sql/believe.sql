-- What is believed of the things that were touched, by the one definition that there is: {believed}_as_of. It looks at
-- the tables below, which stand before the record's own for as long as they exist and hold what was touched alone.

DELETE FROM {catalog}.main.{believed} WHERE {thing_id} IN (SELECT thing_id FROM touched_things);

CREATE OR REPLACE TEMP TABLE touched_revisions AS
FROM {catalog}.main.{prefix}revisions WHERE seen_to IS NULL AND {thing_id} IN (SELECT thing_id FROM touched_things);

CREATE TEMP TABLE {prefix}absences AS
FROM {catalog}.main.{prefix}absences WHERE absent_to IS NULL AND {thing_id} IN (SELECT thing_id FROM touched_things);

-- The last look at each day; and what is behind the revisions, which counts as no look once more.
CREATE TEMP TABLE {prefix}requests AS
SELECT
    NULL AS request_id, source, day AS window_start, day AS window_end, last_at AS requested_at, last_at AS recorded_at,
    'ok' AS verdict
FROM {schema}.coverage
WHERE last_at IS NOT NULL AND day IN (SELECT {day} FROM touched_revisions)
UNION ALL
SELECT request_id, source, window_start, window_end, requested_at, recorded_at, 'rejected' AS verdict
FROM {catalog}.main.{prefix}requests
SEMI JOIN touched_revisions USING (request_id);

ALTER TABLE touched_revisions RENAME TO {prefix}revisions;

INSERT INTO {catalog}.main.{believed} BY NAME
FROM {believed}_as_of('infinity'::TIMESTAMPTZ)
ORDER BY {day}, {moment} NULLS LAST, {thing_id};

DROP TABLE temp.{prefix}revisions;
DROP TABLE temp.{prefix}absences;
DROP TABLE temp.{prefix}requests;
