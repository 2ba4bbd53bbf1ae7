-- The record's tables. What is believed is never stored: it follows from these (beliefs.sql).
-- No primary keys and no ON CONFLICT: one writer takes in one sitting at a time, and a lake could not keep them.

CREATE TABLE record_version (schema_version INTEGER);
INSERT INTO record_version VALUES (1);

-- Every version of every flyby, one chain of revisions per flyby and source.
CREATE TABLE revisions (
    flyby_id VARCHAR,               -- designation@first data day, '#2' if the day had one before: stays when the flyby moves
    revision INTEGER,               -- 1, 2, … within the chain
    change VARCHAR,                 -- new | changed | unlisted | relisted | withdrawn
    seen_from TIMESTAMPTZ,          -- half open: from the answer that said so first …
    seen_to TIMESTAMPTZ,            -- … until the one that contradicted it; NULL = still so
    request_id VARCHAR,             -- the answer behind it
    first_seen_at TIMESTAMPTZ,      -- of the chain
    listed BOOLEAN,
    sources VARCHAR[],              -- the source of the chain
    designation VARCHAR,
    ordinal INTEGER,                -- 1 unless the object comes by twice on that day
    neo_id VARCHAR,
    neo_ids VARCHAR[],              -- every id the flyby was ever listed under
    name VARCHAR,
    close_approach_date DATE,
    close_approach_at TIMESTAMPTZ,
    orbiting_body VARCHAR,
    miss_distance_au DOUBLE,
    miss_distance_ld DOUBLE,
    miss_distance_km DOUBLE,
    relative_velocity_km_s DOUBLE,
    absolute_magnitude_h DOUBLE,
    diameter_min_m DOUBLE,
    diameter_max_m DOUBLE,
    is_potentially_hazardous BOOLEAN,
    is_sentry_object BOOLEAN
);

-- When a flyby that was listed stayed away from answers that cover its day.
CREATE TABLE absences (
    flyby_id VARCHAR,
    source VARCHAR,
    absent_from TIMESTAMPTZ,
    absent_to TIMESTAMPTZ,          -- NULL = still away
    last_seen_at TIMESTAMPTZ,       -- the last answer before that listed it
    answers INTEGER                 -- healthy answers without it so far
);

CREATE TABLE days (
    day DATE,
    first_observed_at TIMESTAMPTZ,
    last_observed_at TIMESTAMPTZ,
    observations INTEGER,
    flybys INTEGER,                 -- listed now
    state VARCHAR,                  -- missing | fresh | settling | settled | suspect
    last_changed_at TIMESTAMPTZ,    -- the last revision that touched the day
    doubted BOOLEAN,                -- the last answer of NeoWs for it is not believed
    cad_only INTEGER,               -- flybys that only JPL's CAD lists; NULL = it was not asked
    neows_only INTEGER              -- flybys that only NeoWs lists; NULL = JPL's CAD was not asked
);

CREATE TABLE requests (
    request_id VARCHAR,
    source VARCHAR,
    window_start DATE,
    window_end DATE,
    requested_at TIMESTAMPTZ,
    http_status INTEGER,
    rows INTEGER,
    bytes BIGINT,                   -- of the answer, uncompressed
    sha256 VARCHAR,
    verdict VARCHAR,                -- ok | partial | rejected
    note VARCHAR,
    raw_path VARCHAR,               -- relative to FLYBY_HOME
    comets INTEGER,                 -- listed by CAD and left out
    simulated BOOLEAN,              -- said by the built-in sky, not by NASA
    suspect_days DATE[]             -- the days on which a partial answer is not believed
);

-- Of a table that never held a row DuckLake asks Postgres for the figures again and again.
INSERT INTO absences (answers) VALUES (0);
DELETE FROM absences;
