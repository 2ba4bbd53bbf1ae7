-- The rows of the days since $since that were followed while they were news, by when they came and when they last changed.
-- Ages are days after the end of the day, to the hundredth.
WITH followed AS (
    SELECT c.day, c.last_at
    FROM {schema}.coverage AS c
    JOIN {schema}.sources AS s ON s.name = c.source AND s.role = 'primary'
    -- A day that is first looked at later has no morning after.
    WHERE c.day >= $since AND c.first_at < (c.day + 2)::TIMESTAMPTZ AND c.last_at >= (c.day + 1)::TIMESTAMPTZ
        -- What a broken answer left out came when it was mended: that says nothing of how late the source is.
        AND c.day NOT IN (SELECT unnest(suspect_days) FROM {schema}.requests WHERE verdict = 'partial' AND source = c.source)
),
told AS (
    SELECT r.day, r.asked_at AS final_at, f.last_at, first.asked_at AS listed_at
    FROM followed AS f
    JOIN {schema}.revisions AS r ON r.day = f.day AND r.seen_to IS NULL AND r.listed AND NOT r.apart
    JOIN {schema}.sources AS s ON s.name = r.source AND s.role = 'primary'
    JOIN {schema}.revisions AS first ON first.thing_id = r.thing_id AND first.source = r.source AND first.revision = 1
)
SELECT
    day,
    round(date_diff('second', (day + 1)::TIMESTAMPTZ, listed_at) / 86400, 2) AS listed_age,
    round(date_diff('second', (day + 1)::TIMESTAMPTZ, final_at) / 86400, 2) AS final_age,
    round(date_diff('second', (day + 1)::TIMESTAMPTZ, last_at) / 86400, 2) AS until_age,
    count(*) AS rows
FROM told
GROUP BY ALL
ORDER BY ALL;
