"""Sends requests with libcurl: HTTP/2, forwarding proxies, compressed bodies, and everything else that is not plain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from math import inf
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pycurl

from rokt_export.exchange.model import (
    AttemptResult,
    Fault,
    FaultKind,
    Request,
    Response,
    Timings,
    first_header,
    named_proxy,
)
from rokt_export.transport import curl_errors
from rokt_export.transport.closing_servers import QUIET, ClosingServer, UnsolicitedSenders, is_goodbye
from rokt_export.transport.curl_errors import ANOTHERS, CLOSED, GAVE_UP, REQUEST_TIMEOUT, SPOKE_FIRST, Failure
from rokt_export.transport.decompression import (
    CutShortError,
    UnpackedTooLargeError,
    codings,
    unlabelled,
    unpack,
    unpacks,
)
from rokt_export.transport.http11_requests import LENGTH_EXPECTED, UNSAFE_IN_HEADER, says_close
from rokt_export.transport.http11_responses import Head, cut_short, head_of
from rokt_export.transport.libcurl import CurlError, Multi, TransportContext, TransportOptions, configure
from rokt_export.transport.proxies import proxy_of
from rokt_export.transport.sockets import heard

# Headers that libcurl would add, and how to prevent it.
_SUPPRESSED = {"accept": b"Accept:", "content-type": b"Content-Type:", "expect": b"Expect:"}

_PROXY_AUTHENTICATION_REQUIRED = 407

_ORIGIN = re.compile(r"[^:]*:/*[^/?#]*")

_OK, _ABORT = pycurl.PREREQFUNC_OK, pycurl.PREREQFUNC_ABORT


def _is_whole(partial: Response | None) -> bool:
    """Return whether all bytes came that Content-Length states: a `Transfer-Encoding: identity` lets libcurl wait."""
    return partial is not None and partial.size == len(partial.body)


class Transfers:
    """Requests that libcurl sends.

    libcurl would send a request again if a reused connection dies without a response. That is prevented; such a request
    ends as `reset_after_send`.
    """

    def __init__(self, common: TransportContext) -> None:
        self._options = options = common.options
        self._trusted = common.trusted
        self._sockets = common.sockets
        self._done = common.done
        self._multi = Multi(common.sockets, options.max_connections)
        self._active: dict[pycurl.Curl, Transfer] = {}
        self._idle: list[Transfer] = []
        self._wary = ClosingServer()
        self._unasked = common.unasked
        self._ordered = options.http_version != "2"
        """Whether responses are matched to requests only by order."""
        self._origins: dict[int, str] = {}
        self._quiet_at: dict[str, float] = {}
        """Origin to the moment when it will have been silent long enough after its first response."""
        self._held: list[tuple[Any, Request]] = []
        """Requests that wait for that moment."""
        common.sockets.spoke = self._spoke
        self.opening: set[Transfer] = set()

    @property
    def in_flight(self) -> int:
        """The number of requests without a result."""
        return len(self._active) + len(self._held)

    def start(self, token: Any, request: Request) -> None:
        """Start a request; one that cannot be sent ends with a `protocol` fault immediately."""
        origin = _origin_of(request.url)
        if self._ordered and origin not in self._unasked.trusted:
            if monotonic() < self._quiet_at.get(origin, 0.0):
                self._held.append((token, request))
                return
            if self._quiet_at.pop(origin, None) is not None:
                self._unasked.was_quiet(origin)
        self._start(token, request, origin)

    def _start(self, token: Any, request: Request, origin: str) -> None:
        transfer = self._idle.pop() if self._idle else self._new()
        # libcurl does not notice decrypted bytes of a surplus response before it reuses the connection.
        once = self._unasked.sends_surplus(origin) or (self._ordered and origin[:6].lower() == "https:")
        fresh = once or monotonic() < self._wary.until or (self._ordered and origin not in self._unasked.trusted)
        try:
            transfer.prepare(token, request, origin, fresh=fresh, once=once)
        except (CurlError, ValueError) as error:
            transfer.forget()
            self._idle.append(transfer)
            self._done.append((token, transfer.unsendable(request, str(error))))
            return
        handle = transfer.handle
        self._active[handle] = transfer
        try:
            self.opening.add(transfer)
            self._multi.add(handle)
        except BaseException:
            if handle.multi() is None:  # else an interrupt came after libcurl had taken it: it is in flight
                del self._active[handle]
                self.opening.discard(transfer)
            raise

    def wait(self) -> float:
        """Return the seconds until something is due; infinite if nothing is."""
        milliseconds = self._multi.timeout() if self._active else -1
        seconds = milliseconds / 1000 if milliseconds >= 0 else float("inf")
        if self._held:
            seconds = min(seconds, min(self._quiet_at.values(), default=0.0) - monotonic())
        return seconds

    def turn(self, *, idle: bool) -> None:
        """Do what is due, after libcurl has handled what is ready.

        Args:
            idle: whether nothing was ready.
        """
        if self._held:
            held, self._held = self._held, []
            for token, request in held:
                self.start(token, request)
        if not self._active:
            return
        # If a socket was ready, libcurl has usually handled its timeouts too.
        if idle or self._multi.timeout() == 0:
            self._multi.act()
        self.collect()

    def collect(self) -> None:
        """Collect the results of libcurl's finished transfers."""
        active, multi = self._active, self._multi
        left = 1
        while left:
            left, finished, failed = multi.results()
            for handle in finished:
                transfer = active[handle]
                self._settle(transfer, self._response(transfer))
            for handle, code, text in failed:
                transfer = active[handle]
                if transfer.may_start_over():
                    multi.remove(handle)
                    transfer.start_over()
                    self.opening.add(transfer)
                    multi.add(handle)
                else:
                    fault = transfer.fault(code, text)
                    if transfer.found_closed(fault) and self._options.http_version != "2":
                        self._wary.beware()
                    came = fault.partial if curl_errors.is_malformed(code, text) else None
                    whole = code == curl_errors.OPERATION_TIMEDOUT and _is_whole(fault.partial)
                    self._settle(transfer, self._response(transfer) if whole else came or fault)

    def cancel(self, chosen: Callable[[Any], bool]) -> None:
        """End the requests whose token satisfies `chosen`."""
        self.collect()
        for transfer in [each for each in self._active.values() if chosen(each.token)]:
            self._settle(transfer, transfer.cancelled())
        self._cancel_held(chosen)

    def cancel_unsent(self) -> None:
        """End the requests of which nothing was sent."""
        self.collect()
        for transfer in [each for each in self._active.values() if not each.is_admitted]:
            self._settle(transfer, transfer.cancelled())
        self._cancel_held(lambda _token: True)

    def _cancel_held(self, chosen: Callable[[Any], bool]) -> None:
        fault = Fault.cancelled(Timings(), sent=False)
        self._done += [(token, fault) for token, _ in self._held if chosen(token)]
        self._held = [each for each in self._held if not chosen(each[0])]

    def close(self) -> None:
        """Drop all transfers and connections."""
        for handle in self._active:
            self._multi.remove(handle)
        # First the multi handle: its connections still refer to the easy handles that opened them.
        self._multi.close()
        for transfer in (*self._active.values(), *self._idle):
            transfer.close()
        self._active.clear()
        self._held.clear()
        self._idle.clear()
        self.opening.clear()

    def _response(self, transfer: Transfer) -> AttemptResult:
        """Return the result of a transfer that is complete; its time ends when it came, not when it was read."""
        return transfer.response(self._sockets.arrival(transfer.handle.getinfo(pycurl.ACTIVESOCKET)))

    def _look_behind(self, transfer: Transfer, response: Response) -> None:
        """Check whether libcurl kept a response's connection; it closes one on which it read surplus bytes."""
        origin = transfer.origin
        if transfer.is_kept():
            if origin not in self._unasked.trusted:
                self._quiet_at.setdefault(origin, monotonic() + QUIET)
        elif transfer.might_be_kept(response):
            self._unasked.spoke(origin)

    def _spoke(self, descriptor: int, start: bytes) -> None:
        """Handle bytes on a connection without a request."""
        origin = self._origins.get(descriptor)
        if origin is not None and self._ordered and origin[:5].lower() == "http:" and not is_goodbye(start):
            self._unasked.spoke(origin)

    def _new(self) -> Transfer:
        return Transfer(self._options, self._trusted, self.opening, self._opened, self._unasked)

    def _opened(self, descriptor: int, purpose: int, origin: str) -> int:
        self._origins[descriptor] = origin
        return self._sockets.opened(descriptor, purpose)

    def _settle(self, transfer: Transfer, result: AttemptResult) -> None:
        if self._ordered and isinstance(result, Response):
            self._look_behind(transfer, result)
        self._multi.remove(transfer.handle)
        del self._active[transfer.handle]
        self.opening.discard(transfer)
        self._done.append((transfer.token, result))
        transfer.token = None
        self._idle.append(transfer)


