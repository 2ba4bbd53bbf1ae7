-- The readings that the record has since `$since`: their moments, and their windows.
SELECT source, epoch_us(requested_at), request_id, window_start - DATE '1970-01-01', window_end - DATE '1970-01-01'
FROM {schema}.requests
WHERE requested_at >= make_timestamptz($since)
ORDER BY requested_at;
