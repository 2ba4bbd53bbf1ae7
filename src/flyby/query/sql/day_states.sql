SELECT state, count(*)
FROM days
GROUP BY state
ORDER BY list_position(['settled', 'settling', 'fresh', 'suspect', 'missing'], state);
