-- Flybys that the primary source lists for the days $first to $last at a distance outside the range, 3-sigma, that the
-- witness gives for its own: those that are the most sigmas from it first. Of the same approach by the same orbit the two
-- say the same to ten digits; new observations move it, and one source takes them in before the other.
SELECT
    n.designation, n.name, n.close_approach_date,
    n.close_approach_at AS neows_at, c.close_approach_at AS cad_at,
    n.miss_distance_km AS neows_km, c.miss_distance_km AS cad_km,
    c.miss_distance_km - n.miss_distance_km AS difference_km,
    abs(c.miss_distance_km - n.miss_distance_km) / n.miss_distance_km AS relative,
    c.miss_distance_min_km AS cad_min_km, c.miss_distance_max_km AS cad_max_km,
    abs(c.miss_distance_km - n.miss_distance_km)
        / nullif(
            CASE WHEN n.miss_distance_km < c.miss_distance_km THEN c.miss_distance_km - c.miss_distance_min_km
                ELSE c.miss_distance_max_km - c.miss_distance_km END / 3, 0
        ) AS sigmas
FROM revisions AS n
JOIN revisions AS c USING (flyby_id)
JOIN sources AS s ON s.name = c.sources[1]
WHERE n.seen_to IS NULL AND n.listed AND n.sources[1] IN (SELECT name FROM sources WHERE role = 'primary')
    AND c.seen_to IS NULL AND c.listed AND s.role = 'witness'
    AND n.close_approach_date BETWEEN $first AND $last
    -- The two write their distances with ten digits and more.
    AND n.miss_distance_au NOT BETWEEN c.miss_distance_min_au * (1 - 1e-8) AND c.miss_distance_max_au * (1 + 1e-8)
-- Of several witnesses that say otherwise, the first.
QUALIFY row_number() OVER (PARTITION BY flyby_id ORDER BY s.priority) = 1
ORDER BY sigmas DESC NULLS FIRST, n.designation;
