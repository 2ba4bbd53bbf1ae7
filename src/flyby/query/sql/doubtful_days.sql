-- The days that are suspect or missing, each with what was said of the last answer that was not believed for it; a day
-- that is suspect because NeoWs lacks what JPL lists has no such word, but the two numbers.
SELECT
    d.day, d.state,
    CASE WHEN d.state = 'missing' OR d.doubted THEN r.note END AS note,
    d.cad_only,
    d.flybys - d.neows_only AS by_cad
FROM days AS d
LEFT JOIN requests AS r
    ON r.source IN (SELECT name FROM sources WHERE role = 'primary') AND d.day BETWEEN r.window_start AND r.window_end
    AND (r.verdict = 'rejected' OR list_contains(r.suspect_days, d.day))
WHERE d.state IN ('suspect', 'missing')
QUALIFY row_number() OVER (PARTITION BY d.day ORDER BY r.requested_at DESC NULLS LAST, r.request_id DESC) = 1
ORDER BY d.day;
