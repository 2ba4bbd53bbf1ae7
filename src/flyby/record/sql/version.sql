-- Whether there is a record, whether there is one of schema 1, and which others there are.
SELECT
    count(*) FILTER (schema_name = '{schema}') > 0,
    count(*) FILTER (table_name = 'record_version' AND '{own}' = 'flyby') > 0,
    list(DISTINCT schema_name) FILTER (schema_name LIKE '%_record' AND schema_name <> '{schema}')
FROM duckdb_tables()
WHERE database_name = current_database();
