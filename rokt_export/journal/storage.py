"""The place of a journal, and the database engines for it."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from msgspec import Struct
from platformdirs import user_state_path
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)

from rokt_export.errors import JournalError, JournalGoneError, RoktExportError, UsageError
from rokt_export.journal.schema import SCHEMA
from rokt_export.private_folder import make_private
from rokt_export.redaction.sensitive_names import is_sensitive

T = TypeVar("T")

_SQLITE = {
    "SQLITE_FULL": ("the disk is full", "Free some space."),
    "SQLITE_IOERR": ("the disk cannot write or read the data", "Check the disk and its limits."),
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
        "Keep the file; rescue its contents with `sqlite3 FILE .recover`, and name a new one with --journal.",
    ),
    "SQLITE_NOTADB": ("the file is not a journal", "Name another with --journal; this one was left as it is."),
    "SQLITE_BUSY": ("another process has locked it", "Wait for that process to end, or name another with --journal."),
    "SQLITE_LOCKED": ("another process has locked it", "Wait for that process to end, or name another with --journal."),
}
_SQLSTATE = {
    "08": ("the database server cannot be reached", "Check its address and that it runs."),
    "28": (
        "the database server refused the user or the password",
        "Check the user in the --journal URL, and the password: there, in PGPASSWORD, or in ~/.pgpass.",
    ),
    "3D": ("the server has no such database", "Create it, or check the --journal URL."),
    "3F": (
        "the schema that the --journal URL names does not exist",
        "Create it (CREATE SCHEMA), or leave search_path out of the URL.",
    ),
    "42501": (
        "the database user lacks a permission",
        "Grant it CREATE on the database; or create a schema that it owns, and name it in the --journal URL: "
        "?options=-csearch_path%3DNAME",
    ),
    "53": ("the database server has run out of space or connections", "Relieve the server."),
    "25006": ("the database can only be read", "Name a server that allows writes."),
    "57": ("the database server closed the connection", "Check that it runs."),
    "TLS": (
        "there is no encrypted connection to the database server",
        "Check the server's TLS, and sslmode and sslrootcert of the --journal URL: verify-full needs the root "
        "certificate, in ~/.postgresql/root.crt or where sslrootcert says.",
    ),
    "PARAMETER": ("the database server's address has a parameter that cannot be used", "Check the --journal URL."),
}
_WITH_CAUSE = ("TLS", "PARAMETER")
"""Of these, the message of the driver or the server says more."""
_PRELUDE = re.compile(r"^(?:connection (?:failed|is bad): +)?(?:connection to server .*? failed: +)?(?:FATAL: +)?")
"""What psycopg and libpq put before the reason for which there is no connection."""
_PASSWORD = re.compile(r"((?:ssl)?password\s*=\s*)(?:'[^']*'|\S+)", re.IGNORECASE)
_SAID = (
    (re.compile(r"authentication failed|no password supplied|role \".*\" does not exist|no pg_hba\.conf entry"), "28"),
    (re.compile(r"database \".*\" does not exist"), "3D"),
    (re.compile(r"too many clients|connection slots|too many connections"), "53"),
    (
        re.compile(
            r"invalid (?:connection option|[a-z_]+ value|URI query parameter|integer value)"
            r"|unrecognized configuration parameter|invalid value for parameter"
        ),
        "PARAMETER",
    ),
    (re.compile(r"certificate|private key|does not support SSL"), "TLS"),  # and not a connection over TLS that is lost
    (re.compile(r"the database system is (?:starting up|shutting down|not (?:yet )?accepting|in recovery)"), "57"),
)
"""A server's message for a refused connection, and its SQLSTATE:
https://www.postgresql.org/docs/current/errcodes-appendix.html"""


