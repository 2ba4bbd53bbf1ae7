-- What every source says now of the things that any tells of on the days near those asked for.
SELECT
    thing_id, source, revision, change, epoch_us(seen_from), NULL, request_id, epoch_us(asked_at), epoch_us(first_seen_at), listed,
    entity, ids, aliases, day - DATE '1970-01-01', epoch_us(moment), ordinal,
    [d - DATE '1970-01-01' for d in been_on], cohort, firm, apart, NULL, revision,
    hash({values})
FROM {schema}.revisions
WHERE seen_to IS NULL AND thing_id IN (
    SELECT thing_id FROM {schema}.revisions SEMI JOIN near USING (day) WHERE seen_to IS NULL
)
ORDER BY thing_id, source;
