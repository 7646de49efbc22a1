"""The record of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from rokt_export.exchange.model import OutcomeKind


class RunState(StrEnum):
    """The state of a run."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run, without its deliveries.

    Attributes:
        run: the id, such as `20261123-7k3f9q`; ids sort by the time they were given.
        name: the user's name for it.
        command: `test`, `replay`, `diff` or `certify`.
        partner: the spec's slug.
        environment: the environment that it sent to.
        spec_sha256: hex digest of its spec file.
        started: UTC.
        ended: UTC; None while it runs and after a crash.
        state: `crashed` if its record says `running` but its process is gone.
        counts: outcome to number of rows, without zeros, in the order of `OutcomeKind`.
        spec_file: path of the spec, as given.
        events: paths of the transactions, as given.
        options: what a resume needs (JSON).
        confirmations: rows that the partner only accepted at first, by `awaited`, `confirmed` and `changed`.
        exit_status: the process's exit status; None before its end.
        production: whether it sent to a guarded environment, so that its rows are in the ledger.
        purged: whether its personal data and options were removed.
        in_flight: rows of `counts` that are `unknown` only because the run still waits for their responses.
    """

    run: str
    name: str | None
    command: str
    partner: str
    environment: str
    spec_sha256: str
    started: datetime
    ended: datetime | None
    state: RunState
    counts: dict[str, int]
    spec_file: str
    events: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    confirmations: dict[str, int] = field(default_factory=dict)
    exit_status: int | None = None
    production: bool = False
    purged: bool = False
    in_flight: int = 0

    @property
    def counted(self) -> dict[str, int]:
        """Outcome to rows that are kept as counts only."""
        return dict(self.options.get("counted", {}))

    @property
    def settled(self) -> int:
        """The number of rows with a known outcome."""
        return sum(self.counts.values()) - self.counts.get(OutcomeKind.UNKNOWN, 0)

    @property
    def sent(self) -> int:
        """The number of rows that were sent, without those in flight."""
        return sum(rows for outcome, rows in self.counts_so_far.items() if outcome != OutcomeKind.INVALID)

    @property
    def counts_so_far(self) -> dict[str, int]:
        """The counts without the rows that are in flight."""
        unknown = self.counts.get(OutcomeKind.UNKNOWN, 0) - self.in_flight
        return {kind: rows for kind, rows in {**self.counts, OutcomeKind.UNKNOWN: unknown}.items() if rows}

    @property
    def asked(self) -> int | None:
        """The number of rows that it was asked to send; None where nobody knew."""
        return self.options.get("rows")

    @property
    def sandbox(self) -> bool:
        """Whether it sent to a sandbox."""
        return in_sandbox(self.options)

    @property
    def provisional_rules(self) -> frozenset[str]:
        """The response rules by which the partner has accepted a row, and decides later."""
        return frozenset(self.options.get("provisional", ()))

    @property
    def target(self) -> str:
        """The target, for a person: the partner's environment, or a sandbox."""
        return f"{self.environment} (sandbox)" if self.sandbox else self.environment

    def as_json(self) -> dict[str, object]:
        """Return the contract's JSON form of a run (design section 5, "Runs")."""
        data: dict[str, object] = {
            "run": self.run,
            "name": self.name,
            "command": self.command,
            "partner": self.partner,
            "environment": self.environment,
            "spec_sha256": self.spec_sha256,
            "started": as_text(self.started),
            "ended": as_text(self.ended) if self.ended else None,
            "state": str(self.state),
            "counts": dict(self.counts),
        }
        if self.in_flight:
            data["in_flight"] = self.in_flight
        return data | {"confirmations": dict(self.confirmations)} if self.confirmations else data


def in_sandbox(options: Mapping[str, Any]) -> bool:
    """Return whether a run with these options sends to a sandbox."""
    flags = options.get("flags", {})
    return bool(flags.get("sandbox") or flags.get("sandbox_url"))


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def as_text(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC with milliseconds and `Z`; texts of this form sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_moment(text: str) -> datetime:
    """Return the moment that `as_text` wrote."""
    return datetime.fromisoformat(text)
