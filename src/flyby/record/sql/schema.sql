-- The record's own tables, in the rules' words; people's names are views (face.sql).
-- No primary keys and no ON CONFLICT: one writer takes in one reading at a time, and a lake could not keep them.

CREATE SCHEMA {schema};

-- Who tells of the things, and the thresholds by which each is judged (flyby.sources.dataset says what each means).
CREATE TABLE {schema}.sources (
    name VARCHAR,
    title VARCHAR,
    role VARCHAR,                   -- primary | witness
    priority INTEGER,
    window_days INTEGER,
    move_days INTEGER,
    margin_days INTEGER,
    edge_minutes INTEGER,
    group_lost INTEGER,
    window_lost INTEGER,
    window_lost_share DOUBLE,
    window_lost_by_half INTEGER,
    day_lost INTEGER,
    long_lost_days INTEGER,
    few_a_day INTEGER,
    few_within_days INTEGER,
    few_since DATE,
    withdraw_answers INTEGER,
    withdraw_days DOUBLE
);

-- Every version of every thing, one chain of revisions per thing and source.
CREATE TABLE {schema}.revisions (
    thing_id VARCHAR,               -- entity@first day, '#2' if the day had one before: stays when the thing moves
    source VARCHAR,
    revision INTEGER,               -- 1, 2, … within the chain
    change VARCHAR,                 -- new | changed | unlisted | relisted | withdrawn
    seen_from TIMESTAMPTZ,          -- half open: from when the record had it …
    seen_to TIMESTAMPTZ,            -- … until it had what contradicts it; NULL = still so
    request_id VARCHAR,             -- the answer behind it
    asked_at TIMESTAMPTZ,           -- when that was asked for
    first_seen_at TIMESTAMPTZ,      -- of the chain
    listed BOOLEAN,
    entity VARCHAR,
    ids VARCHAR[],                  -- every id that it was ever listed under
    aliases VARCHAR[],              -- every other name
    day DATE,
    moment TIMESTAMPTZ,
    ordinal INTEGER,                -- 1 unless the entity comes by twice on that day
    been_on DATE[],                 -- every day that it was ever listed on
    cohort VARCHAR,                 -- what vanishes together
    firm BOOLEAN,                   -- its loss means something
    apart BOOLEAN,                  -- kept, and not counted with the rest
    {value_types}
);

-- When a thing that was listed stayed away from answers that cover its day.
CREATE TABLE {schema}.absences (
    thing_id VARCHAR,
    source VARCHAR,
    absent_from TIMESTAMPTZ,        -- when the first answer without it was asked for
    absent_to TIMESTAMPTZ,          -- NULL = still away
    last_seen_at TIMESTAMPTZ,       -- the last answer before that listed it
    answers INTEGER                 -- healthy answers without it so far
);

-- What each source was asked about each day.
CREATE TABLE {schema}.coverage (
    source VARCHAR,
    day DATE,
    first_at TIMESTAMPTZ,           -- the first accepted answer; NULL: asked in vain so far
    last_at TIMESTAMPTZ,
    observations INTEGER,
    doubted BOOLEAN                 -- the last answer for it is not believed
);

CREATE TABLE {schema}.days (
    day DATE,
    first_observed_at TIMESTAMPTZ,
    last_observed_at TIMESTAMPTZ,
    observations INTEGER,
    things INTEGER,                 -- listed now
    state VARCHAR,                  -- missing | fresh | settling | settled | suspect
    last_changed_at TIMESTAMPTZ,    -- the last revision that touched the day
    doubted BOOLEAN,                -- the primary source's last answer for it is not believed
    witness_only INTEGER,           -- things that only a witness lists; NULL = none was asked
    primary_only INTEGER            -- things that only the primary source lists; NULL = no witness was asked
);

CREATE TABLE {schema}.requests (
    request_id VARCHAR,
    source VARCHAR,
    window_start DATE,
    window_end DATE,
    requested_at TIMESTAMPTZ,
    recorded_at TIMESTAMPTZ,        -- when the record had it
    purpose VARCHAR,                -- daily | manual | backfill | comparison; NULL = not known
    tick DATE,                      -- the tick date that it was asked for
    http_status INTEGER,
    rows INTEGER,
    bytes BIGINT,                   -- of the answer, uncompressed
    sha256 VARCHAR,
    verdict VARCHAR,                -- ok | partial | rejected
    note VARCHAR,
    raw_path VARCHAR,               -- relative to FLYBY_HOME
    set_apart INTEGER,              -- rows that are kept apart
    simulated BOOLEAN,
    suspect_days DATE[]             -- the days on which a partial answer is not believed
);

-- Of a table that never held a row DuckLake asks Postgres for the figures again and again.
INSERT INTO {schema}.absences (answers) VALUES (0);
DELETE FROM {schema}.absences;
