SELECT count(*) FROM {schema}.requests WHERE source IN (SELECT name FROM {schema}.sources WHERE role = 'primary') AND requested_at > $moment;
