SELECT source, day - DATE '1970-01-01', epoch_us(first_at), epoch_us(last_at), observations, doubted
FROM {schema}.coverage
SEMI JOIN near USING (day);
