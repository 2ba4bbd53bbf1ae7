-- The numbers that the asset checks of a declared API judge, in one row.
WITH told AS (
    FROM {schema}.revisions WHERE seen_to IS NULL AND change <> 'withdrawn'
)
FROM
    (
        SELECT
            $yesterday::DATE AS yesterday,
            max(things) FILTER (day = $yesterday::DATE) AS yesterday_rows,
            round(date_diff('second', max(last_observed_at) FILTER (day = $yesterday::DATE), $now) / 3600, 2)
                AS yesterday_age_h,
            count(*) FILTER (state = 'suspect') AS suspect_days
        FROM {schema}.days
    ),
    (SELECT count(*) AS rows FROM told),
    (
        SELECT coalesce(sum(rows - 1), 0)::BIGINT AS duplicates
        FROM (SELECT count(*) AS rows FROM told WHERE listed GROUP BY entity HAVING rows > 1)
    ),
    (
        SELECT
            count(*) FILTER (verdict = 'partial') AS partial,
            count(*) FILTER (verdict = 'rejected') AS rejected,
            list(window_start || '..' || window_end || ': ' || note ORDER BY window_start) FILTER (verdict = 'partial')
                AS partial_notes
        FROM {schema}.requests
        WHERE requested_at = (SELECT max(requested_at) FROM {schema}.requests)
    );
