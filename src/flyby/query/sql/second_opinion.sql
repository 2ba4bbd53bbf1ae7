-- What JPL was asked, and how far the two sources agree on the days that both were asked about, in one row.
WITH heard AS (
    FROM requests WHERE source IN (SELECT name FROM sources WHERE role = 'witness') AND verdict <> 'rejected'
),
refused AS (
    FROM requests
    WHERE source IN (SELECT name FROM sources WHERE role = 'witness') AND verdict = 'rejected'
        AND requested_at > coalesce((SELECT max(requested_at) FROM heard), '-infinity'::TIMESTAMPTZ)
),
compared AS (
    FROM days WHERE cad_only IS NOT NULL AND observations > 0
)
SELECT
    (SELECT max(requested_at) FROM heard) AS heard_at,
    (SELECT sum(comets)::INTEGER FROM heard WHERE requested_at = (SELECT max(requested_at) FROM heard)) AS comets,
    (SELECT max(requested_at) FROM refused) AS failed_at,
    (SELECT arg_max(note, (requested_at, request_id)) FROM refused) AS failed_because,
    min(day) AS first_day,
    max(day) AS last_day,
    count(*) AS days,
    coalesce(sum(flybys - cad_only - neows_only), 0)::BIGINT AS in_both,
    coalesce(sum(neows_only), 0)::BIGINT AS neows_only,
    coalesce(sum(cad_only), 0)::BIGINT AS cad_only
FROM compared;
