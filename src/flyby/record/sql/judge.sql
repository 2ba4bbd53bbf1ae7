-- What each answer is believed for. element_count proves nothing, so an answer is held against what its window listed
-- before: losing a whole id group, a third of a window or all of a day is how a broken source looks (docs/how-it-works.md
-- has the evidence). What a partial answer adds is taken; on its suspect days, what it lacks is not.

CREATE OR REPLACE TEMP TABLE losses AS
SELECT
    k.asked_by AS request_id,
    k.close_approach_date AS day,
    CASE WHEN k.neo_id LIKE '54%' THEN '54' ELSE left(k.neo_id, 1) END AS id_group,
    count(*) AS known,
    count(*) FILTER (m.flyby_id IS NOT NULL) AS lost
FROM known AS k
LEFT JOIN missing AS m USING (flyby_id)
WHERE k.asked_by IS NOT NULL AND k.listed
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE doubts AS
-- A group of which at least three were listed vanishes.
SELECT request_id, NULL::DATE AS day, 1 AS rank,
    format('no {}… ids where {} were listed', id_group, sum(known)::INTEGER) AS reason
FROM losses
WHERE id_group IS NOT NULL
GROUP BY request_id, id_group
HAVING sum(lost) = sum(known) AND sum(known) >= 3
UNION ALL
-- A window loses five or more flybys, and more than three in ten.
SELECT request_id, NULL, 2, format('{} of {} known flybys are missing', sum(lost)::INTEGER, sum(known)::INTEGER)
FROM losses
GROUP BY request_id
HAVING sum(lost) >= 5 AND sum(lost) > 0.3 * sum(known)
UNION ALL
-- A day with four or more empties.
SELECT request_id, day, 3, format('{} lists none of its {} known flybys', day, sum(known)::INTEGER)
FROM losses
GROUP BY request_id, day
HAVING sum(lost) = sum(known) AND sum(known) >= 4
UNION ALL
-- A first look has nothing to compare with. But since 2021 new objects get 54… ids and are most of what is listed for the
-- weeks around now: by chance none of them among eight happens once in 2,000 times.
SELECT a.request_id, NULL, 4, format('no 54… ids among {} flybys', any_value(a.rows))
FROM answers AS a
LEFT JOIN staged_observations AS o USING (request_id)
WHERE a.verdict <> 'rejected' AND getvariable('source') = 'neows'
    AND a.requested_at >= TIMESTAMPTZ '2021-07-01 00:00:00+00'
    AND abs(date_diff('day', a.window_start, a.requested_at::DATE)) <= 45
GROUP BY a.request_id
HAVING any_value(a.rows) >= 8 AND count(*) FILTER (o.neo_id LIKE '54%') = 0;

CREATE OR REPLACE TEMP TABLE judged AS
SELECT
    a.* REPLACE (
        CASE WHEN d.reasons IS NULL THEN a.verdict ELSE 'partial' END AS verdict,
        coalesce(d.reasons, a.note) AS note
    ),
    coalesce(CASE
        WHEN d.whole THEN generate_series(a.window_start, a.window_end, INTERVAL 1 DAY)::DATE[]
        ELSE d.days
    END, []) AS suspect_days
FROM answers AS a
LEFT JOIN (
    SELECT
        request_id,
        string_agg(reason, '; ' ORDER BY rank, reason) AS reasons,
        bool_or(day IS NULL) AS whole,
        list_sort(list(DISTINCT day) FILTER (day IS NOT NULL)) AS days
    FROM doubts
    GROUP BY request_id
) AS d USING (request_id);

CREATE OR REPLACE TEMP TABLE suspects AS
SELECT a.day
FROM asked AS a
JOIN judged AS j USING (request_id)
WHERE list_contains(j.suspect_days, a.day);
