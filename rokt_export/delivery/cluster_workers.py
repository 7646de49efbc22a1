"""What a worker of a cluster must have in common with the process that drives a run."""

from __future__ import annotations

import hashlib
import hmac
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from rokt_export import __version__
from rokt_export.errors import (
    ConfigurationError,
    JournalError,
    RoktExportError,
    TransactionsError,
    UnreachableError,
)
from rokt_export.transactions.files import FileStamp
from rokt_export.transactions.remote_storage import is_remote

if TYPE_CHECKING:
    from distributed import Worker

    from rokt_export.delivery.plan import Plan
    from rokt_export.journal import Journal

CLOCKS = 5.0
"""Seconds from which a worker's clock is said to differ: a person who looks a request up would miss it."""
_NAMED = 3
"""Workers that are named in one message."""


@dataclass(frozen=True, slots=True)
class WorkerQuestion:
    """What a worker must have in common with the process that drives the run.

    Attributes:
        nonce: makes the digests of the answers useless for anything else.
        variables: names of environment variables that the spec reads; empty where they are sent along.
        journal: the journal's place, without its password unless the connection is encrypted.
        guarded: whether the journal's key is needed.
        files: the input, as that process sees it; see `files_here`.
    """

    nonce: bytes
    variables: tuple[str, ...]
    journal: str
    guarded: bool
    files: tuple[FileStamp, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerAnswer:
    """What a worker has.

    Attributes:
        versions: what is installed, to its version.
        threads: tasks that it runs at a time.
        variables: name to digest of the variables that it has.
        journal: the journal's id.
        key: the id of the key of the journal's digests; None where none is needed.
        fault: why it cannot use the journal.
        busy: whether all its threads have a task, one that was cancelled too, of which the scheduler knows nothing.
        files: path to what it sees of a file that it sees otherwise; None where no file is there, a text where it
            cannot be looked at.
        clock: its seconds since the epoch.
    """

    versions: Mapping[str, str]
    threads: int
    variables: Mapping[str, str]
    journal: str = ""
    key: str | None = None
    fault: str | None = None
    busy: bool = False
    files: Mapping[str, FileStamp | str | None] = field(default_factory=dict)
    clock: float = 0.0


def answer(question: WorkerQuestion, dask_worker: Worker | None = None) -> WorkerAnswer:
    """Answer a question, on a worker, which Dask names by this very argument."""
    from rokt_export.journal import Journal

    clock = time.time()
    threads = 1 if dask_worker is None else dask_worker.state.nthreads
    busy = dask_worker is not None and dask_worker.state.executing_count >= threads
    try:
        with Journal.open(own_journal(question.journal)) as journal:
            found = answer_of(question, os.environ, journal, threads)
    except RoktExportError as error:
        found = WorkerAnswer(versions_here(), threads, _digests(question, os.environ), fault=str(error))
    return replace(found, busy=busy, files=_seen_otherwise(question.files), clock=clock)


def answer_of(
    question: WorkerQuestion, variables: Mapping[str, str], journal: Journal, threads: int = 1
) -> WorkerAnswer:
    """Return the answer of a process that has these variables and this journal.

    Raises:
        JournalError: the journal cannot be read, or there is no key.
    """
    from rokt_export.journal import keys

    key = keys.id_of(keys.first()).hex() if question.guarded else None
    return WorkerAnswer(versions_here(), threads, _digests(question, variables), journal.id, key)


def _digests(question: WorkerQuestion, variables: Mapping[str, str]) -> dict[str, str]:
    return {
        name: hashlib.blake2b(variables[name].encode(), key=question.nonce, digest_size=16).hexdigest()
        for name in question.variables
        if name in variables
    }


def files_here(paths: Sequence[str]) -> tuple[FileStamp, ...]:
    """Return the files of an input as this machine sees them; of a storage the first alone, for all see the same there.

    Raises:
        TransactionsError: a storage cannot be reached.
    """
    remote = next(filter(is_remote, paths), None)
    looked_at = [path for path in paths if path == remote or not is_remote(path)]
    return tuple(stamp for path in looked_at if (stamp := FileStamp.of(path)) is not None)


def _seen_otherwise(files: Sequence[FileStamp]) -> dict[str, FileStamp | str | None]:
    """Return what this machine sees of the files that it sees otherwise, as `WorkerAnswer.files` has it."""
    found: dict[str, FileStamp | str | None] = {}
    for file in files:
        try:
            now = FileStamp.of(file.path)
        except RoktExportError as error:
            found[file.path] = str(error)
        else:
            if now is None or (now.size, now.mtime_ns) != (file.size, file.mtime_ns):
                found[file.path] = now
    return found


def versions_here() -> dict[str, str]:
    """Return what must be alike on all machines, to its version."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"rokt-export": __version__, "Python": python, "distributed": version("distributed")}


def own_journal(place: str) -> str:
    """Return the journal's place on this machine: its own variable may add a password to the address."""
    from rokt_export.journal.storage import VARIABLE, same_address

    own = os.environ.get(VARIABLE, "")
    return own if own and same_address(own, place) else place


def check_versions(found: Mapping[str, str], own: Mapping[str, str], worker: str) -> None:
    """Check that a worker has the same versions as this process, by `versions_here`.

    Raises:
        UnreachableError: it has not.
    """
    if other := {name: has for name, has in found.items() if own[name] != has}:
        told = ", ".join(f"{name} {has} instead of {own[name]}" for name, has in other.items())
        raise UnreachableError(
            f"this worker has {told}", where=worker, remedy="Install the same versions on all machines."
        )


def check_variables(needed: Mapping[str, str], found: Mapping[str, str], worker: str) -> None:
    """Check that a worker has all environment variables that are needed.

    Raises:
        ConfigurationError: it lacks one.
    """
    if lacking := sorted(needed.keys() - found.keys()):
        raise ConfigurationError(
            f"this worker lacks {', '.join(lacking)} in its environment",
            where=worker,
            remedy="Set it where the worker is started, or use a scheduler with TLS (tls://…).",
        )


def check_alike(found: WorkerAnswer | BaseException, own: WorkerAnswer, worker: str) -> None:
    """Check that a worker has what this process has; see `Cluster.check`.

    Args:
        found: the worker's answer, or why there is none.
        own: the answer of this process.
        worker: the address of the worker.
    """
    if isinstance(found, BaseException):
        raise _without_answer(found, worker) from found
    check_versions(found.versions, own.versions, worker)
    check_variables(own.variables, found.variables, worker)
    if different := [name for name, has in own.variables.items() if found.variables[name] != has]:
        raise ConfigurationError(
            f"this worker has another value of {', '.join(different)} than this machine",
            where=worker,
            remedy="Set the same one everywhere.",
        )
    if found.fault is not None:
        raise JournalError(
            f"this worker cannot use the journal: {found.fault}",
            where=worker,
            remedy="Over tcp:// a worker has its own password: in ROKT_EXPORT_JOURNAL, PGPASSWORD or ~/.pgpass.",
        )
    if found.journal != own.journal:
        raise JournalError(
            "this worker finds another journal at the same address",
            where=worker,
            remedy="Name one on a server that all machines reach: --journal postgresql://…",
        )
    if found.key != own.key:
        raise JournalError(
            "this worker has another key of the journal's digests, so it would not know what was sent before",
            where=worker,
            remedy="Give all machines the same one: ROKT_EXPORT_KEY_FILE or ROKT_EXPORT_KEY.",
        )


def check_files(answers: Mapping[str, WorkerAnswer], files: Sequence[FileStamp]) -> None:
    """Check that all workers see the files of this machine, by their bytes, and the same as each other, by their times.

    The time of this machine's own copy may be another one: no worker compares it with what it reads.

    Args:
        answers: worker to its answer.
        files: as this machine sees them; see `files_here`.

    Raises:
        TransactionsError: a worker sees another file, or none.
    """
    for file in files:
        seen = {worker: found.files.get(file.path, file) for worker, found in sorted(answers.items())}
        usual = file if file in seen.values() else next(iter(seen.values()))
        for worker, one in seen.items():
            if one is None:
                what = f"this worker does not find the file {file.path}"
            elif isinstance(one, str):
                what = f"this worker cannot look at a file: {one}"
            elif one.size != file.size:
                what = f"this worker sees another file at {file.path}: {one.size:,} bytes instead of {file.size:,}"
            elif isinstance(usual, FileStamp) and one.mtime_ns != usual.mtime_ns:
                what = (
                    f"this worker sees another file at {file.path}: of the same size, and last changed at another time"
                )
            else:
                continue
            raise TransactionsError(
                what,
                where=worker,
                remedy="Name files that all workers reach by the same path, or by an address such as "
                "s3://bucket/rows.csv; copies must have the same times too (`cp -p`).",
            )


def told_of_clocks(answers: Mapping[str, WorkerAnswer], asked: float, answered: float) -> Iterator[str]:
    """Yield, for a person, which workers' clocks differ from this machine's.

    Args:
        answers: worker to its answer, which it gave between the two moments.
        asked: seconds since the epoch.
        answered: seconds since the epoch.
    """
    off = {
        worker: found.clock - min(max(found.clock, asked), answered)
        for worker, found in sorted(answers.items())
        if not asked - CLOCKS < found.clock < answered + CLOCKS
    }
    listed = [f"{worker} is {abs(by):,.0f} s {'ahead' if by > 0 else 'behind'}" for worker, by in off.items()]
    if listed:
        more = f", and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
        yield (
            f"clocks differ from this machine's: {', '.join(listed[:_NAMED])}{more}. Times of requests in the journal "
            "and its reports are wrong by as much; set the clocks (NTP)"
        )


def _without_answer(error: BaseException, worker: str) -> UnreachableError:
    from distributed.comm.core import CommClosedError

    if isinstance(error, CommClosedError):
        return UnreachableError(
            f"this worker went away while it was asked what it has: {error}",
            where=worker,
            remedy="Look at its log; then start again. Nothing was sent.",
        )
    return UnreachableError(
        f"this worker cannot run rokt-export {__version__}: {type(error).__name__}: {error}",
        where=worker,
        remedy=f'Install it there: pip install "rokt-export[cluster]=={__version__}".',
    )


def with_own_secrets(plan: Plan, run_id: str, worker: str) -> Plan:
    """Return a plan with the secrets of this machine's environment, where they were not sent along.

    Raises:
        ConfigurationError: one is not there.
    """
    if plan.redaction_key:
        return plan
    check_variables(plan.variables, os.environ, worker)
    variables = {name: os.environ[name] for name in plan.variables}
    own = "\0".join(variables[name] for name in sorted(variables))
    key = hmac.digest(own.encode(), run_id.encode(), "sha256")
    return replace(plan, variables=variables, redaction_key=key, journal=own_journal(plan.journal))
