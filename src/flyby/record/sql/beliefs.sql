-- What is believed, now or at any moment. Of one flyby told by several sources NeoWs' values are shown while it lists it.

CREATE OR REPLACE MACRO close_approaches_as_of(ts) AS TABLE
WITH observed_days AS (
    SELECT source, day, max(requested_at) AS last_observed_at
    FROM (
        SELECT source, requested_at, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
        FROM requests
        WHERE verdict <> 'rejected' AND requested_at <= ts
    )
    GROUP BY ALL
),
told AS (
    SELECT r.*, coalesce(a.last_seen_at, d.last_observed_at, r.seen_from) AS last_seen_at
    FROM revisions AS r
    LEFT JOIN absences AS a
        ON a.flyby_id = r.flyby_id AND a.source = r.sources[1]
        AND a.absent_from <= ts AND (a.absent_to > ts OR a.absent_to IS NULL)
    LEFT JOIN observed_days AS d ON d.day = r.close_approach_date AND d.source = r.sources[1]
    WHERE r.seen_from <= ts AND (r.seen_to > ts OR r.seen_to IS NULL) AND r.change <> 'withdrawn'
)
SELECT
    designation, neo_id, name, close_approach_date, close_approach_at, orbiting_body,
    miss_distance_au, miss_distance_ld, miss_distance_km, relative_velocity_km_s,
    absolute_magnitude_h, diameter_min_m, diameter_max_m, is_potentially_hazardous, is_sentry_object,
    listed, sources, first_seen_at, last_seen_at, revision
FROM told;

CREATE OR REPLACE VIEW close_approaches AS
FROM close_approaches_as_of('infinity'::TIMESTAMPTZ);

-- The table of the lesson that flyby grew out of.
CREATE OR REPLACE VIEW raw_asteroid_data AS
SELECT neo_id AS id, name, absolute_magnitude_h, is_potentially_hazardous AS is_potentially_hazardous_asteroid
FROM close_approaches;
