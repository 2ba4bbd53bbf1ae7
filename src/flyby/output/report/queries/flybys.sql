-- What is listed from $first to $last, of each flyby the source that is shown first. From the revisions: the view of
-- beliefs would have to be made for all of history.
SELECT
    designation, neo_id, name, close_approach_date, close_approach_at, miss_distance_au, miss_distance_ld,
    miss_distance_km, relative_velocity_km_s, absolute_magnitude_h, diameter_min_m, diameter_max_m,
    is_potentially_hazardous, is_sentry_object, told_by AS sources, first_seen_at, revision
FROM (
    -- Two sources can have a flyby on different days.
    SELECT *, list(sources[1] ORDER BY sources[1]) OVER (PARTITION BY flyby_id) AS told_by
    FROM revisions
    WHERE seen_to IS NULL AND listed AND close_approach_date BETWEEN $first - 2 AND $last + 2
    QUALIFY row_number() OVER (PARTITION BY flyby_id ORDER BY sources[1] = 'neows' DESC) = 1
)
WHERE close_approach_date BETWEEN $first AND $last
ORDER BY close_approach_date, close_approach_at NULLS LAST, miss_distance_km, designation;
