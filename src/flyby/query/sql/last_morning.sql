-- The last sitting that had an answer for the eight days before its tick date: what it asked for, what came, what it
-- changed. The tick date is the local day, so that of UTC or one beside it.
WITH morning AS (
    SELECT max(requested_at) AS requested_at
    FROM requests
    WHERE source = 'neows' AND verdict <> 'rejected' AND window_end - window_start = 7
        AND abs(window_end + 1 - requested_at::DATE) <= 1
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
