-- The tables become those of `other`, row by row; what is the same already is left alone. Of a row that is there too
-- often every copy goes, and as many as there should be come back.

DELETE FROM revisions
WHERE rowid IN (
    SELECT mine.rowid
    FROM (SELECT rowid, revisions AS said FROM revisions) AS mine
    SEMI JOIN (SELECT row AS said FROM (FROM revisions EXCEPT ALL FROM other.main.revisions) AS row) AS odd
        ON odd.said IS NOT DISTINCT FROM mine.said
);

INSERT INTO revisions BY NAME
FROM other.main.revisions
EXCEPT ALL
FROM revisions;

DELETE FROM absences
WHERE rowid IN (
    SELECT mine.rowid
    FROM (SELECT rowid, absences AS said FROM absences) AS mine
    SEMI JOIN (SELECT row AS said FROM (FROM absences EXCEPT ALL FROM other.main.absences) AS row) AS odd
        ON odd.said IS NOT DISTINCT FROM mine.said
);

INSERT INTO absences BY NAME
FROM other.main.absences
EXCEPT ALL
FROM absences;

DELETE FROM days
WHERE rowid IN (
    SELECT mine.rowid
    FROM (SELECT rowid, days AS said FROM days) AS mine
    SEMI JOIN (SELECT row AS said FROM (FROM days EXCEPT ALL FROM other.main.days) AS row) AS odd
        ON odd.said IS NOT DISTINCT FROM mine.said
);

INSERT INTO days BY NAME
FROM other.main.days
EXCEPT ALL
FROM days;

DELETE FROM requests
WHERE rowid IN (
    SELECT mine.rowid
    FROM (SELECT rowid, requests AS said FROM requests) AS mine
    SEMI JOIN (SELECT row AS said FROM (FROM requests EXCEPT ALL FROM other.main.requests) AS row) AS odd
        ON odd.said IS NOT DISTINCT FROM mine.said
);

INSERT INTO requests BY NAME
FROM other.main.requests
EXCEPT ALL
FROM requests;
