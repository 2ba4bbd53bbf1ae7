-- What the rules found goes into the record. new_revisions, new_coverage and judged are the rules' own; values come from
-- the staged rows, or from the revision that had them last.

INSERT INTO {schema}.revisions BY NAME
SELECT n.* EXCLUDE (row, copied), {values_of_row}
FROM new_revisions AS n
JOIN staged_rows AS o ON o.number = n.row
UNION ALL BY NAME
SELECT n.* EXCLUDE (row, copied), {values_of_before}
FROM new_revisions AS n
JOIN {schema}.revisions AS before
    ON before.thing_id = n.thing_id AND before.source = n.source AND before.revision = n.copied
WHERE n.row IS NULL;

DELETE FROM {schema}.coverage AS c
USING new_coverage AS n
WHERE c.source = n.source AND c.day = n.day;

INSERT INTO {schema}.coverage BY NAME FROM new_coverage;

INSERT INTO {schema}.requests BY NAME
SELECT
    a.* EXCLUDE (verdict, note, doubt, purpose, tick, listed), j.recorded_at, j.verdict, j.note, j.suspect_days,
    coalesce(a.purpose, CASE WHEN m.tick IS NOT NULL THEN 'daily' END) AS purpose, coalesce(a.tick, m.tick) AS tick
FROM staged_answers AS a
JOIN judged AS j USING (request_id)
-- Older versions did not say what an answer was asked for: a morning's reading asks for the eight days before its tick.
LEFT JOIN (
    SELECT source, requested_at, max(window_end + 1) AS tick
    FROM staged_answers
    WHERE purpose IS NULL AND window_end - window_start = 7 AND abs(window_end + 1 - requested_at::DATE) <= 1
    GROUP BY ALL
) AS m ON m.source = a.source AND m.requested_at = a.requested_at AND a.purpose IS NULL;
