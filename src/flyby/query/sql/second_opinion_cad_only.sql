-- Every flyby that JPL lists and NeoWs does not, on the days $first to $last, each with the first explanation that fits.
WITH lonely AS (
    SELECT
        c.*,
        -- Where the half-month of its discovery ends, as the designation has it: 2020 SK1 is of the second of September.
        CASE WHEN designation SIMILAR TO '[12][0-9]{3} [A-HJ-Y][A-Z][0-9]*' THEN make_date(
            left(designation, 4)::INTEGER, (instr('ABCDEFGHJKLMNOPQRSTUVWXY', designation[6])::INTEGER + 1) // 2, 1
        ) + CASE WHEN instr('ABCDEFGHJKLMNOPQRSTUVWXY', designation[6]) % 2 = 1 THEN 15 ELSE 31 END END AS found_by
    FROM revisions AS c
    JOIN sources AS s ON s.name = c.sources[1]
    WHERE c.seen_to IS NULL AND c.listed AND s.role = 'witness' AND c.close_approach_date BETWEEN $first AND $last
        AND NOT EXISTS (
            FROM revisions AS n
            WHERE n.flyby_id = c.flyby_id AND n.seen_to IS NULL AND n.listed AND n.sources[1] IN (SELECT name FROM sources WHERE role = 'primary')
        )
    -- Of several that list it, once.
    QUALIFY row_number() OVER (PARTITION BY c.flyby_id ORDER BY s.priority) = 1
),
listed_before AS (
    SELECT flyby_id
    FROM revisions
    SEMI JOIN lonely USING (flyby_id)
    WHERE seen_to IS NULL AND change <> 'withdrawn' AND sources[1] IN (SELECT name FROM sources WHERE role = 'primary')
),
elsewhere AS (
    -- NeoWs has the object within a month, on a day too far for the two to be taken for one flyby.
    SELECT l.flyby_id
    FROM lonely AS l
    JOIN revisions AS n USING (designation)
    WHERE n.seen_to IS NULL AND n.listed AND n.sources[1] IN (SELECT name FROM sources WHERE role = 'primary')
        AND abs(date_diff('day', n.close_approach_date, l.close_approach_date)) <= 31
        AND NOT EXISTS (
            FROM revisions AS c
            WHERE c.flyby_id = n.flyby_id AND c.seen_to IS NULL AND c.listed AND c.sources[1] IN (SELECT name FROM sources WHERE role = 'witness')
        )
),
groups AS (
    SELECT
        l.day,
        count(*) AS ids,
        count(*) FILTER (n.neo_id LIKE '2%') AS ids_2,
        count(*) FILTER (n.neo_id LIKE '3%') AS ids_3,
        count(*) FILTER (n.neo_id LIKE '54%') AS ids_54
    FROM (SELECT DISTINCT close_approach_date AS day FROM lonely) AS l
    JOIN revisions AS n ON n.close_approach_date BETWEEN l.day - 8 AND l.day + 8
    WHERE n.seen_to IS NULL AND n.listed AND n.sources[1] IN (SELECT name FROM sources WHERE role = 'primary')
    GROUP BY l.day
)
SELECT
    l.designation, l.name, l.close_approach_date, l.close_approach_at, l.miss_distance_km,
    l.miss_distance_ld,
    CASE
        WHEN d.observations IS NULL OR d.observations = 0 THEN 'NeoWs was not asked about its day'
        WHEN g.ids >= 8 AND ids_54 = 0 THEN 'NeoWs lists no 54… id for the days around'
        WHEN g.ids >= 8 AND ids_3 = 0 THEN 'NeoWs lists no 3… id for the days around'
        WHEN g.ids >= 8 AND ids_2 = 0 THEN 'NeoWs lists no 2… id for the days around'
        WHEN d.doubted THEN 'NeoWs'' answer for its day is not believed'
        WHEN l.flyby_id IN (FROM listed_before) THEN 'NeoWs listed it before'
        WHEN l.flyby_id IN (FROM elsewhere) THEN 'NeoWs has it on another day'
        WHEN l.absolute_magnitude_h IS NULL THEN 'without a magnitude, as comets are'
        WHEN l.miss_distance_au > 0.499 THEN 'at the edge of what NeoWs lists'
        WHEN l.found_by >= d.last_observed_at::DATE THEN 'found about when NeoWs was last asked, or later'
        WHEN regexp_full_match(l.designation, '[0-9]+') THEN 'numbered, and unknown to NeoWs'
        WHEN d.state = 'suspect' THEN 'one of many that NeoWs leaves out on its day'
        ELSE 'unexplained'
    END AS category
FROM lonely AS l
LEFT JOIN days AS d ON d.day = l.close_approach_date
LEFT JOIN groups AS g ON g.day = l.close_approach_date
ORDER BY l.close_approach_date, l.close_approach_at NULLS LAST, l.designation;