class Transfer:
    """A reusable easy handle, which changes only the options that differ."""

    __slots__ = (
        "_accepted",
        "_admitted",
        "_began",
        "_body",
        "_closes",
        "_connected",
        "_descriptor",
        "_fresh",
        "_has_body",
        "_headers",
        "_lines",
        "_method",
        "_once",
        "_opened",
        "_opening",
        "_options",
        "_refusal",
        "_started_over",
        "_unasked",
        "_url",
        "handle",
        "origin",
        "token",
    )

    def __init__(
        self,
        options: TransportOptions,
        trusted: str | None,
        opening: set[Transfer] | None = None,
        opened: Callable[[int, int, str], int] = lambda _descriptor, _purpose, _origin: pycurl.SOCKOPT_OK,
        unasked: UnsolicitedSenders | None = None,
    ) -> None:
        """Create and configure a handle.

        Args:
            options: the transport's options.
            trusted: file or folder of the authorities.
            opening: the transfers without a connection; this one removes itself once it has one.
            opened: called with each new socket and its origin.
            unasked: the servers that send surplus bytes; None if no request is sent.
        """
        self._options = options
        self._unasked = unasked
        self.origin = self._refusal = ""
        self._descriptor = -1
        self._opening = opening if opening is not None else set()
        self._opened = opened
        self.token: Any = None
        self._began = 0.0
        self._lines: list[bytes] = []
        self._body = bytearray()
        self._admitted = 0
        self._connected = False
        self._started_over = self._fresh = self._closes = self._once = False
        self.handle = handle = pycurl.Curl()
        configure(handle, options, trusted)
        handle.setopt(pycurl.HEADERFUNCTION, self._lines.append)
        handle.setopt(pycurl.WRITEFUNCTION, self._receive)
        handle.setopt(pycurl.PREREQFUNCTION, self._admit)
        handle.setopt(pycurl.SOCKOPTFUNCTION, self._connect)
        self.forget()

    def forget(self) -> None:
        """Forget how the handle is set, so that `prepare` sets everything."""
        self._url = ""
        self._method = ""
        self._has_body: bool | None = None
        self._headers: tuple[tuple[str, str], ...] | None = None
        self._accepted: str | None = None

    def close(self) -> None:
        """Free the handle; its multi handle must be closed before."""
        self.handle.close()

    def prepare(
        self, token: Any, request: Request, origin: str = "", *, fresh: bool = False, once: bool = False
    ) -> None:
        """Set the handle up for a request.

        Args:
            token: the caller's identifier of the request.
            request: the request.
            origin: scheme, host and port of its server.
            fresh: whether it must be sent on a new connection.
            once: whether the connection must not be reused after it.

        Raises:
            ValueError: a header or the URL cannot be sent.
            CurlError: libcurl refuses it.
        """
        self.token = token
        self._began = monotonic()
        self.origin, self._refusal = origin, ""
        self._lines.clear()
        self._body = bytearray()
        self._admitted = 0
        self._connected = self._started_over = False
        self._set_fresh(fresh)
        body = request.body
        method = request.method
        if body is None and method in LENGTH_EXPECTED:
            body = b""
        if method != self._method or (body is not None) is not self._has_body:
            self._set_method(method, body is not None)
        if request.url != self._url:
            self._set_url(request.url)
        if request.headers is not self._headers or once is not self._once:
            self._set_headers(request.headers, once=once)
        if body is not None and method != "HEAD":
            self.handle.setopt(pycurl.POSTFIELDS, body)

    def response(self, arrival: float = inf) -> AttemptResult:
        """Return the result of a transfer that libcurl completed without error.

        Args:
            arrival: when its last data arrived, in seconds of the monotonic clock, at the latest.
        """
        head = head_of(tuple(self._lines))
        if head is None:
            return self.fault(*self._why_without_head())
        if (refused := self._refused(head)) is not None:
            return refused
        body, unreadable = bytes(self._body), ""
        if not self._accepted and (packed := codings(head.headers)):  # else libcurl has decompressed it
            try:
                body, unreadable, mislabelled = unpack(body, packed, self._options.max_response)
            except CutShortError as error:
                return self.fault(pycurl.E_PARTIAL_FILE, str(error))
            except UnpackedTooLargeError:
                return self.fault(curl_errors.FILESIZE_EXCEEDED, "")
            if mislabelled and self._unasked is not None:
                self._unasked.mislabels(self.origin)
        elif not codings(head.headers):
            body = unlabelled(body, self._options.max_response)
        return Response(head.status, head.headers, body, self._timings(arrival), head.version, unreadable=unreadable)

    def _why_without_head(self) -> tuple[int, str]:
        if not self._lines or self._lines[-1].strip():
            return pycurl.E_PARTIAL_FILE, "it ended within its headers"
        return curl_errors.WEIRD_SERVER_REPLY, "its status line has no status"

    def _refused(self, head: Head) -> Fault | None:
        """Return the fault for a response that is not the partner's: a proxy's 407, or a 408 that closes the
        connection.
        """
        if head.status == _PROXY_AUTHENTICATION_REQUIRED and (proxy := proxy_of(self._url, self._options.proxy)):
            why = (
                f"{named_proxy(proxy)} asks for credentials (407): put them into `proxy`, as http://user:password@host"
            )
            # RFC 9110, 15.5.8: with a challenge, the response is the proxy's own, and nothing was forwarded.
            own = self.origin[:5].lower() == "http:" and first_header(head.headers, "proxy-authenticate") is not None
            return Fault(FaultKind.CONNECT, why, sent=not own, timings=self._timings())
        why = GAVE_UP if head.status == REQUEST_TIMEOUT and _closes(head.headers, head.version) else ""
        if self._unasked is not None and self._unasked.greets(self.origin):
            why = ANOTHERS
        if not why:
            return None
        return Fault(FaultKind.PROTOCOL, f"{urlsplit(self._url).hostname} {why}", sent=True, timings=self._timings())

    def fault(self, code: int, text: str) -> Fault:
        """Return the fault of a failed transfer, from libcurl's code and message."""
        timings = self._timings()
        return Failure(
            code=code,
            text=self._refusal or text,
            url=self._url,
            sent=self._sent(),
            whole=self.handle.getinfo(pycurl.POSTTRANSFER_TIME_T) > 0,
            os_error=self.handle.getinfo(pycurl.OS_ERRNO),
            proxy=proxy_of(self._url, self._options.proxy),
            max_response=self._options.max_response,
            timings=timings,
        ).fault(self._partial(timings))

    def _partial(self, timings: Timings) -> Response | None:
        """Return the received part of a response; None if its head is incomplete."""
        head = head_of(tuple(self._lines)) or head_of((*self._lines, b"\r\n"))
        return None if head is None else cut_short(head, bytes(self._body), timings)

    def may_start_over(self) -> bool:
        """Return whether libcurl was prevented from resending although nothing was sent the first time."""
        return self._admitted == 2 and not self._started_over and not self._sent()

    def start_over(self) -> None:
        """Prepare the transfer to be added again, once, with a new connection."""
        self._started_over = True
        self._admitted = 0
        self._connected = False
        self._lines.clear()
        self._set_fresh(True)

    def found_closed(self, fault: Fault) -> bool:
        """Return whether a reused connection broke before a byte of this request's response."""
        # libcurl resends only after a reused connection broke; by then it may have opened another.
        used = self._admitted > 1 or not self._connected
        return fault.kind is FaultKind.RESET_AFTER_SEND and used and not self._lines

    @property
    def is_admitted(self) -> bool:
        """Whether a byte of the request may have been sent."""
        return self._admitted > 0

    def is_kept(self) -> bool:
        """Whether its connection is still open."""
        return int(self.handle.getinfo(pycurl.ACTIVESOCKET)) >= 0

    def might_be_kept(self, response: Response) -> bool:
        """Return whether neither side has announced that it closes the connection."""
        return not self._closes and not _closes(response.headers, response.http_version) and _is_framed(response)

    def cancelled(self) -> Fault:
        """Return the fault of a cancelled transfer."""
        return Fault.cancelled(self._timings(), sent=self._sent())

    def unsendable(self, request: Request, reason: str) -> Fault:
        """Return the fault of a request that could not be started."""
        host = urlsplit(request.url).hostname or "the endpoint"
        return Fault(FaultKind.PROTOCOL, f"the request to {host} cannot be sent: {reason}", sent=False)

    def _sent(self) -> bool:
        """Return whether a byte of the request may have been sent: libcurl was admitted and wrote."""
        info = self.handle.getinfo
        return self._admitted > 0 and (info(pycurl.REQUEST_SIZE) > 0 or info(pycurl.SIZE_UPLOAD_T) > 0)

    def _timings(self, arrival: float = inf) -> Timings:
        info = self.handle.getinfo
        dns = connect = tls = 0.0
        if self._connected or not self._admitted:  # else libcurl's numbers are about its search for a connection
            dns = info(pycurl.NAMELOOKUP_TIME_T) * 1e-6
            connect = info(pycurl.CONNECT_TIME_T) * 1e-6
            tls = info(pycurl.APPCONNECT_TIME_T) * 1e-6
        total = min(info(pycurl.TOTAL_TIME_T) * 1e-6, max(0.0, arrival - self._began))
        return Timings(dns, connect, tls, min(total, info(pycurl.STARTTRANSFER_TIME_T) * 1e-6), total)

    def _connect(self, descriptor: int, purpose: int) -> int:
        """Note a new connection of this transfer (a CURLOPT_SOCKOPTFUNCTION)."""
        self._connected = True
        self._descriptor = descriptor
        return self._opened(descriptor, purpose, self.origin)

    def _admit(self, *_addresses: object) -> int:
        """Allow sending once: at a second call, libcurl is about to send the request again."""
        self._admitted += 1
        if self._admitted > 1:
            return _ABORT
        self._opening.discard(self)
        return _ABORT if self._connected and self._hears_something() else _OK

    def _hears_something(self) -> bool:
        """Return whether bytes arrive on a new connection before its request is sent, other than TLS records."""
        if self._unasked is None or self.origin[:5].lower() != "http:":
            return False
        said = heard(self._descriptor, self._unasked.listening(self.origin))
        if said is None:
            return False
        self._refusal = CLOSED
        if said and not is_goodbye(said):
            self._unasked.spoke(self.origin, greets=True)
            self._refusal = SPOKE_FIRST
        return True

    def _receive(self, chunk: bytes) -> int | None:
        if len(self._body) + len(chunk) > self._options.max_response:
            return 0
        self._body += chunk
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
            raise ValueError("credentials are not allowed in the URL")  # libcurl would convert them to a header
        self.handle.setopt(pycurl.URL, url)
        if self._options.http_version == "2":
            # An upgrade would add headers, so HTTP/2 over plain http uses prior knowledge.
            plain = url[:5].lower() == "http:"
            version = pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE if plain else pycurl.CURL_HTTP_VERSION_2_0
            self.handle.setopt(pycurl.HTTP_VERSION, version)
        self._url = url

    def _set_fresh(self, fresh: bool) -> None:
        if fresh is not self._fresh:
            self.handle.setopt(pycurl.FRESH_CONNECT, int(fresh))
            self._fresh = fresh

    def _set_headers(self, headers: tuple[tuple[str, str], ...], *, once: bool) -> None:
        self._headers = None
        lines, accepted = _header_lines(headers, states_length=bool(self._has_body))
        self.handle.setopt(pycurl.HTTPHEADER, lines)
        closes = once or any(name.lower() == "connection" and says_close(value) for name, value in headers)
        if closes is not self._closes:
            self.handle.setopt(pycurl.FORBID_REUSE, int(closes))
            self._closes = closes
        if accepted != self._accepted:
            if accepted:
                self.handle.setopt(pycurl.ACCEPT_ENCODING, accepted)
            else:
                self.handle.unsetopt(pycurl.ACCEPT_ENCODING)
            self._accepted = accepted
        self._headers, self._once = headers, once


