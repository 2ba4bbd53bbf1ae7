SELECT name, close_approach_date, miss_distance_ld, diameter_max_m, relative_velocity_km_s
FROM close_approaches
WHERE close_approach_date BETWEEN $now::DATE - 30 AND $now::DATE
ORDER BY miss_distance_ld
LIMIT 10
