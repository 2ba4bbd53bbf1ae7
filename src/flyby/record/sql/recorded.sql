-- When the readings of the answers in `undone` were taken in.
SELECT source, requested_at, min(recorded_at) FROM {schema}.requests SEMI JOIN undone USING (request_id) GROUP BY ALL;
