"""Requests put on the wire by libcurl, many at once from one thread, each answered by a response or a typed fault."""

from __future__ import annotations

import contextlib
import re
import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import pycurl

from rokt_export.delivery.faults import Failure
from rokt_export.delivery.heads import head_of
from rokt_export.delivery.inspection import Certificate, Conversation, Inspection, certificate_of, phase_of
from rokt_export.delivery.interrupts import HeldInterrupt
from rokt_export.delivery.sockets import Sockets
from rokt_export.delivery.trust import authorities, check_client_certificate
from rokt_export.errors import ConfigurationError
from rokt_export.exchange.model import Fault, FaultKind, Request, Response, Timings

# A connection idle for longer is not used again: the fewer are found dead, the fewer deliveries end as `unknown`.
_MAX_IDLE_SECONDS = 10

_HTTP_VERSIONS = {
    None: pycurl.CURL_HTTP_VERSION_2TLS,
    "1.0": pycurl.CURL_HTTP_VERSION_1_0,
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "2": pycurl.CURL_HTTP_VERSION_2_0,
}

# What libcurl would add of its own, and how it is told not to.
_SUPPRESSED = {"accept": b"Accept:", "content-type": b"Content-Type:", "expect": b"Expect:"}

# RFC 9110, 8.6: a request of these methods states its length even where it has no body.
_LENGTH_EXPECTED = frozenset({"POST", "PUT", "PATCH"})

_UNSAFE_IN_HEADER = re.compile(r"[\r\n\0]")

# What each request needs of pycurl, without a look-up in the module each time.
_POSTFIELDS, _STARTTRANSFER, _TOTAL = pycurl.POSTFIELDS, pycurl.STARTTRANSFER_TIME_T, pycurl.TOTAL_TIME_T
_OK, _ABORT = pycurl.PREREQFUNC_OK, pycurl.PREREQFUNC_ABORT

# libcurl looks for an idle connection among all that it has, one by one: so none of its handles has more than these.
_CONNECTIONS_EACH = 128

