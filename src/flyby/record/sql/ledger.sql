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
    m.flyby_id, getvariable('source'), getvariable('sitting_at'), NULL, max(r.requested_at),
    any_value(m.close_approach_date NOT IN (FROM suspects))::INTEGER
FROM missing AS m
JOIN requests AS r
    ON r.source = getvariable('source') AND r.verdict <> 'rejected'
    AND m.close_approach_date BETWEEN r.window_start AND r.window_end
WHERE NOT EXISTS (
    FROM absences AS a
    WHERE a.flyby_id = m.flyby_id AND a.source = getvariable('source') AND a.absent_to IS NULL
)
GROUP BY m.flyby_id;

-- The ledger is about NeoWs; what JPL says counts for its days. Every day of an answer stands in it, also when the answer
-- was no feed. So do days that went by while no morning ran: unasked days between the first and the last that were
-- observed while they were news. A gap between a backfill and the mornings is nobody's omission.
CREATE OR REPLACE TEMP TABLE new_days AS
WITH news AS (
    SELECT day FROM days WHERE abs(date_diff('day', first_observed_at::DATE, day)) <= 8
    UNION ALL
    SELECT day
    FROM asked
    ANTI JOIN (FROM days WHERE first_observed_at IS NOT NULL) USING (day)
    WHERE abs(date_diff('day', getvariable('sitting_at')::DATE, day)) <= 8
)
SELECT DISTINCT day
FROM (
    SELECT unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day FROM answers
    UNION ALL
    SELECT unnest(generate_series(min(day), max(day), INTERVAL 1 DAY))::DATE FROM news
)
ANTI JOIN days USING (day)
WHERE getvariable('source') = 'neows';

INSERT INTO days BY NAME
SELECT day, 0 AS observations, 0 AS flybys, 'missing' AS state, false AS doubted
FROM new_days;

-- Days on which a revision was written, or that a flyby left.
CREATE OR REPLACE TEMP TABLE changed_days AS
WITH written AS (
    FROM revisions WHERE seen_from = getvariable('sitting_at') AND sources[1] = getvariable('source')
)
SELECT close_approach_date AS day FROM written
UNION
SELECT k.close_approach_date FROM known AS k JOIN written USING (flyby_id);

-- Also the days on which the other source lists what was revised: a flyby counts on one day only.
CREATE OR REPLACE TEMP TABLE looked_at AS
FROM days
SEMI JOIN (
    SELECT day FROM asked
    UNION
    FROM changed_days
    UNION
    FROM new_days
    UNION
    SELECT other.close_approach_date
    FROM revisions AS other
    SEMI JOIN (
        FROM revisions WHERE seen_from = getvariable('sitting_at') AND sources[1] = getvariable('source')
    ) AS written USING (flyby_id)
    WHERE other.seen_to IS NULL
) USING (day);

-- What each of these days lists, and on which of it the sources differ, if JPL was asked about the day at all.
CREATE OR REPLACE TEMP TABLE lists AS
SELECT
    l.day,
    count(f.flyby_id)::INTEGER AS flybys,
    count(*) FILTER (f.by_cad)::INTEGER AS by_cad,
    count(*) FILTER (f.by_cad AND NOT f.by_neows)::INTEGER AS cad_only,
    count(*) FILTER (f.by_neows AND NOT f.by_cad)::INTEGER AS neows_only
FROM looked_at AS l
LEFT JOIN (
    SELECT
        flyby_id,
        coalesce(
            max(close_approach_date) FILTER (sources[1] = 'neows'), max(close_approach_date)
        ) AS day,
        bool_or(sources[1] = 'neows') AS by_neows,
        bool_or(sources[1] = 'cad') AS by_cad
    FROM revisions
    WHERE seen_to IS NULL AND listed
        AND close_approach_date IN (SELECT unnest([day - 2, day - 1, day, day + 1, day + 2]) FROM looked_at)
    GROUP BY flyby_id
) AS f ON f.day = l.day
GROUP BY l.day;

