-- All that schema.sql and beliefs.sql make.
DROP VIEW raw_asteroid_data;
DROP VIEW close_approaches;
DROP MACRO TABLE close_approaches_as_of;
DROP TABLE revisions;
DROP TABLE absences;
DROP TABLE days;
DROP TABLE requests;
DROP TABLE record_version;
