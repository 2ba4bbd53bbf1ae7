-- What the last reading changed.
SELECT r.change, r.entity AS key, r.day, r.moment
FROM {schema}.revisions AS r
JOIN {schema}.requests AS q USING (request_id)
WHERE q.requested_at = (SELECT max(requested_at) FROM {schema}.requests)
ORDER BY r.day DESC, r.moment DESC, r.entity
LIMIT $rows;
