CREATE TABLE asteroids AS
WITH answers AS (
    FROM read_json($answers, columns = {near_earth_objects: 'MAP(DATE, STRUCT(
        id VARCHAR,
        name VARCHAR,
        absolute_magnitude_h DOUBLE,
        estimated_diameter STRUCT(meters STRUCT(estimated_diameter_min DOUBLE, estimated_diameter_max DOUBLE)),
        is_potentially_hazardous_asteroid BOOLEAN,
        is_sentry_object BOOLEAN,
        close_approach_data STRUCT(
            close_approach_date DATE,
            close_approach_date_full VARCHAR,
            epoch_date_close_approach BIGINT,
            relative_velocity STRUCT(kilometers_per_second DOUBLE),
            miss_distance STRUCT(astronomical DOUBLE, lunar DOUBLE, kilometers DOUBLE),
            orbiting_body VARCHAR
        )[]
    )[])'})
), objects AS (
    SELECT unnest(flatten(map_values(near_earth_objects))) AS neo FROM answers
)
SELECT
    neo.id,
    neo.name,
    neo.close_approach_data[1].close_approach_date AS close_approach_date,
    neo.close_approach_data[1].close_approach_date_full AS close_approach_date_full,
    make_timestamp_ms(neo.close_approach_data[1].epoch_date_close_approach) AS close_approach_at,
    neo.close_approach_data[1].orbiting_body AS orbiting_body,
    neo.close_approach_data[1].miss_distance.astronomical AS miss_distance_au,
    neo.close_approach_data[1].miss_distance.lunar AS miss_distance_ld,
    neo.close_approach_data[1].miss_distance.kilometers AS miss_distance_km,
    neo.close_approach_data[1].relative_velocity.kilometers_per_second AS relative_velocity_km_s,
    neo.absolute_magnitude_h,
    neo.estimated_diameter.meters.estimated_diameter_min AS diameter_min_m,
    neo.estimated_diameter.meters.estimated_diameter_max AS diameter_max_m,
    neo.is_potentially_hazardous_asteroid AS is_potentially_hazardous,
    neo.is_sentry_object
FROM objects
