-- The numbers that the asset checks judge, in one row. From the tables, each in one go: the view of beliefs would have to be
-- made for all of history.
WITH told AS NOT MATERIALIZED (
    FROM revisions WHERE seen_to IS NULL AND change <> 'withdrawn'
),
duplicates AS (
    SELECT count(DISTINCT flyby_id) AS rows
    FROM told
    GROUP BY designation, close_approach_date, ordinal
    HAVING rows > 1
    UNION ALL
    SELECT count(*) AS rows
    FROM told
    GROUP BY flyby_id, sources[1]
    HAVING rows > 1
),
strange AS (
    SELECT designation, close_approach_date
    FROM told
    -- Distances are from the Earth's centre: nothing passes within the Earth, and what comes near is as fast as its
    -- gravity makes it there: v² ≥ 2 GM / r, or what circles it for a while lacks of that (of those known, 2006 RH120 and
    -- 2020 CD3, none turned back nearer than 1.3 million km). Beyond 1.5 million km the Sun pulls more. Two in a thousand
    -- are rounding.
    WHERE NOT coalesce(miss_distance_km > 6371 AND miss_distance_au < 1, false)
        OR NOT coalesce(
            pow(relative_velocity_km_s * 1.002, 2)
                >= 2 * 398600.4418 * (1 / miss_distance_km - 1 / (miss_distance_km + 1200000))
            OR miss_distance_km > 1500000,
            false
        )
        OR NOT coalesce(miss_distance_min_au <= miss_distance_max_au, true)
        OR NOT coalesce(relative_velocity_km_s > 0 AND relative_velocity_km_s < 150, false)
        OR NOT coalesce(abs(miss_distance_km / (miss_distance_au * 149597870.7) - 1) < 0.001, false)
        OR NOT coalesce(abs(miss_distance_ld / (miss_distance_au * 389) - 1) < 0.02, false)
        OR NOT coalesce(absolute_magnitude_h BETWEEN -2 AND 40, true)
        OR NOT coalesce(diameter_min_m > 0 AND diameter_min_m <= diameter_max_m, true)
        OR NOT coalesce(abs(date_diff('day', close_approach_date, close_approach_at::DATE)) <= 1, true)
)
FROM
    (
        SELECT
            $yesterday::DATE AS yesterday,
            max(flybys) FILTER (day = $yesterday::DATE) AS yesterday_flybys,
            max(state) FILTER (day = $yesterday::DATE) AS yesterday_state,
            round(date_diff('second', max(last_observed_at) FILTER (day = $yesterday::DATE), $now) / 3600, 2)
                AS yesterday_age_h,
            count(*) FILTER (state = 'suspect') AS suspect_days
        FROM days
    ),
    (SELECT count(DISTINCT flyby_id) AS flybys FROM told),
    (SELECT coalesce(sum(rows - 1), 0)::BIGINT AS duplicates FROM duplicates),
    (
        SELECT
            count(*) AS strange,
            list(designation || ' on ' || close_approach_date ORDER BY close_approach_date, designation)[:5]
                AS strange_examples
        FROM strange
    ),
    (
        SELECT
            count(*) FILTER (verdict = 'partial') AS partial,
            count(*) FILTER (verdict = 'rejected') AS rejected,
            list(window_start || '..' || window_end || ': ' || note ORDER BY window_start) FILTER (verdict = 'partial')
                AS partial_notes
        FROM requests
        WHERE requested_at = (SELECT max(requested_at) FROM requests)
    );
