"""How a sandbox behaves beside its spec: where it listens, how slow it is, and how often it fails."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from rokt_export.errors import UsageError

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "reset": "reads the request, then resets the connection without an answer",
        "hang": "reads the request and never answers",
        "partial": "announces the whole body and closes in the middle of it",
        "slow": "sends the body in small pieces",
        "garbage": "answers with bytes that are not HTTP",
        "http500": "answers 500",
        "http429": "answers 429 with Retry-After",
        "redirect": "answers 302 to another path",
    }
)
"""Each kind of fault, and what the sandbox does."""

PROCESSED = frozenset({"reset", "hang", "partial", "slow", "garbage"})
"""Faults of the answer alone: the transaction was taken before the connection broke, as it is with a real partner."""


PREFIX = "/_sandbox/"
"""The path of the sandbox's own pages."""


def proof_of(challenge: str, partner: str) -> str:
    """Return the answer to a challenge: that of a sandbox of this program, made from a partner's spec."""
    return hashlib.sha256(f"rokt-export sandbox\0{partner}\0{challenge}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """A sandbox's behaviour.

    Attributes:
        port: port to listen on; 0 takes a free one.
        latency: seconds that every answer takes.
        jitter: seconds by which the latency varies, to either side.
        error_rate: share of requests, 0 to 1, that end in the spec's `failed` answer (503 without one).
        faults: kind (see `FAULTS`) to its share of requests, 0 to 1.
        seed: makes faults, jitter and identifiers the same in every run; None makes them new.
        ids: `random` or `counter`: how the identifiers in answers are chosen; unique either way.
        token_lifetime: seconds that an OAuth token is good for.
        slow_for: seconds over which the fault `slow` spreads an answer.
        token: what the pages under `/_sandbox/deliveries` ask for.
        memory: file that keeps whom it was sent for the next run, as digests; None forgets at the end.
        memory_key: makes these digests, up to 64 bytes; None takes a random one.
    """

    host: str = "127.0.0.1"
    port: int = 0
    latency: float = 0.0
    jitter: float = 0.0
    error_rate: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None
    environment: str = "staging"
    ids: Literal["random", "counter"] = "random"
    token_lifetime: float = 3600.0
    slow_for: float = 3.0
    memory: Path | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    memory_key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for kind in self.faults:
            if kind not in FAULTS:
                raise UsageError(f"there is no fault `{kind}`", remedy=f"Choose from {', '.join(FAULTS)}.")
        shares = {"error_rate": self.error_rate, **self.faults}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise UsageError(f"the share of `{name}` is {share:g}", remedy="Give a share from 0 to 1.")
        if sum(shares.values()) > 1 + 1e-9:
            raise UsageError("faults and errors make up more than all requests", remedy="Let the shares add up to 1.")
        if min(self.latency, self.jitter, self.slow_for) < 0 or self.token_lifetime <= 0:
            raise UsageError("a time is negative", remedy="Give times of 0 or more.")
