-- What tells one state of the record from another: it stays the same as long as no flyby is new, changed or gone.
SELECT count(*) AS revisions, coalesce(bit_xor(hash(thing_id, revision, change, seen_from, seen_to)), 0)::VARCHAR AS hash
FROM {schema}.revisions
