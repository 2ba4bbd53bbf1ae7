SELECT to_regprocedure('flyby.answered(text, bigint, integer)') IS NOT NULL
