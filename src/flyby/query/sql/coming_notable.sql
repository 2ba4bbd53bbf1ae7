-- What is listed for the days $first to $last, is still to come at $after, and comes, or by JPL's range may come, within
-- $within_ld: all that is believed of it. The diameter as in notable.sql.
SELECT
    *,
    coalesce(sqrt(diameter_min_m * diameter_max_m), 1329000 / sqrt(0.14) * pow(10, -absolute_magnitude_h / 5))
        AS diameter_m
FROM close_approaches
WHERE listed AND close_approach_date BETWEEN $first AND $last
    AND (close_approach_at IS NULL OR close_approach_at >= $after)
    AND least(miss_distance_ld, miss_distance_min_ld) <= $within_ld
ORDER BY close_approach_date, close_approach_at NULLS LAST, miss_distance_ld, flyby_id;
