SELECT count(*) FROM requests ANTI JOIN other.main.requests USING (request_id)
