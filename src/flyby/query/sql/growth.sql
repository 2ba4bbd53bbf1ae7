-- How the lists of days grew that were read from the start (no later than the day after): for every two ages that follow
-- each other in $ages, over the days that were read up to the older age, how many of the flybys listed now had been
-- read by the one and by the other. An age is the number of days from the data day to the reading.
WITH followed AS (
    SELECT day, date_diff('day', day, last_observed_at::DATE) AS read_until
    FROM days
    WHERE first_observed_at::DATE <= day + 1
),
found AS (
    SELECT close_approach_date AS day, date_diff('day', close_approach_date, first_seen_at::DATE) AS age
    FROM revisions
    WHERE seen_to IS NULL AND listed AND sources[1] IN (SELECT name FROM sources WHERE role = 'primary')
)
SELECT
    younger, older,
    count(DISTINCT day) AS days,
    count(*) FILTER (age <= younger) AS by_younger,
    count(*) FILTER (age <= older) AS by_older
FROM (SELECT unnest($ages[:-2]) AS younger, unnest($ages[2:]) AS older) AS steps
JOIN followed ON read_until >= older
JOIN found USING (day)
GROUP BY younger, older
ORDER BY younger;
