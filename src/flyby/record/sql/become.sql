-- The table becomes that of `other`, row by row; what is the same already is left alone. Of a row that is there too often
-- every copy goes, and as many as there should be come back.
DELETE FROM {table}
WHERE rowid IN (
    SELECT mine.rowid
    FROM (SELECT rowid, own AS said FROM {table} AS own) AS mine
    SEMI JOIN (SELECT row AS said FROM (FROM {table} EXCEPT ALL FROM other.{table}) AS row) AS odd
        ON odd.said IS NOT DISTINCT FROM mine.said
);

INSERT INTO {table} BY NAME
FROM other.{table}
EXCEPT ALL
FROM {table};
