"""A server on loopback that does what a script says, and requests for it."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import trustme

from rokt_export.exchange.model import Fault, FaultKind, Request, Response
from rokt_export.transport import Transport, TransportOptions, closing_servers

JSON = (("Content-Type", "application/json"),)


BY_LIBCURL = (("TE", "trailers"),)  # what changes the framing is libcurl's to do


PLAIN = JSON


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


CLOSED = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


Script = Callable[["Peer", socket.socket], None]


class Peer:
    """A server that does to each connection what its script says, and keeps what it read."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.context = context
        self.requests: list[bytes] = []
        self.connections = 0
        self.open: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{'https' if self.context else 'http'}://{host}:{self.port}{path}"

    def read(self, connection: socket.socket) -> bytes:
        """Read one request to its end; b"" where the connection ended first."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := connection.recv(65536)):
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while len(body) < length:
            if not (more := connection.recv(65536)):
                return b""
            body += more
        request = head + b"\r\n\r\n" + body
        self.requests.append(request)
        return request

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # ends the accept that waits
        self.listener.close()
        for connection in self.open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                self.open.append(connection)
                self._shake_hands(connection)
            self.script(self, connection)

    def _shake_hands(self, connection: ssl.SSLSocket) -> None:
        try:
            connection.do_handshake()
        except ssl.SSLError:
            time.sleep(0.3)  # a close with the client's bytes unread would be a reset, and its alert be lost
            raise


def answering(answer: bytes) -> Script:
    """Answer every request with the same bytes, keeping the connection."""

    def script(peer: Peer, connection: socket.socket) -> None:
        while peer.read(connection):
            connection.sendall(answer)

    return script


def breaking(answer: bytes) -> Script:
    """Answer with these bytes, then close."""

    def script(peer: Peer, connection: socket.socket) -> None:
        if peer.read(connection):
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    return script


def silent(peer: Peer, connection: socket.socket) -> None:
    peer.read(connection)
    connection.recv(1)


def meet(transport: Transport, peer: Peer) -> None:
    """Let a server prove that it is quiet, as it must before its connections are shared."""
    assert transport.send(post(peer.url(), b"met")).status == 200
    time.sleep(closing_servers.QUIET)
    peer.requests.clear()


def post(
    url: str, body: bytes | None = b"{}", method: str = "POST", headers: tuple[tuple[str, str], ...] | None = None
):
    return Request(method, url, PLAIN if headers is None else headers, body)


def send(request: Request, **options: object) -> Response | Fault:
    settings = {"connect_timeout": 2.0, "timeout": 5.0, "proxy": "", **options}
    with Transport(TransportOptions(**settings)) as transport:  # type: ignore[arg-type]
        return transport.send(request)


def fault(answer: Response | Fault, kind: FaultKind, sent: bool) -> str:
    assert isinstance(answer, Fault), answer
    assert (answer.kind, answer.sent) == (kind, sent), answer
    return answer.message


def drain(transport: Transport) -> dict[object, Response | Fault]:
    answers: dict[object, Response | Fault] = {}
    for _ in range(1000):
        if not transport.in_flight:
            return answers
        answers |= dict(transport.poll(1.0))
    raise AssertionError(f"{transport.in_flight} still in flight")


def tls(certificate: trustme.LeafCert, client_authority: trustme.CA | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if client_authority:
        client_authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("waited in vain")


def proxy_script(upstream: int, heads: list[bytes]) -> Script:
    """A proxy that knows one upstream: CONNECT is tunnelled to it, any other request forwarded once."""

    def script(peer: Peer, connection: socket.socket) -> None:
        head = peer.read(connection)
        heads.append(head)
        with socket.create_connection(("127.0.0.1", upstream), timeout=5) as server:
            if head.startswith(b"CONNECT"):
                connection.sendall(b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
                back = threading.Thread(target=pump, args=(server, connection), daemon=True)
                back.start()
                pump(connection, server)
            else:
                server.sendall(head)
                connection.sendall(server.recv(65536))

    return script


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