@contextmanager
def translated(place: str, doing: str, *, settled: Callable[[], str] | None = None) -> Iterator[None]:
    """Convert errors of the database to a `JournalError` that says where and what to do.

    Args:
        place: the journal, as shown to the user.
        doing: the failed action, such as `written` in "cannot be written".
        settled: returns the settled rows, for the error; called only after a failure.

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


def steadily(
    attempt: Callable[[], T],
    *,
    patience: float,
    tell: Callable[[str], None],
    reconnect: Callable[[], None] = lambda: None,
) -> T:
    """Return what an attempt returns; if the server's connection is lost, reconnect and try again.

    Args:
        attempt: what to do, such as a transaction or a call of a journal. The lost one may have been committed.
        patience: seconds that the server may be away; one attempt is made in any case.
        tell: takes messages for a person.
        reconnect: called before each further attempt.

    Raises:
        JournalGoneError: the server did not come back.
    """
    away_since: float | None = None
    pause = _FIRST_WAIT
    while True:
        try:
            if away_since is not None:
                reconnect()
            result = attempt()
        except (SQLAlchemyError, JournalError) as error:
            cause = error.__cause__ if isinstance(error, JournalError) else error
            if isinstance(error, JournalGoneError) or not is_gone(cause):
                raise
            now = time.monotonic()
            if away_since is None:
                away_since = now
                tell(f"the journal's server went away: nothing is sent until it is back, for {patience:g} s at most")
            elif now - away_since >= patience:
                raise JournalGoneError(
                    f"the journal's server went away, and did not come back within {patience:g} s",
                    remedy="Check that it runs.",
                ) from error
        else:
            if away_since is not None:
                tell("the journal's server is back")
            return result
        time.sleep(pause)
        pause = min(_LONGEST_WAIT, 2 * pause)


def stalls_end(connection: Connection, seconds: float, *, scope: str = "LOCAL") -> None:
    """Let a server end this client's transactions in which it is silent for so long: its process was stopped.

    Else its locks would keep all other processes from writing until it wakes up.

    Args:
        connection: to a server.
        seconds: of silence.
        scope: `LOCAL` for this transaction, `SESSION` for all of the connection.
    """
    connection.exec_driver_sql(f"SET {scope} idle_in_transaction_session_timeout = {int(seconds * 1000)}")


def is_gone(error: BaseException | None) -> bool:
    """Return whether a database error means that the connection to a server was lost, or could not be made now."""
    if not isinstance(error, DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    name = _name(error)
    if name == _STALLED:
        return True
    lost = error.connection_invalidated or name.startswith(("08", "57P")) or name == "57"  # as `_SAID` has it
    return lost and isinstance(error, OperationalError | InterfaceError)


def is_busy(error: Exception) -> bool:
    """Return whether a database error means that another process holds the lock."""
    return _name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def is_damage(error: Exception) -> bool:
    """Return whether a database error means that pages of a SQLite file are damaged."""
    return _name(error).startswith("SQLITE_CORRUPT")


def _explained(error: Exception) -> tuple[str, str | None]:
    if isinstance(error, OSError):
        return error.strerror or str(error), "Check the folder's permissions, or name another journal with --journal."
    name = _name(error)
    for known, words in _SQLITE.items():
        if name.startswith(known):
            return words
    for known, words in _SQLSTATE.items():
        if name.startswith(known):
            return (f"{words[0]}: {_said(error)}", words[1]) if known in _WITH_CAUSE else words
    cause = getattr(error, "orig", None) or error
    said = _said(error)
    return said or type(cause).__name__, None


def _said(error: Exception) -> str:
    """Return the first line of what the driver or the server says, without passwords."""
    cause = getattr(error, "orig", None) or error
    return _PASSWORD.sub(r"\1***", _PRELUDE.sub("", str(cause).strip().partition("\n")[0]))


def _name(error: Exception) -> str:
    """Return SQLite's name of the error or PostgreSQL's SQLSTATE; empty if there is neither."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if cause is not None and type(cause).__module__.startswith("psycopg") and not getattr(cause, "sqlstate", None):
        # For a failed connection, psycopg has no SQLSTATE, only the server's message.
        said = str(cause)
        return next((state for words, state in _SAID if words.search(said)), "08")
    return str(getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or "")


VARIABLE = "ROKT_EXPORT_JOURNAL"
"""The environment variable with the path or URL of a journal."""

_STALLED = "25P03"
"""SQLSTATE of a transaction in which the client was silent for too long."""

