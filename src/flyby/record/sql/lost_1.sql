-- The same, of a record of schema 1.
SELECT request_id FROM requests ANTI JOIN other.{schema}.requests USING (request_id);
