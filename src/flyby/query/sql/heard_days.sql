-- Every day before $before that NeoWs was asked about, and when JPL was last heard about it (NULL: never).
SELECT day, max(requested_at) FILTER (source = 'cad') AS heard_at
FROM (
    SELECT source, requested_at, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
    FROM requests
    WHERE verdict <> 'rejected'
)
WHERE day < $before
GROUP BY day
HAVING bool_or(source = 'neows')
ORDER BY day;
