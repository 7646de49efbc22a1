"""What a database says, put into words that a user can act on."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from rokt_export.errors import JournalError, RoktExportError

_SQLITE = {
    "SQLITE_FULL": ("the disk is full", "Free some space."),
    "SQLITE_IOERR": ("the disk does not take or give the data", "Check the disk and its limits."),
    "SQLITE_READONLY": (
        "the journal can only be read",
        "Allow writing to the file and its folder, or name another with --journal.",
    ),
    "SQLITE_PERM": ("its permissions forbid it", "Allow access to the file, or name another with --journal."),
    "SQLITE_CANTOPEN": (
        "the file cannot be opened",
        "Check that its folder exists and may be written to, or name another with --journal.",
    ),
    "SQLITE_CORRUPT": (
        "the file is damaged",
        "Keep the file; rescue what it holds with `sqlite3 FILE .recover`, and name a new one with --journal.",
    ),
    "SQLITE_NOTADB": ("the file is not a journal", "Name another with --journal; this one was left as it is."),
    "SQLITE_BUSY": ("another process holds it", "Wait for that process to end, or name another with --journal."),
    "SQLITE_LOCKED": ("another process holds it", "Wait for that process to end, or name another with --journal."),
}
_SQLSTATE = {
    "08": ("the database server cannot be reached", "Check its address and that it runs."),
    "28": ("the database server refused the user or the password", "Check the --journal URL."),
    "3D": ("the server has no such database", "Create it, or check the --journal URL."),
    "42501": ("the database user lacks the right", "Grant it rights on the schema."),
    "53": ("the database server has run out of space or connections", "Relieve the server."),
    "25006": ("the database can only be read", "Name a server that takes writes."),
    "57": ("the database server shut the connection", "Check that it runs."),
}
_PASSWORD = re.compile(r"((?:ssl)?password\s*=\s*)(?:'[^']*'|\S+)", re.IGNORECASE)
_SAID = (
    (re.compile(r"authentication failed|no password supplied|role \".*\" does not exist|no pg_hba\.conf entry"), "28"),
    (re.compile(r"database \".*\" does not exist"), "3D"),
    (re.compile(r"too many clients|connection slots|too many connections"), "53"),
    (re.compile(r"the database system is (?:starting up|shutting down|not (?:yet )?accepting|in recovery)"), "57"),
)
"""What a server says of a connection that it refuses, and its SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html"""


@contextmanager
def translated(place: str, doing: str, *, settled: Callable[[], str] | None = None) -> Iterator[None]:
    """Turn whatever the database raises inside into a `JournalError` that says where and what to do.

    Args:
        place: the journal, as shown to the user.
        doing: what was attempted, as `written` in "cannot be written".
        settled: returns which rows are settled, for the error; asked only when something fails.

    Raises:
        JournalError: from the database's error, which stays its cause.
    """
    try:
        yield
    except JournalError as error:
        error.where = error.where or place
        raise
    except RoktExportError:
        raise
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        what, remedy = _explained(error)
        failed = JournalError(f"the journal cannot be {doing}: {what}", where=place, remedy=remedy)
        if settled is not None:
            failed.settled = settled()
        raise failed from error


def is_busy(error: Exception) -> bool:
    """Say whether a database error means that another process holds the lock just now."""
    return _name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _explained(error: Exception) -> tuple[str, str | None]:
    if isinstance(error, OSError):
        return error.strerror or str(error), "Check the folder's permissions, or name another journal with --journal."
    name = _name(error)
    for known, words in _SQLITE.items():
        if name.startswith(known):
            return words
    for known, words in _SQLSTATE.items():
        if name.startswith(known):
            return words
    cause = getattr(error, "orig", None) or error
    said = _PASSWORD.sub(r"\1***", str(cause).strip().partition("\n")[0])
    return said or type(cause).__name__, None


def _name(error: Exception) -> str:
    """Return SQLite's name of the error or PostgreSQL's SQLSTATE; empty where there is neither."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if cause is not None and type(cause).__module__.startswith("psycopg") and not getattr(cause, "sqlstate", None):
        # psycopg gives no SQLSTATE to a connection that could not be made, but what the server said, or that it broke.
        said = str(cause)
        return next((state for words, state in _SAID if words.search(said)), "08")
    return str(getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or "")
