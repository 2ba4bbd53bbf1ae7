-- Revisions since $since beside the one before each in its chain, the newest first; of each flyby the chain of the source
-- that comes first, so that nothing is told twice. Of every day and kind of change the $most that moved farthest, with
-- how many of that kind and from when to when that day's came; and all of what was ever told for the day $first or later
-- within $within_ld. Flybys of days that their source was asked about for the first time are left out: after a backfill
-- they are all of history.
WITH asked AS (
    SELECT source, day, min(requested_at) AS first_at
    FROM (
        SELECT source, requested_at, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
        FROM requests
        WHERE verdict <> 'rejected'
    )
    GROUP BY ALL
),
-- Which they are; what they say is looked up in the end, of those alone that are told.
said AS (
    SELECT
        r.flyby_id, r.sources, r.revision, r.change, r.seen_from, r.miss_distance_km,
        s.name AS source, s.title, s.priority
    FROM revisions AS r
    JOIN sources AS s ON s.name = r.sources[1]
    JOIN requests AS q USING (request_id)
    LEFT JOIN asked AS a ON a.source = r.sources[1] AND a.day = r.close_approach_date
    WHERE r.seen_from >= $since AND (r.change <> 'new' OR a.first_at < q.requested_at)
),
ranked AS (
    SELECT r.flyby_id, min(s.priority) AS priority
    FROM revisions AS r
    SEMI JOIN said USING (flyby_id)
    JOIN sources AS s ON s.name = r.sources[1]
    GROUP BY r.flyby_id
),
moved AS (
    SELECT
        s.*,
        CASE
            WHEN s.change = 'changed' AND round(s.miss_distance_km) <> round(b.miss_distance_km)
            THEN abs(s.miss_distance_km - b.miss_distance_km)
            ELSE 0
        END AS moved_km
    FROM said AS s
    JOIN ranked USING (flyby_id, priority)
    -- Not all that was ever said: of a left join DuckDB holds the right side in memory.
    LEFT JOIN (
        SELECT flyby_id, sources, revision, miss_distance_km FROM revisions SEMI JOIN said USING (flyby_id)
    ) AS b ON b.flyby_id = s.flyby_id AND b.sources = s.sources AND b.revision = s.revision - 1
),
placed AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY seen_from::DATE, change) AS of_kind,
        min(seen_from) OVER (PARTITION BY seen_from::DATE) AS day_began,
        max(seen_from) OVER (PARTITION BY seen_from::DATE) AS day_ended,
        row_number() OVER (
            PARTITION BY seen_from::DATE, change ORDER BY moved_km DESC, miss_distance_km, flyby_id, revision
        ) AS place
    FROM moved
),
near AS (
    SELECT DISTINCT flyby_id FROM revisions WHERE close_approach_date >= $first AND miss_distance_ld <= $within_ld
),
told AS (
    FROM placed WHERE place <= $most OR flyby_id IN (SELECT flyby_id FROM near)
),
chains AS (
    FROM revisions SEMI JOIN told USING (flyby_id)
)
SELECT
    t.seen_from AS changed_at, t.source, t.title, t.change, t.of_kind, t.day_began, t.day_ended,
    r AS told, b AS told_before
FROM told AS t
JOIN chains AS r USING (flyby_id, sources, revision)
LEFT JOIN chains AS b ON b.flyby_id = t.flyby_id AND b.sources = t.sources AND b.revision = t.revision - 1
ORDER BY t.seen_from DESC, t.flyby_id;
