"""Which credentials the engine must ask for: those that stand on the rendered request already need no look."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from rokt_export.delivery.attempt_credentials import AttemptCredentials
from rokt_export.errors import UnreachableError
from rokt_export.transactions.transaction import Transaction
from rokt_export.transport import TransportOptions
from tests.request.rendering import renderer

OAUTH = "{type: oauth2, token_url: 'https://id.example.com/token', client_id: a, client_secret: '{{ env.K }}'}"


@pytest.mark.parametrize(
    ("authentication", "standing", "renews"),
    [
        ("{type: none}", True, False),
        ("{type: basic, username: a, password: '{{ env.K }}'}", True, False),
        ("{type: bearer, token: '{{ env.K }}'}", True, False),
        ("{type: api_key, in: query, name: key, value: '{{ env.K }}'}", True, False),
        ("{type: hmac, secret: '{{ env.K }}', header: X-Signature}", False, False),
        ("{type: wsse, username: a, password: '{{ env.K }}'}", False, False),
        ("{type: digest, username: a, password: '{{ env.K }}'}", False, True),
        (OAUTH, False, True),
    ],
)
def test_what_stands(authentication: str, standing: bool, renews: bool) -> None:
    made = renderer(f"authentication: {authentication}\nencoding: none", variables={"K": "k"})
    credentials = AttemptCredentials(made, {"K": "k"})
    assert (credentials.standing, credentials.renews) == (standing, renews)
    if standing:
        request = made.render(Transaction(1, "1", {}))
        assert credentials.on(request) is request


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n"
SHORT = HEAD.replace(b"5000000", b"5000")


@pytest.fixture
def token_server(request) -> Iterator[str]:
    """A token server that sends these pieces, a moment apart, and never comes to an end of its answer."""
    pieces, pause = request.param
    over = threading.Event()

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except OSError:  # nobody reads any more
                    return
                if over.wait(pause):
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/token"
        over.set()
        thread.join()


def tokens(url: str, timeout: float) -> AttemptCredentials:
    made = renderer(
        f"authentication: {OAUTH.replace('https://id.example.com/token', url)}\nencoding: none", variables={"K": "k"}
    )
    return AttemptCredentials(made, {"K": "k"}, options=TransportOptions(timeout=timeout))


@pytest.mark.parametrize("token_server", [([head, *[b" "] * 100], 0.05) for head in (HEAD[:9], SHORT)], indirect=True)
def test_a_token_server_that_dribbles_is_not_waited_for_as_long_as_it_does(token_server) -> None:
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"cannot be reached: .* did not respond completely within 0\.5"):
        tokens(token_server, 0.5).ready()
    assert time.monotonic() - began < 2  # it would have dribbled for 5


@pytest.mark.parametrize("token_server", [([HEAD + bytes(1_500_000)], 60.0)], indirect=True)
def test_no_more_of_a_token_servers_answer_is_read_than_a_token_takes(token_server) -> None:
    with pytest.raises(UnreachableError, match="larger than 1000000 bytes"):
        tokens(token_server, 10.0).ready()
