-- By table: how many rows it has, and how many of them, or of `other`'s, the other one lacks.
SELECT 'revisions' AS name, (SELECT count(*) FROM revisions) AS rows, count(*) AS differing
FROM (
    (FROM revisions EXCEPT ALL FROM other.main.revisions)
    UNION ALL
    (FROM other.main.revisions EXCEPT ALL FROM revisions)
)
UNION ALL
SELECT 'absences' AS name, (SELECT count(*) FROM absences) AS rows, count(*) AS differing
FROM (
    (FROM absences EXCEPT ALL FROM other.main.absences)
    UNION ALL
    (FROM other.main.absences EXCEPT ALL FROM absences)
)
UNION ALL
SELECT 'days' AS name, (SELECT count(*) FROM days) AS rows, count(*) AS differing
FROM (
    (FROM days EXCEPT ALL FROM other.main.days)
    UNION ALL
    (FROM other.main.days EXCEPT ALL FROM days)
)
UNION ALL
SELECT 'requests' AS name, (SELECT count(*) FROM requests) AS rows, count(*) AS differing
FROM (
    (FROM requests EXCEPT ALL FROM other.main.requests)
    UNION ALL
    (FROM other.main.requests EXCEPT ALL FROM requests)
)