PATIENCE = 30.0
"""Seconds to wait for another process's transaction; a batch takes milliseconds."""
_LOG_PATIENCE = 120.0
"""Seconds that a production run waits, before it starts, for readers of an older state, such as a backup."""
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 1.0
"""Seconds between attempts to reach a server that went away."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0001, 0.01
"""Seconds between attempts to get the lock."""

_KEYWORDS = re.compile(r"(?:^|\s)(?:host|hostaddr|dbname|user|password|service|sslpassword)\s*=")
"""PostgreSQL's keyword form of a database's address. Taken as the name of a file, it would reveal its password."""
_PLANS = "-cenable_seqscan=off -cjit=off"
"""Settings of a server's plans. It keeps a plan that it made while a table was empty, and would read the whole ledger
for each batch of rows. `jit` would compile what the first setting makes look expensive."""
_HIDDEN = "***"
_REMEDY = "Give a path, or a URL such as postgresql://host/database."


class Store(Struct, frozen=True):
    """An opened place.

    Attributes:
        shown: the place for a person, without its password.
        path: the SQLite file; None for a server.
        read_only: whether it can only be read.
        reading: engine whose transactions do not block others.
        writing: engine whose transactions hold the write lock from the start; with the execution option `durable` they
            wait for the disk. Shares the pool of `reading`.
        file: device and inode of the SQLite file.
        had_log: whether the SQLite file had a write-ahead log when it was opened.
    """

    shown: str
    path: Path | None
    read_only: bool
    reading: Engine
    writing: Engine
    file: tuple[int, int] | None = None
    had_log: bool = False

    @property
    def named(self) -> str:
        """The place as it is found again from any folder, without a password."""
        return self.shown if self.path is None else str(self.path.absolute())

    @property
    def is_there(self) -> bool:
        """Whether the file is still the one that was opened; data written to a removed file is lost."""
        return self.path is None or _file_at(self.path) == self.file


def default_place() -> str:
    """Return the default place of the journal: `$ROKT_EXPORT_JOURNAL`, else a file in the user's state folder."""
    return os.environ.get(VARIABLE) or str(user_state_path("rokt-export") / "journal.sqlite")


def resolve(place: str | Path | None) -> Path | URL:
    """Return a place as the path of a file or the URL of a server.

    Raises:
        UsageError: it is neither, or a URL of an unsupported database.
    """
    if place is None:
        place = default_place()
    if isinstance(place, Path) or "://" not in place:
        if _KEYWORDS.search(str(place)):
            raise UsageError("a journal's server is named by a URL, not by keywords", remedy=_REMEDY)
        if not str(place).strip() or "\0" in str(place):
            raise UsageError("the journal's place is empty or contains a NUL", remedy=_REMEDY)
        return Path(place).expanduser()
    return _resolve_url(place)


def _resolve_url(place: str) -> Path | URL:
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        # Without the cause, which may contain the URL with its password.
        raise UsageError("the journal's URL cannot be read", remedy=_REMEDY) from None
    system = url.get_backend_name()
    if system == "sqlite" and url.database and url.database != ":memory:":
        return Path(url.database).expanduser()
    if system in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    raise UsageError(f"a journal cannot be kept in `{url.drivername}`", remedy=_REMEDY)


def without_password(place: str) -> str:
    """Return a place without its passwords, so that it can be sent over a network."""
    found = resolve(place)
    if not isinstance(found, URL):
        return place
    secret = [name for name in found.query if is_sensitive(name)]
    bare = URL.create(found.drivername, found.username, None, found.host, found.port, found.database, found.query)
    return bare.difference_update_query(secret).render_as_string(hide_password=False)


def same_address(one: str, other: str) -> bool:
    """Return whether two places are the same but for their passwords."""
    try:
        return without_password(one) == without_password(other)
    except UsageError:
        return False


def shown(place: Path | URL) -> str:
    """Return a place for a person, without passwords, also without those in the query of a URL."""
    if not isinstance(place, URL):
        return str(place)
    hidden = {name: _HIDDEN for name in place.query if is_sensitive(name)}
    bare = place.set(drivername="postgresql")  # without the driver, which nobody writes
    shown = bare.update_query_dict(hidden).render_as_string(hide_password=True)
    return shown.replace(quote(_HIDDEN), _HIDDEN).replace("%2A%2A%2A", _HIDDEN)


