SELECT 1 FROM duckdb_views() WHERE database_name = current_database() AND view_name = 'sources';
