-- What the last reading changed, the closest first.
SELECT change, name, close_approach_date, miss_distance_ld, miss_distance_km
FROM revisions
WHERE seen_from = (SELECT max(requested_at) FROM requests)
ORDER BY miss_distance_km, designation
LIMIT $rows;
