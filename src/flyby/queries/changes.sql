-- What is told now of every flyby of which a revision was written after $since, beside what was told then. What came and
-- went in between cancels out.
WITH touched AS (
    SELECT DISTINCT flyby_id, sources FROM revisions WHERE seen_from > $since
),
now_told AS (
    FROM revisions SEMI JOIN touched USING (flyby_id, sources) WHERE seen_to IS NULL
),
then_told AS (
    FROM revisions SEMI JOIN touched USING (flyby_id, sources)
    WHERE seen_from <= $since AND (seen_to > $since OR seen_to IS NULL)
)
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
ORDER BY n.close_approach_date, n.designation, n.flyby_id;
