-- The record's own tables, whatever columns they have. What people see is made anew over the new ones.
DROP TABLE {catalog}.main.{believed};
DROP TABLE {schema}.sources;
DROP TABLE {schema}.revisions;
DROP TABLE {schema}.absences;
DROP TABLE {schema}.coverage;
DROP TABLE {schema}.days;
DROP TABLE {schema}.requests;
DROP SCHEMA {schema};