def open_store(place: Path | URL) -> Store:
    """Return the opened place; a missing file and its folders are created, accessible only to their owner.

    Raises:
        JournalError: the place is a folder, or the database driver is not installed.
        OSError: the folder or file cannot be created.
    """
    if isinstance(place, URL):
        return _store(place, None, _server_engine(place), read_only=False)
    if place.is_dir():
        raise JournalError("the journal's place is a folder", remedy="Name a file with --journal.")
    had_log = _has_content(_beside(place, "-wal"))
    if had_log and not _has_content(place):
        raise JournalError(
            "a journal's log is beside this file, but the journal is missing: it was moved or copied without its log",
            remedy=f"Bring {place.name} back beside {place.name}-wal; or name another journal with --journal.",
        )
    _create_private(place)
    read_only = _only_readable(place)
    return _store(place, place, _file_engine(place, read_only), read_only=read_only, had_log=had_log)


def _store(place: Path | URL, path: Path | None, engine: Engine, *, read_only: bool, had_log: bool = False) -> Store:
    file = None if path is None else _file_at(path)
    return Store(shown(place), path, read_only, engine, engine.execution_options(writing=True), file, had_log)


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - asked with each batch: half the time of Path.stat
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _server_engine(url: URL) -> Engine:
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # errors are raised, and translated
    options = url.query.get("options", "")
    options = options if isinstance(options, str) else " ".join(options)
    if "search_path" not in options:
        # A journal of an earlier version is in `public`, and stays there.
        options = f"{options} -csearch_path={SCHEMA},public"
    try:
        # Positional parameters let the bulk statements pass plain tuples to the driver, as for SQLite. The encoding is
        # explicit because a database with encoding SQL_ASCII would return bytes.
        arguments = {"connect_timeout": 10, "client_encoding": "utf8", "options": f"{_PLANS} {options}".strip()}
        url = url.difference_update_query(["options"])
        return create_engine(url, paramstyle="format", hide_parameters=True, pool_pre_ping=True, connect_args=arguments)
    except (ImportError, NoSuchModuleError) as error:
        raise JournalError(
            "the PostgreSQL driver is not installed", remedy="Run `pip install 'rokt-export[cluster]'`."
        ) from error


def _file_engine(path: Path, read_only: bool) -> Engine:
    uri = f"file:{quote(str(path.absolute()))}"
    if read_only:
        uri += "?mode=ro"
        # In a read-only folder SQLite cannot create a WAL; without one, none is needed to read.
        if not _has_content(_beside(path, "-wal")):
            uri += "&immutable=1"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False, factory=_Connection
        )
        # Deleted content is overwritten, so that `purge` leaves nothing; no measurable cost.
        connection.execute("PRAGMA secure_delete = ON")
        # A slice of the ledger's entries fills some thousand pages of the log: by default each would write it back.
        connection.execute("PRAGMA wal_autocheckpoint = 8000")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, hide_parameters=True)
    event.listen(engine, "begin", _begin)
    return engine


class _Connection(sqlite3.Connection):
    """A connection that rolls back when it is closed.

    SQLite keeps a closed connection's transaction, and its write lock, until its last statement is freed. A statement
    that Ctrl-C interrupted stays alive in the traceback.
    """

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self.rollback()
        super().close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("writing"):
        use(connection, f"PRAGMA busy_timeout = {1000 * PATIENCE:.0f}")
        _on_driver(connection, "BEGIN")
        return
    use(connection, f"PRAGMA synchronous = {'FULL' if options.get('durable') else 'NORMAL'}")
    use(connection, "PRAGMA busy_timeout = 0")
    _begin_to_write(connection)


def use(connection: Connection, setting: str) -> None:
    """Apply a setting unless the driver's connection has it: another in the place of a broken one has none."""
    name = setting.partition("=")[0]
    if connection.info.get(name) != setting:
        _on_driver(connection, setting)
        connection.info[name] = setting


