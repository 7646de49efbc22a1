"""Configures libcurl: easy handles, multi handles, and raw connections."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pycurl
from msgspec import Struct

from rokt_export.errors import NO_FILE, ConfigurationError
from rokt_export.exchange.model import AttemptResult, Fault, Timings
from rokt_export.transport.closing_servers import UnsolicitedSenders
from rokt_export.transport.curl_errors import Failure
from rokt_export.transport.proxies import proxy_of
from rokt_export.transport.sockets import Sockets

_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

# Maximum bytes of a file whose content is checked: a system's bundle is larger, and takes 40 ms to read.
_SYSTEM_SIZE = 100_000

# Where systems keep their bundle (as in Go's crypto/x509); the libcurl of a wheel knows only the first.
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
        ConfigurationError: the requested file is missing, unreadable, or has no certificate.
    """
    if ca_file:
        return _checked_authorities(ca_file, "ca_file")
    for variable in _VARIABLES:
        if path := os.environ.get(variable):
            return _checked_authorities(path, variable)
    for bundle in _SYSTEM_BUNDLES:
        if os.access(bundle, os.R_OK):
            return Path(bundle)
    import certifi  # imported late: rarely needed

    return Path(certifi.where())


def check_client_certificate(certificate: str, key: str | None, password: str | None) -> None:
    """Check that a client certificate can be used with its key (in the same file if `key` is None).

    Raises:
        ConfigurationError: a file is missing or unreadable, the password is wrong, or certificate and key do not match.
    """
    for path in (certificate, key or certificate):
        _readable(path, "client certificate")
    try:
        # A callable, because otherwise OpenSSL asks for a missing password at the terminal.
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
                f"{path} (from {origin}) contains no certificate of an authority",
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
    if not (found.is_file() or found.is_dir()):  # reading a device or a pipe may never end
        raise ConfigurationError(f"{NO_FILE} (from {origin})", where=path, remedy="Name a PEM file.")
    if not os.access(found, os.R_OK):
        raise ConfigurationError(
            f"{path} (from {origin}) may not be read", where=path, remedy="Check the file's owner and permissions."
        )
    return found


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """How to connect and how long to wait.

    Attributes:
        connect_timeout: seconds for the connection, including TLS.
        timeout: seconds for the whole attempt.
        max_response: maximum bytes of a body after decoding.
        http_version: `1.0`, `1.1` or `2`; None is 1.1. `2` over plain http uses prior knowledge.
        verify: whether the server's certificate must be trusted and match its host.
        ca_file: PEM file of the authorities to trust; None = the environment's, the system's or certifi's.
        client_certificate: PEM file of the client certificate.
        client_key: PEM file of its private key; None if it is in the same file.
        client_key_password: the key's password.
        proxy: the proxy's URL; None = by the environment's proxy variables; empty = no proxy.
        max_connections: maximum number of open connections; further requests wait.
        resolve: `host:port:address` entries that replace DNS, as curl's `--resolve`.
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


CurlError = pycurl.error

MAX_IDLE_SECONDS = 10
"""A connection that was idle for longer is not reused: a request on a dead connection ends as `unknown`."""

_HTTP_VERSIONS = {
    None: pycurl.CURL_HTTP_VERSION_1_1,
    "1.0": pycurl.CURL_HTTP_VERSION_1_0,
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "2": pycurl.CURL_HTTP_VERSION_2_0,
}

_SUPPRESS_CONNECT_HEADERS = 265
"""CURLOPT_SUPPRESS_CONNECT_HEADERS, which pycurl does not define: hides a proxy's response to CONNECT."""

_CLOSING = 0.1
"""Seconds within which a multi handle closes, unless a name server is silent."""

# The minimum that libcurl accepts. Each handle with a body has such a buffer.
_UPLOAD_BUFFER = 16384


Ended = tuple[Any, AttemptResult]
"""The token of a started request, and its result."""


class TransportContext(Struct, frozen=True):
    """What both ways of HTTP share.

    Attributes:
        options: the transport's options.
        trusted: file or folder of the authorities; None if certificates are not checked.
        sockets: waits for all sockets.
        done: receives the result of each request.
        unasked: the servers that send surplus bytes.
    """

    options: TransportOptions
    trusted: str | None
    sockets: Sockets
    done: list[Ended]
    unasked: UnsolicitedSenders


class Multi:
    """A multi handle, driven by `Sockets` and by its timeouts.

    Args:
        sockets: waits for its sockets.
        connections: maximum number of its open connections.
    """

    __slots__ = ("_act", "_multi", "add", "remove", "results", "timeout")

    def __init__(self, sockets: Sockets, connections: int) -> None:
        self._multi = multi = pycurl.CurlMulti()
        self._act, self.timeout, self.results = multi.socket_action, multi.timeout, multi.info_read
        self.add, self.remove = multi.add_handle, multi.remove_handle
        multi.setopt(pycurl.M_SOCKETFUNCTION, sockets.watcher(self._act))
        multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, connections)
        multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, connections)
        multi.setopt(pycurl.M_MAXCONNECTS, connections)

    def act(self) -> None:
        """Handle expired timeouts."""
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def close(self) -> None:
        """Close the connections; its easy handles must be removed before.

        libcurl waits here for a name server that is silent (pycurl has no CURLMOPT_QUICK_EXIT). We do not.
        """
        closing = threading.Thread(target=self._close, daemon=True)
        try:
            closing.start()
        except RuntimeError:  # the process may have no more threads
            self._close()
        else:
            closing.join(_CLOSING)

    def _close(self) -> None:
        with suppress(CurlError):  # a handle that is closed already, or still calls us
            self._multi.close()


