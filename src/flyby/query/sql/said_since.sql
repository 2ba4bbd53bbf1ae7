-- Every revision since $since beside the one before it in its chain, the newest first; of each flyby the chain of the
-- source that comes first, so that nothing is told twice. Flybys of days that their source was asked about for the first
-- time are left out: after a backfill they are all of history.
WITH asked AS (
    SELECT source, day, min(requested_at) AS first_at
    FROM (
        SELECT source, requested_at, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
        FROM requests
        WHERE verdict <> 'rejected'
    )
    GROUP BY ALL
),
-- Which they are; the rest is looked up afterwards, of these alone.
said AS (
    SELECT r.flyby_id, r.sources, r.revision, s.name AS source, s.title, s.priority
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
)
SELECT r.seen_from AS changed_at, s.source, s.title, r.change, r AS told, b AS told_before
FROM said AS s
JOIN ranked USING (flyby_id, priority)
JOIN revisions AS r USING (flyby_id, sources, revision)
LEFT JOIN revisions AS b ON b.flyby_id = s.flyby_id AND b.sources = s.sources AND b.revision = s.revision - 1
ORDER BY r.seen_from DESC, r.flyby_id;
