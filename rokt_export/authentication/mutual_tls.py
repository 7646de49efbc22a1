"""Mutual TLS: a client certificate in the handshake (RFC 8446, 4.4.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from rokt_export.authentication.base import (
    Authentication,
    BodyFinder,
    CheckedByTls,
    ClientCertificate,
    CredentialUse,
    FillText,
    Public,
    Secret,
)
from rokt_export.spec_language.fields import ValueTemplate


class MutualTls(Authentication):
    """`type: mutual_tls`: a client certificate, as PEM files.

    Attributes:
        type: which kind of authentication this is.
        certificate: template of the certificate's path.
        key: template of the key's path; without one, the key is in the certificate's file.
        key_password: template of the key's password.
    """

    type: Literal["mutual_tls"]
    certificate: Public[ValueTemplate]
    key: Public[ValueTemplate | None] = None
    key_password: Secret[ValueTemplate | None] = None

    def credential(self, fill: FillText) -> ClientCertificate:
        """Return the files for the transport."""
        return ClientCertificate(
            fill(self.certificate),
            fill(self.key) if self.key else None,
            fill(self.key_password) if self.key_password else None,
        )

    def verification(self, fill: FillText, body_finder: BodyFinder) -> CheckedByTls:  # noqa: ARG002
        """Return that the TLS handshake is the check."""
        return CheckedByTls()

    def uses(self) -> Iterable[CredentialUse]:
        """Return the files, which are only read on this machine."""
        return (CredentialUse(self, "client certificate", stays_here=True),)
