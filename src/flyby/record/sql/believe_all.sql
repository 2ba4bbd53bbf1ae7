-- Everything that is believed, in the order in which it is looked for.
CREATE OR REPLACE TABLE {catalog}.main.{believed} AS
FROM {believed}_as_of('infinity'::TIMESTAMPTZ)
ORDER BY {day}, {moment} NULLS LAST, {thing_id};
