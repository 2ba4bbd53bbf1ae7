-- What decides whether a flyby is notable, of every version of every flyby that was ever told for the day $first or later
-- and within $within_ld, whoever told it and whatever became of it. The diameter as in notable.sql.
SELECT DISTINCT
    flyby_id, miss_distance_ld, miss_distance_min_ld, miss_distance_max_ld, is_potentially_hazardous,
    coalesce(sqrt(diameter_min_m * diameter_max_m), 1329000 / sqrt(0.14) * pow(10, -absolute_magnitude_h / 5))
        AS diameter_m
FROM revisions
WHERE close_approach_date >= $first AND miss_distance_ld <= $within_ld;
