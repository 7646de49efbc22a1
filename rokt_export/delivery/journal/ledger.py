"""The ledger of what production has received, as keyed hashes that hold no personal data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, func, select

from rokt_export.delivery.journal.intents import FINGERPRINT_BYTES, chunks, open_rows
from rokt_export.delivery.journal.schema import intent, ledger
from rokt_export.exchange.model import OutcomeKind

RECEIVED = frozenset({OutcomeKind.DELIVERED, OutcomeKind.DUPLICATE})
"""Outcomes after which the partner certainly has the row."""

_LOOKUP = 500


def partner_key(secret: bytes, partner: str) -> bytes:
    """Return the key of one partner's fingerprints: the same row for two partners has two, which nobody can join."""
    return hashlib.blake2b(partner.encode(), key=secret, digest_size=32).digest()


def fingerprint(key: bytes, content: bytes) -> bytes:
    """Return the 16-byte keyed BLAKE2b (RFC 7693) of a row's canonical bytes."""
    return hashlib.blake2b(content, key=key, digest_size=FINGERPRINT_BYTES).digest()


def entered(connection: Connection, fingerprints: Sequence[bytes], *, certain: bool) -> set[bytes]:
    """Return those of the fingerprints that the ledger holds, as certain or as uncertain."""
    found: set[bytes] = set()
    for some in chunks(fingerprints, _LOOKUP):
        chosen = select(ledger.c.fingerprint).where(ledger.c.fingerprint.in_(some), ledger.c.certain.is_(certain))
        found.update(bytes(one) for one in connection.scalars(chosen))
    return found


def cut_off(connection: Connection, besides: int) -> set[bytes]:
    """Return the fingerprints of every open row of all runs but `besides`: production may have them."""
    others = select(intent.c.run_no).where(*_of_others(besides)).distinct()
    return {
        one.fingerprint
        for run_no in connection.scalars(others).all()
        for one in open_rows(connection, run_no).values()
        if one.fingerprint is not None
    }


class Elsewhere:
    """What `cut_off` finds, looked up again whenever a batch came or went: other runs may go on at the same time."""

    def __init__(self, besides: int) -> None:
        self._besides = besides
        self._seen: tuple[int | None, ...] = ()
        self._open: set[bytes] = set()

    def open(self, connection: Connection) -> set[bytes]:
        """Return the fingerprints; not to be changed."""
        batches = select(func.max(intent.c.no), func.count()).where(*_of_others(self._besides))
        seen = tuple(connection.execute(batches).one())
        if seen != self._seen:
            self._open = cut_off(connection, self._besides)
            self._seen = seen
        return self._open


def _of_others(besides: int) -> tuple[ColumnElement[bool], ...]:
    return intent.c.fingerprints.is_not(None), intent.c.run_no != besides


def withdraw(connection: Connection, fingerprints: Sequence[bytes]) -> None:
    """Take the doubt about rows off the ledger, a later answer having settled that they were not received."""
    for some in chunks(fingerprints, _LOOKUP):
        connection.execute(ledger.delete().where(ledger.c.fingerprint.in_(some), ledger.c.certain.is_(False)))
