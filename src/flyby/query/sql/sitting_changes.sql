-- What the last reading changed, the closest first.
SELECT
    change, name, close_approach_date, round(miss_distance_ld, 2) AS miss_distance_ld,
    round(miss_distance_km)::BIGINT AS miss_distance_km
FROM revisions
WHERE seen_from = (SELECT max(requested_at) FROM requests)
ORDER BY revisions.miss_distance_km, designation
LIMIT $rows;
