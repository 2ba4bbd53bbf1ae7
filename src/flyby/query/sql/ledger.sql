-- The ledger as planning needs it. refused_at: when the source was last asked for the day in vain, since it last was observed.
SELECT d.day, d.last_observed_at, d.state, max(r.requested_at) AS refused_at
FROM {schema}.days AS d
LEFT JOIN (
    SELECT requested_at, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
    FROM {schema}.requests
    WHERE source IN (SELECT name FROM {schema}.sources WHERE role = 'primary') AND verdict = 'rejected'
) AS r ON r.day = d.day AND (d.last_observed_at IS NULL OR r.requested_at > d.last_observed_at)
GROUP BY ALL
ORDER BY d.day