def _origin_of(url: str) -> str:
    """Return scheme, host and port as they are written in a URL."""
    found = _ORIGIN.match(url)
    return found[0] if found else url


def _closes(headers: tuple[tuple[str, str], ...], version: str) -> bool:
    """Return whether a response ends its connection."""
    said = first_header(headers, "connection") or ""
    return says_close(said) or (version == "1.0" and "keep-alive" not in said.lower())


def _is_framed(response: Response) -> bool:
    """Return whether the end of a response is known without the end of its connection."""
    return bool(response.header("content-length") or response.header("transfer-encoding")) or response.status in (
        204,
        304,
    )


def _header_lines(headers: Iterable[tuple[str, str]], *, states_length: bool) -> tuple[list[bytes], str]:
    """Return header lines for libcurl, and the Accept-Encoding whose codings libcurl must decompress ("" for none).

    Content-Length is left to libcurl if it sends one (`states_length`).

    Raises:
        ValueError: a header contains a line break or NUL.
    """
    lines: list[bytes] = []
    given: set[str] = set()
    accepted = ""
    for name, value in headers:
        line = f"{name}: {value}" if value else f"{name};"
        if UNSAFE_IN_HEADER.search(line):
            raise ValueError(f"the header {UNSAFE_IN_HEADER.sub(' ', name)} contains a line break or NUL")
        key = name.lower()
        given.add(key)
        if key == "accept-encoding" and not unpacks(value):
            accepted = value
        if key != "content-length" or not states_length:
            lines.append(line.encode())
    lines += [line for key, line in _SUPPRESSED.items() if key not in given]
    return lines, accepted
