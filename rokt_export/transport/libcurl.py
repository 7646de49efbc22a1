"""libcurl's handles, set up as a transport's options say: easy ones, multi ones, and the connections they open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import pycurl

from rokt_export.errors import ConfigurationError
from rokt_export.exchange.model import Fault, Timings
from rokt_export.transport.certificates import check_client_certificate
from rokt_export.transport.curl_errors import Failure
from rokt_export.transport.options import TransportOptions
from rokt_export.transport.sockets import Sockets

CurlError = pycurl.error

MAX_IDLE_SECONDS = 10
"""A connection idle for longer is not used again: the fewer are found dead, the fewer deliveries end as `unknown`."""

_HTTP_VERSIONS = {
    None: pycurl.CURL_HTTP_VERSION_1_1,
    "1.0": pycurl.CURL_HTTP_VERSION_1_0,
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "2": pycurl.CURL_HTTP_VERSION_2_0,
}

_SUPPRESS_CONNECT_HEADERS = 265
"""CURLOPT_SUPPRESS_CONNECT_HEADERS, which pycurl does not name: what a proxy says to CONNECT is no answer."""

# The least that libcurl takes. Each handle that carries a body has such a buffer.
_UPLOAD_BUFFER = 16384


class Multi:
    """A multi handle: it works on what `Sockets` finds ready, and by its own clock.

    Args:
        sockets: where its sockets are waited for.
        connections: how many it may have open at once.
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
        """Do what is due by the clock."""
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def close(self) -> None:
        """Close the connections; its handles must be removed already."""
        self._multi.close()


class RawConnection:
    """A connection that libcurl opens, through a proxy and TLS where need be, and on which somebody else speaks.

    Args:
        origin: scheme, host and port to connect to.
        options: the transport's.
        trusted: file or folder of the authorities.
        opened: what hears of each new socket.

    Attributes:
        handle: the easy handle, to be added to a multi handle, where it must stay.
        send: puts bytes on the wire and returns how many were taken; BlockingIOError if none can be just now.
        receive: returns up to so many bytes that have arrived, b"" at the end; BlockingIOError if there are none yet.

    Raises:
        CurlError: the origin is none.
    """

    __slots__ = ("_options", "_origin", "handle", "receive", "send")

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
        self.send, self.receive = handle.send, handle.recv

    @property
    def descriptor(self) -> int:
        """Its socket, once it is open."""
        return int(self.handle.getinfo(pycurl.ACTIVESOCKET))

    def phases(self) -> tuple[float, float, float]:
        """Seconds from its start until the name was resolved, the connection stood, and TLS (0.0 without) did."""
        info = self.handle.getinfo
        return (
            info(pycurl.NAMELOOKUP_TIME_T) * 1e-6,
            info(pycurl.CONNECT_TIME_T) * 1e-6,
            info(pycurl.APPCONNECT_TIME_T) * 1e-6,
        )

    def refused(self, code: int, text: str) -> Fault:
        """Return why it could not be opened, from libcurl's code and words."""
        timings = Timings(*self.phases(), 0.0, self.handle.getinfo(pycurl.TOTAL_TIME_T) * 1e-6)
        failure = Failure(
            code=code,
            text=text,
            url=self._origin,
            sent=False,
            os_error=self.handle.getinfo(pycurl.OS_ERRNO),
            seconds=timings.total,
            proxy=proxy_of(self._origin, self._options.proxy),
        )
        return Fault(failure.kind(), failure.message(), failure.sent, timings)

    def close(self) -> None:
        """Free the handle; it must be out of its multi handle already, which closes the connection."""
        self.handle.close()


def check(options: TransportOptions) -> None:
    """Refuse options that cannot work before anything is sent."""
    if options.http_version not in _HTTP_VERSIONS:
        raise ConfigurationError(
            f"HTTP version {options.http_version!r} is not known", remedy='Use "1.0", "1.1" or "2", or leave it out.'
        )
    if options.client_certificate:
        check_client_certificate(options.client_certificate, options.client_key, options.client_key_password)


def configure(handle: pycurl.Curl, options: TransportOptions, trusted: str | None) -> None:
    """Set what holds for every request of a transport."""
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


def proxy_of(url: str, given: str | None) -> str | None:
    """Return `host:port` of the proxy that a request goes through, without credentials; None where there is none."""
    parts = urlsplit(url)
    proxy = given
    if proxy is None:
        proxy = "" if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme, "")
    return proxy.rpartition("@")[2].rpartition("/")[2] or None if proxy else None
