-- Month by month from $first on, of the days that both sources were asked about: how many flybys both list, and how many
-- only one of them.
SELECT
    date_trunc('month', day)::DATE AS month,
    count(*) AS days,
    sum(flybys - cad_only - neows_only)::BIGINT AS in_both,
    sum(neows_only)::BIGINT AS neows_only,
    sum(cad_only)::BIGINT AS cad_only
FROM days
WHERE cad_only IS NOT NULL AND observations > 0 AND day >= $first
GROUP BY month
ORDER BY month;
