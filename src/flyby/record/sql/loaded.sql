SELECT
    count(*) AS answers,
    coalesce(sum(rows), 0)::BIGINT AS rows,
    coalesce(list([window_start || '..' || window_end, note] ORDER BY request_id) FILTER (verdict = 'partial'), []) AS partial,
    coalesce(list([window_start || '..' || window_end, note] ORDER BY request_id) FILTER (verdict = 'rejected'), []) AS rejected
FROM {schema}.requests
SEMI JOIN staged_answers USING (request_id);
