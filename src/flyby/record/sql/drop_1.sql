-- All that flyby 0.1 made (schema 1).
DROP VIEW raw_asteroid_data;
DROP VIEW close_approaches;
DROP MACRO TABLE close_approaches_as_of;
DROP TABLE revisions;
DROP TABLE absences;
DROP TABLE days;
DROP TABLE requests;
DROP TABLE record_version;
