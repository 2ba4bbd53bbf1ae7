-- Flybys that both sources list for the days $first to $last at distances that differ by more than $tolerance of the
-- distance, the largest difference first. Of the same approach by the same orbit the two say the same to ten digits; new
-- observations move it a little, and one source takes them in before the other.
SELECT
    n.designation, n.name, n.close_approach_date,
    n.close_approach_at AS neows_at, c.close_approach_at AS cad_at,
    n.miss_distance_km AS neows_km, c.miss_distance_km AS cad_km,
    c.miss_distance_km - n.miss_distance_km AS difference_km,
    abs(c.miss_distance_km - n.miss_distance_km) / n.miss_distance_km AS relative
FROM revisions AS n
JOIN revisions AS c USING (flyby_id)
WHERE n.seen_to IS NULL AND n.listed AND n.sources = ['neows']
    AND c.seen_to IS NULL AND c.listed AND c.sources = ['cad']
    AND n.close_approach_date BETWEEN $first AND $last
    AND abs(c.miss_distance_km - n.miss_distance_km) > $tolerance * n.miss_distance_km
ORDER BY relative DESC, n.designation;
