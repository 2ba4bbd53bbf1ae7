-- What the record holds, and whether any of it is from the built-in sky. Counted from the tables, each in one go: the view
-- of beliefs would have to be made for all of history.
FROM
    (
        SELECT
            min(day) FILTER (observations > 0) AS first_day,
            max(day) FILTER (observations > 0) AS last_day,
            coalesce(sum(flybys), 0)::BIGINT AS listed
        FROM days
    ),
    (
        SELECT count(*) FILTER (seen_to IS NULL AND change = 'unlisted') AS unlisted, count(*) AS revisions
        FROM revisions
    ),
    (
        SELECT
            count(*) AS requests,
            max(requested_at) AS last_request_at,
            count(*) FILTER (requested_at > $now - INTERVAL 24 HOUR) AS requests_24h,
            coalesce(bool_or(simulated), false) AS simulated
        FROM requests
    );
