"""No authentication."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from rokt_export.authentication.base import (
    Authentication,
    BodyFinder,
    CredentialUse,
    FillText,
    NoCredential,
    NotChecked,
)


class NoAuthentication(Authentication):
    """`type: none`: the partner requires no credentials.

    Attributes:
        type: which kind of authentication this is.
    """

    type: Literal["none"]
    no_secret: ClassVar[str | None] = "there are no credentials"

    def credential(self, fill: FillText) -> NoCredential:  # noqa: ARG002 - the same for every type
        """Return that nothing is put on a request."""
        return NoCredential("the partner asks for none")

    def verification(self, fill: FillText, body_finder: BodyFinder) -> NotChecked:  # noqa: ARG002
        """Return that every request is accepted."""
        return NotChecked("the partner asks for no credentials")

    def uses(self) -> Iterable[CredentialUse]:
        """Return nothing: there are no fields."""
        return ()
