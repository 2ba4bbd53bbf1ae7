-- Which observed flyby is which known one.

CREATE OR REPLACE TEMP TABLE known AS
SELECT
    r.* REPLACE (coalesce(n.designation, r.designation) AS designation),
    a.request_id AS asked_by      -- NULL: beside the days asked for, so that a flyby can come from there
FROM revisions AS r
LEFT JOIN asked AS a ON a.day = r.close_approach_date
LEFT JOIN numbered AS n ON n.number = r.designation
WHERE r.seen_to IS NULL
    AND r.sources[1] = getvariable('source')
    AND r.close_approach_date IN (SELECT unnest([day - 2, day - 1, day, day + 1, day + 2]) FROM asked);

-- Where it was: the same designation on the same day.
CREATE OR REPLACE TEMP TABLE pairs AS
SELECT k.flyby_id, o.designation, o.close_approach_date, o.ordinal
FROM observed AS o
JOIN known AS k USING (designation, close_approach_date, ordinal);

-- Moved: the same designation up to two days away, if it left there. A day that was not asked for cannot say whether it
-- left, so it is taken to have, unless the flyby was on the new day before: then the two days list one each.
INSERT INTO pairs
SELECT k.flyby_id, o.designation, o.close_approach_date, o.ordinal
FROM (FROM observed ANTI JOIN pairs USING (designation, close_approach_date, ordinal)) AS o
JOIN (FROM known ANTI JOIN pairs USING (flyby_id)) AS k
    ON k.designation = o.designation
    AND abs(date_diff('day', k.close_approach_date, o.close_approach_date)) <= 2
WHERE k.asked_by IS NOT NULL OR NOT EXISTS (
    FROM revisions AS earlier
    WHERE earlier.flyby_id = k.flyby_id AND earlier.close_approach_date = o.close_approach_date
)
QUALIFY row_number() OVER (
        PARTITION BY o.designation, o.close_approach_date, o.ordinal
        ORDER BY NOT k.listed, abs(date_diff('day', k.close_approach_date, o.close_approach_date)), k.flyby_id
    ) = 1
    AND row_number() OVER (
        PARTITION BY k.flyby_id
        ORDER BY abs(date_diff('day', k.close_approach_date, o.close_approach_date)), o.close_approach_date, o.ordinal
    ) = 1;

CREATE OR REPLACE TEMP TABLE missing AS
FROM known ANTI JOIN pairs USING (flyby_id)
WHERE asked_by IS NOT NULL AND change <> 'withdrawn';
