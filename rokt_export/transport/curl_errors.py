"""Converts libcurl's error codes to typed faults, with messages for the operator."""

from __future__ import annotations

import errno
import re
from typing import assert_never
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from rokt_export.exchange.model import Fault, FaultKind, Response, Timings, named_proxy

CLOSED = "closed while idle"
SPOKE_FIRST = "the server sent data before a request, which no HTTP server does"
ANOTHERS = "sent bytes that no request asked for: this response may belong to another row"
REQUEST_TIMEOUT = 408
GAVE_UP = "responded 408 and closed the connection: it did not wait for the whole request, or did not read it"
"""The message for a 408 that closes the connection (RFC 9110, 15.5.9): the partner did not read the request."""
_VERIFY_CODE = re.compile(r" \(\d+\)$")

# https://curl.se/libcurl/c/libcurl-errors.html
URL_MALFORMED = 3
_COULDNT_RESOLVE_PROXY = 5
_COULDNT_RESOLVE_HOST = 6
_COULDNT_CONNECT = 7
WEIRD_SERVER_REPLY = 8
PARTIAL_FILE = 18
_WRITE_ERROR = 23
OPERATION_TIMEDOUT = 28
_ABORTED_BY_CALLBACK = 42
GOT_NOTHING = 52
SEND_ERROR = 55
RECV_ERROR = 56
_SSL_CERTPROBLEM = 58
_PEER_FAILED_VERIFICATION = 60
_BAD_CONTENT_ENCODING = 61
FILESIZE_EXCEEDED = 63
_PROXY = 97
_SSL_CLIENTCERT = 98

_RESOLVING = frozenset({_COULDNT_RESOLVE_PROXY, _COULDNT_RESOLVE_HOST})
_CONNECTING = frozenset({_COULDNT_CONNECT, 45, _PROXY})
_TLS = frozenset(
    {35, 51, 53, 54, _SSL_CERTPROBLEM, 59, _PEER_FAILED_VERIFICATION, 64, 66, 77, 80, 82, 83, 90, 91, _SSL_CLIENTCERT}
)
_TOO_LARGE = frozenset({_WRITE_ERROR, FILESIZE_EXCEEDED})
# Partial file, cannot rewind, got nothing, send and receive errors, HTTP/2 stream reset, and our own veto of a resend.
_BROKEN_OFF = frozenset({PARTIAL_FILE, _ABORTED_BY_CALLBACK, GOT_NOTHING, SEND_ERROR, RECV_ERROR, 65, 92})


