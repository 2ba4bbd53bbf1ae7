-- How many staged answers come too late: the record has a later one for the same days or days near them, or others of the
-- same sitting, so that taking them in now would tell another story than taking all in as they came. Days are near if
-- what is said of the one can matter to the other: a flyby moves by up to two, the sources may be two apart, and a day is
-- judged by the three around it.
SELECT count(*)
FROM (
    SELECT s.request_id
    FROM staged_answers AS s
    JOIN requests AS r
        ON r.requested_at >= s.requested_at
        AND r.window_start <= s.window_end + 12
        AND r.window_end >= s.window_start - 12
    UNION ALL
    SELECT request_id
    FROM staged_answers
    SEMI JOIN requests USING (requested_at, source)
);
