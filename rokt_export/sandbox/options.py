"""The options of a sandbox: where it listens, how slow it is, and how often it fails."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from rokt_export.errors import UsageError

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "reset": "reads the request, then resets the connection without a response",
        "hang": "reads the request and never responds",
        "partial": "announces the whole body and closes in the middle of it",
        "slow": "sends the body in small pieces",
        "garbage": "responds with bytes that are not HTTP",
        "http500": "responds 500",
        "http429": "responds 429 with Retry-After",
        "redirect": "responds 302 to another path",
    }
)
"""Kind of fault to what the sandbox does."""

PROCESSED = frozenset({"reset", "hang", "partial", "slow", "garbage"})
"""Faults that affect only the response: the transaction was processed, as it may be with a real partner."""


PREFIX = "/_sandbox/"
"""The path of the sandbox's status pages."""


def proof_of(challenge: str, partner: str) -> str:
    """Return the response to a challenge by which a sandbox of this program proves to be one of this partner."""
    return hashlib.sha256(f"rokt-export sandbox\0{partner}\0{challenge}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """A sandbox's behaviour.

    Attributes:
        port: port to listen on; 0 = a free one.
        latency: seconds that every response takes.
        jitter: seconds by which the latency varies, in both directions.
        error_rate: share of requests, 0 to 1, that get the spec's `failed` response (503 without one).
        faults: kind (see `FAULTS`) to its share of requests, 0 to 1.
        seed: makes faults, jitter and identifiers the same in every run; None makes them new.
        token_lifetime: seconds that an OAuth token is valid.
        slow_for: seconds over which the fault `slow` spreads a response.
        token: the token for the pages under `/_sandbox/deliveries`.
        memory: file that remembers people, as digests, for the next run; None = forget at the end.
        memory_key: the key of these digests, up to 64 bytes; None = a random one.
    """

    host: str = "127.0.0.1"
    port: int = 0
    latency: float = 0.0
    jitter: float = 0.0
    error_rate: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None
    environment: str = "staging"
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
            raise UsageError(
                "faults and errors make up more than all requests", remedy="Make the shares add up to at most 1."
            )
        if min(self.latency, self.jitter, self.slow_for) < 0 or self.token_lifetime <= 0:
            raise UsageError("a time is negative", remedy="Give times of 0 or more.")
