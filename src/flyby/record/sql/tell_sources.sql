INSERT INTO {schema}.sources BY NAME FROM new_sources;
