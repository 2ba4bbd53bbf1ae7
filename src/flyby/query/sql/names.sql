-- The names of what the record shows: its tables, and the macros that give one.
SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND database_name = current_database() AND NOT internal
UNION
SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND database_name = current_database() AND NOT internal
UNION
SELECT function_name
FROM duckdb_functions()
WHERE function_type = 'table_macro' AND schema_name = 'main' AND database_name = current_database() AND NOT internal;
