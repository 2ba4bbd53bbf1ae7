-- The last sitting that asked for the day before its own: what it asked for, what came, what it changed.
WITH sitting AS (
    SELECT source, max(requested_at) AS requested_at
    FROM requests
    WHERE window_end = requested_at::DATE - 1 AND source = 'neows'
    GROUP BY source
)
SELECT
    s.requested_at,
    count(*) AS requests,
    sum(r.rows)::BIGINT AS rows,
    count(*) FILTER (r.verdict = 'ok') AS ok,
    count(*) FILTER (r.verdict = 'partial') AS partial,
    count(*) FILTER (r.verdict = 'rejected') AS rejected,
    (
        SELECT count(*) FROM revisions AS v
        WHERE v.seen_from = s.requested_at AND v.sources[1] = s.source AND v.change = 'new'
    ) AS new,
    (
        SELECT count(*) FROM revisions AS v
        WHERE v.seen_from = s.requested_at AND v.sources[1] = s.source AND v.change <> 'new'
    ) AS changed
FROM sitting AS s
JOIN requests AS r USING (source, requested_at)
GROUP BY s.source, s.requested_at;
