SELECT day, state, observations, flybys
FROM days
WHERE day >= $first
ORDER BY day;
