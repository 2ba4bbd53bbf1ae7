-- What was known earlier than the record said: a reading that was asked for later had been taken in before.
UPDATE {schema}.revisions AS r
SET
    seen_from = least(r.seen_from, l.seen_from),
    seen_to = least(r.seen_to, CASE WHEN r.seen_to IS NOT NULL THEN l.seen_from END),
    first_seen_at = least(r.first_seen_at, l.seen_from)
FROM (SELECT thing_id, source, min(seen_from) AS seen_from FROM lowered GROUP BY ALL) AS l
WHERE r.thing_id = l.thing_id AND r.source = l.source AND (r.seen_from > l.seen_from OR r.seen_to > l.seen_from);
