-- Everything that was said, source by source, of the flybys between $first and $last and of those that were ever told to
-- come within the Moon's distance.
WITH told AS (
    SELECT flyby_id
    FROM revisions
    GROUP BY flyby_id
    HAVING bool_or(close_approach_date BETWEEN $first AND $last) OR min(miss_distance_ld) < 1
)
SELECT
    r.flyby_id, s.title, r.revision, r.change, strftime(r.seen_from, '%Y-%m-%dT%H:%M:%SZ') AS seen_from,
    r.close_approach_date, strftime(r.close_approach_at, '%Y-%m-%dT%H:%M:%SZ') AS close_approach_at,
    round(r.close_approach_sigma_min) AS close_approach_sigma_min, round(r.miss_distance_km) AS miss_distance_km,
    round(r.miss_distance_min_km) AS miss_distance_min_km, round(r.miss_distance_max_km) AS miss_distance_max_km,
    round(r.relative_velocity_km_s, 3) AS relative_velocity_km_s, r.absolute_magnitude_h, r.is_potentially_hazardous,
    r.is_sentry_object, q.raw_path
FROM revisions AS r
JOIN told AS t USING (flyby_id)
JOIN sources AS s ON s.name = r.sources[1]
LEFT JOIN requests AS q USING (request_id)
ORDER BY r.flyby_id, s.priority, r.revision;
