"""The verdict on a request's credentials."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from rokt_export.sandbox.incoming_request import Received


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why credentials are not accepted.

    Attributes:
        problem: what is wrong, without the credential.
        challenge: the `WWW-Authenticate` of the answer (RFC 9110, 11.6.1).
        knock: the client could not know better yet: the first round of a challenge, and no delivery.
        renew: another token will be good: the answer is the one that makes the client fetch it.
    """

    problem: str
    challenge: str | None = None
    knock: bool = False
    renew: bool = False


Verify = Callable[[Received], Refusal | None]
"""From a request to why it is refused; None where its credentials are right."""

FRESH = 300.0
"""Seconds by which a signed moment may differ from now."""


def same(given: str, wanted: str) -> bool:
    """Return whether two texts are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())