# The least that libcurl takes. Each handle has such a buffer: at its default, 1,000 in flight take 31 MB more.
_UPLOAD_BUFFER = 16384


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """How to connect and how long to wait.

    Attributes:
        connect_timeout: seconds until the connection, with TLS, must stand.
        timeout: seconds for the whole attempt.
        max_response: bytes that a body may have after decoding.
        http_version: `1.0`, `1.1` or `2`; None takes HTTP/2 where TLS offers it, else 1.1. `2` over plain http is
            spoken without asking first.
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


class Transport:
    """Carries requests; not thread-safe but for `wake`.

    A request is on the wire at most once: libcurl would resend on a new connection when a kept-alive one dies without
    an answer, and is stopped from it; such a request ends as `reset_after_send`.

    Raises:
        ConfigurationError: an authority's file, client certificate or key cannot be used, or an option has no meaning.
    """

    def __init__(self, options: TransportOptions = TransportOptions()) -> None:
        _check(options)
        self._options = options
        self._authorities = str(authorities(options.ca_file)) if options.verify else None
        self._active: dict[pycurl.Curl, _Slot] = {}
        self._opening: set[_Slot] = set()
        self._done: list[tuple[Any, Response | Fault]] = []
        self._interrupt = HeldInterrupt()
        self._sockets = Sockets()
        self._rooms = _shares(options.max_connections)
        self._shard = _Shard(self._rooms.pop(), self._sockets)
        self._shards = [self._shard]
        self._closed = False
        _allow_descriptors(2 * options.max_connections)

    def __enter__(self) -> Transport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def in_flight(self) -> int:
        """How many started requests `poll` has not answered yet."""
        return len(self._active) + len(self._done)

    def start(self, token: Any, request: Request) -> None:
        """Begin a request without waiting; `poll` gives its answer together with `token`.

        A request that cannot be sent as it stands (a line break in a header) is answered by a `protocol` fault.
        HEAD is sent without a body.
        """
        shard = self._shard
        if not shard.idle:
            shard = self._shard = self._shard_with_room()
        slot = shard.idle.pop()
        try:
            slot.prepare(token, request)
        except (pycurl.error, ValueError) as error:
            slot.forget()
            shard.idle.append(slot)
            self._done.append((token, slot.unsendable(request, str(error))))
            return
        handle = slot.handle
        self._active[handle] = slot
        try:
            self._opening.add(slot)
            shard.add(handle)
        except BaseException:
            if handle.multi() is None:  # else an interrupt came once libcurl had it: it is in flight
                del self._active[handle]
                self._opening.discard(slot)
            raise

    def poll(self, timeout: float) -> list[tuple[Any, Response | Fault]]:
        """Return what has ended, waiting up to `timeout` seconds until something has or `wake` is called.

        An interrupt (KeyboardInterrupt) leaves every transfer as it is, to be answered by a later call.
        """
        deadline = monotonic() + timeout
        while not self._done:
            woken = self._turn(deadline)
            if woken or monotonic() >= deadline:
                break
        done, self._done = self._done, []
        return done

    def wake(self) -> None:
        """Make a `poll` that waits, or else the next one, return at once; may be called from any thread."""
        self._sockets.wake()

    def cancel(self, token: Any) -> None:
        """End the requests started with `token`; `poll` answers them `cancelled`, or as they ended before."""
        self._end(lambda slot: slot.token is token or slot.token == token)

    def cancel_all(self) -> None:
        """End every request in flight; `poll` answers them `cancelled`, or as they ended before."""
        self._end(lambda _slot: True)

    def send(self, request: Request) -> Response | Fault:
        """Send one request and wait for its answer, at most the attempt's timeout; other answers keep for `poll`."""
        token = object()
        self.start(token, request)
        others: list[tuple[Any, Response | Fault]] = []
        try:
            while True:
                for ended, answer in (batch := self.poll(self._options.timeout)):
                    if ended is token:
                        others += [pair for pair in batch if pair[0] is not token]
                        return answer
                others += batch
        except BaseException:
            self.cancel(token)
            self._done = [pair for pair in self._done if pair[0] is not token]
            raise
        finally:
            self._done[:0] = others

    def close(self) -> None:
        """Drop every transfer, unanswered, and every connection. May be called twice."""
        if self._closed:
            return
        self._closed = True
        with self._interrupt:
            for handle, slot in self._active.items():
                slot.shard.remove(handle)
            slots = [*self._active.values(), *(slot for shard in self._shards for slot in shard.idle)]
            # The multi handles first: the connections they close still refer to the easy handles that opened them.
            for shard in self._shards:
                shard.close()
            for slot in slots:
                slot.close()
            self._active.clear()
            self._opening.clear()
            self._sockets.close()

    def _shard_with_room(self) -> _Shard:
        """Return a shard that has an idle slot, the first for choice: few connections, often used, are better kept."""
        chosen = next((shard for shard in self._shards if shard.idle or shard.slots < shard.connections), None)
        if chosen is None and self._rooms:
            chosen = _Shard(self._rooms.pop(), self._sockets)
            self._shards.append(chosen)
        if chosen is None:  # more in flight than connections: libcurl makes them wait, or shares a connection (HTTP/2)
            chosen = min(self._shards, key=lambda shard: shard.slots)
        if not chosen.idle:
            slot = _Slot(self._options, self._authorities, self._opening, self._sockets.opened)
            slot.shard = chosen
            chosen.idle.append(slot)
            chosen.slots += 1
        return chosen

    def _turn(self, deadline: float) -> bool:
        """Let libcurl work once on what is due, else on what becomes ready; return whether `wake` was called."""
        shards = self._shards
        due = [shard.timeout() for shard in shards]
        wait = max(0.0, deadline - monotonic())
        for milliseconds in due:
            if 0 <= milliseconds < wait * 1000:
                wait = milliseconds / 1000
        # Also where something is due: an idle connection that was closed must be known before it is used again.
        events = self._sockets.wait(wait)
        with self._interrupt:
            woken = self._sockets.serve(events)
            for shard, milliseconds in zip(shards, due, strict=True):
                # Where a socket of the shard was ready, what was due has been done as well.
                if not events or (milliseconds == 0 and shard.timeout() == 0):
                    shard.act(pycurl.SOCKET_TIMEOUT, 0)
            self._sockets.verify(self._opening)
            self._collect()
        return woken

    def _collect(self) -> None:
        """Turn libcurl's finished transfers into answers."""
        active = self._active
        for shard in self._shards:
            left = 1
            while left:
                left, finished, failed = shard.results()
                for handle in finished:
                    slot = active[handle]
                    self._settle(slot, slot.response())
                for handle, code, text in failed:
                    slot = active[handle]
                    if slot.may_start_over():
                        shard.remove(handle)
                        slot.start_over()
                        self._opening.add(slot)
                        shard.add(handle)
                    else:
                        self._settle(slot, slot.fault(code, text))

    def _settle(self, slot: _Slot, answer: Response | Fault) -> None:
        handle, shard = slot.handle, slot.shard
        shard.remove(handle)
        del self._active[handle]
        self._opening.discard(slot)
        self._done.append((slot.token, answer))
        slot.token = None
        shard.idle.append(slot)

    def _end(self, chosen: Any) -> None:
        with self._interrupt:
            self._collect()
            for slot in [slot for slot in self._active.values() if chosen(slot)]:
                self._settle(slot, slot.cancelled())


