SELECT holder FROM (SELECT nextval('flyby.holder')::integer AS holder) AS mine, LATERAL pg_advisory_lock(1718385250, holder)
