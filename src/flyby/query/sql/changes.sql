-- What is told now of every flyby of which a revision was written after $since, beside what was told then: by NeoWs where
-- it lists the flyby, else by JPL. What came and went in between cancels out, and so does a second source that says of a
-- flyby what it likes beside the first. Flybys of days that their source was asked about for the first time are one row,
-- with their number: after a backfill they are all of history.
WITH touched AS (
    SELECT DISTINCT flyby_id FROM revisions WHERE seen_from > $since
),
now_told AS (
    FROM revisions SEMI JOIN touched USING (flyby_id)
    WHERE seen_to IS NULL
    QUALIFY row_number() OVER (PARTITION BY flyby_id ORDER BY listed DESC, sources[1] = 'neows' DESC) = 1
),
then_told AS (
    FROM revisions SEMI JOIN touched USING (flyby_id)
    WHERE seen_from <= $since AND (seen_to > $since OR seen_to IS NULL)
    QUALIFY row_number() OVER (PARTITION BY flyby_id ORDER BY listed DESC, sources[1] = 'neows' DESC) = 1
),
heard AS (
    SELECT DISTINCT window_start, window_end
    FROM requests
    WHERE source = 'cad' AND verdict <> 'rejected' AND requested_at <= $since
),
changed AS (
    SELECT
        CASE
            WHEN n.change = 'withdrawn' THEN 'withdrawn'
            WHEN NOT n.listed THEN 'unlisted'
            WHEN t.flyby_id IS NULL AND n.sources[1] = 'neows' AND d.first_observed_at > $since THEN 'first look'
            WHEN t.flyby_id IS NULL AND n.sources[1] = 'cad'
                AND NOT EXISTS (FROM heard WHERE n.close_approach_date BETWEEN window_start AND window_end)
                THEN 'first look'
            WHEN t.flyby_id IS NULL THEN 'new'
            WHEN NOT t.listed THEN 'relisted'
            ELSE 'revised'
        END AS kind,
        n.seen_from AS changed_at,
        n AS told,
        CASE WHEN t.flyby_id IS NOT NULL THEN t END AS told_before
    FROM now_told AS n
    LEFT JOIN then_told AS t USING (flyby_id)
    LEFT JOIN days AS d ON d.day = n.close_approach_date
    WHERE (n.listed OR t.listed OR n.change <> t.change)
        AND (n.sources[1], n.revision) IS DISTINCT FROM (t.sources[1], t.revision)
)
FROM (
    SELECT kind, 1 AS flybys, changed_at, told, told_before FROM changed WHERE kind <> 'first look'
    UNION ALL
    SELECT kind, count(*), NULL, NULL, NULL FROM changed WHERE kind = 'first look' GROUP BY kind
)
ORDER BY told.close_approach_date, told.designation, told.flyby_id;
