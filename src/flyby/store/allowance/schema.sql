-- Made by whoever comes first; two at once would fail on each other.
SELECT pg_advisory_xact_lock(1718385250, 0);
CREATE SCHEMA IF NOT EXISTS flyby;
CREATE TABLE IF NOT EXISTS flyby.allowance (
    key text PRIMARY KEY,           -- a fingerprint
    left_now integer,               -- what may still be sent, at least; NULL = nobody knows
    least_said integer,             -- the least that answers said which crossed each other on the way
    said_at timestamptz             -- when the source last answered
);
CREATE TABLE IF NOT EXISTS flyby.requests_under_way (
    request bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    sent_at timestamptz NOT NULL,
    over_at timestamptz,            -- NULL = under way; those of the last hour are kept
    heard boolean NOT NULL DEFAULT false  -- whether the source said what is left
);

-- One request may be sent, or not: its number, else how many are under way and how long the source's hour still lasts.
CREATE OR REPLACE FUNCTION flyby.take(of_key text)
RETURNS TABLE (request bigint, under_way bigint, wait_s double precision) LANGUAGE plpgsql AS $$
DECLARE
    known flyby.allowance;
    waiting bigint;
    taken bigint;
    lost integer;
BEGIN
    INSERT INTO flyby.allowance (key) VALUES (of_key) ON CONFLICT DO NOTHING;
    SELECT * INTO known FROM flyby.allowance WHERE key = of_key FOR UPDATE;
    -- No request takes longer, whatever became of who sent it; the source may have counted it.
    UPDATE flyby.requests_under_way AS r
    SET over_at = clock_timestamp()
    WHERE r.key = of_key AND r.over_at IS NULL AND r.sent_at < clock_timestamp() - interval '90 seconds';
    GET DIAGNOSTICS lost = ROW_COUNT;
    known.least_said := known.least_said - lost;
    UPDATE flyby.allowance SET least_said = known.least_said WHERE key = of_key;
    DELETE FROM flyby.requests_under_way AS r
    WHERE r.key = of_key AND r.over_at < clock_timestamp() - interval '1 hour';
    SELECT count(*) INTO waiting FROM flyby.requests_under_way AS r WHERE r.key = of_key AND r.over_at IS NULL;
    -- With nothing under way, that is exactly what is left.
    IF waiting = 0 THEN
        known.left_now := coalesce(known.least_said, known.left_now);
    END IF;
    IF known.said_at < clock_timestamp() - interval '1 hour' THEN
        known.left_now := NULL;
    END IF;
    -- While nobody knows what is left, one request at a time finds out.
    IF known.left_now > 0 OR (known.left_now IS NULL AND waiting = 0) THEN
        INSERT INTO flyby.requests_under_way (key, sent_at)
        VALUES (of_key, clock_timestamp())
        RETURNING requests_under_way.request INTO taken;
        UPDATE flyby.allowance SET left_now = known.left_now - 1, least_said = NULL WHERE key = of_key;
    END IF;
    RETURN QUERY SELECT
        taken, waiting,
        extract(epoch FROM coalesce(known.said_at, clock_timestamp()) + interval '1 hour' - clock_timestamp())::float8;
END $$;

-- A request is over; `remaining` is what the source said is left, NULL if no answer came.
CREATE OR REPLACE FUNCTION flyby.answered(of_key text, this bigint, remaining integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    sent timestamptz;
    crossed integer;
    lost integer;
BEGIN
    PERFORM FROM flyby.allowance WHERE key = of_key FOR UPDATE;
    UPDATE flyby.requests_under_way
    SET over_at = clock_timestamp(), heard = remaining IS NOT NULL
    WHERE request = this
    RETURNING sent_at INTO sent;
    IF remaining IS NULL THEN
        UPDATE flyby.allowance SET least_said = least_said - 1 WHERE key = of_key;
    ELSE
        -- The source may not have counted these when it said so, and of some it will never be heard.
        SELECT count(*), count(*) FILTER (WHERE r.over_at IS NOT NULL AND NOT r.heard) INTO crossed, lost
        FROM flyby.requests_under_way AS r
        WHERE r.key = of_key AND r.request <> this AND (r.over_at IS NULL OR r.over_at > sent);
        UPDATE flyby.allowance
        SET said_at = clock_timestamp(), left_now = greatest(0, remaining - crossed),
            least_said = CASE WHEN crossed = 0 THEN remaining ELSE least(least_said, remaining - lost) END
        WHERE key = of_key;
    END IF;
END $$;
