SELECT coalesce(bool_or(simulated), false) FROM requests;
