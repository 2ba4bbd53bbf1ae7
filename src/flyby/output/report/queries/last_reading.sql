-- The day of the last reading that was believed at least in part.
SELECT max(requested_at)::DATE
FROM requests
WHERE verdict <> 'rejected';
