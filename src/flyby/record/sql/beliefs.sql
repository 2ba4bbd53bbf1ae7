-- What is believed, now or at any moment.

-- Of one flyby told by several sources, NeoWs' values are shown while it lists it, else those of the source that does:
-- NeoWs adds the hazard flag and the diameters to what it takes from JPL. The other's values stand in `revisions`.
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
),
shared AS (
    SELECT
        flyby_id,
        list(sources[1] ORDER BY sources[1]) AS told_by,
        list(sources[1] ORDER BY sources[1]) FILTER (listed) AS listed_by,
        min(first_seen_at) AS first_seen_at,
        max(last_seen_at) AS last_seen_at
    FROM told
    GROUP BY flyby_id
    HAVING count(*) > 1
)
SELECT
    t.designation, t.neo_id, t.name, t.close_approach_date, t.close_approach_at, t.orbiting_body,
    t.miss_distance_au, t.miss_distance_ld, t.miss_distance_km, t.relative_velocity_km_s,
    t.absolute_magnitude_h, t.diameter_min_m, t.diameter_max_m, t.is_potentially_hazardous, t.is_sentry_object,
    t.listed, coalesce(s.listed_by, s.told_by, t.sources) AS sources,
    coalesce(s.first_seen_at, t.first_seen_at) AS first_seen_at,
    coalesce(s.last_seen_at, t.last_seen_at) AS last_seen_at,
    t.revision
FROM told AS t
LEFT JOIN shared AS s USING (flyby_id)
QUALIFY s.flyby_id IS NULL
    OR row_number() OVER (PARTITION BY t.flyby_id ORDER BY t.listed DESC, t.sources[1] = 'neows' DESC) = 1;

CREATE OR REPLACE VIEW close_approaches AS
FROM close_approaches_as_of('infinity'::TIMESTAMPTZ);

-- The table of the lesson that flyby grew out of.
CREATE OR REPLACE VIEW raw_asteroid_data AS
SELECT neo_id AS id, name, absolute_magnitude_h, is_potentially_hazardous AS is_potentially_hazardous_asteroid
FROM close_approaches;
