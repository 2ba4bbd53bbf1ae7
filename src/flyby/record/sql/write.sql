-- What the rules found goes into the record. new_revisions, closed, lowered, new_absences, new_coverage, judged and
-- changed_days are the rules' own; values come from the staged rows, or from the revision that had them last.

UPDATE {schema}.revisions AS r
SET seen_to = c.seen_to
FROM closed AS c
WHERE r.thing_id = c.thing_id AND r.source = c.source AND r.revision = c.revision;

UPDATE {schema}.revisions AS r
SET
    seen_from = least(r.seen_from, l.seen_from),
    seen_to = least(r.seen_to, CASE WHEN r.seen_to IS NOT NULL THEN l.seen_from END),
    first_seen_at = least(r.first_seen_at, l.seen_from)
FROM lowered AS l
WHERE r.thing_id = l.thing_id AND r.source = l.source AND r.seen_from > l.seen_from;

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

DELETE FROM {schema}.absences AS a
USING new_absences AS n
WHERE a.thing_id = n.thing_id AND a.source = n.source AND a.absent_from = n.absent_from;

INSERT INTO {schema}.absences BY NAME FROM new_absences;

DELETE FROM {schema}.coverage AS c
USING new_coverage AS n
WHERE c.source = n.source AND c.day = n.day;

INSERT INTO {schema}.coverage BY NAME FROM new_coverage;

INSERT INTO {schema}.requests BY NAME
SELECT
    a.* EXCLUDE (verdict, note, doubt, purpose, tick), j.recorded_at, j.verdict, j.note, j.suspect_days,
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
