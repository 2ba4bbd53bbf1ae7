-- What the sitting changes: one new revision for every flyby about which it says something new.

CREATE OR REPLACE TEMP TABLE matched AS
SELECT o.*, k AS before
FROM observed AS o
JOIN pairs AS p USING (designation, close_approach_date, ordinal)
JOIN known AS k ON k.flyby_id = p.flyby_id;

CREATE OR REPLACE TEMP VIEW fresh AS
FROM observed ANTI JOIN pairs USING (designation, close_approach_date, ordinal);

-- What another source tells of already is the same flyby: its designation, or its number, up to two days away (the
-- sources can be minutes apart, and then midnight may lie between them).
CREATE OR REPLACE TEMP TABLE shared AS
SELECT f.designation, f.close_approach_date, f.ordinal, other.flyby_id
FROM (SELECT *, unnest([designation, regexp_extract(name, '^[0-9]+')]) AS called FROM fresh) AS f
JOIN revisions AS other
    ON other.designation = f.called
    AND abs(date_diff('day', other.close_approach_date, f.close_approach_date)) <= 2
WHERE other.seen_to IS NULL
    AND other.sources[1] <> getvariable('source')
    AND other.close_approach_date IN (SELECT unnest([day - 2, day - 1, day, day + 1, day + 2]) FROM asked)
    AND NOT EXISTS (
        FROM revisions AS own
        WHERE own.flyby_id = other.flyby_id AND own.sources[1] = getvariable('source') AND own.seen_to IS NULL
    )
QUALIFY row_number() OVER (
        PARTITION BY f.designation, f.close_approach_date, f.ordinal
        ORDER BY NOT other.listed, abs(date_diff('day', other.close_approach_date, f.close_approach_date)),
            abs(date_diff('second', other.close_approach_at, f.close_approach_at)), other.flyby_id
    ) = 1
    AND row_number() OVER (
        PARTITION BY other.flyby_id
        ORDER BY abs(date_diff('day', other.close_approach_date, f.close_approach_date)),
            abs(date_diff('second', other.close_approach_at, f.close_approach_at)), f.close_approach_date, f.ordinal
    ) = 1;

INSERT INTO revisions BY NAME
-- new
SELECT
    coalesce(shared.flyby_id, f.designation || '@' || f.close_approach_date || CASE
        WHEN coalesce(born.n, 0) + coalesce(nth.n, 1) = 1 THEN ''
        ELSE '#' || (coalesce(born.n, 0) + coalesce(nth.n, 1))
    END) AS flyby_id,
    1 AS revision, 'new' AS change, getvariable('sitting_at') AS seen_from, NULL::TIMESTAMPTZ AS seen_to, request_id,
    getvariable('sitting_at') AS first_seen_at, true AS listed, [getvariable('source')] AS sources,
    f.designation, f.ordinal, neo_id, neo_ids, name, f.close_approach_date, close_approach_at, orbiting_body,
    miss_distance_au, miss_distance_ld, miss_distance_km, relative_velocity_km_s,
    absolute_magnitude_h, diameter_min_m, diameter_max_m, is_potentially_hazardous, is_sentry_object
FROM fresh AS f
LEFT JOIN shared USING (designation, close_approach_date, ordinal)
LEFT JOIN (
    -- Several new ones on one day are rare: only these are counted.
    SELECT designation, close_approach_date, ordinal,
        row_number() OVER (PARTITION BY designation, close_approach_date ORDER BY ordinal) AS n
    FROM fresh
    SEMI JOIN (FROM fresh WHERE ordinal > 1) USING (designation, close_approach_date)
) AS nth USING (designation, close_approach_date, ordinal)
LEFT JOIN (
    -- The highest number given to a flyby of that designation and day.
    SELECT designation, close_approach_date, max(coalesce(try_cast(split_part(flyby_id, '#', 2) AS INTEGER), 1)) AS n
    FROM revisions
    WHERE revision = 1 AND close_approach_date IN (SELECT day FROM asked)
    GROUP BY ALL
) AS born ON born.designation = f.designation AND born.close_approach_date = f.close_approach_date
UNION ALL BY NAME
-- relisted, changed
SELECT
    before.flyby_id, before.revision + 1 AS revision,
    CASE WHEN before.listed THEN 'changed' ELSE 'relisted' END AS change,
    getvariable('sitting_at') AS seen_from, NULL AS seen_to, request_id,
    before.first_seen_at, true AS listed, before.sources,
    designation, ordinal, neo_id, list_sort(list_distinct(before.neo_ids || neo_ids)) AS neo_ids,
    name, close_approach_date, close_approach_at, orbiting_body,
    miss_distance_au, miss_distance_ld, miss_distance_km, relative_velocity_km_s,
    absolute_magnitude_h, diameter_min_m, diameter_max_m, is_potentially_hazardous, is_sentry_object
FROM matched
WHERE NOT before.listed
    OR (neo_id, name, close_approach_date, ordinal, close_approach_at, orbiting_body) IS DISTINCT FROM (
        before.neo_id, before.name, before.close_approach_date, before.ordinal, before.close_approach_at,
        before.orbiting_body)
    OR (miss_distance_au, miss_distance_ld, miss_distance_km, relative_velocity_km_s) IS DISTINCT FROM (
        before.miss_distance_au, before.miss_distance_ld, before.miss_distance_km, before.relative_velocity_km_s)
    OR (absolute_magnitude_h, diameter_min_m, diameter_max_m, is_potentially_hazardous, is_sentry_object)
        IS DISTINCT FROM (
        before.absolute_magnitude_h, before.diameter_min_m, before.diameter_max_m, before.is_potentially_hazardous,
        before.is_sentry_object)
    OR NOT list_has_all(before.neo_ids, neo_ids)
UNION ALL BY NAME
-- unlisted, and withdrawn once it stayed away from three healthy answers over seven days. In the recordings nothing
-- that came back had been away for more than two (docs/how-it-works.md).
SELECT
    k.* EXCLUDE (asked_by) REPLACE (
        k.revision + 1 AS revision,
        CASE WHEN k.listed THEN 'unlisted' ELSE 'withdrawn' END AS change,
        getvariable('sitting_at') AS seen_from,
        k.asked_by AS request_id,
        false AS listed
    )
FROM missing AS k
LEFT JOIN absences AS a ON a.flyby_id = k.flyby_id AND a.source = getvariable('source') AND a.absent_to IS NULL
WHERE k.close_approach_date NOT IN (FROM suspects)
    AND (k.listed OR (a.answers + 1 >= 3 AND getvariable('sitting_at') - k.seen_from >= INTERVAL 7 DAY));

-- A revision holds until the next one.
UPDATE revisions
SET seen_to = getvariable('sitting_at')
FROM revisions AS next
WHERE next.seen_from = getvariable('sitting_at') AND next.revision > 1 AND next.sources = revisions.sources
    AND next.flyby_id = revisions.flyby_id AND next.revision = revisions.revision + 1;
