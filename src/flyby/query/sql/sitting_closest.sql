-- Of the days that the last reading asked for, the flybys that come closest.
WITH sitting AS (
    FROM requests
    WHERE requested_at = (SELECT max(requested_at) FROM requests) AND verdict <> 'rejected'
)
SELECT
    name, close_approach_date, round(miss_distance_ld, 2) AS miss_distance_ld,
    round(miss_distance_km)::BIGINT AS miss_distance_km, round(relative_velocity_km_s, 1) AS relative_velocity_km_s,
    round(diameter_min_m, 1) AS diameter_min_m, round(diameter_max_m, 1) AS diameter_max_m, is_potentially_hazardous
FROM revisions
WHERE seen_to IS NULL AND listed
    AND EXISTS (FROM sitting WHERE close_approach_date BETWEEN window_start AND window_end)
QUALIFY row_number() OVER (PARTITION BY flyby_id ORDER BY sources[1] = 'neows' DESC) = 1
ORDER BY revisions.miss_distance_km, designation
LIMIT $rows;
