-- Who stays away, for how long, and who is back.
DELETE FROM {schema}.absences AS a
USING new_absences AS n
WHERE a.thing_id = n.thing_id AND a.source = n.source AND a.absent_from = n.absent_from;

INSERT INTO {schema}.absences BY NAME FROM new_absences;
