-- One sitting's answers as flybys: which days were asked for, and what each day lists.
-- Reads staged_answers and staged_observations, at getvariable('sitting_at') and of getvariable('source').

CREATE OR REPLACE TEMP TABLE answers AS
FROM staged_answers
WHERE requested_at = getvariable('sitting_at') AND source = getvariable('source');

-- A day asked for twice in one sitting (an answer that was no feed, then one that was) has one answer that counts.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT day, max(request_id) AS request_id
FROM (
    SELECT request_id, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
    FROM answers
    WHERE verdict <> 'rejected'
)
GROUP BY day;

-- JPL may name a numbered object by its number alone; its designation is known from the names of NeoWs' flybys near it.
CREATE OR REPLACE TEMP TABLE numbered AS
SELECT regexp_extract(name, '^[0-9]+') AS number, min(designation) AS designation
FROM revisions
WHERE getvariable('source') = 'cad' AND sources[1] = 'neows' AND name SIMILAR TO '[0-9]+ .*'
    AND close_approach_date IN (SELECT unnest([day - 2, day - 1, day, day + 1, day + 2]) FROM asked)
GROUP BY number;

CREATE OR REPLACE TEMP VIEW listed AS
SELECT o.* REPLACE (coalesce(n.designation, o.designation) AS designation)
FROM staged_observations AS o
JOIN asked AS a ON a.request_id = o.request_id AND a.day = o.close_approach_date
LEFT JOIN numbered AS n ON n.number = o.designation;

-- One row per flyby. Nearly every object is listed once a day; the others need a closer look: the same row sent twice is
-- one; an object that comes by twice on a day has ordinals 1 and 2; two ids for one designation are one flyby, and the
-- better row wins: the one that knows its time of day, then the numbered object's, then the higher id (measured on the
-- recordings: the copy that a renumbering leaves behind lacks these).
CREATE OR REPLACE TEMP TABLE repeated AS
SELECT designation, close_approach_date
FROM listed
GROUP BY ALL
HAVING count(*) > 1;

CREATE OR REPLACE TEMP TABLE observed AS
SELECT *, 1::INTEGER AS ordinal, CASE WHEN neo_id IS NULL THEN [] ELSE [neo_id] END AS neo_ids
FROM listed
ANTI JOIN repeated USING (designation, close_approach_date)
UNION ALL
SELECT *, list_sort(list_distinct(list(neo_id) OVER flyby)) AS neo_ids
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY designation, close_approach_date, neo_id
        ORDER BY close_approach_at, miss_distance_km, name, miss_distance_au, miss_distance_ld, relative_velocity_km_s,
            absolute_magnitude_h, diameter_min_m, diameter_max_m, is_potentially_hazardous, is_sentry_object,
            orbiting_body
    )::INTEGER AS ordinal
    FROM (SELECT DISTINCT * FROM listed SEMI JOIN repeated USING (designation, close_approach_date))
)
WINDOW flyby AS (PARTITION BY designation, close_approach_date, ordinal)
QUALIFY row_number() OVER (
    PARTITION BY designation, close_approach_date, ordinal
    ORDER BY close_approach_at IS NULL, name NOT SIMILAR TO '[0-9].*', len(neo_id) DESC, neo_id DESC
) = 1;
