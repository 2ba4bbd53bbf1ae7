-- Of each source, who was asked, when last, and what was thought of the answers of that reading.
SELECT s.name AS source, s.title, s.role, q.requested_at AS asked_at, q.verdict, q.note, q.simulated
FROM (
    SELECT
        source, requested_at, bool_or(coalesce(simulated, false)) AS simulated,
        CASE WHEN bool_or(verdict = 'rejected') THEN 'rejected' WHEN bool_or(verdict = 'partial') THEN 'partial' ELSE 'ok' END
            AS verdict,
        arg_min(note, request_id) FILTER (note IS NOT NULL) AS note
    FROM requests
    GROUP BY source, requested_at
    QUALIFY row_number() OVER (PARTITION BY source ORDER BY requested_at DESC) = 1
) AS q
JOIN sources AS s ON s.name = q.source
ORDER BY s.priority;