class _Shard:
    """One of a transport's multi handles, with the connections and easy handles that are its own."""

    __slots__ = ("_multi", "act", "add", "connections", "idle", "remove", "results", "slots", "timeout")

    def __init__(self, connections: int, sockets: Sockets) -> None:
        self.connections = connections
        self.slots = 0
        self.idle: list[_Slot] = []
        self._multi = multi = pycurl.CurlMulti()
        self.act, self.timeout, self.results = multi.socket_action, multi.timeout, multi.info_read
        self.add, self.remove = multi.add_handle, multi.remove_handle
        multi.setopt(pycurl.M_SOCKETFUNCTION, sockets.watcher(self.act))
        multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, connections)
        multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, connections)
        multi.setopt(pycurl.M_MAXCONNECTS, connections)

    def close(self) -> None:
        """Close the connections; its transfers must be removed already."""
        self._multi.close()
        self.idle.clear()


class _Slot:
    """An easy handle used again and again: it remembers how it is set, and changes only what differs."""

    __slots__ = (
        "_accepted",
        "_admitted",
        "_chunks",
        "_connected",
        "_has_body",
        "_headers",
        "_info",
        "_lines",
        "_method",
        "_opened",
        "_opening",
        "_options",
        "_received",
        "_set",
        "_started_over",
        "_url",
        "handle",
        "shard",
        "token",
    )

    shard: _Shard

    def __init__(
        self,
        options: TransportOptions,
        trusted: str | None,
        opening: set[_Slot] | None = None,
        opened: Callable[[int, int], int] = lambda _descriptor, _purpose: pycurl.SOCKOPT_OK,
    ) -> None:
        """Make and configure a handle.

        Args:
            options: the transport's.
            trusted: file or folder of the authorities.
            opening: a set to be removed from once there is a connection.
            opened: what hears of each new socket.
        """
        self._options = options
        self._opening = opening if opening is not None else set()
        self._opened = opened
        self.token: Any = None
        self._lines: list[bytes] = []
        self._chunks: list[bytes] = []
        self._received = 0
        self._admitted = 0
        self._connected = False
        self._started_over = False
        self.handle = handle = pycurl.Curl()
        self._set, self._info = handle.setopt, handle.getinfo
        _configure(handle, options, trusted)
        handle.setopt(pycurl.HEADERFUNCTION, self._lines.append)
        handle.setopt(pycurl.WRITEFUNCTION, self._receive)
        handle.setopt(pycurl.PREREQFUNCTION, self._admit)
        handle.setopt(pycurl.SOCKOPTFUNCTION, self._connect)
        self.forget()

    def forget(self) -> None:
        """Take nothing for granted of how the handle is set."""
        self._url = ""
        self._method = ""
        self._has_body: bool | None = None
        self._headers: tuple[tuple[str, str], ...] | None = None
        self._accepted: str | None = None

    def close(self) -> None:
        """Free the handle; its multi handle must be closed already."""
        self.handle.close()

    def prepare(self, token: Any, request: Request) -> None:
        """Set the handle up for a request.

        Raises:
            ValueError: a header or the URL cannot be sent.
            pycurl.error: libcurl refuses it.
        """
        self.token = token
        self._lines.clear()
        self._chunks.clear()
        self._received = self._admitted = 0
        self._connected = False
        if self._started_over:
            self._started_over = False
            self.handle.setopt(pycurl.FRESH_CONNECT, 0)
        body = request.body
        method = request.method
        if body is None and method in _LENGTH_EXPECTED:
            body = b""
        if method != self._method or (body is not None) is not self._has_body:
            self._set_method(method, body is not None)
        if request.url != self._url:
            self._set_url(request.url)
        if request.headers is not self._headers:
            self._set_headers(request.headers)
        if body is not None and method != "HEAD":
            self._set(_POSTFIELDS, body)

    def response(self) -> Response | Fault:
        """Return the answer of a transfer that ended well in libcurl's eyes."""
        head = head_of(tuple(self._lines))
        if head is None:
            return self.fault(pycurl.E_PARTIAL_FILE, "it ended among its headers")
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return Response(head.status, head.headers, body, self._timings(), head.version)

    def fault(self, code: int, text: str) -> Fault:
        """Return why a transfer failed, from libcurl's code and words."""
        timings = self._timings()
        failure = Failure(
            code=code,
            text=text,
            url=self._url,
            sent=self._sent(),
            whole=self.handle.getinfo(pycurl.POSTTRANSFER_TIME_T) > 0,
            os_error=self.handle.getinfo(pycurl.OS_ERRNO),
            seconds=timings.total,
            proxy=_proxy_of(self._url, self._options.proxy),
            max_response=self._options.max_response,
        )
        return Fault(failure.kind(), failure.message(), failure.sent, timings)

    def may_start_over(self) -> bool:
        """Whether libcurl was about to resend, by our veto did not, and nothing had gone out the first time."""
        return self._admitted == 2 and not self._started_over and not self._sent()

    def start_over(self) -> None:
        """Make ready to be added again, once, for a connection that is new."""
        self._started_over = True
        self._admitted = 0
        self._connected = False
        self._lines.clear()
        self.handle.setopt(pycurl.FRESH_CONNECT, 1)

    def cancelled(self) -> Fault:
        """Return the fault of a transfer ended by us."""
        sent = self._sent()
        how_far = "its request may have arrived" if sent else "nothing was sent"
        return Fault(FaultKind.CANCELLED, f"cancelled; {how_far}", sent, self._timings())

    def unsendable(self, request: Request, reason: str) -> Fault:
        """Return the fault of a request that could not even begin."""
        host = urlsplit(request.url).hostname or "the endpoint"
        return Fault(FaultKind.PROTOCOL, f"the request to {host} cannot be sent: {reason}", sent=False)

    def _sent(self) -> bool:
        """Whether a byte of the request may have left: libcurl was let past the connection, and wrote."""
        info = self.handle.getinfo
        return self._admitted > 0 and (info(pycurl.REQUEST_SIZE) > 0 or info(pycurl.SIZE_UPLOAD_T) > 0)

    def _timings(self) -> Timings:
        info = self._info
        dns = connect = tls = 0.0
        if self._connected or not self._admitted:  # else libcurl's figures mean its search for a connection
            dns = info(pycurl.NAMELOOKUP_TIME_T) * 1e-6
            connect = info(pycurl.CONNECT_TIME_T) * 1e-6
            tls = info(pycurl.APPCONNECT_TIME_T) * 1e-6
        return Timings(dns, connect, tls, info(_STARTTRANSFER) * 1e-6, info(_TOTAL) * 1e-6)

    def _connect(self, descriptor: int, purpose: int) -> int:
        """Take note of a connection made for this transfer."""
        self._connected = True
        return self._opened(descriptor, purpose)

    def _admit(self, *_addresses: object) -> int:
        """Let the request go out once: a second call means that libcurl is about to resend it."""
        self._admitted += 1
        if self._admitted > 1:
            return _ABORT
        self._opening.discard(self)
        return _OK

    def _receive(self, chunk: bytes) -> int | None:
        self._received += len(chunk)
        if self._received > self._options.max_response:
            return 0
        self._chunks.append(chunk)
        return None

    def _set_method(self, method: str, has_body: bool) -> None:
        handle = self.handle
        self.forget()
        handle.setopt(pycurl.NOBODY, 0)
        handle.setopt(pycurl.HTTPGET, 1)
        if method == "HEAD":
            handle.setopt(pycurl.NOBODY, 1)
        elif has_body:
            handle.setopt(pycurl.POSTFIELDS, b"")
        natural = method == "HEAD" or method == ("POST" if has_body else "GET")
        if natural:
            handle.unsetopt(pycurl.CUSTOMREQUEST)
        else:
            handle.setopt(pycurl.CUSTOMREQUEST, method)
        self._method = method
        self._has_body = has_body

    def _set_url(self, url: str) -> None:
        if "@" in url and "@" in urlsplit(url).netloc:
            raise ValueError("credentials do not belong in the URL")  # libcurl would make a header of them
        self.handle.setopt(pycurl.URL, url)
        if self._options.http_version == "2":
            # Asking for an upgrade would add headers, so over plain http it is simply spoken.
            plain = url[:5].lower() == "http:"
            version = pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE if plain else pycurl.CURL_HTTP_VERSION_2_0
            self.handle.setopt(pycurl.HTTP_VERSION, version)
        self._url = url

    def _set_headers(self, headers: tuple[tuple[str, str], ...]) -> None:
        self._headers = None
        lines, accepted = _header_lines(headers, states_length=bool(self._has_body))
        self.handle.setopt(pycurl.HTTPHEADER, lines)
        if accepted != self._accepted:
            if accepted:
                self.handle.setopt(pycurl.ACCEPT_ENCODING, accepted)
            else:
                self.handle.unsetopt(pycurl.ACCEPT_ENCODING)
            self._accepted = accepted
        self._headers = headers


