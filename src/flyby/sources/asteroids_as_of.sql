-- What was believed at `ts`, half open: what the record had by then. The same for ever, once `ts` is past.
CREATE OR REPLACE MACRO close_approaches_as_of(ts) AS TABLE
FROM believed_as_of(ts)
WHERE {only_here};
