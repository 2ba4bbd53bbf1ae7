"""The columns that questions rely on, also where the record that is asked was written before it had them."""

import duckdb

from flyby.query.database import query_text


def shaped(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The same connection; where `close_approaches` has no `flyby_id` yet, a view of this connection alone stands in
    front of it, and one for `sources`."""
    columns = {name for name, *_ in connection.execute("DESCRIBE close_approaches").fetchall()}
    if "flyby_id" not in columns:
        connection.execute(query_text("shape"))
    return connection
