-- The staged answers that come too late: the record has others of the same reading, or a later one for days near theirs,
-- so that taking them in now would tell another story than taking all in as they were asked for.
SELECT DISTINCT s.request_id
FROM staged_answers AS s
JOIN {schema}.requests AS r
    ON (r.requested_at = s.requested_at AND r.source = s.source)
    OR (r.requested_at >= s.requested_at
        AND r.window_start <= s.window_end + 2 * {near_days} AND r.window_end >= s.window_start - 2 * {near_days});
