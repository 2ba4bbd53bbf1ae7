-- The last sitting that asked for the day before its own: what it asked for, what came, what it changed.
WITH morning AS (
    SELECT max(requested_at) AS requested_at
    FROM requests
    WHERE window_end = requested_at::DATE - 1 AND source = 'neows'
)
FROM
    (
        SELECT
            requested_at,
            count(*) AS requests,
            sum(rows)::BIGINT AS rows,
            count(*) FILTER (verdict = 'ok') AS ok,
            count(*) FILTER (verdict = 'partial') AS partial,
            count(*) FILTER (verdict = 'rejected') AS rejected
        FROM requests
        WHERE source = 'neows' AND requested_at = (FROM morning)
        GROUP BY requested_at
    ),
    (
        SELECT count(*) FILTER (change = 'new') AS new, count(*) FILTER (change <> 'new') AS changed
        FROM revisions
        WHERE sources[1] = 'neows' AND seen_from = (FROM morning)
    );
