-- The last daily run that had an answer for the days before its tick date: what it asked for, what came, what it changed.
WITH morning AS (
    SELECT max(requested_at) AS requested_at
    FROM requests
    WHERE source IN (SELECT name FROM sources WHERE role = 'primary') AND verdict <> 'rejected'
        AND purpose = 'daily' AND window_end = tick - 1
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
        WHERE purpose = 'daily' AND requested_at = (FROM morning)
        GROUP BY requested_at
    ),
    (
        SELECT count(*) FILTER (change = 'new') AS new, count(*) FILTER (change <> 'new') AS changed
        FROM revisions
        JOIN requests USING (request_id)
        WHERE purpose = 'daily' AND requested_at = (FROM morning)
    );
