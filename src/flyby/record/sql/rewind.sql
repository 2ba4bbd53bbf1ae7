-- The record as it was before the answers in `undone` (request_id), for all that they told.

CREATE OR REPLACE TEMP TABLE undone_requests AS
FROM {schema}.requests SEMI JOIN undone USING (request_id);

CREATE OR REPLACE TEMP TABLE undone_days AS
SELECT DISTINCT source, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
FROM undone_requests;

CREATE OR REPLACE TEMP TABLE undone_revisions AS
SELECT thing_id, source, revision, day FROM {schema}.revisions SEMI JOIN undone USING (request_id);

DELETE FROM {schema}.revisions WHERE request_id IN (SELECT request_id FROM undone);

UPDATE {schema}.revisions AS r
SET seen_to = NULL
FROM (SELECT thing_id, source, min(revision) AS revision FROM undone_revisions GROUP BY ALL) AS u
WHERE r.thing_id = u.thing_id AND r.source = u.source AND r.revision = u.revision - 1;

DELETE FROM {schema}.requests WHERE request_id IN (SELECT request_id FROM undone);

DELETE FROM {schema}.absences AS a
USING (SELECT DISTINCT source, requested_at FROM undone_requests) AS u
WHERE a.source = u.source AND a.absent_from = u.requested_at;

UPDATE {schema}.absences AS a
SET absent_to = NULL
FROM (SELECT DISTINCT source, requested_at FROM undone_requests) AS u
WHERE a.source = u.source AND a.absent_to = u.requested_at;

-- A healthy answer for the day of a thing that is away counts one.
UPDATE {schema}.absences AS a
SET answers = counted.answers
FROM (
    SELECT a.thing_id, a.source, a.absent_from, count(DISTINCT r.requested_at)::INTEGER AS answers
    FROM {schema}.absences AS a
    JOIN {schema}.revisions AS v ON v.thing_id = a.thing_id AND v.source = a.source AND v.seen_to IS NULL
    LEFT JOIN {schema}.requests AS r
        ON r.source = a.source AND r.verdict <> 'rejected' AND r.requested_at >= a.absent_from
        AND v.day BETWEEN r.window_start AND r.window_end AND NOT list_contains(r.suspect_days, v.day)
    WHERE a.absent_to IS NULL AND v.day IN (SELECT day FROM undone_days)
    GROUP BY ALL
) AS counted
WHERE a.thing_id = counted.thing_id AND a.source = counted.source AND a.absent_from = counted.absent_from;

DELETE FROM {schema}.coverage AS c
USING undone_days AS u
WHERE c.source = u.source AND c.day = u.day;

INSERT INTO {schema}.coverage BY NAME
SELECT
    source, day,
    min(requested_at) FILTER (accepted) AS first_at,
    max(requested_at) FILTER (accepted) AS last_at,
    count(DISTINCT requested_at) FILTER (accepted)::INTEGER AS observations,
    coalesce(arg_max(is_suspect, (requested_at, request_id)) FILTER (accepted), false) AS doubted
FROM (
    SELECT
        source, requested_at, request_id, verdict <> 'rejected' AS accepted, suspect_days,
        unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day,
        list_contains(suspect_days, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE) AS is_suspect
    FROM {schema}.requests
)
SEMI JOIN undone_days USING (source, day)
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE new_coverage AS SELECT source, day FROM undone_days;
CREATE OR REPLACE TEMP TABLE new_revisions AS SELECT DISTINCT thing_id FROM undone_revisions;

-- The days forget what was changed on them by what is undone.
DELETE FROM {schema}.days AS d
WHERE d.day IN (SELECT day FROM undone_days UNION SELECT day FROM undone_revisions);

-- ledger.sql makes them again, as it does days that enter the ledger.
CREATE OR REPLACE TEMP TABLE changed_days AS
SELECT day, NULL::TIMESTAMPTZ AS asked_at
FROM (SELECT day FROM undone_days UNION SELECT day FROM undone_revisions);
