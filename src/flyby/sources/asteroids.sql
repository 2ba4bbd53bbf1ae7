-- Beside what every record shows.

-- The table of the lesson that flyby grew out of.
CREATE OR REPLACE VIEW raw_asteroid_data AS
SELECT neo_id AS id, name, absolute_magnitude_h, is_potentially_hazardous AS is_potentially_hazardous_asteroid
FROM close_approaches;

CREATE OR REPLACE VIEW comet_approaches AS
SELECT
    thing_id AS flyby_id, entity AS designation, name, day AS close_approach_date, moment AS close_approach_at,
    miss_distance_au, miss_distance_ld, miss_distance_km, miss_distance_min_km, miss_distance_max_km,
    close_approach_sigma_min, relative_velocity_km_s, velocity_infinity_km_s, orbit_id, listed, [source] AS sources,
    first_seen_at, revision
FROM {schema}.revisions
WHERE apart AND seen_to IS NULL AND change <> 'withdrawn';
