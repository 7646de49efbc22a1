"""The records of runs: makes ids, finds a run by what a user types, and determines whether it is running."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from rokt_export.errors import JournalError, UsageError, nearest
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import queries, revisions
from rokt_export.journal.column_types import check_types
from rokt_export.journal.damage import readable
from rokt_export.journal.intents import open_rows
from rokt_export.journal.note_kinds import NoteKind
from rokt_export.journal.run_info import RunInfo, RunState, as_moment, as_text, now
from rokt_export.journal.schema import run

TAKEN_OVER: NoteKind[int] = NoteKind("taken_over", int)
"""The last batch before a run was resumed."""
_SILENCE = timedelta(minutes=2)
"""The silence after which a process that cannot be inspected counts as crashed. Writers send a heartbeat every few
seconds, and clocks must agree only to this precision."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that drives a run.

    Attributes:
        id: random; identifies the owner of a run.
        host: the host's name, for people.
        pid: the process number.
        started: an opaque start time, comparable only within one `place`.
        place: the boot and process namespace of the number; empty if not known.
    """

    id: str
    host: str
    pid: int
    started: str
    place: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def is_alive(self, heard: datetime, at: datetime) -> bool:
        """Return whether the process is alive: by its number on this machine, else by its last heartbeat.

        Two containers may have the same host name and a process 1 each. A heartbeat from the future is ignored: a clock
        was changed.
        """
        if self.place and self.place == _place():
            lives = _lives(self.pid, self.started)
            if lives is not None:
                return lives
        return abs(at - heard) < _SILENCE


def this_process() -> Process:
    """Return the current process."""
    return _process(os.getpid())


@cache
def _process(pid: int) -> Process:
    return Process(secrets.token_hex(16), socket.gethostname(), pid, _start_time(pid) or "", _place())


@cache
def _place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _lives(pid: int, started: str) -> bool | None:
    """Return whether a process of this place is alive; None if the system does not show it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's process, which may be hidden
    found = _start_time(pid)
    return None if found is None else found == started


def _start_time(pid: int) -> str | None:
    """Return when a process started, in clock ticks since the boot; empty for a zombie, None if not shown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # proc(5): field 2 is the command in parentheses, with any characters; field 3 is the state, 22 the start.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


LAST = "last"
"""The name of the newest run, which no run may have."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, without letters that look like digits
_REMEMBERED = 500


def new_id(moment: datetime) -> str:
    """Return an id such as `20261123-7k3f9q`: the UTC day, four characters of its time, and two random ones.

    Ids sort by time, with a precision of a tenth of a second.
    """
    tenths = ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 10 + moment.microsecond // 100_000
    time = "".join(_ALPHABET[tenths >> shift & 31] for shift in (15, 10, 5, 0))
    return f"{moment:%Y%m%d}-{time}{secrets.choice(_ALPHABET)}{secrets.choice(_ALPHABET)}"


def check_name(name: str | None) -> None:
    """Check that a name can be typed to find the run.

    Raises:
        UsageError: it is empty, reserved, or has control characters or surrounding blanks.
    """
    if name is None:
        return
    if name == LAST:
        raise UsageError(
            f"a run cannot be named `{LAST}`: that word means the newest run", remedy="Choose another name."
        )
    if not name or name != name.strip() or not name.isprintable():
        raise UsageError(
            "a run's name is empty, or contains control characters, or has blanks around it",
            remedy="Choose another name.",
        )


def find(connection: Connection, wanted: str) -> Row[Any]:
    """Return the record of a run: by id, by name (the newest of several), by unique prefix, or `last`.

    Raises:
        UsageError: no run or several match.
    """
    newest = select(run).order_by(run.c.no.desc())
    if wanted == LAST:
        record = connection.execute(newest.limit(1)).first()
        if record is None:
            raise UsageError("the journal has no runs yet", remedy="Start one with `rokt-export test` or `replay`.")
        return record
    for exact in (run.c.id == wanted, run.c.name == wanted):
        record = connection.execute(newest.where(exact).limit(1)).first()
        if record is not None:
            return record
    return _by_prefix(connection, wanted)


def ids_named(connection: Connection, name: str) -> list[str]:
    """Return the ids of the runs of a name, newest first."""
    return list(connection.scalars(select(run.c.id).where(run.c.name == name).order_by(run.c.no.desc())))


