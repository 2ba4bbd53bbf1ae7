-- The ledger of the days that were touched: what the record has on them now. It is about the primary source; what
-- witnesses say counts for its days.

-- Days that went by while no morning ran: unasked days between the first and the last that were observed while they were
-- news. A gap between a backfill and the mornings is nobody's omission.
CREATE OR REPLACE TEMP TABLE ledger_days AS
WITH asked AS (
    SELECT c.day, c.first_at FROM {schema}.coverage AS c JOIN {schema}.sources AS s ON s.name = c.source AND s.role = 'primary'
),
news AS (
    SELECT day FROM asked WHERE abs(date_diff('day', first_at::DATE, day)) <= 8
)
SELECT day FROM asked SEMI JOIN touched USING (day)
UNION
SELECT day FROM {schema}.days SEMI JOIN touched USING (day)
UNION
SELECT day
FROM (SELECT unnest(generate_series(min(day), max(day), INTERVAL 1 DAY))::DATE AS day FROM news)
ANTI JOIN {schema}.days USING (day);

-- What each of these days lists, and on which of it the sources differ, if a witness was asked about the day at all. A
-- thing that sources list on two days counts on that of the first of them.
CREATE OR REPLACE TEMP TABLE entries AS
WITH listed AS (
    SELECT
        r.thing_id,
        arg_min(r.day, s.priority) AS day,
        bool_or(s.role = 'primary') AS by_primary,
        bool_or(s.role = 'witness') AS by_witness
    FROM {schema}.revisions AS r
    JOIN {schema}.sources AS s ON s.name = r.source
    WHERE r.seen_to IS NULL AND r.listed AND NOT r.apart
        AND r.thing_id IN (
            SELECT thing_id FROM {schema}.revisions WHERE seen_to IS NULL AND day IN (SELECT day FROM ledger_days)
        )
    GROUP BY r.thing_id
),
counts AS (
    SELECT
        d.day,
        count(l.thing_id)::INTEGER AS things,
        count(*) FILTER (l.by_witness AND NOT l.by_primary)::INTEGER AS witness_only,
        count(*) FILTER (l.by_primary AND NOT l.by_witness)::INTEGER AS primary_only
    FROM ledger_days AS d
    LEFT JOIN listed AS l USING (day)
    GROUP BY d.day
),
-- Days that enter the ledger may have seen changes before, by a witness' word.
earlier AS (
    SELECT day, max(asked_at) AS asked_at
    FROM (
        SELECT r.day, r.asked_at FROM {schema}.revisions AS r
        UNION ALL
        SELECT r.day, next.asked_at
        FROM {schema}.revisions AS r
        JOIN {schema}.revisions AS next
            ON next.thing_id = r.thing_id AND next.source = r.source AND next.revision = r.revision + 1
        WHERE next.day <> r.day
    )
    WHERE day IN (SELECT day FROM ledger_days WHERE day NOT IN (SELECT day FROM {schema}.days))
    GROUP BY day
),
witnessed AS (
    SELECT DISTINCT c.day
    FROM {schema}.coverage AS c
    JOIN {schema}.sources AS s ON s.name = c.source AND s.role = 'witness'
    WHERE c.observations > 0
)
SELECT
    c.day,
    own.first_at AS first_observed_at,
    own.last_at AS last_observed_at,
    coalesce(own.observations, 0) AS observations,
    c.things,
    greatest(before.last_changed_at, changed.asked_at, earlier.asked_at) AS last_changed_at,
    coalesce(own.doubted, false) AS doubted,
    CASE WHEN w.day IS NOT NULL THEN c.witness_only END AS witness_only,
    CASE WHEN w.day IS NOT NULL THEN c.primary_only END AS primary_only
FROM counts AS c
LEFT JOIN (
    SELECT c.* FROM {schema}.coverage AS c JOIN {schema}.sources AS s ON s.name = c.source AND s.role = 'primary'
) AS own USING (day)
LEFT JOIN witnessed AS w USING (day)
LEFT JOIN {schema}.days AS before USING (day)
LEFT JOIN changed_days AS changed USING (day)
LEFT JOIN earlier USING (day);

DELETE FROM {schema}.days WHERE day IN (SELECT day FROM entries);

INSERT INTO {schema}.days BY NAME SELECT *, 'missing' AS state FROM entries;

-- Days that lack something of a witness' in a week that lacks more than a quarter of it: a group that is missing has few
-- members on some days. What changed on a day can matter to the three days around it.
CREATE OR REPLACE TEMP TABLE weeks AS
SELECT e.day, sum(near.witness_only) AS lacking, sum(near.things - near.primary_only) AS by_witness
FROM (
    SELECT DISTINCT unnest(generate_series(day - 3, day + 3, INTERVAL 1 DAY))::DATE AS day FROM entries
) AS e
JOIN (SELECT *, unnest(generate_series(day - 3, day + 3, INTERVAL 1 DAY))::DATE AS near_day FROM {schema}.days) AS near
    ON near.near_day = e.day
WHERE near.witness_only IS NOT NULL
GROUP BY e.day;

-- A past day is settled after three observations and thirty days without a change, if witnesses, where they were asked,
-- agree; a later change reopens it. It is suspect if the last answer for it is, or if the primary source lacks two or more
-- of the things that a witness lists for it, and more than a quarter (a witness may hear of new ones some hours before),
-- or any in a week of which it lacks five or more, and more than a quarter.
UPDATE {schema}.days AS d
SET state = CASE
    WHEN d.observations = 0 THEN 'missing'
    WHEN d.doubted
        OR (d.witness_only >= 2 AND d.witness_only > 0.25 * (d.things - d.primary_only))
        OR (d.witness_only > 0 AND w.lacking >= 5 AND w.lacking > 0.25 * w.by_witness) THEN 'suspect'
    WHEN d.observations = 1 THEN 'fresh'
    WHEN d.observations >= 3
        AND d.day < d.last_observed_at::DATE
        AND d.last_observed_at - greatest(d.first_observed_at, d.last_changed_at, d.day::TIMESTAMPTZ) >= INTERVAL 30 DAY
        AND coalesce(d.witness_only + d.primary_only, 0) = 0
        THEN 'settled'
    ELSE 'settling'
END
FROM (
    SELECT e.day, w.lacking, w.by_witness
    FROM (
        SELECT DISTINCT unnest(generate_series(day - 3, day + 3, INTERVAL 1 DAY))::DATE AS day FROM entries
    ) AS e
    LEFT JOIN weeks AS w USING (day)
) AS w
WHERE w.day = d.day;
