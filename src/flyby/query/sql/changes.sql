-- What is told now of every flyby of which a revision was written after $since, beside what was told then: by the source
-- that is shown first of those that list it. What came and went in between cancels out, and so does a second source that
-- says of a flyby what it likes beside the first. Flybys of days that their source was asked about for the first time are
-- one row, with their number: after a backfill they are all of history.
WITH touched AS (
    SELECT DISTINCT flyby_id FROM revisions WHERE seen_from > $since
),
-- What decides; the values are looked up at the end, of what is told.
told AS (
    SELECT
        r.flyby_id, r.sources, r.revision, r.change, r.listed, r.seen_from, r.seen_to, r.close_approach_date, s.priority
    FROM revisions AS r
    SEMI JOIN touched USING (flyby_id)
    JOIN sources AS s ON s.name = r.sources[1]
),
now_told AS (
    FROM told
    WHERE seen_to IS NULL
    QUALIFY row_number() OVER (PARTITION BY flyby_id ORDER BY listed DESC, priority) = 1
),
then_told AS (
    FROM told
    WHERE seen_from <= $since AND (seen_to > $since OR seen_to IS NULL)
    QUALIFY row_number() OVER (PARTITION BY flyby_id ORDER BY listed DESC, priority) = 1
),
asked_before AS (
    SELECT DISTINCT source, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
    FROM requests
    WHERE verdict <> 'rejected' AND recorded_at <= $since
),
changed AS (
    SELECT
        CASE
            WHEN n.change = 'withdrawn' THEN 'withdrawn'
            WHEN NOT n.listed THEN 'unlisted'
            WHEN t.flyby_id IS NULL AND a.day IS NULL THEN 'first look'
            WHEN t.flyby_id IS NULL THEN 'new'
            WHEN NOT t.listed THEN 'relisted'
            ELSE 'revised'
        END AS kind,
        n.flyby_id, n.sources, n.revision, t.sources AS sources_before, t.revision AS revision_before
    FROM now_told AS n
    LEFT JOIN then_told AS t USING (flyby_id)
    LEFT JOIN asked_before AS a ON a.day = n.close_approach_date AND a.source = n.sources[1]
    WHERE (n.listed OR t.listed OR n.change <> t.change)
        AND (n.sources[1], n.revision) IS DISTINCT FROM (t.sources[1], t.revision)
)
FROM (
    SELECT
        kind, 1 AS flybys, n.seen_from AS changed_at, n AS told,
        CASE WHEN t.flyby_id IS NOT NULL THEN t END AS told_before
    FROM changed AS c
    JOIN revisions AS n USING (flyby_id, sources, revision)
    LEFT JOIN revisions AS t
        ON t.flyby_id = c.flyby_id AND t.sources = c.sources_before AND t.revision = c.revision_before
    WHERE kind <> 'first look'
    UNION ALL
    SELECT kind, count(*), NULL, NULL, NULL FROM changed WHERE kind = 'first look' GROUP BY kind
)
ORDER BY told.close_approach_date, told.designation, told.flyby_id;
