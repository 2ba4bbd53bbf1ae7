-- The days and the things that the batch has something to do with.

CREATE OR REPLACE TEMP TABLE touched_things AS
SELECT thing_id FROM new_revisions
UNION
SELECT thing_id FROM {schema}.revisions WHERE seen_to IS NULL AND day IN (SELECT day FROM new_coverage);

CREATE OR REPLACE TEMP TABLE touched AS
SELECT day FROM new_coverage
UNION
SELECT day FROM changed_days
UNION
SELECT day FROM {schema}.revisions WHERE seen_to IS NULL AND thing_id IN (SELECT thing_id FROM new_revisions);
