"""What a worker of a cluster must have in common with the process that drives a run."""

from __future__ import annotations

import hashlib
import hmac
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from rokt_export import __version__
from rokt_export.errors import ConfigurationError, JournalError, RoktExportError, UnreachableError

if TYPE_CHECKING:
    from distributed import Worker

    from rokt_export.delivery.plan import Plan
    from rokt_export.journal import Journal


@dataclass(frozen=True, slots=True)
class WorkerQuestion:
    """What a worker must have in common with the process that drives the run.

    Attributes:
        nonce: makes the digests of the answers useless for anything else.
        variables: names of environment variables that the spec reads; empty where they are sent along.
        journal: the journal's place, without its password unless the connection is encrypted.
        guarded: whether the journal's key is needed.
    """

    nonce: bytes
    variables: tuple[str, ...]
    journal: str
    guarded: bool


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
    """

    versions: Mapping[str, str]
    threads: int
    variables: Mapping[str, str]
    journal: str = ""
    key: str | None = None
    fault: str | None = None
    busy: bool = False


def answer(question: WorkerQuestion, dask_worker: Worker | None = None) -> WorkerAnswer:
    """Answer a question, on a worker, which Dask names by this very argument."""
    from rokt_export.journal import Journal

    threads = 1 if dask_worker is None else dask_worker.state.nthreads
    busy = dask_worker is not None and dask_worker.state.executing_count >= threads
    try:
        with Journal.open(own_journal(question.journal)) as journal:
            return replace(answer_of(question, os.environ, journal, threads), busy=busy)
    except RoktExportError as error:
        return WorkerAnswer(versions_here(), threads, _digests(question, os.environ), fault=str(error))


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
