-- When that was asked for of which readings since `$since` found that it had been known earlier: without them it was not.
SELECT epoch_us(min(r.asked_at))
FROM {schema}.revisions AS r
JOIN {schema}.requests AS q USING (request_id)
WHERE r.seen_from < q.recorded_at AND r.asked_at < make_timestamptz($since) AND (r.source, r.seen_from) IN (
    SELECT (source, recorded_at) FROM {schema}.requests WHERE requested_at >= make_timestamptz($since)
);
