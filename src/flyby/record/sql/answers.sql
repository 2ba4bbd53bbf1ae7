-- The staged answers, as the rules want them.
SELECT
    source, epoch_us(requested_at) AS asked_at, request_id,
    window_start - DATE '1970-01-01' AS start, window_end - DATE '1970-01-01' AS "end", verdict <> 'rejected', note, doubt, listed
FROM staged_answers
ORDER BY requested_at, source, request_id;
