-- How often what was said later stayed inside the range, 3-sigma, that the witness had given: by what it says now itself
-- (`revised`), and by what the primary source says now (`other`); by how old the orbit was, that is how long after the
-- half-month of its discovery, as the designation has it, the witness was asked.
-- A distance has changed if it differs by more than one in 100 million (of an unchanged orbit the two sources write the
-- same ten digits), a time if the minute does. A time is inside if it is off by no more than the uncertainty and the
-- minute to which both are rounded.
WITH witnessed AS (
    SELECT r.*, q.requested_at
    FROM revisions AS r
    JOIN requests AS q USING (request_id)
    WHERE r.sources[1] IN (SELECT name FROM sources WHERE role = 'witness') AND r.listed
        AND r.miss_distance_min_au IS NOT NULL AND r.miss_distance_max_au IS NOT NULL
),
pairs AS (
    SELECT 'revised' AS against, w AS said, n.miss_distance_au AS later_au, n.close_approach_at AS later_at
    FROM witnessed AS w
    JOIN revisions AS n ON n.flyby_id = w.flyby_id AND n.sources = w.sources AND n.revision > w.revision
    WHERE n.seen_to IS NULL AND n.change <> 'withdrawn'
    UNION ALL
    SELECT 'other', w, n.miss_distance_au, n.close_approach_at
    FROM witnessed AS w
    JOIN revisions AS n ON n.flyby_id = w.flyby_id AND n.sources[1] IN (SELECT name FROM sources WHERE role = 'primary')
    WHERE w.seen_to IS NULL AND n.seen_to IS NULL AND n.listed
),
judged AS (
    SELECT
        against,
        CASE WHEN said.designation SIMILAR TO '[12][0-9]{3} [A-HJ-Y][A-Z][0-9]*' THEN date_diff('day', make_date(
            left(said.designation, 4)::INTEGER,
            (instr('ABCDEFGHJKLMNOPQRSTUVWXY', said.designation[6])::INTEGER + 1) // 2, 1
        ), said.requested_at::DATE) END AS age_days,
        abs(later_au - said.miss_distance_au) > 1e-8 * said.miss_distance_au AS is_moved,
        later_au BETWEEN said.miss_distance_min_au * (1 - 1e-8) AND said.miss_distance_max_au * (1 + 1e-8) AS is_inside,
        abs(date_diff('minute', said.close_approach_at, later_at)) AS off_min,
        said.close_approach_sigma_min AS sigma_min
    FROM pairs
)
SELECT
    against,
    CASE
        WHEN age_days IS NULL THEN 'not known'
        WHEN age_days < 60 THEN 'under two months'
        WHEN age_days < 366 THEN 'under a year'
        WHEN age_days < 3653 THEN 'under ten years'
        ELSE 'ten years and more'
    END AS orbit_age,
    count(*) AS pairs,
    count(*) FILTER (is_moved) AS distances_changed,
    count(*) FILTER (is_moved AND NOT is_inside) AS distances_outside,
    count(*) FILTER (off_min >= 1) AS times_changed,
    count(*) FILTER (off_min > sigma_min + 1) AS times_outside
FROM judged
GROUP BY ALL
ORDER BY against, min(coalesce(age_days, 1000000));
