-- Every flyby that was ever listed, asteroid by asteroid, as it is believed now; what was withdrawn as it was last told.
-- In whole numbers and with the figures that a search needs: a record of decades has to fit into a page.
WITH said AS (
    SELECT flyby_id, count(*) AS revisions FROM revisions GROUP BY flyby_id
),
gone AS (
    SELECT r.*
    FROM revisions AS r
    JOIN sources AS s ON s.name = r.sources[1]
    ANTI JOIN close_approaches AS c ON c.flyby_id = r.flyby_id
    WHERE r.seen_to IS NULL AND r.change = 'withdrawn'
    QUALIFY row_number() OVER (PARTITION BY r.flyby_id ORDER BY s.priority) = 1
),
known AS (
    SELECT *, CASE WHEN listed THEN 0 ELSE 1 END AS state FROM close_approaches
    UNION ALL BY NAME
    SELECT *, 2 AS state FROM gone
),
told AS (
    SELECT *, miss_distance_max_ld - miss_distance_min_ld > $narrow * miss_distance_ld AS is_wide FROM known
)
SELECT
    k.flyby_id, k.designation, nullif(k.name, '(' || k.designation || ')') AS name,
    (100 * k.absolute_magnitude_h)::HUGEINT AS h,
    (10 * round(k.diameter_min_m, 2 - floor(log10(greatest(k.diameter_min_m, 0.1)))::INTEGER))::HUGEINT AS least_dm,
    (10 * round(k.diameter_max_m, 2 - floor(log10(greatest(k.diameter_max_m, 0.1)))::INTEGER))::HUGEINT AS most_dm,
    k.is_potentially_hazardous::INTEGER AS hazardous,
    -- Days since 1970, or since the flyby before.
    k.close_approach_date - lag(k.close_approach_date, 1, DATE '1970-01-01') OVER asteroid AS days_on,
    round(k.miss_distance_km, 3 - floor(log10(greatest(k.miss_distance_km, 1)))::INTEGER)::HUGEINT AS km,
    CASE WHEN is_wide THEN round(k.miss_distance_min_km, -3)::HUGEINT END AS least_km,
    CASE WHEN is_wide THEN round(k.miss_distance_max_km, -3)::HUGEINT END AS most_km,
    (10 * k.relative_velocity_km_s)::HUGEINT AS speed,
    k.state, s.revisions
FROM told AS k
JOIN said AS s USING (flyby_id)
WINDOW asteroid AS (
    PARTITION BY k.designation ORDER BY k.close_approach_date, k.close_approach_at NULLS LAST, k.flyby_id
)
ORDER BY k.designation, k.close_approach_date, k.close_approach_at NULLS LAST, k.flyby_id;
