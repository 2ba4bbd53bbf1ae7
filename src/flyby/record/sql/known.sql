-- What the record has taken in already is none of the batch.
DELETE FROM staged_answers WHERE request_id IN (SELECT request_id FROM requests);

DELETE FROM staged_observations WHERE request_id NOT IN (SELECT request_id FROM staged_answers);
