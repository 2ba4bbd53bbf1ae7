-- What people see of the record: their names for its words. Made anew whenever this text or the dataset changes.

CREATE OR REPLACE MACRO {own}_schema_version() AS {schema_version};
CREATE OR REPLACE MACRO {own}_record() AS '{record_id}';
CREATE OR REPLACE MACRO {own}_rules() AS '{rules}';

CREATE OR REPLACE VIEW {prefix}revisions AS
SELECT
    thing_id AS {thing_id}, revision, change, seen_from, seen_to, request_id, first_seen_at, listed, [source] AS sources,
    entity AS {entity}, ordinal, ids AS {ids}, {columns_but_entity}
FROM {schema}.revisions
WHERE NOT apart;

CREATE OR REPLACE VIEW {prefix}absences AS
SELECT thing_id AS {thing_id}, source, absent_from, absent_to, last_seen_at, answers FROM {schema}.absences;

CREATE OR REPLACE VIEW {prefix}coverage AS
FROM {schema}.coverage;

CREATE OR REPLACE VIEW {prefix}days AS
SELECT
    day, first_observed_at, last_observed_at, observations, things AS {things}, state, last_changed_at, doubted,
    witness_only AS {witness_only}, primary_only AS {primary_only}
FROM {schema}.days;

CREATE OR REPLACE VIEW {prefix}requests AS
SELECT
    request_id, source, window_start, window_end, requested_at, http_status, rows, bytes, sha256, verdict, note, raw_path,
    set_apart AS {set_apart}, simulated, suspect_days, purpose, tick, recorded_at
FROM {schema}.requests;

CREATE OR REPLACE VIEW {prefix}sources AS
FROM {schema}.sources;

-- Of one thing told by several sources, the values of the first of them that lists it are shown; the others' stand in
-- {prefix}revisions. What only a witness tells is the witness'.
CREATE OR REPLACE MACRO {prefix}believed_as_of(ts) AS TABLE
WITH looked AS (
    SELECT source, day, max(requested_at) AS last_at
    FROM (
        SELECT source, requested_at, unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day
        FROM {prefix}requests
        WHERE verdict <> 'rejected' AND recorded_at <= ts
    )
    GROUP BY ALL
),
told AS (
    SELECT
        r.*, s.priority, s.role,
        -- What an answer for other days lists, beyond its own, is seen by it and no look at its day.
        greatest(
            CASE WHEN a.absent_from <= l.last_at AND (a.absent_to > l.last_at OR a.absent_to IS NULL)
                THEN a.last_seen_at ELSE coalesce(l.last_at, r.seen_from) END,
            CASE WHEN r.listed THEN q.requested_at END
        ) AS last_seen_at
    FROM {prefix}revisions AS r
    JOIN {prefix}sources AS s ON s.name = r.sources[1]
    JOIN {prefix}requests AS q USING (request_id)
    LEFT JOIN looked AS l ON l.day = r.{day} AND l.source = r.sources[1]
    LEFT JOIN {prefix}absences AS a
        ON a.{thing_id} = r.{thing_id} AND a.source = r.sources[1]
        AND a.absent_from <= l.last_at AND (a.absent_to > l.last_at OR a.absent_to IS NULL)
    WHERE r.seen_from <= ts AND (r.seen_to > ts OR r.seen_to IS NULL) AND r.change <> 'withdrawn'
),
shared AS (
    SELECT
        {thing_id},
        list(sources[1] ORDER BY sources[1]) AS told_by,
        list(sources[1] ORDER BY sources[1]) FILTER (listed) AS listed_by,
        min(first_seen_at) AS first_seen_at,
        max(last_seen_at) AS last_seen_at
    FROM told
    GROUP BY {thing_id}
    HAVING count(*) > 1
),
witness AS (
    FROM told
    WHERE role = 'witness' AND listed AND ({says_witness})
    QUALIFY row_number() OVER (PARTITION BY {thing_id} ORDER BY priority) = 1
)
SELECT
    {shown},
    t.listed, coalesce(s.listed_by, s.told_by, t.sources) AS sources,
    coalesce(s.first_seen_at, t.first_seen_at) AS first_seen_at,
    coalesce(s.last_seen_at, t.last_seen_at) AS last_seen_at,
    t.revision, t.{thing_id}{shown_of_witness}
FROM told AS t
LEFT JOIN shared AS s USING ({thing_id})
LEFT JOIN witness AS w ON w.{thing_id} = s.{thing_id}
WHERE {only_here}
QUALIFY s.{thing_id} IS NULL OR row_number() OVER (PARTITION BY t.{thing_id} ORDER BY t.listed DESC, t.priority) = 1;

-- What was believed from when to when, for any tool: WHERE valid_from <= ts AND (valid_to > ts OR valid_to IS NULL).
CREATE OR REPLACE VIEW {believed}_history AS
WITH spans AS (
    SELECT {thing_id}, valid_from, lead(valid_from) OVER (PARTITION BY {thing_id} ORDER BY valid_from) AS valid_to
    FROM (SELECT DISTINCT {thing_id}, seen_from AS valid_from FROM {prefix}revisions)
),
told AS (
    SELECT r.*, s.priority, s.role, v.valid_from, v.valid_to
    FROM spans AS v
    JOIN {prefix}revisions AS r
        ON r.{thing_id} = v.{thing_id} AND r.seen_from <= v.valid_from
        AND (r.seen_to > v.valid_from OR r.seen_to IS NULL)
    JOIN {prefix}sources AS s ON s.name = r.sources[1]
    WHERE r.change <> 'withdrawn'
),
shared AS (
    SELECT
        {thing_id}, valid_from,
        list(sources[1] ORDER BY sources[1]) AS told_by,
        list(sources[1] ORDER BY sources[1]) FILTER (listed) AS listed_by,
        min(first_seen_at) AS first_seen_at
    FROM told
    GROUP BY ALL
),
witness AS (
    FROM told
    WHERE role = 'witness' AND listed AND ({says_witness})
    QUALIFY row_number() OVER (PARTITION BY {thing_id}, valid_from ORDER BY priority) = 1
)
SELECT
    {shown},
    t.listed, coalesce(s.listed_by, s.told_by) AS sources, s.first_seen_at, t.revision, t.{thing_id}{shown_of_witness},
    t.valid_from, t.valid_to
FROM told AS t
JOIN shared AS s ON s.{thing_id} = t.{thing_id} AND s.valid_from = t.valid_from
LEFT JOIN witness AS w ON w.{thing_id} = t.{thing_id} AND w.valid_from = t.valid_from
QUALIFY row_number() OVER (PARTITION BY t.{thing_id}, t.valid_from ORDER BY t.listed DESC, t.priority) = 1;
