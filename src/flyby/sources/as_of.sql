-- What was believed at `ts`, half open: what the record had by then. The same for ever, once `ts` is past.
CREATE OR REPLACE MACRO {believed}_as_of(ts) AS TABLE
FROM {prefix}believed_as_of(ts)
WHERE {only_here};