class Failure(Struct, frozen=True):
    """A transfer that failed in libcurl.

    Attributes:
        code: the CURLcode.
        text: libcurl's message.
        url: the request's URL.
        sent: whether bytes of the request may have been sent.
        whole: whether its last byte was sent.
        os_error: errno of the failed connect, else 0.
        proxy: the proxy's `host:port`, if one is used.
        max_response: the limit of the body, in bytes.
        timings: the phases of the attempt.
    """

    code: int
    text: str
    url: str
    sent: bool
    whole: bool = False
    os_error: int = 0
    proxy: str | None = None
    max_response: int = 0
    timings: Timings = Timings()

    def fault(self, partial: Response | None = None) -> Fault:
        """Return the fault, with the part of a response that was received before."""
        message = self.message()
        if partial is not None:
            size = f" of {partial.size:,}" if partial.size is not None else ""
            if self.code == PARTIAL_FILE and partial.size == len(partial.body):  # as its Content-Length says
                message = "its compressed data is incomplete; the whole request was sent"
            message = f"{partial.status} came, with {len(partial.body):,}{size} bytes of its body; {message}"
            partial = replace(partial, unreadable=self.text) if is_malformed(self.code, self.text) else partial
        return Fault(self.kind(), message, self.sent, self.timings, partial)

    def kind(self) -> FaultKind:
        """The kind of fault; `sent` distinguishes faults before and after sending."""
        code = self.code
        if code == OPERATION_TIMEDOUT:
            return FaultKind.TIMEOUT_AFTER_SEND if self.sent else FaultKind.TIMEOUT_BEFORE_SEND
        if code in _RESOLVING:
            return FaultKind.DNS
        if code in _CONNECTING:
            return FaultKind.CONNECT
        if code in _TLS or self._is_tls_alert():
            return FaultKind.TLS
        if code in _TOO_LARGE:
            return FaultKind.TOO_LARGE
        if code in _BROKEN_OFF and not is_malformed(self.code, self.text):
            return FaultKind.RESET_AFTER_SEND if self.sent else FaultKind.CONNECT
        return FaultKind.PROTOCOL

    def message(self) -> str:
        """What happened and, if known, what to do; without secrets."""
        kind = self.kind()
        match kind:
            case FaultKind.DNS:
                return self._about_name()
            case FaultKind.CONNECT:
                return self._about_connection()
            case FaultKind.TLS:
                return self._about_tls()
            case FaultKind.TIMEOUT_BEFORE_SEND:
                return f"no connection to {self._peer()} within {self.timings.total:.3g} s; nothing was sent"
            case FaultKind.TIMEOUT_AFTER_SEND:
                how_far = "the whole request was sent" if self.whole else "part of the request was sent"
                return f"{self._host()} did not respond completely within {self.timings.total:.3g} s; {how_far}"
            case FaultKind.RESET_AFTER_SEND:
                return f"{self._host()} closed the connection before its response was complete ({self._words()})"
            case FaultKind.TOO_LARGE:
                return f"the response of {self._host()} is larger than {self.max_response} bytes; the rest was not read"
            case FaultKind.PROTOCOL | FaultKind.CANCELLED:
                return self._about_protocol()
            case _:
                assert_never(kind)

    def _about_name(self) -> str:
        if self.code == _COULDNT_RESOLVE_PROXY:
            return f"the name of {named_proxy(self.proxy)} cannot be resolved: check the proxy settings"
        return f"the name {self._host()} cannot be resolved: check its spelling, and this machine's DNS"

    def _about_connection(self) -> str:
        peer = self._peer()
        if self.os_error == errno.ECONNREFUSED:
            return f"nothing listens on {peer} (connection refused)"
        if self.os_error in (errno.ENETUNREACH, errno.EHOSTUNREACH):
            return f"no route to {peer} ({self.text}): check the network, VPN and firewall"
        if self.code in _BROKEN_OFF:
            return f"the connection to {peer} broke before anything was sent ({self.text})"
        return f"no connection to {peer} ({self.text})"

    def _about_tls(self) -> str:
        host, text = self._host(), self.text
        if self.code == _PEER_FAILED_VERIFICATION:
            return _about_certificate(host, text)
        if self.code == _SSL_CLIENTCERT or "certificate required" in text:
            return f"{host} asks for a client certificate: set client_certificate and client_key"
        if self.code == _SSL_CERTPROBLEM:
            return f"the client certificate cannot be used ({text})"
        if any(words in text for words in _NO_TLS):
            return f"{self._peer()} does not speak TLS on this port: write http://, or the port that does ({text})"
        return f"TLS with {host} failed ({text})"

    def _about_protocol(self) -> str:
        if not self.sent:
            return f"the request to {self._host()} cannot be sent ({self.text})"
        return f"the response of {self._host()} is not HTTP ({self.text})"

    def _is_tls_alert(self) -> bool:
        # In TLS 1.3 the server may check our certificate after we have sent the request. We then read its alert in
        # place of a response. The alert does not prove that the request was not read: a server can send it at any time.
        return self.code == RECV_ERROR and "alert" in self.text and "SSL" in self.text

    def _words(self) -> str:
        """Return libcurl's message, except the one about our refusal of a second send."""
        return "the connection closed" if self.code == _ABORTED_BY_CALLBACK else self.text

    def _host(self) -> str:
        return urlsplit(self.url).hostname or "the endpoint"

    def _peer(self) -> str:
        if self.proxy:
            return named_proxy(self.proxy)
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


_NO_TLS = ("wrong version number", "packet length too long", "http request", "record layer failure")
"""What OpenSSL says of a first answer that is no TLS record."""


def broken(error: Exception, doing: str) -> tuple[int, str]:
    """Return libcurl's code and words for what broke a connection.

    Args:
        error: libcurl's, or the socket's.
        doing: `Send` or `Recv`, as libcurl's words begin.
    """
    if isinstance(error, OSError):
        return SEND_ERROR if doing == "Send" else RECV_ERROR, f"{doing} failure: {error.strerror or error}"
    code, text = error.args
    return code, text


def is_malformed(code: int, text: str) -> bool:
    """Return whether the response's framing is invalid or its body cannot be unpacked."""
    return (
        (code == RECV_ERROR and "chunk" in text)
        or (code == WEIRD_SERVER_REPLY and "length" in text.lower())
        or code == _BAD_CONTENT_ENCODING
    )


def _about_certificate(host: str, text: str) -> str:
    if "subject name" in text or "does not match" in text:
        return f"the certificate of {host} was issued for another name ({text.removeprefix('SSL: ')})"
    reason = _VERIFY_CODE.sub("", text.rpartition(": ")[2])
    if reason == "certificate has expired":
        return f"the certificate of {host} has expired"
    return f"the certificate of {host} is not trusted: {reason}; ca_file can name its authority"
