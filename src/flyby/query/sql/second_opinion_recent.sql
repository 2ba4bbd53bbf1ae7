-- How far the sources agree on the days $first to $last, of those that both were asked about, and on which of these days
-- NeoWs lacks so much of what JPL lists that it is not believed.
WITH compared AS (
    FROM days WHERE cad_only IS NOT NULL AND observations > 0 AND day BETWEEN $first AND $last
),
lacking AS (
    FROM compared WHERE state = 'suspect' AND NOT doubted
)
SELECT
    count(*) AS days,
    coalesce(sum(flybys - cad_only - neows_only), 0)::BIGINT AS in_both,
    coalesce(sum(neows_only), 0)::BIGINT AS neows_only,
    coalesce(sum(cad_only), 0)::BIGINT AS cad_only,
    (SELECT count(*) FROM lacking) AS lacking_days,
    (SELECT sum(cad_only)::BIGINT FROM lacking) AS lacking,
    (SELECT sum(flybys - neows_only)::BIGINT FROM lacking) AS lacking_of,
    (SELECT min(day) FROM lacking) AS lacking_first,
    (SELECT max(day) FROM lacking) AS lacking_last
FROM compared;
