"""Make the certificates of a partner that asks for one: its own, its authority's, and a client's."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path


class Authority:
    """A certificate authority that lives as long as its folder.

    Args:
        folder: where the PEM files go.
    """

    def __init__(self, folder: Path) -> None:
        import trustme  # loads all of cryptography, which few partners need

        self._authority = trustme.CA()
        self.ca_file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))

    def write_client(self, certificate: Path, key: Path | None) -> None:
        """Write a client's certificate and key as PEM files, or both into one."""
        issued = self._authority.issue_cert("sandbox-client")
        for file in {certificate, key or certificate}:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
            file.chmod(0o600)
        issued.private_key_pem.write_to_path(str(key or certificate), append=True)
        for pem in issued.cert_chain_pems:
            pem.write_to_path(str(certificate), append=True)

    def server_context(self, host: str, clients: list[Path]) -> ssl.SSLContext:
        """Return the TLS context of a server that insists on a client certificate.

        Args:
            host: the address it listens on.
            clients: further client certificates (PEM) to accept, whoever issued them.
        """
        names = {"localhost", "127.0.0.1", "::1"} | ({host} if _is_name(host) else set())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*sorted(names)).configure_cert(context)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cafile=str(self.ca_file))
        for certificate in clients:
            context.load_verify_locations(cafile=str(certificate))
        return context


def _is_name(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return True
