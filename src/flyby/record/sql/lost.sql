-- The answers that `other` has not.
SELECT request_id FROM {schema}.requests ANTI JOIN other.{schema}.requests USING (request_id);
