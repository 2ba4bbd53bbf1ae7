SELECT thing_id, source, epoch_us(absent_from), epoch_us(last_seen_at), answers
FROM {schema}.absences
WHERE absent_to IS NULL AND thing_id IN (
    SELECT thing_id FROM {schema}.revisions SEMI JOIN near USING (day) WHERE seen_to IS NULL
);
