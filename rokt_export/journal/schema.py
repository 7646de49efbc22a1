"""The journal's tables, their version, and the migrations from older versions."""

from __future__ import annotations

import hashlib
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
from rokt_export.journal import keys
from rokt_export.journal.damage import readable
from rokt_export.journal.driver import rows_of

SCHEMA = "rokt_export"
"""The schema of a new journal on a server, unless its URL names another (`?options=-csearch_path%3DNAME`)."""

VERSION = 6
"""The version of the schema that this program reads and writes."""

_LOCK = 0x726F6B74  # an arbitrary number for the advisory lock: "rokt"

# SQLite assigns ids only for a plain INTEGER key.
_Number = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

meta = Table(
    "journal_meta",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
"""`version`; `id`, random; `key`, the id of the ledger's key, since the first guarded run (the key itself is in another
file); `rows:…`, the attributes that identify a partner's rows; `systems:…`, the ledgers of one live system."""

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
    Column("owner", String(32), nullable=False),
    Column("place", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", Text, nullable=False),
    Column("heartbeat", String(24), nullable=False),
    sqlite_autoincrement=True,
)
"""`counts` is set when a run ends; before, rows are counted. `purged` is when personal data was removed."""

intent = Table(
    "intent",
    metadata,
    Column("no", _Number, Identity(), primary_key=True),
    Column("run_no", _Number, nullable=False, index=True),
    Column("rows", LargeBinary, nullable=False),
    Column("transactions", LargeBinary, nullable=False),
    Column("fingerprints", LargeBinary),
    Column("departures", LargeBinary),
    sqlite_autoincrement=True,
)
"""One batch of rows that may be sent; `departures` tells which of them did not, if its process is killed.

It is deleted when its rows are settled, so the table stays small. Numbers are never reused: a delivery settles a row of
a batch only if it has that batch's number or a later one."""

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
    Column("outcome", String(12), nullable=False),
    Column("run_no", BigInteger, nullable=False),
    Column("row", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The last outcome of a row in production; `unknown` without a response. `bulk` decides which outcome replaces which.
Entries outlive their runs."""

ledger_recent = Table(
    "ledger_recent",
    metadata,
    Column("no", _Number, Identity(), primary_key=True),
    Column("run_no", BigInteger, nullable=False),
    Column("entries", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""Batches of entries that are not in the ledger's table yet, see `ledger_entries`; on a server it is empty. Numbers
are never reused."""

earlier_outcome = Table(
    "earlier_outcome",
    metadata,
    Column("run_no", _Number, primary_key=True, autoincrement=False),
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("outcome", String(12), nullable=False),
    Column("status", SmallInteger),
    Column("rule", Text),
    Column("reason", Text),
    Column("reference", Text),
    Column("code", Text),
    Column("error", Text),
    sqlite_with_rowid=False,
)
"""The result of a row before a revision of its run; the revisions are a note of the run."""

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

lease = Table(
    "journal_lease",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("run_no", _Number, nullable=False),
    Column("target", LargeBinary, nullable=False, index=True),
    Column("part", Integer),
    Column("until", Float(53), nullable=False),
    Column("concurrency", Integer, nullable=False),
    Column("rate", Float(53), nullable=False),
    Column("most_concurrency", Integer, nullable=False),
    Column("most_rate", Float(53)),
    Column("processes", Integer, nullable=False),
    Column("told", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""The share of one process in what a partner bears, for a moment, see `leases`. `part` is what the process reads of its
run's input; None for the process that drives the run. `told` is how far it has come, as JSON."""

budget = Table(
    "journal_budget",
    metadata,
    Column("target", LargeBinary, primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("missed", Float(53), nullable=False),
    sqlite_with_rowid=False,
)
"""How many sends the rate of a partner would have allowed and nobody made, at a moment."""

shared_number = Table(
    "journal_number",
    metadata,
    Column("run_no", _Number, primary_key=True, autoincrement=False),
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Counts that the processes of a run share."""

Migrations = Mapping[int, Callable[[Connection], None]]


def _from_1(connection: Connection) -> None:
    """Move the key into its file, identify owners by a random id, and keep the outcome of each row in the ledger.

    The key is in its file before the transaction that removes it from the journal ends. Version 1 kept no fingerprints
    of rejected, failed and unclassified rows, so the ledger does not have them.
    """
    run_sql = connection.exec_driver_sql
    secret = bytes(connection.scalars(select(meta.c.value).where(meta.c.key == "secret")).one())
    keys.keep(secret)
    connection.execute(meta.delete().where(meta.c.key == "secret"))
    connection.execute(meta.insert(), [{"key": "key", "value": keys.id_of(secret)}, _new_id()])
    for name in connection.scalars(select(meta.c.key).where(meta.c.key.startswith("rows:"))).all():
        # It contained half of the partner's key.
        connection.execute(meta.update().where(meta.c.key == name).values(key=identities_name(bytes.fromhex(name[5:]))))
    run_sql("ALTER TABLE run ADD COLUMN owner VARCHAR(32) NOT NULL DEFAULT ''")
    run_sql("ALTER TABLE run ADD COLUMN place TEXT NOT NULL DEFAULT ''")
    run_sql("ALTER TABLE ledger ADD COLUMN outcome VARCHAR(12) NOT NULL DEFAULT 'unknown'")
    run_sql(
        "UPDATE ledger SET outcome = coalesce((SELECT outcome FROM delivery WHERE delivery.run_no = ledger.run_no "
        "AND delivery.\"row\" = ledger.\"row\" AND delivery.outcome = 'duplicate'), 'delivered') WHERE certain"
    )
    run_sql("ALTER TABLE ledger DROP COLUMN certain")


def _from_2(connection: Connection) -> None:
    """Add the table of revised outcomes."""
    earlier_outcome.create(connection)


def _from_3(connection: Connection) -> None:
    """Let a batch say where its departures are counted."""
    kind = "BLOB" if connection.dialect.name == "sqlite" else "BYTEA"
    connection.exec_driver_sql(f"ALTER TABLE intent ADD COLUMN departures {kind}")


def _from_4(connection: Connection) -> None:
    """Add what the processes of a cluster share."""
    for table in (lease, budget, shared_number):
        table.create(connection)


def _from_5(connection: Connection) -> None:
    """Add the ledger's recent entries."""
    ledger_recent.create(connection)


_VISIBLE = """\
SELECT count(*) FROM pg_catalog.pg_class
WHERE relname = %s AND relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.pg_table_is_visible(oid)"""

MIGRATIONS: Migrations = {1: _from_1, 2: _from_2, 3: _from_3, 4: _from_4, 5: _from_5}
"""Version to the migration to the next version. A migration is never changed."""


def version_of(connection: Connection) -> int | None:
    """Return the version of the database's schema; None for an empty database.

    Raises:
        JournalError: its tables are not those of a journal.
    """
    # Only the journal's schema is checked: a PostgreSQL database may contain other tables.
    if _is_there(connection, meta):
        value = connection.scalar(select(meta.c.value).where(meta.c.key == "version"))
        if value is None and connection.dialect.name == "postgresql":
            raise JournalError(
                "the database's table `journal_meta` is not that of a journal",
                remedy="Name a schema of its own in the --journal URL: ?options=-csearch_path%3DNAME",
            )
        with readable("the journal's version"):
            return int(value) if value is not None else None
    if connection.dialect.name == "sqlite" and inspect(connection).get_table_names():
        raise JournalError(
            "the file is an SQLite database, but not a journal",
            remedy="Name another file with --journal; this one was left as it is.",
        )
    return None


def _is_there(connection: Connection, table: Table) -> bool:
    """Return whether a table is visible. For a server, SQLAlchemy's inspector would keep each engine in memory."""
    if connection.dialect.name == "sqlite":
        return inspect(connection).has_table(table.name)
    return bool(connection.exec_driver_sql(_VISIBLE, (table.name,)).scalar_one())


def migrate(connection: Connection, migrations: Migrations = MIGRATIONS, target: int = VERSION) -> None:
    """Migrate the schema to `target`, within the caller's transaction; create it in an empty database.

    Raises:
        JournalError: the journal was written by a newer version of this program, or is not a journal.
    """
    if connection.dialect.name == "postgresql":
        # SQLite's write lock prevents two processes from creating the tables at once; a server needs an advisory lock.
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    present = version_of(connection)
    check_not_newer(present, target)
    if present is None:
        if connection.dialect.name == "postgresql":
            _choose_schema(connection)
        metadata.create_all(connection)
        connection.execute(
            meta.insert(),
            [{"key": "version", "value": str(target).encode()}, _new_id()],
        )
        return
    for number in range(present, target):
        migrations[number](connection)
    if present < target:
        connection.execute(meta.update().where(meta.c.key == "version").values(value=str(target).encode()))


def _choose_schema(connection: Connection) -> None:
    """Create the schema of a new journal, and let this transaction see no other; one that the URL names is there.

    Raises:
        JournalError: it has a table of another program that is called as one of the journal's.
    """
    path = str(connection.exec_driver_sql("SHOW search_path").scalar_one())
    if path.partition(",")[0].strip() == SCHEMA:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.exec_driver_sql(f"SET LOCAL search_path TO {SCHEMA}")
    if taken := sorted(table.name for table in metadata.sorted_tables if _is_there(connection, table)):
        raise JournalError(
            f"the database's schema has tables of another program: {', '.join(taken)}",
            remedy="Name a schema of its own in the --journal URL: ?options=-csearch_path%3DNAME; nothing was created.",
        )


def check_not_newer(present: int | None, target: int = VERSION) -> None:
    """Check that no newer version of this program wrote the journal.

    Raises:
        JournalError: a newer version did.
    """
    if present is not None and present > target:
        raise JournalError(
            f"the journal has version {present}, and this program knows versions up to {target}",
            remedy="Update rokt-export, or name another journal with --journal.",
        )


def id_of(connection: Connection) -> str:
    """Return the journal's id, which its copies share."""
    return bytes(connection.scalars(select(meta.c.value).where(meta.c.key == "id")).one()).decode()


def latest_intent(connection: Connection) -> int:
    """Return the number of the last batch ever written to a SQLite file, including deleted ones."""
    found = rows_of(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'intent'")
    return found[0][0] if found else 0


def latest_number(connection: Connection) -> int:
    """Return the highest number of a batch that was ever given out, also to a transaction that goes on or failed."""
    if connection.dialect.name == "sqlite":
        return latest_intent(connection)
    return int(connection.exec_driver_sql("SELECT last_value + is_called::int FROM intent_no_seq").scalar_one())


def identities_name(key: bytes) -> str:
    """Return the name in `meta` of a partner's identities; it contains the first half of the partner's key."""
    return f"rows:{hashlib.blake2b(key[:16], digest_size=16).hexdigest()}"


def systems_name(name: str) -> str:
    """Return the name in `meta` of a live system's ledgers; it contains the digest of one of the system's names."""
    return f"systems:{name[:32]}"


def _new_id() -> dict[str, object]:
    return {"key": "id", "value": secrets.token_hex(16).encode()}