def _by_prefix(connection: Connection, wanted: str) -> Row[Any]:
    chosen = select(run).where(run.c.id.startswith(wanted.lower(), autoescape=True)).order_by(run.c.no.desc())
    found = connection.execute(chosen.limit(6)).all() if wanted else []
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(record.id for record in found[:5]) + (", …" if len(found) > 5 else "")
        raise UsageError(f"several runs begin with `{wanted}`: {several}", remedy="Give more of the id.")
    raise UsageError(f"no run is called `{wanted}`", remedy=_suggestion(connection, wanted))


def _suggestion(connection: Connection, wanted: str) -> str:
    known = connection.execute(select(run.c.id, run.c.name).order_by(run.c.no.desc()).limit(_REMEMBERED)).all()
    words = [word for record in known for word in record if word]
    near = nearest(wanted, words, most=3)
    meant = f"Did you mean {' or '.join(f'`{word}`' for word in near)}? " if near else ""
    return f"{meant}`rokt-export runs list` shows all."


def process_of(record: Row[Any]) -> Process:
    """Return the process that last drove a run."""
    return Process(record.owner, record.host, record.pid, record.process_started, record.place)


def state_of(record: Row[Any]) -> RunState:
    """Return the state of a run: `crashed` if its record says `running` but its process is gone."""
    with readable(f"the record of run {record.id}"):
        check_types(record, run)
        state, heard = RunState(record.state), as_moment(record.heartbeat)
    if state is RunState.RUNNING and not process_of(record).is_alive(heard, now()):
        return RunState.CRASHED
    return state


def in_flight_behind(connection: Connection, record: Row[Any]) -> float:
    """Return the batch behind which open rows are in flight; infinite for a run that is not running.

    What an earlier process of a resumed run left open is unknown.
    """
    if state_of(record) is not RunState.RUNNING:
        return inf
    return TAKEN_OVER.read(connection, record.no) or 0


def check_not_running(record: Row[Any], doing: str) -> None:
    """Check that a run's process is not alive.

    Raises:
        JournalError: it is alive; the error names it.
    """
    if state_of(record) is RunState.RUNNING:
        raise JournalError(
            f"run {record.id} cannot be {doing}: it is still running in {process_of(record)}",
            remedy="Wait for it, or stop it with Ctrl-C there.",
        )


def sends_anew(*, production: bool) -> str:
    """Return the remedy where a run cannot be resumed.

    Args:
        production: whether it sent to a guarded environment, of which the ledger knows what was delivered.
    """
    return f"Start a new run; {'rows already delivered are left out' if production else 'it sends all rows again'}."


def check_not_purged(run_id: str, *, purged: bool, production: bool) -> None:
    """Check that a run can be resumed, because it was not purged.

    Raises:
        JournalError: it was.
    """
    if purged:
        raise JournalError(
            f"run {run_id} cannot be resumed: what a resume needs was purged with its personal data",
            remedy=sends_anew(production=production),
        )


def info(connection: Connection, record: Row[Any]) -> RunInfo:
    """Return a run; its counts are those stored at its end, else they are counted now."""
    with readable(f"the record of run {record.id}"):
        check_types(record, run)
    options = queries.options(record)
    with readable(f"the record of run {record.id}"):
        frozen = None if record.counts is None else msgspec.json.decode(record.counts, type=dict[str, int])
        started, ended = as_moment(record.started), as_moment(record.ended) if record.ended else None
        events = msgspec.json.decode(record.events, type=tuple[str, ...])
    state = state_of(record)
    counts = queries.counts(connection, record.no) if frozen is None else frozen
    behind = in_flight_behind(connection, record)
    waiting = open_rows(connection, record.no).values() if state is RunState.RUNNING else ()
    in_flight = sum(one.intent_no > behind for one in waiting)
    rules = () if record.purged else options.get("provisional", ())  # a purge takes the notes of what was confirmed
    return RunInfo(
        run=record.id,
        name=record.name,
        command=record.command,
        partner=record.partner,
        environment=record.environment,
        spec_sha256=record.spec_sha256,
        started=started,
        ended=ended,
        state=state,
        counts=counts,
        spec_file=record.spec_file,
        events=events,
        options=options,
        confirmations=revisions.confirmations(connection, record.no, rules),
        exit_status=record.exit_status,
        production=record.production,
        purged=record.purged is not None,
        in_flight=min(in_flight, counts.get(OutcomeKind.UNKNOWN, 0)),
    )


def ownership(process: Process) -> dict[str, Any]:
    """Return the columns of a run's record for the process that drives it, with the present heartbeat."""
    return {
        "owner": process.id,
        "place": process.place,
        "host": process.host,
        "pid": process.pid,
        "process_started": process.started,
        "heartbeat": as_text(now()),
    }
