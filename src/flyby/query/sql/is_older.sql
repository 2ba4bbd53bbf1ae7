-- Up to schema 1 what is believed was a view.
SELECT 1 FROM duckdb_views() WHERE database_name = current_database() AND view_name = 'close_approaches';