CREATE OR REPLACE TEMP TABLE heard_of AS
SELECT l.day
FROM looked_at AS l
WHERE EXISTS (
    FROM (FROM requests UNION ALL BY NAME FROM judged) AS r
    WHERE r.source = 'cad' AND r.verdict <> 'rejected' AND l.day BETWEEN r.window_start AND r.window_end
);

CREATE OR REPLACE TEMP TABLE entries AS
SELECT
    d.day,
    CASE WHEN a.day IS NULL THEN d.first_observed_at ELSE coalesce(d.first_observed_at, getvariable('sitting_at')) END
        AS first_observed_at,
    CASE WHEN a.day IS NULL THEN d.last_observed_at ELSE getvariable('sitting_at') END AS last_observed_at,
    d.observations + (a.day IS NOT NULL)::INTEGER AS observations,
    l.flybys,
    l.by_cad,
    CASE WHEN h.day IS NOT NULL THEN l.cad_only END AS cad_only,
    CASE WHEN h.day IS NOT NULL THEN l.neows_only END AS neows_only,
    CASE WHEN a.day IS NULL THEN d.doubted ELSE s.day IS NOT NULL END AS doubted,
    CASE WHEN c.day IS NULL THEN d.last_changed_at ELSE getvariable('sitting_at') END AS last_changed_at
FROM looked_at AS d
JOIN lists AS l ON l.day = d.day
LEFT JOIN heard_of AS h ON h.day = d.day
LEFT JOIN asked AS a ON a.day = d.day AND getvariable('source') = 'neows'
LEFT JOIN suspects AS s ON s.day = d.day
LEFT JOIN changed_days AS c ON c.day = d.day;

-- Days that lack something of JPL's in a week that lacks more than a quarter of it: a group that is missing has few
-- members on some days.
CREATE OR REPLACE TEMP TABLE lacking AS
SELECT e.day
FROM entries AS e
JOIN (
    SELECT day, cad_only, by_cad FROM entries
    UNION ALL
    SELECT day, cad_only, flybys - neows_only FROM days ANTI JOIN entries USING (day)
) AS near ON near.day BETWEEN e.day - 3 AND e.day + 3
WHERE e.cad_only > 0 AND near.cad_only IS NOT NULL
GROUP BY e.day
HAVING sum(near.cad_only) >= 5 AND sum(near.cad_only) > 0.25 * sum(near.by_cad);

-- A past day is settled after three observations and thirty days without a change, if JPL, where it was asked, agrees; a
-- later change reopens it. It is suspect if the last answer for it is, or if NeoWs lacks two or more of the flybys that
-- JPL lists for it, and more than a quarter (JPL hears of new ones some hours before NeoWs), or is among `lacking`.
UPDATE days
SET
    first_observed_at = e.first_observed_at,
    last_observed_at = e.last_observed_at,
    observations = e.observations,
    flybys = e.flybys,
    cad_only = e.cad_only,
    neows_only = e.neows_only,
    doubted = e.doubted,
    last_changed_at = e.last_changed_at,
    state = CASE
        WHEN e.observations = 0 THEN 'missing'
        WHEN e.doubted OR (e.cad_only >= 2 AND e.cad_only > 0.25 * e.by_cad) OR e.day IN (FROM lacking) THEN 'suspect'
        WHEN e.observations = 1 THEN 'fresh'
        WHEN e.observations >= 3
            AND e.day < e.last_observed_at::DATE
            AND e.last_observed_at - greatest(e.first_observed_at, e.last_changed_at, e.day::TIMESTAMPTZ)
                >= INTERVAL 30 DAY
            AND coalesce(e.cad_only + e.neows_only, 0) = 0
            THEN 'settled'
        ELSE 'settling'
    END
FROM entries AS e
WHERE days.day = e.day;

INSERT INTO requests BY NAME FROM judged;
