-- What each answer is believed for. element_count proves nothing, so an answer is held against what its window listed
-- before: losing a whole id group, a third of a window or all of a day is how a broken source looks (docs/how-it-works.md
-- has the evidence). What a partial answer adds is taken; on its suspect days, what it lacks is not.

CREATE OR REPLACE TEMP TABLE losses AS
SELECT
    k.asked_by AS request_id,
    k.close_approach_date AS day,
    left(k.neo_id, -6) AS id_group,
    count(*) AS known,
    count(*) FILTER (m.flyby_id IS NOT NULL) AS lost,
    -- What stayed away for more than 90 days is believed to be gone, unless its whole group is.
    count(*) FILTER (a.flyby_id IS NOT NULL) AS long_lost
FROM known AS k
LEFT JOIN missing AS m USING (flyby_id)
LEFT JOIN absences AS a
    ON a.flyby_id = m.flyby_id AND a.source = getvariable('source') AND a.absent_to IS NULL
    AND getvariable('sitting_at') - a.absent_from > INTERVAL 90 DAY
WHERE k.asked_by IS NOT NULL AND k.listed
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE doubts AS
-- A group of which at least three were listed vanishes: from an answer …
WITH groups AS (
    SELECT
        request_id, id_group, sum(known) AS known, sum(lost) AS lost,
        sum(sum(known)) OVER sitting AS known_in_all, sum(sum(lost)) OVER sitting AS lost_in_all
    FROM losses
    WHERE id_group IS NOT NULL
    GROUP BY request_id, id_group
    WINDOW sitting AS (PARTITION BY id_group)
)
SELECT request_id, NULL::DATE AS day, 1 AS rank,
    format('no {}… ids where {} were listed', id_group, known::INTEGER) AS reason
FROM groups
WHERE lost = known AND known >= 3
UNION ALL
-- … or from the whole sitting, however few each of its answers knew.
SELECT request_id, NULL, 2,
    format('no {}… ids in the whole reading, where {} were listed', id_group, known_in_all::INTEGER)
FROM groups
WHERE lost_in_all = known_in_all AND known_in_all >= 3 AND known < 3
UNION ALL
-- A window loses five or more flybys, and more than three in ten.
SELECT request_id, NULL, 3, format('{} of {} known flybys are missing', lost::INTEGER, known::INTEGER)
FROM (
    SELECT request_id, sum(lost - long_lost) AS lost, sum(known - long_lost) AS known
    FROM losses
    GROUP BY request_id
)
WHERE lost >= 5 AND lost > 0.3 * known
UNION ALL
-- A day with four or more empties.
SELECT request_id, day, 4, format('{} lists none of its {} known flybys', day, known::INTEGER)
FROM (
    SELECT request_id, day, sum(lost - long_lost) AS lost, sum(known - long_lost) AS known
    FROM losses
    GROUP BY request_id, day
)
WHERE lost = known AND known >= 4
UNION ALL
-- A first look has nothing to compare with. But since 2021 new objects get ids of eight digits (54…) and are most of
-- what is listed for the weeks around now: by chance none of them among eight happens once in 2,000 times.
SELECT a.request_id, NULL, 5, format('no id of eight digits or more among {} flybys', any_value(a.rows))
FROM answers AS a
LEFT JOIN staged_observations AS o USING (request_id)
WHERE a.verdict <> 'rejected' AND getvariable('source') = 'neows'
    AND a.requested_at >= TIMESTAMPTZ '2021-07-01 00:00:00+00'
    AND abs(date_diff('day', a.window_start, a.requested_at::DATE)) <= 45
GROUP BY a.request_id
HAVING any_value(a.rows) >= 8 AND count(*) FILTER (len(o.neo_id) >= 8) = 0;

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
