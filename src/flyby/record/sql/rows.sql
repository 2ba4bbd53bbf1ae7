-- The different rows that the staged answers list, as the rules want them: values as one fingerprint.
SELECT
    number, entity, id, aliases, day - DATE '1970-01-01', epoch_us(moment), cohort, firm, apart, preference, hash({values})
FROM staged_rows;
