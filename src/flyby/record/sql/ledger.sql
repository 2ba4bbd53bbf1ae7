-- What the sitting means for the ledger: absences, days and requests.

UPDATE absences
SET absent_to = getvariable('sitting_at')
FROM pairs
WHERE absences.flyby_id = pairs.flyby_id AND absences.source = getvariable('source') AND absences.absent_to IS NULL;

UPDATE absences
SET answers = answers + 1
FROM missing AS m
WHERE absences.flyby_id = m.flyby_id AND absences.source = getvariable('source') AND absences.absent_to IS NULL
    AND m.close_approach_date NOT IN (FROM suspects);

INSERT INTO absences
SELECT
    m.flyby_id, getvariable('source'), getvariable('sitting_at'), NULL, d.last_observed_at,
    (m.close_approach_date NOT IN (FROM suspects))::INTEGER
FROM missing AS m
JOIN days AS d ON d.day = m.close_approach_date
WHERE NOT EXISTS (
    FROM absences AS a
    WHERE a.flyby_id = m.flyby_id AND a.source = getvariable('source') AND a.absent_to IS NULL
);

-- Every day of an answer stands in the ledger, also when the answer was no feed.
INSERT INTO days BY NAME
SELECT day, 0 AS observations, 0 AS flybys, 'missing' AS state
FROM (SELECT DISTINCT unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day FROM answers)
ANTI JOIN days USING (day);

CREATE OR REPLACE TEMP TABLE changed_days AS
SELECT close_approach_date AS day FROM written
UNION
SELECT k.close_approach_date FROM known AS k JOIN written USING (flyby_id);

CREATE OR REPLACE TEMP TABLE entries AS
SELECT
    d.day,
    CASE WHEN a.day IS NULL THEN d.first_observed_at ELSE coalesce(d.first_observed_at, getvariable('sitting_at')) END
        AS first_observed_at,
    CASE WHEN a.day IS NULL THEN d.last_observed_at ELSE getvariable('sitting_at') END AS last_observed_at,
    d.observations + (a.day IS NOT NULL)::INTEGER AS observations,
    CASE WHEN c.day IS NULL THEN d.flybys ELSE coalesce(l.flybys, 0) END AS flybys,
    CASE WHEN a.day IS NULL THEN d.state = 'suspect' ELSE s.day IS NOT NULL END AS is_suspect,
    CASE WHEN c.day IS NULL THEN d.last_changed_at ELSE getvariable('sitting_at') END AS last_changed_at
FROM days AS d
LEFT JOIN asked AS a ON a.day = d.day
LEFT JOIN suspects AS s ON s.day = d.day
LEFT JOIN changed_days AS c ON c.day = d.day
LEFT JOIN (
    SELECT close_approach_date AS day, count(*)::INTEGER AS flybys
    FROM revisions
    WHERE seen_to IS NULL AND listed AND close_approach_date IN (SELECT day FROM changed_days)
    GROUP BY day
) AS l ON l.day = d.day
WHERE a.day IS NOT NULL OR c.day IS NOT NULL;

-- A past day is settled after three observations and thirty days without a change; a later change reopens it.
UPDATE days
SET
    first_observed_at = e.first_observed_at,
    last_observed_at = e.last_observed_at,
    observations = e.observations,
    flybys = e.flybys,
    last_changed_at = e.last_changed_at,
    state = CASE
        WHEN e.is_suspect THEN 'suspect'
        WHEN e.observations = 0 THEN 'missing'
        WHEN e.observations = 1 THEN 'fresh'
        WHEN e.observations >= 3
            AND e.day < e.last_observed_at::DATE
            AND e.last_observed_at - greatest(e.first_observed_at, e.last_changed_at, e.day::TIMESTAMPTZ)
                >= INTERVAL 30 DAY
            THEN 'settled'
        ELSE 'settling'
    END
FROM entries AS e
WHERE days.day = e.day;

-- Days that went by while no morning ran: unasked days between the first and the last that were observed while they were
-- news. A gap between a backfill and the mornings is nobody's omission.
INSERT INTO days BY NAME
SELECT day, 0 AS observations, 0 AS flybys, 'missing' AS state
FROM (
    SELECT unnest(generate_series(min(day), max(day), INTERVAL 1 DAY))::DATE AS day
    FROM days
    WHERE abs(date_diff('day', first_observed_at::DATE, day)) <= 8
)
ANTI JOIN days USING (day);

INSERT INTO requests BY NAME FROM judged;
