-- The flybys of $designation as they are believed now, the earliest first; what was withdrawn is in their story only.
FROM close_approaches
WHERE designation = $designation
ORDER BY close_approach_date, close_approach_at NULLS LAST, flyby_id;
