-- What is listed for the days $first to $last and passes at $after or later. Of a flyby whose time of day is not known,
-- the whole day is still to come. From the revisions: the view of beliefs would have to be made for all of history.
SELECT
    designation, neo_id, name, close_approach_date, close_approach_at, miss_distance_au, miss_distance_ld,
    miss_distance_km, relative_velocity_km_s, absolute_magnitude_h, diameter_min_m, diameter_max_m,
    is_potentially_hazardous, coalesce(is_sentry_object, false) AS is_sentry_object
FROM (
    -- Two sources can have a flyby on different days.
    FROM revisions
    WHERE seen_to IS NULL AND listed AND close_approach_date BETWEEN $first - 2 AND $last + 2
    QUALIFY row_number() OVER (PARTITION BY flyby_id ORDER BY sources[1] = 'neows' DESC) = 1
)
WHERE close_approach_date BETWEEN $first AND $last AND (close_approach_at IS NULL OR close_approach_at >= $after)
ORDER BY close_approach_date, close_approach_at NULLS LAST, miss_distance_km, designation;
