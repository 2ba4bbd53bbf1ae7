-- The record as it was before the answers in `undone` (request_id), for all that they told.

CREATE OR REPLACE TEMP TABLE undone_requests AS
FROM {schema}.requests SEMI JOIN undone USING (request_id);

CREATE OR REPLACE TEMP TABLE undone_days AS
SELECT DISTINCT source, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
FROM undone_requests
WHERE source IN (SELECT name FROM {schema}.sources);

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

-- What is left of the looks at these days, and whether the reading asked for the days beside each, too.
CREATE OR REPLACE TEMP TABLE looks_left AS
SELECT
    source, requested_at, day, accepted, doubted,
    coalesce(lag(day) OVER beside = day - 1, false) AS from_before,
    coalesce(lead(day) OVER beside = day + 1, false) AS to_after
FROM (
    SELECT
        source, requested_at, day, bool_or(accepted) AS accepted,
        coalesce(arg_max(list_contains(suspect_days, day), request_id) FILTER (accepted), false) AS doubted
    FROM (
        SELECT
            source, requested_at, request_id, suspect_days, verdict <> 'rejected' AS accepted,
            unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
        FROM {schema}.requests
    )
    WHERE day IN (SELECT unnest([day - 1, day, day + 1]) FROM undone_days)
    GROUP BY ALL
)
WINDOW beside AS (PARTITION BY source, requested_at, accepted ORDER BY day);

-- A healthy answer for the day of a thing that is away counts one, until it is withdrawn, and unless it may lie beyond the
-- edge of what was asked for.
UPDATE {schema}.absences AS a
SET answers = counted.answers
FROM (
    SELECT a.thing_id, a.source, a.absent_from, count(l.requested_at)::INTEGER AS answers
    FROM {schema}.absences AS a
    JOIN {schema}.revisions AS v ON v.thing_id = a.thing_id AND v.source = a.source AND v.seen_to IS NULL
    JOIN {schema}.sources AS s ON s.name = a.source
    LEFT JOIN looks_left AS l
        ON l.source = a.source AND l.day = v.day AND l.accepted AND NOT l.doubted AND l.requested_at >= a.absent_from
        AND (v.change <> 'withdrawn' OR l.requested_at <= v.asked_at)
        AND (
            s.edge_minutes = 0 OR v.moment IS NULL OR (
                (l.from_before OR epoch_us(v.moment) >= epoch_us(v.day + to_minutes(s.edge_minutes)))
                AND (l.to_after OR epoch_us(v.moment) < epoch_us(v.day + 1 - to_minutes(s.edge_minutes)))
            )
        )
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
    (count(*) FILTER (accepted))::INTEGER AS observations,
    coalesce(arg_max(doubted, requested_at) FILTER (accepted), false) AS doubted
FROM looks_left
SEMI JOIN undone_days USING (source, day)
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE new_coverage AS SELECT source, day FROM undone_days;
CREATE OR REPLACE TEMP TABLE new_revisions AS SELECT DISTINCT thing_id FROM undone_revisions;

-- The days forget what was changed on them by what is undone, also those that it took things from. A day that went by
-- unasked may not have been one: whether it was is found anew, and so is the state of the three days around it.
CREATE OR REPLACE TEMP TABLE changed_days AS
SELECT day, NULL::TIMESTAMPTZ AS asked_at
FROM (
    SELECT day FROM undone_days
    UNION
    SELECT day FROM undone_revisions
    UNION
    SELECT r.day
    FROM {schema}.revisions AS r
    JOIN undone_revisions AS u ON u.thing_id = r.thing_id AND u.source = r.source AND u.revision = r.revision + 1
    UNION
    SELECT unnest(generate_series(day - 3, day + 3, INTERVAL 1 DAY))::DATE
    FROM {schema}.days
    WHERE day NOT IN (
        SELECT c.day FROM {schema}.coverage AS c JOIN {schema}.sources AS s ON s.name = c.source AND s.role = 'primary'
    )
);

-- ledger.sql makes them again, as it does days that enter the ledger.
DELETE FROM {schema}.days WHERE day IN (SELECT day FROM changed_days);
