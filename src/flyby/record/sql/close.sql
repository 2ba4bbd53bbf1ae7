-- Revisions that are followed by others end.
UPDATE {schema}.revisions AS r
SET seen_to = c.seen_to
FROM closed AS c
WHERE r.thing_id = c.thing_id AND r.source = c.source AND r.revision = c.revision;
