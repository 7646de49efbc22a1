"""What a journal holds and this program cannot decode: the error that says what it is, and in which run."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from rokt_export.errors import JournalError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

DAMAGE = (ValueError, struct.error, zlib.error, msgspec.MsgspecError)
"""What decoding a damaged value raises. A decoder checks the shape of JSON by its type: a KeyError or TypeError is a
fault of this program, and stays one."""


def damaged(what: str) -> JournalError:
    """Return the error for a value that cannot be decoded, such as `batch 7 of run 20261123-7k3f9q`."""
    return JournalError(
        f"{what} cannot be read: the journal is damaged",
        remedy="`rokt-export runs verify` lists what is damaged. Bring back a copy (`runs backup` makes them; of a "
        "server, `pg_dump`), or name another journal with --journal.",
    )


@contextmanager
def readable(what: str, of: tuple[Connection | Engine, int] | None = None) -> Iterator[None]:
    """Convert what decoding a damaged value raises.

    Args:
        what: the value, for a person.
        of: a connection to the journal, and the number of the run whose value it is; its id is added to `what`.

    Raises:
        JournalError: in place of `DAMAGE`.
    """
    try:
        yield
    except DAMAGE as error:
        raise damaged(what if of is None else f"{what} of run {_id_of(*of)}") from error


def _id_of(source: Connection | Engine, run_no: int) -> str:
    from sqlalchemy import Engine, select  # a recording is decoded without a database too

    from rokt_export.journal.schema import run

    if isinstance(source, Engine):
        with source.connect() as connection:
            return _id_of(connection, run_no)
    return str(source.scalar(select(run.c.id).where(run.c.no == run_no)) or f"no {run_no}")
