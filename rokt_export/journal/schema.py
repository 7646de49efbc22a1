"""The journal's tables, their version, and the way from each older version to this one."""

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

VERSION = 3
"""The schema this program reads and writes."""

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
"""`version`; `id`, random; `key`, by which the key of the ledger's digests is recognised, once a guarded run began (the
key itself is in a file elsewhere); `rows:…`, what tells a partner's rows apart; and
`systems:…`, the ledgers of one live system."""

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
    Column("outcome", String(12), nullable=False),
    Column("run_no", BigInteger, nullable=False),
    Column("row", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What production last answered to a row: one of the outcomes, `unknown` where no response came; see `bulk` for which
answer outweighs which. Outlives the runs that it speaks of."""

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
"""What a row was before a revision of its run gave it another outcome; the revisions are a note of the run."""

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


def _from_1(connection: Connection) -> None:
    """Move the key into its file, tell owners by a random id, and keep the outcome of each row in the ledger.

    The key is on disk in its file before the transaction that takes it out of the journal ends. Version 1 kept no
    fingerprint of rows that were rejected, failed or left unclassified: they stay unknown to the ledger.
    """
    run_sql = connection.exec_driver_sql
    secret = bytes(connection.scalars(select(meta.c.value).where(meta.c.key == "secret")).one())
    keys.keep(secret)
    connection.execute(meta.delete().where(meta.c.key == "secret"))
    connection.execute(meta.insert(), [{"key": "key", "value": keys.id_of(secret)}, _new_id()])
    for name in connection.scalars(select(meta.c.key).where(meta.c.key.startswith("rows:"))).all():
        # It was half of the partner's key.
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
    """Add the outcomes that were revised."""
    earlier_outcome.create(connection)


MIGRATIONS: Migrations = {1: _from_1, 2: _from_2}
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
            [{"key": "version", "value": str(target).encode()}, _new_id()],
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


def id_of(connection: Connection) -> str:
    """Return the journal's id, which its copies share."""
    return bytes(connection.scalars(select(meta.c.value).where(meta.c.key == "id")).one()).decode()


def latest_intent(connection: Connection) -> int:
    """Return the number of the last batch that was ever intended by a SQLite file, deleted ones included."""
    return connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'intent'").scalar() or 0


def identities_name(key: bytes) -> str:
    """Return under which key of `meta` a partner's identities are, by the first half of the partner's key."""
    return f"rows:{hashlib.blake2b(key[:16], digest_size=16).hexdigest()}"


def systems_name(name: str) -> str:
    """Return under which key of `meta` the ledgers of a live system are, by the digest of one of its names."""
    return f"systems:{name[:32]}"


def _new_id() -> dict[str, object]:
    return {"key": "id", "value": secrets.token_hex(16).encode()}
