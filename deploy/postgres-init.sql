-- Beside Dagster's database, the catalog of the lake: each can be saved, restored and dropped without the other.
CREATE DATABASE flyby;
