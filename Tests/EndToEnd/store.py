"""Reads a store with nothing but SQLite, as anyone's program can."""

import sqlite3
import uuid


def query(path, sql, *values):
    """The rows of a query, as dictionaries; none where there is no store yet."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(sql, values)]
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        if "unable to open" in str(error) or "no such table" in str(error):
            return []
        raise


def sessions(path, stream=None):
    """The sessions of a stream, or all, oldest first."""
    rows = query(path, "SELECT * FROM sessions ORDER BY id")
    return [
        {**row, "uuid": str(uuid.UUID(bytes=row["uuid"])), "ended": row["ended_ns"] is not None}
        for row in rows if stream is None or row["stream"] == stream
    ]


def stored(path, stream):
    """Sequence and drop reason of each outcome of a stream, in the order in which they were stored."""
    return [
        (row["sequence"], row["drop_reason"])
        for row in query(
            path,
            "SELECT o.sequence, o.drop_reason FROM outcomes o JOIN sessions s ON s.id = o.session WHERE s.stream = ?"
            " ORDER BY o.rowid", stream)
    ]


def check_promise(path):
    """The promise, for every session of a store that nobody writes any more."""
    for session in sessions(path):
        rows = query(path, "SELECT * FROM outcomes WHERE session = ? ORDER BY rowid", session["id"])
        drops = sum(row["drop_reason"] is not None for row in rows)
        assert [row["sequence"] for row in rows] == list(range(len(rows))), session
        assert (session["poses"], session["drops"]) == (len(rows) - drops, drops), session
        assert session["next_sequence"] == len(rows), session
        if session["ended"]:
            assert session["frames"] == len(rows), session
