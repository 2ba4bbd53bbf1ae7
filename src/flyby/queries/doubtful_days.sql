-- The days that are suspect or missing, each with what was said of the last answer that was not believed for it.
SELECT d.day, d.state, r.note
FROM days AS d
LEFT JOIN requests AS r
    ON d.day BETWEEN r.window_start AND r.window_end
    AND (r.verdict = 'rejected' OR list_contains(r.suspect_days, d.day))
WHERE d.state IN ('suspect', 'missing')
QUALIFY row_number() OVER (PARTITION BY d.day ORDER BY r.requested_at DESC NULLS LAST, r.request_id DESC) = 1
ORDER BY d.day;
