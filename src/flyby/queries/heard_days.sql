-- When JPL was last heard about each day.
SELECT day, max(requested_at) AS heard_at
FROM (
    SELECT requested_at, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
    FROM requests
    WHERE source = 'cad' AND verdict <> 'rejected'
)
GROUP BY day;
