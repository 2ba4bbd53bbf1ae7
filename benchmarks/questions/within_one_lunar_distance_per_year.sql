SELECT year(close_approach_date) AS year, count(*) AS flybys, min(miss_distance_km) AS closest_km
FROM close_approaches
WHERE miss_distance_ld < 1
GROUP BY year
ORDER BY year