def inspect(url: str, options: TransportOptions = TransportOptions()) -> Inspection:
    """Connect to an endpoint, with TLS where it has it, and close: no request is sent.

    A certificate that is not trusted is fetched by a second connection without checks, so that it can be shown.

    Raises:
        ConfigurationError: as `Transport`.
    """
    _check(options)
    trusted = str(authorities(options.ca_file)) if options.verify else None
    shown = _inspect(url, options, trusted)
    if shown.phase == "tls" and shown.certificate is None and options.verify:
        unchecked = _inspect(url, replace(options, verify=False), None)
        shown = replace(
            shown,
            certificate=unchecked.certificate,
            tls_version=unchecked.tls_version,
            cipher=unchecked.cipher,
            alpn=unchecked.alpn,
        )
    return shown


def _inspect(url: str, options: TransportOptions, trusted: str | None) -> Inspection:
    slot = _Slot(options, trusted)
    lines: list[str] = []
    try:
        fault = _connect(slot, url, lines)
        told = Conversation.of(lines)
        parts = urlsplit(url)
        address = slot.handle.getinfo(pycurl.PRIMARY_IP) or None
        return Inspection(
            host=parts.hostname or "",
            port=parts.port or (443 if parts.scheme == "https" else 80),
            addresses=told.addresses or ((address,) if address else ()),
            address=address,
            tls_version=told.tls_version,
            cipher=told.cipher,
            alpn=told.alpn,
            certificate=_certificate(slot.handle),
            timings=slot._timings(),
            fault=fault,
            phase=phase_of(fault) if fault else None,
        )
    finally:
        slot.close()


