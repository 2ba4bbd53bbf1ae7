-- The tables become those of `other`, row by row; what is the same already is left alone.

DELETE FROM revisions
WHERE rowid IN (
    SELECT mine.rowid
    FROM (SELECT rowid, revisions AS said FROM revisions) AS mine
    ANTI JOIN (SELECT revisions AS said FROM other.main.revisions) AS theirs ON theirs.said IS NOT DISTINCT FROM mine.said
);

INSERT INTO revisions BY NAME
FROM other.main.revisions
EXCEPT ALL
FROM revisions;

DELETE FROM absences
WHERE rowid IN (
    SELECT mine.rowid
    FROM (SELECT rowid, absences AS said FROM absences) AS mine
    ANTI JOIN (SELECT absences AS said FROM other.main.absences) AS theirs ON theirs.said IS NOT DISTINCT FROM mine.said
);

INSERT INTO absences BY NAME
FROM other.main.absences
EXCEPT ALL
FROM absences;

DELETE FROM days
WHERE rowid IN (
    SELECT mine.rowid
    FROM (SELECT rowid, days AS said FROM days) AS mine
    ANTI JOIN (SELECT days AS said FROM other.main.days) AS theirs ON theirs.said IS NOT DISTINCT FROM mine.said
);

INSERT INTO days BY NAME
FROM other.main.days
EXCEPT ALL
FROM days;

DELETE FROM requests
WHERE rowid IN (
    SELECT mine.rowid
    FROM (SELECT rowid, requests AS said FROM requests) AS mine
    ANTI JOIN (SELECT requests AS said FROM other.main.requests) AS theirs ON theirs.said IS NOT DISTINCT FROM mine.said
);

INSERT INTO requests BY NAME
FROM other.main.requests
EXCEPT ALL
FROM requests;
