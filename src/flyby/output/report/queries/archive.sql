-- The whole record for the page, as JSON: every flyby that was ever listed, asteroid by asteroid, as it is believed now,
-- and what was withdrawn as it was last told; and of those between $first and $last, or ever told to come within the
-- Moon's distance, everything that was said. In columns, whole numbers and the figures that a search needs: a record of
-- decades has to fit into a page.
WITH counted AS (
    SELECT flyby_id, count(*) AS revisions FROM revisions GROUP BY flyby_id
),
gone AS (
    SELECT r.*
    FROM revisions AS r
    JOIN sources AS s ON s.name = r.sources[1]
    ANTI JOIN close_approaches AS c ON c.flyby_id = r.flyby_id
    WHERE r.seen_to IS NULL AND r.change = 'withdrawn'
    QUALIFY row_number() OVER (PARTITION BY r.flyby_id ORDER BY s.priority) = 1
),
known AS (
    SELECT *, CASE WHEN listed THEN 0 ELSE 1 END AS state FROM close_approaches
    UNION ALL BY NAME
    SELECT *, 2 AS state FROM gone
),
ever AS MATERIALIZED (
    SELECT
        *,
        row_number() OVER flybys - 1 AS flyby,
        lag(designation) OVER flybys AS designation_before,
        lag(close_approach_date) OVER flybys AS date_before,
        lead(designation) OVER flybys AS designation_after,
        miss_distance_max_ld - miss_distance_min_ld > $narrow * miss_distance_ld AS is_wide
    FROM known
    JOIN counted USING (flyby_id)
    -- One order for all: every other would be another sort.
    WINDOW flybys AS (ORDER BY designation, close_approach_date, close_approach_at NULLS LAST, flyby_id)
),
flybys AS (
    SELECT
        flyby,
        -- Days since 1970, or since the flyby before.
        close_approach_date
            - CASE WHEN designation = designation_before THEN date_before ELSE DATE '1970-01-01' END AS days_on,
        -- What is said to pass a hundred light years away is bound to be a mistake, and none that the page is lost for.
        least(round(miss_distance_km, 3 - floor(log10(greatest(miss_distance_km, 1)))::INTEGER), 1e15)::BIGINT AS km,
        CASE WHEN is_wide THEN round(miss_distance_min_km, -3)::BIGINT END AS least_km,
        CASE WHEN is_wide THEN round(miss_distance_max_km, -3)::BIGINT END AS most_km,
        (10 * relative_velocity_km_s)::BIGINT AS speed,
        state, revisions
    FROM ever
),
-- What an asteroid is called, and how large it is, is what was said with the last of its flybys.
asteroids AS (
    SELECT
        designation, nullif(name, '(' || designation || ')') AS name, (100 * absolute_magnitude_h)::BIGINT AS h,
        (10 * round(diameter_min_m, 2 - floor(log10(greatest(diameter_min_m, 0.1)))::INTEGER))::BIGINT AS least_dm,
        (10 * round(diameter_max_m, 2 - floor(log10(greatest(diameter_max_m, 0.1)))::INTEGER))::BIGINT AS most_dm,
        is_potentially_hazardous::INTEGER AS hazardous,
        flyby - coalesce(lag(flyby) OVER (ORDER BY flyby), -1) AS flybys,
        flyby
    FROM ever
    WHERE designation_after IS DISTINCT FROM designation
),
told AS (
    SELECT flyby_id
    FROM revisions
    GROUP BY flyby_id
    HAVING bool_or(close_approach_date BETWEEN $first AND $last) OR min(miss_distance_ld) < 1
),
versions AS (
    SELECT
        s.title, r.revision, r.change, strftime(r.seen_from, '%Y-%m-%dT%H:%M:%SZ') AS seen_from,
        r.close_approach_date, strftime(r.close_approach_at, '%Y-%m-%dT%H:%M:%SZ') AS close_approach_at,
        round(r.close_approach_sigma_min) AS close_approach_sigma_min, round(r.miss_distance_km) AS miss_distance_km,
        round(r.miss_distance_min_km) AS miss_distance_min_km, round(r.miss_distance_max_km) AS miss_distance_max_km,
        round(r.relative_velocity_km_s, 3) AS relative_velocity_km_s, r.absolute_magnitude_h,
        r.is_potentially_hazardous, r.is_sentry_object, q.raw_path, e.flyby,
        row_number() OVER (ORDER BY r.flyby_id, s.priority, r.revision) AS n
    FROM revisions AS r
    JOIN told AS t USING (flyby_id)
    JOIN ever AS e USING (flyby_id)
    JOIN sources AS s ON s.name = r.sources[1]
    LEFT JOIN requests AS q ON q.request_id = r.request_id
)
-- Sorted as rows, once, and not every column by itself. DuckDB writes BIGINT twice as fast as HUGEINT.
SELECT to_json({
    asteroids: (
        SELECT {
            designation: [a.designation for a in rows], name: [a.name for a in rows], h: [a.h for a in rows],
            least_dm: [a.least_dm for a in rows], most_dm: [a.most_dm for a in rows],
            hazardous: [a.hazardous for a in rows], flybys: [a.flybys for a in rows]
        }
        FROM (SELECT coalesce(list(asteroids ORDER BY flyby), []) AS rows FROM asteroids)
    ),
    flybys: (
        SELECT {
            days_on: [f.days_on for f in rows], km: [f.km for f in rows], least_km: [f.least_km for f in rows],
            most_km: [f.most_km for f in rows], speed: [f.speed for f in rows], state: [f.state for f in rows],
            revisions: [f.revisions for f in rows]
        }
        FROM (SELECT coalesce(list(flybys ORDER BY flyby), []) AS rows FROM flybys)
    ),
    versions: (FROM (SELECT coalesce(list(COLUMNS(* EXCLUDE n) ORDER BY n), []) FROM versions) AS v SELECT v)
});
