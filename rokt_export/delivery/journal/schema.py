"""The journal's tables, their version, and the way from each older version to this one."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    func,
    inspect,
    select,
)

from rokt_export.errors import JournalError

VERSION = 1
"""The schema this program reads and writes."""

_SECRET_BYTES = 32
_LOCK = 0x726F6B74  # any number that nobody else locks: "rokt"

# SQLite gives automatic ids only to a plain INTEGER key.
_Number = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

meta = Table(
    "journal_meta",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
"""`version`; `rows:…`, what tells a partner's rows apart; and `secret`, the key of the ledger's hashes. That stands in
the journal, not in a file beside it, because a lost key would silently let every row through a second time."""

run = Table(
    "run",
    metadata,
    Column("no", _Number, Identity(), primary_key=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("name", Text),
    Column("command", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("production", Boolean, nullable=False),
    Column("spec_file", Text, nullable=False),
    Column("spec_sha256", Text, nullable=False),
    Column("events", LargeBinary, nullable=False),
    Column("options", LargeBinary, nullable=False),
    Column("started", String(24), nullable=False),
    Column("ended", String(24)),
    Column("state", String(12), nullable=False),
    Column("exit_status", Integer),
    Column("counts", LargeBinary),
    Column("purged", String(24)),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", Text, nullable=False),
    Column("heartbeat", String(24), nullable=False),
    sqlite_autoincrement=True,
)
"""`counts` is filled in when a run ends; before that they are counted. `purged` is when personal data was removed."""

intent = Table(
    "intent",
    metadata,
    Column("no", _Number, Identity(), primary_key=True),
    Column("run_no", _Number, nullable=False, index=True),
    Column("rows", LargeBinary, nullable=False),
    Column("transactions", LargeBinary, nullable=False),
    Column("fingerprints", LargeBinary),
    sqlite_autoincrement=True,
)
"""One batch of rows that may be sent. It goes when all of its rows are settled, so the table stays tiny. Numbers are
never given twice: a delivery settles a row of a batch only if it carries that batch's number or a later one."""

delivery = Table(
    "delivery",
    metadata,
    Column("run_no", _Number, primary_key=True, autoincrement=False),
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("intent_no", BigInteger, nullable=False),
    Column("transaction", Text, nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("status", SmallInteger),
    Column("rule", Text),
    Column("reason", Text),
    Column("reference", Text),
    Column("code", Text),
    Column("attempts", Integer, nullable=False),
    Column("latency_ms", Float(53)),
    Column("error", Text),
    Column("started", Float(53), nullable=False),
    Column("invented", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

ledger = Table(
    "ledger",
    metadata,
    Column("fingerprint", LargeBinary(16), primary_key=True),
    Column("certain", Boolean, nullable=False),
    Column("run_no", BigInteger, nullable=False),
    Column("row", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Rows that production has (`certain`) or may have (an answer never came). Outlives the runs it speaks of."""

recording = Table(
    "recording",
    metadata,
    Column("run_no", _Number, primary_key=True, autoincrement=False),
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

note = Table(
    "note",
    metadata,
    Column("run_no", _Number, primary_key=True, autoincrement=False),
    Column("key", String(200), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

Migrations = Mapping[int, Callable[[Connection], None]]

MIGRATIONS: Migrations = {}
"""Version to the step that leads from it to the next one. A step is written once and never changed."""


def version_of(connection: Connection) -> int | None:
    """Return the version of the schema that is there; None for an empty database.

    Raises:
        JournalError: there are tables, but they are not a journal's.
    """
    # Only our own schema is looked at: a PostgreSQL database may hold other people's tables beside the journal.
    if inspect(connection).has_table(meta.name):
        value = connection.scalar(select(meta.c.value).where(meta.c.key == "version"))
        return int(value) if value is not None else None
    if connection.dialect.name == "sqlite" and inspect(connection).get_table_names():
        raise JournalError(
            "the file is an SQLite database, but not a journal",
            remedy="Name another file with --journal; this one was left as it is.",
        )
    return None


def migrate(connection: Connection, migrations: Migrations = MIGRATIONS, target: int = VERSION) -> None:
    """Bring the schema to `target`, within the caller's transaction; an empty database gets it whole.

    Raises:
        JournalError: the journal was written by a newer version of this program, or holds something else.
    """
    if connection.dialect.name == "postgresql":
        # SQLite's write lock keeps two processes from creating the tables at once; here it takes a lock of our own.
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    present = version_of(connection)
    check_not_newer(present, target)
    if present is None:
        metadata.create_all(connection)
        connection.execute(
            meta.insert(),
            [
                {"key": "version", "value": str(target).encode()},
                {"key": "secret", "value": secrets.token_bytes(_SECRET_BYTES)},
            ],
        )
        return
    for number in range(present, target):
        migrations[number](connection)
    if present < target:
        connection.execute(meta.update().where(meta.c.key == "version").values(value=str(target).encode()))


def check_not_newer(present: int | None, target: int = VERSION) -> None:
    """Refuse a journal that a newer version of this program wrote.

    Raises:
        JournalError: it is newer.
    """
    if present is not None and present > target:
        raise JournalError(
            f"the journal has version {present}, and this program knows versions up to {target}",
            remedy="Update rokt-export, or name another journal with --journal.",
        )


def secret_of(connection: Connection) -> bytes:
    """Return the journal's secret, the key of its fingerprints."""
    value = connection.scalar(select(meta.c.value).where(meta.c.key == "secret"))
    if value is None:
        raise JournalError("the journal has lost its secret", remedy="Restore it from a copy.")
    return bytes(value)
