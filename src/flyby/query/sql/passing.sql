-- What is listed for the days $first to $last and passes at $after or later. Of a flyby whose time of day is not known,
-- the whole day is still to come.
SELECT
    designation, neo_id, name, close_approach_date, close_approach_at, miss_distance_au, miss_distance_ld,
    miss_distance_km, relative_velocity_km_s, absolute_magnitude_h, diameter_min_m, diameter_max_m,
    is_potentially_hazardous, coalesce(is_sentry_object, false) AS is_sentry_object,
    miss_distance_min_ld, miss_distance_max_ld, miss_distance_min_km, miss_distance_max_km, close_approach_sigma_min
FROM close_approaches
WHERE listed AND close_approach_date BETWEEN $first AND $last
    AND (close_approach_at IS NULL OR close_approach_at >= $after)
ORDER BY close_approach_date, close_approach_at NULLS LAST, miss_distance_km, designation;
