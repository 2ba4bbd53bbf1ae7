-- What the last reading changed, the closest first.
SELECT
    r.change, r.name, r.close_approach_date, round(r.miss_distance_ld, 2) AS miss_distance_ld,
    round(r.miss_distance_km)::BIGINT AS miss_distance_km
FROM revisions AS r
JOIN requests AS q USING (request_id)
WHERE q.requested_at = (SELECT max(requested_at) FROM requests)
ORDER BY r.miss_distance_km, r.designation
LIMIT $rows;