def _begin_to_write(connection: Connection) -> None:
    """Begin a transaction with the write lock: a later upgrade would fail if another one writes.

    SQLite would sleep up to 100 ms between attempts. Our transactions take less than a millisecond, so the lock is
    requested sooner again: 100,000 rows with two workers took 4.1 s instead of 4.6.
    """
    began = time.monotonic()
    while True:
        try:
            _on_driver(connection, "BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            waited = time.monotonic() - began
            if not is_busy(error) or waited > PATIENCE:
                raise
        else:
            return
        time.sleep(min(max(_FIRST_PAUSE, waited / 100), _LONGEST_PAUSE))


def pragma(connection: Connection, statement: str) -> tuple[object, ...] | None:
    """Run a PRAGMA or VACUUM on a SQLite connection, outside any transaction, and return its first row."""
    row: tuple[object, ...] | None = _on_driver(connection, statement).fetchone()
    return row


def _on_driver(connection: Connection, statement: str) -> sqlite3.Cursor:
    return _driver(connection).execute(statement)


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("this is for SQLite alone")
    return driver


def use_write_ahead_log(connection: Connection) -> None:
    """Switch a SQLite file to WAL, in which readers and a writer do not block each other and a commit is one append.

    If two processes switch at the same time, SQLite returns "busy" immediately, ignoring its timeout.
    """
    for _ in range(100):
        try:
            pragma(connection, "PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            time.sleep(0.05)
        else:
            return
    pragma(connection, "PRAGMA journal_mode = WAL")


def write_through(store: Store) -> None:
    """Copy committed data from the write-ahead log into the SQLite file; does nothing for a server.

    Then a copy of the file without its log still has the record of a production run, and refuses to send.

    The checkpoint is passive, which takes no lock that writers need, and repeated until the file has all frames that
    the log had at first; others may append meanwhile. A full checkpoint would wait until no one writes, and another
    run's workers could make it wait too long.

    Raises:
        JournalError: another process keeps reading an older state.
    """
    if store.path is None:
        return
    wanted = 0
    deadline = time.monotonic() + _LOG_PATIENCE
    with store.writing.connect() as connection:
        while True:
            busy, frames, copied = _on_driver(connection, "PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if not busy:  # busy: another process is copying
                wanted = wanted or frames
                if copied >= wanted or frames < wanted:  # a shorter log was restarted after all of it had been copied
                    return
            if time.monotonic() > deadline:
                raise JournalError(
                    "another process has been reading the journal for minutes, so its log cannot be written back",
                    remedy="Wait for that process to end: a backup, or a report of a large run.",
                )
            time.sleep(_LONGEST_PAUSE)


def copy(connection: Connection, path: Path, crashed: Sequence[int]) -> None:
    """Copy a snapshot of a SQLite file, including its log, to a new file.

    Args:
        connection: a connection to the file.
        path: the new file.
        crashed: numbers of the runs whose process is gone; they are marked in the copy, where it could not be checked.

    Raises:
        UsageError: the file exists.
        OSError: it cannot be written.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError as error:
        raise UsageError("this file exists", where=str(path), remedy="Choose another name.") from error
    try:
        with closing(sqlite3.connect(path)) as target:
            _driver(connection).backup(target)
            target.executemany("UPDATE run SET state = 'crashed' WHERE no = ?", [(number,) for number in crashed])
            target.commit()
    except BaseException:
        path.unlink()
        raise


def keep_private(path: Path) -> None:
    """Remove the permissions of group and others from the journal's files."""
    for file in (path, _beside(path, "-wal"), _beside(path, "-shm")):
        with suppress(FileNotFoundError):  # another process that closes the journal removes its log
            mode = file.stat().st_mode
            if stat.S_ISREG(mode) and mode & 0o077:  # a device that is named by mistake stays as it is
                file.chmod(0o600)


def _create_private(path: Path) -> None:
    make_private(path.parent)
    if not path.exists():
        # SQLite creates its -wal and -shm files with the permissions of the file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _only_readable(path: Path) -> bool:
    if not os.access(path, os.W_OK):
        return True
    return not os.access(path.parent, os.W_OK) and not _beside(path, "-wal").exists()


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):  # one look: another process that closes the journal removes its log
        return False
