"""Basic authentication (RFC 7617)."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Literal

from rokt_export.authentication.base import (
    REALM,
    Authentication,
    BodyFinder,
    Checked,
    CredentialUse,
    FillText,
    Public,
    ReceivedRequest,
    Refusal,
    Secret,
    StaticHeader,
    same,
)
from rokt_export.spec_language.fields import ValueTemplate


class Basic(Authentication):
    """`type: basic`: RFC 7617.

    Attributes:
        type: which kind of authentication this is.
        username: template of the name; some partners expect the key here.
        password: template of the password; empty if the partner expects none.
    """

    type: Literal["basic"]
    username: Public[ValueTemplate]
    password: Secret[ValueTemplate] = ""

    def credential(self, fill: FillText) -> StaticHeader:
        """Return the header, encoded in UTF-8, which most servers accept (RFC 7617, 2.1)."""
        pair = f"{fill(self.username)}:{fill(self.password)}"
        return StaticHeader("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")

    def verification(self, fill: FillText, body_finder: BodyFinder) -> Checked:  # noqa: ARG002
        """Return the check of name and password."""
        challenge = f'Basic realm="{REALM}", charset="UTF-8"'
        wanted = f"{fill(self.username)}:{fill(self.password)}"

        def verify(received: ReceivedRequest) -> Refusal | None:
            given = name_and_password(received.headers.get("Authorization"))
            if given is None:
                return Refusal("Authorization contains no Basic credentials", challenge)
            return None if same(given, wanted) else Refusal("the user name or password is wrong", challenge)

        return Checked(verify)

    def uses(self) -> Iterable[CredentialUse]:
        """Return the header."""
        return (CredentialUse(self, "header Authorization"),)


def name_and_password(header: str | None) -> str | None:
    """Return `name:password` of an Authorization header; None if it has no Basic credentials."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:  # also of a letter outside ASCII
        return None
