-- What is told now of every flyby of which a revision was written after $since, beside what was told then. What came and
-- went in between cancels out. Flybys of days that were read for the first time are one row, with their number: after a
-- backfill they are all of history.
WITH touched AS (
    SELECT DISTINCT flyby_id, sources FROM revisions WHERE seen_from > $since
),
now_told AS (
    FROM revisions SEMI JOIN touched USING (flyby_id, sources) WHERE seen_to IS NULL
),
then_told AS (
    FROM revisions SEMI JOIN touched USING (flyby_id, sources)
    WHERE seen_from <= $since AND (seen_to > $since OR seen_to IS NULL)
),
changed AS (
    SELECT
        CASE
            WHEN n.change = 'withdrawn' THEN 'withdrawn'
            WHEN NOT n.listed THEN 'unlisted'
            WHEN t.flyby_id IS NULL AND d.first_observed_at > $since THEN 'first look'
            WHEN t.flyby_id IS NULL THEN 'new'
            WHEN NOT t.listed THEN 'relisted'
            ELSE 'revised'
        END AS kind,
        n.seen_from AS changed_at,
        n AS told,
        CASE WHEN t.flyby_id IS NOT NULL THEN t END AS told_before
    FROM now_told AS n
    LEFT JOIN then_told AS t USING (flyby_id, sources)
    LEFT JOIN days AS d ON d.day = n.close_approach_date
    WHERE n.listed OR t.listed OR n.change <> t.change
)
FROM (
    SELECT kind, 1 AS flybys, changed_at, told, told_before FROM changed WHERE kind <> 'first look'
    UNION ALL
    SELECT kind, count(*), NULL, NULL, NULL FROM changed WHERE kind = 'first look' GROUP BY kind
)
ORDER BY told.close_approach_date, told.designation, told.flyby_id;
