-- What is listed from $first to $last.
SELECT
    designation, neo_id, name, close_approach_date, close_approach_at, close_approach_sigma_min,
    miss_distance_au, miss_distance_ld, miss_distance_min_ld, miss_distance_max_ld,
    miss_distance_km, miss_distance_min_km, miss_distance_max_km, relative_velocity_km_s,
    absolute_magnitude_h, diameter_min_m, diameter_max_m, is_potentially_hazardous, is_sentry_object,
    sources, first_seen_at, revision
FROM close_approaches
WHERE listed AND close_approach_date BETWEEN $first AND $last
ORDER BY close_approach_date, close_approach_at NULLS LAST, miss_distance_km, designation;
