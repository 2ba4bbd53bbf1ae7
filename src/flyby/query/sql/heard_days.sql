-- Every day before $before that the primary source was asked about, and when a witness was last (NULL: never).
SELECT c.day, max(w.last_at) AS heard_at
FROM coverage AS c
JOIN sources AS s ON s.name = c.source AND s.role = 'primary'
LEFT JOIN coverage AS w ON w.day = c.day AND w.source IN (SELECT name FROM sources WHERE role = 'witness')
WHERE c.day < $before AND c.observations > 0
GROUP BY c.day
ORDER BY c.day;
