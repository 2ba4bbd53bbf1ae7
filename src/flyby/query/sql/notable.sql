-- What is listed for the days $first to $last and comes, or by JPL's range may come, within $within_ld. The diameter is the middle of what is estimated;
-- where only the magnitude is known, that of a body as bright as most (it reflects 14 %: 140 m at H = 22).
SELECT
    flyby_id, name, close_approach_date, close_approach_at, miss_distance_ld, miss_distance_km, relative_velocity_km_s,
    coalesce(sqrt(diameter_min_m * diameter_max_m), 1329000 / sqrt(0.14) * pow(10, -absolute_magnitude_h / 5))
        AS diameter_m,
    is_potentially_hazardous, miss_distance_min_ld, miss_distance_max_ld, close_approach_sigma_min
FROM close_approaches
WHERE listed AND close_approach_date BETWEEN $first AND $last AND least(miss_distance_ld, miss_distance_min_ld) <= $within_ld
ORDER BY close_approach_date, close_approach_at NULLS LAST, miss_distance_ld, flyby_id;
