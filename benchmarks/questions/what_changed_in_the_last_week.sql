SELECT designation, change, seen_from, close_approach_date, miss_distance_ld
FROM revisions
WHERE seen_from >= $now::TIMESTAMPTZ - INTERVAL 7 DAY AND change <> 'new'
ORDER BY seen_from DESC, designation