class _SharedSocket(socket.socket):
    """A socket of a descriptor that libcurl closes: garbage collection must not, its number may be another file's."""

    __slots__ = ()

    def __del__(self) -> None:
        self.detach()


class RawConnection:
    """A connection for our own HTTP/1.1 that libcurl opens, through a proxy and with TLS if needed.

    Args:
        origin: scheme, host and port to connect to.
        options: the transport's options.
        trusted: file or folder of the authorities.
        opened: called with each new socket.

    Attributes:
        handle: the easy handle, which must be added to a multi handle and stay there.
        send: sends bytes and returns how many were accepted; BlockingIOError if none can be sent now.
        receive: returns up to a number of received bytes, b"" at the end; BlockingIOError if there are none. Both raise
            CurlError, or OSError, if the connection is broken.

    Raises:
        CurlError: the origin is not valid.
    """

    __slots__ = ("_options", "_origin", "_socket", "handle", "receive", "send")

    def __init__(
        self, origin: str, options: TransportOptions, trusted: str | None, opened: Callable[[int, int], int]
    ) -> None:
        self._origin = origin
        self._options = options
        self.handle = handle = pycurl.Curl()
        configure(handle, options, trusted)
        handle.setopt(pycurl.SOCKOPTFUNCTION, opened)
        handle.setopt(pycurl.URL, origin)
        handle.setopt(pycurl.CONNECT_ONLY, 1)
        self._socket: _SharedSocket | None = None
        self.send, self.receive = handle.send, handle.recv

    def open(self) -> int:
        """Note that libcurl has opened the connection; return its descriptor.

        From then on, bytes without TLS (neither the server's nor a proxy's) go by the socket itself: through libcurl
        they take 1 us more a request.
        """
        descriptor = int(self.handle.getinfo(pycurl.ACTIVESOCKET))
        if self._origin.startswith("http:") and proxy_of(self._origin, self._options.proxy) is None:
            self._socket = _SharedSocket(fileno=descriptor)
            self.send, self.receive = self._socket.send, self._socket.recv
        return descriptor

    def phases(self) -> tuple[float, float, float]:
        """Seconds from the start until name lookup, connect and TLS (0.0 without) were complete."""
        info = self.handle.getinfo
        return (
            info(pycurl.NAMELOOKUP_TIME_T) * 1e-6,
            info(pycurl.CONNECT_TIME_T) * 1e-6,
            info(pycurl.APPCONNECT_TIME_T) * 1e-6,
        )

    def refused(self, code: int, text: str) -> Fault:
        """Return the fault of a connection that could not be opened, from libcurl's code and message."""
        return Failure(
            code=code,
            text=text,
            url=self._origin,
            sent=False,
            os_error=self.handle.getinfo(pycurl.OS_ERRNO),
            proxy=proxy_of(self._origin, self._options.proxy),
            timings=Timings(*self.phases(), 0.0, self.handle.getinfo(pycurl.TOTAL_TIME_T) * 1e-6),
        ).fault()

    def close(self) -> None:
        """Free the handle, which must be removed from its multi handle before; that closes the connection."""
        if self._socket is not None:
            self._socket.detach()  # first: after that its number may be another file's
        self.handle.close()


def check(options: TransportOptions) -> None:
    """Check options before anything is sent.

    Raises:
        ConfigurationError: an option is not valid.
    """
    if options.http_version not in _HTTP_VERSIONS:
        raise ConfigurationError(
            f"HTTP version {options.http_version!r} is not known", remedy='Use "1.0", "1.1" or "2", or leave it out.'
        )
    if options.client_certificate:
        check_client_certificate(options.client_certificate, options.client_key, options.client_key_password)


def configure(handle: pycurl.Curl, options: TransportOptions, trusted: str | None) -> None:
    """Set the options that are the same for every request of a transport."""
    handle.setopt(pycurl.NOSIGNAL, 1)
    handle.setopt(pycurl.USERAGENT, "")
    handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    handle.setopt(pycurl.PATH_AS_IS, 1)
    handle.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
    handle.setopt(pycurl.TCP_NODELAY, 1)
    handle.setopt(pycurl.TCP_KEEPALIVE, 1)
    handle.setopt(pycurl.UPLOAD_BUFFERSIZE, _UPLOAD_BUFFER)
    handle.setopt(pycurl.MAXAGE_CONN, MAX_IDLE_SECONDS)
    handle.setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(options.connect_timeout))
    handle.setopt(pycurl.TIMEOUT_MS, _milliseconds(options.timeout))
    handle.setopt(pycurl.MAXFILESIZE_LARGE, options.max_response)
    handle.setopt(pycurl.HTTP_VERSION, _HTTP_VERSIONS[options.http_version])
    if options.proxy is not None:
        handle.setopt(pycurl.PROXY, options.proxy)
    if options.resolve:
        handle.setopt(pycurl.RESOLVE, list(options.resolve))
    _configure_tls(handle, options, trusted)


def _configure_tls(handle: pycurl.Curl, options: TransportOptions, trusted: str | None) -> None:
    handle.setopt(pycurl.SSL_VERIFYPEER, int(options.verify))
    handle.setopt(pycurl.SSL_VERIFYHOST, 2 if options.verify else 0)
    if trusted:
        handle.setopt(pycurl.CAPATH if Path(trusted).is_dir() else pycurl.CAINFO, trusted)
    if options.client_certificate:
        handle.setopt(pycurl.SSLCERT, options.client_certificate)
        handle.setopt(pycurl.SSLKEY, options.client_key or options.client_certificate)
    if options.client_key_password:
        handle.setopt(pycurl.KEYPASSWD, options.client_key_password)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # 0 would mean libcurl's default
