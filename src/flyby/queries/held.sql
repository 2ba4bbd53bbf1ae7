-- What the record holds, and whether any of it is from the built-in sky. Counted from the tables: the view of beliefs
-- would have to be made for all of history.
SELECT
    (SELECT min(day) FROM days WHERE observations > 0) AS first_day,
    (SELECT max(day) FROM days WHERE observations > 0) AS last_day,
    (SELECT coalesce(sum(flybys), 0)::BIGINT FROM days) AS listed,
    (SELECT count(*) FROM revisions WHERE seen_to IS NULL AND change = 'unlisted') AS unlisted,
    (SELECT count(*) FROM revisions) AS revisions,
    (SELECT count(*) FROM requests) AS requests,
    (SELECT max(requested_at) FROM requests) AS last_request_at,
    (SELECT count(*) FROM requests WHERE requested_at > $now - INTERVAL 24 HOUR) AS requests_24h,
    (SELECT coalesce(bool_or(simulated), false) FROM requests) AS simulated;
