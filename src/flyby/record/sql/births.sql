-- The things that were first seen on the days near those asked for, and are elsewhere or otherwise now.
SELECT DISTINCT thing_id
FROM {schema}.revisions
SEMI JOIN near USING (day)
WHERE revision = 1 AND seen_to IS NOT NULL;
