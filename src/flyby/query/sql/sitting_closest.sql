-- Of the days that the last reading asked for, the flybys that come closest.
WITH reading AS (
    FROM requests
    WHERE requested_at = (SELECT max(requested_at) FROM requests) AND verdict <> 'rejected'
)
SELECT
    name, close_approach_date, round(miss_distance_ld, 2) AS miss_distance_ld,
    round(miss_distance_km)::BIGINT AS miss_distance_km, round(relative_velocity_km_s, 1) AS relative_velocity_km_s,
    round(diameter_min_m, 1) AS diameter_min_m, round(diameter_max_m, 1) AS diameter_max_m, is_potentially_hazardous
FROM close_approaches
WHERE listed AND EXISTS (FROM reading WHERE close_approach_date BETWEEN window_start AND window_end)
ORDER BY close_approaches.miss_distance_km, designation
LIMIT $rows;
