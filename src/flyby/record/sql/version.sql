-- Whether there is a record, and whether there is one of schema 1.
SELECT count(*) FILTER (schema_name = '{schema}') > 0, count(*) FILTER (table_name = 'record_version') > 0
FROM duckdb_tables()
WHERE database_name = current_database();
