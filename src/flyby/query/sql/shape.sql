-- What a record of today's form says of its flybys, in the columns that it is about to have.
CREATE OR REPLACE TEMP VIEW sources AS
FROM (VALUES ('neows', 'NASA NeoWs', 'primary', 1), ('cad', 'JPL CAD', 'witness', 2)) AS s(name, title, role, priority);

CREATE OR REPLACE TEMP VIEW close_approaches AS
SELECT
    r.*,
    NULL::DOUBLE AS miss_distance_min_ld, NULL::DOUBLE AS miss_distance_max_ld,
    NULL::DOUBLE AS miss_distance_min_km, NULL::DOUBLE AS miss_distance_max_km,
    NULL::DOUBLE AS close_approach_sigma_min, NULL::VARCHAR AS orbit_id
FROM revisions AS r
JOIN sources AS s ON s.name = r.sources[1]
WHERE r.seen_to IS NULL AND r.change <> 'withdrawn'
QUALIFY row_number() OVER (PARTITION BY r.flyby_id ORDER BY r.listed DESC, s.priority) = 1;