def _connect(slot: _Slot, url: str, lines: list[str]) -> Fault | None:
    """Connect without a request, and fill `lines` with what libcurl tells of it."""
    request = Request("GET", url, ())
    handle = slot.handle
    try:
        slot.prepare(None, request)
    except (pycurl.error, ValueError) as error:
        return slot.unsendable(request, str(error))
    handle.setopt(pycurl.CONNECT_ONLY, 1)
    handle.setopt(pycurl.OPT_CERTINFO, 1)
    handle.setopt(pycurl.VERBOSE, 1)
    handle.setopt(pycurl.DEBUGFUNCTION, lambda kind, text: _note(lines, kind, text))
    try:
        handle.perform()
    except pycurl.error as error:
        return slot.fault(*error.args)
    return None


def _note(lines: list[str], kind: int, text: bytes) -> None:
    if kind == pycurl.INFOTYPE_TEXT:
        lines.append(text.decode("utf-8", "replace").strip())


def _certificate(handle: pycurl.Curl) -> Certificate | None:
    chain = handle.getinfo(pycurl.INFO_CERTINFO)
    return certificate_of(chain[0]) if chain else None


def _check(options: TransportOptions) -> None:
    """Refuse options that cannot work before anything is sent."""
    if options.http_version not in _HTTP_VERSIONS:
        raise ConfigurationError(
            f"HTTP version {options.http_version!r} is not known", remedy='Use "1.0", "1.1" or "2", or leave it out.'
        )
    if options.client_certificate:
        check_client_certificate(options.client_certificate, options.client_key, options.client_key_password)


