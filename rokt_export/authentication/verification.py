"""How a sandbox judges the credentials of a request; each authentication type returns one of these ways."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from rokt_export.authentication.oauth2 import OAuth2

REALM = "sandbox"
"""The realm of each challenge (RFC 9110, 11.5)."""
FRESH = 300.0
"""Seconds by which a signed moment may differ from now."""


class Headers(Protocol):
    """Header values by name, without regard to case."""

    def get(self, key: str, /) -> str | None:
        """Return the first value, None where there is none."""

    def getall(self, key: str, default: list[str], /) -> list[str]:
        """Return every value."""


class ReceivedRequest(Protocol):
    """What a check reads of a request; the sandbox's `Received` is one."""

    @property
    def method(self) -> str:
        """As sent."""

    @property
    def path(self) -> str:
        """Still percent-encoded."""

    @property
    def query(self) -> str:
        """Still percent-encoded, without `?`."""

    @property
    def target(self) -> str:
        """Path and query, as the request line had them."""

    @property
    def headers(self) -> Headers:
        """Header values by name."""

    @property
    def body(self) -> bytes:
        """The bytes, after transfer and content decoding."""

    @property
    def data(self) -> Any:
        """The body as its encoding reads it; None where it cannot be read."""

    @property
    def queried(self) -> dict[str, list[str]]:
        """Name to values of the query."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why credentials are not accepted.

    Attributes:
        problem: what is wrong, without the credential.
        challenge: the `WWW-Authenticate` of the response (RFC 9110, 11.6.1).
        first_round: the client could not know better yet: the first round of a challenge, and no delivery.
        renew: another token will be good: the response is the one that makes the client fetch it.
    """

    problem: str
    challenge: str | None = None
    first_round: bool = False
    renew: bool = False


Verify: TypeAlias = Callable[[ReceivedRequest], Refusal | None]
"""From a request to why it is refused; None where its credentials are right."""
BodyFinder: TypeAlias = Callable[[str], Callable[[Any], Iterable[Any]]]
"""From a parameter's name to the function that finds its values in a body's data."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Each request is checked by a function.

    Attributes:
        verify: the check.
    """

    verify: Verify


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """The sandbox issues tokens, and accepts those that it issued.

    Attributes:
        settings: of the spec.
    """

    settings: OAuth2


@dataclass(frozen=True, slots=True)
class CheckedByTls:
    """The TLS handshake asks for a client certificate, so a request that arrives is accepted."""


@dataclass(frozen=True, slots=True)
class NotChecked:
    """Every request is accepted.

    Attributes:
        reason: why, for a developer.
        note: the same for the operator, who would expect a check; None where nobody does.
    """

    reason: str
    note: str | None = None


Verification: TypeAlias = Checked | IssuedToken | CheckedByTls | NotChecked


def same(given: str, wanted: str) -> bool:
    """Return whether two texts are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())
