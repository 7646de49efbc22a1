"""Which certificates the transport trusts and shows, checked before anything is sent."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import certifi

from rokt_export.errors import ConfigurationError

_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

# Bytes of a file that is looked into: a system's own bundle is larger, and takes 40 ms to read.
_SYSTEM_SIZE = 100_000

# Where systems keep their bundle; the libcurl of a wheel knows only the first (the list of Go's crypto/x509).
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def authorities(ca_file: str | None) -> Path:
    """Return the file, or folder of hashed files, of the certificate authorities to trust.

    The first of: `ca_file`, the variables `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE`, the system's
    bundle, certifi's bundle.

    Raises:
        ConfigurationError: what was asked for is missing, unreadable, or holds no certificate.
    """
    if ca_file:
        return _checked_authorities(ca_file, "ca_file")
    for variable in _VARIABLES:
        if path := os.environ.get(variable):
            return _checked_authorities(path, variable)
    for bundle in _SYSTEM_BUNDLES:
        if os.access(bundle, os.R_OK):
            return Path(bundle)
    return Path(certifi.where())


def check_client_certificate(certificate: str, key: str | None, password: str | None) -> None:
    """Check that a client certificate can be used with its key (in the same file where `key` is None).

    Raises:
        ConfigurationError: a file is missing or unreadable, the password is wrong, or the two do not belong together.
    """
    for path in (certificate, key or certificate):
        _readable(path, "client certificate")
    try:
        # A callable, because OpenSSL would otherwise ask for a missing password at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, lambda: password or "")
    except ssl.SSLError as error:
        raise _unusable_certificate(error, certificate, key) from error


def _unusable_certificate(error: ssl.SSLError, certificate: str, key: str | None) -> ConfigurationError:
    reason = (error.reason or str(error)).lower().replace("_", " ")
    if "mismatch" in reason:
        return ConfigurationError(
            f"the key {key} does not belong to the client certificate {certificate}",
            where=certificate,
            remedy="Name the private key that this certificate was issued for.",
        )
    return ConfigurationError(
        f"the client certificate {certificate} cannot be used with its key: {reason}",
        where=certificate,
        remedy="Check that both files are PEM, and the key's password.",
    )


def _checked_authorities(path: str, origin: str) -> Path:
    found = _readable(path, origin)
    if found.is_file() and found.stat().st_size < _SYSTEM_SIZE:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
        except ssl.SSLError as error:
            raise ConfigurationError(
                f"{path} (from {origin}) holds no certificate of an authority",
                where=path,
                remedy="Name a file of PEM certificates.",
            ) from error
    return found


def _readable(path: str, origin: str) -> Path:
    found = Path(path)
    if not found.exists():
        raise ConfigurationError(
            f"{path} (from {origin}) does not exist", where=path, remedy="Check the path, which must name a PEM file."
        )
    if not os.access(found, os.R_OK):
        raise ConfigurationError(
            f"{path} (from {origin}) may not be read", where=path, remedy="Check the file's owner and permissions."
        )
    return found
