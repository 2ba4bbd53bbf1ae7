-- How many rows the table has, and how many of them, or of `other`'s, the other one lacks.
SELECT (SELECT count(*) FROM {table}), count(*)
FROM (
    (FROM {table} EXCEPT ALL FROM other.{table})
    UNION ALL
    (FROM other.{table} EXCEPT ALL FROM {table})
);
