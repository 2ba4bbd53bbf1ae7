-- Every asteroid with all that it was ever called.
SELECT designation, list(DISTINCT name) AS names, list(DISTINCT id) AS ids
FROM (SELECT designation, name, unnest(list_append(neo_ids, neo_id)) AS id FROM revisions)
GROUP BY designation;
