SELECT count(*) FROM requests WHERE source IN (SELECT name FROM sources WHERE role = 'primary') AND requested_at > $moment;
