"""Fixed bearer tokens (RFC 6750)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from rokt_export.authentication.base import (
    REALM,
    Authentication,
    BodyFinder,
    Checked,
    CredentialUse,
    FillText,
    ReceivedRequest,
    Refusal,
    Secret,
    StaticHeader,
    same,
)
from rokt_export.spec_language.fields import ValueTemplate


class Bearer(Authentication):
    """`type: bearer`: RFC 6750, `Authorization: Bearer <token>`.

    Attributes:
        type: which kind of authentication this is.
        token: template of the token.
    """

    type: Literal["bearer"]
    token: Secret[ValueTemplate]

    def credential(self, fill: FillText) -> StaticHeader:
        """Return the header."""
        return StaticHeader("Authorization", f"Bearer {fill(self.token)}")

    def verification(self, fill: FillText, body_finder: BodyFinder) -> Checked:  # noqa: ARG002
        """Return the check of the token."""
        challenge = f'Bearer realm="{REALM}"'
        wanted = fill(self.token)

        def verify(received: ReceivedRequest) -> Refusal | None:
            scheme, _, given = (received.headers.get("Authorization") or "").partition(" ")
            if scheme.lower() != "bearer":
                return Refusal("Authorization contains no bearer token", challenge)
            wrong = f'{challenge}, error="invalid_token"'
            return None if same(given.strip(), wanted) else Refusal("the bearer token is wrong", wrong)

        return Checked(verify)

    def uses(self) -> Iterable[CredentialUse]:
        """Return the header."""
        return (CredentialUse(self, "header Authorization"),)
