-- Everything that was ever said of the flybys of $designation: flyby by flyby, source by source, version by version, with
-- the answer behind each.
SELECT r.*, s.name AS source, s.title, s.priority, q.verdict, q.raw_path
FROM revisions AS r
JOIN sources AS s ON s.name = r.sources[1]
LEFT JOIN requests AS q USING (request_id)
WHERE r.designation = $designation
ORDER BY min(r.close_approach_date) OVER (PARTITION BY r.flyby_id), r.flyby_id, s.priority, r.revision;
