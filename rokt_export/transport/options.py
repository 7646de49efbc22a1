"""How to connect to an endpoint, and how long to wait for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """How to connect and how long to wait.

    Attributes:
        connect_timeout: seconds until the connection, with TLS, must stand.
        timeout: seconds for the whole attempt.
        max_response: bytes that a body may have after decoding.
        http_version: `1.0`, `1.1` or `2`; None is 1.1. `2` over plain http is spoken without asking first.
        verify: whether the server's certificate must be trusted and name its host.
        ca_file: PEM file of the authorities to trust; None takes the environment's, the system's or certifi's.
        client_certificate: PEM file of the certificate to show.
        client_key: PEM file of its private key; None where it is in the same file.
        client_key_password: the key's password.
        proxy: the proxy's URL; None honours the environment's proxy variables, empty uses none.
        max_connections: connections open at once; a transfer beyond waits its turn.
        resolve: `host:port:address` to be taken for granted, as curl's `--resolve`.
    """

    connect_timeout: float = 10.0
    timeout: float = 30.0
    max_response: int = 10_000_000
    http_version: str | None = None
    verify: bool = True
    ca_file: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    client_key_password: str | None = None
    proxy: str | None = None
    max_connections: int = 64
    resolve: tuple[str, ...] = ()
