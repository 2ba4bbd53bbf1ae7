-- How many staged answers come too late: the record has a later one for the same days or their neighbours, so that taking
-- the earlier one in now would tell another story than taking both in as they came.
SELECT count(*)
FROM staged_answers AS s
JOIN requests AS r
    ON r.requested_at >= s.requested_at
    AND r.window_start <= s.window_end + 4
    AND r.window_end >= s.window_start - 4;
