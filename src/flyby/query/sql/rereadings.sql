-- Every two readings of the same recent days that follow each other within a day, and whether the later one said
-- anything new: the source changed its answers somewhere between the two, or it did not.
WITH read_days AS (
    SELECT requested_at, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
    FROM requests
    WHERE verdict = 'ok' AND source IN (SELECT name FROM sources WHERE role = 'primary')
        AND window_end BETWEEN requested_at::DATE - 16 AND requested_at::DATE + 16
),
pairs AS (
    SELECT day, requested_at, lag(requested_at) OVER (PARTITION BY day ORDER BY requested_at) AS read_before
    FROM (SELECT DISTINCT * FROM read_days)
),
changed AS (
    SELECT DISTINCT requested_at, close_approach_date AS day
    FROM revisions
    JOIN requests USING (request_id)
    WHERE sources[1] IN (SELECT name FROM sources WHERE role = 'primary')
)
SELECT
    p.read_before, p.requested_at, count(c.day) > 0 AS changed
FROM pairs AS p
LEFT JOIN changed AS c USING (requested_at, day)
WHERE p.requested_at - p.read_before < INTERVAL 23 HOUR
GROUP BY p.read_before, p.requested_at
ORDER BY p.requested_at, p.read_before;