def _configure(handle: pycurl.Curl, options: TransportOptions, trusted: str | None) -> None:
    """Set what holds for every request of a transport."""
    handle.setopt(pycurl.NOSIGNAL, 1)
    handle.setopt(pycurl.USERAGENT, "")
    handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    handle.setopt(pycurl.PATH_AS_IS, 1)
    handle.setopt(pycurl.TCP_NODELAY, 1)
    handle.setopt(pycurl.TCP_KEEPALIVE, 1)
    handle.setopt(pycurl.UPLOAD_BUFFERSIZE, _UPLOAD_BUFFER)
    handle.setopt(pycurl.MAXAGE_CONN, _MAX_IDLE_SECONDS)
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


def _shares(connections: int) -> list[int]:
    """Divide connections among as few shards as may be, as evenly as may be."""
    shards = max(1, -(-connections // _CONNECTIONS_EACH))
    each, more = divmod(connections, shards)
    return [each] * (shards - more) + [each + 1] * more


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # 0 would mean libcurl's default


def _header_lines(headers: Iterable[tuple[str, str]], *, states_length: bool) -> tuple[list[bytes], str]:
    """Return headers as libcurl takes them, and the value of Accept-Encoding ("" where there is none).

    Content-Length is left to libcurl where it states one, so that it is that of the body.

    Raises:
        ValueError: a header holds a line break or NUL, which would make it two.
    """
    lines: list[bytes] = []
    given: set[str] = set()
    accepted = ""
    for name, value in headers:
        line = f"{name}: {value}" if value else f"{name};"
        if _UNSAFE_IN_HEADER.search(line):
            raise ValueError(f"the header {_UNSAFE_IN_HEADER.sub(' ', name)} holds a line break or NUL")
        key = name.lower()
        given.add(key)
        if key == "accept-encoding":
            accepted = value
        if key != "content-length" or not states_length:
            lines.append(line.encode())
    lines += [line for key, line in _SUPPRESSED.items() if key not in given]
    return lines, accepted


def _proxy_of(url: str, told: str | None) -> str | None:
    """Return `host:port` of the proxy that a request goes through, without credentials; None where there is none."""
    parts = urlsplit(url)
    proxy = told
    if proxy is None:
        proxy = "" if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme, "")
    return proxy.rpartition("@")[2].rpartition("/")[2] or None if proxy else None


def _allow_descriptors(more: int) -> None:
    """Raise this process's own limit of open files as far as it may, so that many connections fit beside the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = more + 256
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # not allowed: a connection too many will say so
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
