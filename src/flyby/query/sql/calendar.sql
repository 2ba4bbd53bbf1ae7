-- Every flyby on the day $first or later as it is believed now, and what was withdrawn as it was last told. `sequence`
-- counts all that was ever said of it, by whichever source, so it only grows.
WITH gone AS (
    SELECT r.*, s.priority
    FROM revisions AS r
    JOIN sources AS s ON s.name = r.sources[1]
    ANTI JOIN close_approaches AS c ON c.flyby_id = r.flyby_id
    WHERE r.seen_to IS NULL AND r.change = 'withdrawn'
    QUALIFY row_number() OVER (PARTITION BY r.flyby_id ORDER BY s.priority) = 1
),
known AS (
    SELECT *, false AS withdrawn FROM close_approaches WHERE close_approach_date >= $first
    UNION ALL BY NAME
    SELECT *, true AS withdrawn FROM gone WHERE close_approach_date >= $first
),
said AS (
    SELECT flyby_id, count(*) AS sequence, max(seen_from) AS changed_at
    FROM revisions
    SEMI JOIN known USING (flyby_id)
    GROUP BY flyby_id
)
SELECT
    k.flyby_id, k.designation, k.name, k.close_approach_date, k.close_approach_at, k.miss_distance_km, k.miss_distance_ld,
    k.miss_distance_min_ld, k.miss_distance_max_ld, k.close_approach_sigma_min, k.relative_velocity_km_s,
    k.diameter_min_m, k.diameter_max_m, k.is_potentially_hazardous, k.listed, k.withdrawn, s.sequence, s.changed_at
FROM known AS k
JOIN said AS s USING (flyby_id)
ORDER BY k.close_approach_date, k.close_approach_at NULLS LAST, k.flyby_id;
