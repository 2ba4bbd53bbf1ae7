SELECT change, count(*)
FROM revisions
SEMI JOIN staged_answers USING (request_id)
GROUP BY change
ORDER BY change;
