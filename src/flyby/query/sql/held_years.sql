-- The years of which every day was observed.
SELECT year(day) AS year
FROM {schema}.days
WHERE observations > 0
GROUP BY year(day)
HAVING count(*) = dayofyear(make_date(year(day), 12, 31))
ORDER BY year(day)
