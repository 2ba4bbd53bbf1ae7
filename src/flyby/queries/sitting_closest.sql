-- Of the days that the last reading asked for, the flybys that come closest.
WITH sitting AS (
    FROM requests
    WHERE requested_at = (SELECT max(requested_at) FROM requests) AND verdict <> 'rejected'
)
SELECT
    name, close_approach_date, miss_distance_ld, miss_distance_km, relative_velocity_km_s, diameter_min_m,
    diameter_max_m, is_potentially_hazardous
FROM revisions
WHERE seen_to IS NULL AND listed
    AND EXISTS (FROM sitting WHERE close_approach_date BETWEEN window_start AND window_end)
ORDER BY miss_distance_km, designation
LIMIT $rows;
