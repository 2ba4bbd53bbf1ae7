SELECT max(day) FROM days WHERE observations > 0;
