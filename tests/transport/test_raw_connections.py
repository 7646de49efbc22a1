"""Who closes a connection that libcurl opened: libcurl alone, and also where something fails on the way."""

from __future__ import annotations

import gc
import os
import socket
import threading

import pycurl
import pytest
from transport_peer import OK, answering, post

from rokt_export.transport import Transport, TransportOptions
from rokt_export.transport.libcurl import Multi, _SharedSocket
from rokt_export.transport.sockets import Sockets


@pytest.mark.filterwarnings("error")
def test_garbage_collection_does_not_close_the_descriptor_of_libcurl() -> None:
    one, other = socket.socketpair()
    with one, other:
        shared = _SharedSocket(fileno=one.fileno())
        shared.send(b"x")
        del shared
        gc.collect()
        os.fstat(one.fileno())
        assert other.recv(9) == b"x"


def test_a_connection_is_closed_although_it_cannot_be_removed(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = serve(answering(OK))
    with Transport(TransportOptions(proxy="")) as transport:
        transport.send(post(peer.url()))
        (connection,) = transport._pool._connections.values()
        sender = connection.send

        def broken(_handle: object) -> None:
            raise pycurl.error(43, "")

        monkeypatch.setattr(transport._pool._multi, "remove", broken)
        with pytest.raises(pycurl.error):
            transport._pool._close(connection)
        with pytest.raises(OSError, match="Bad file descriptor"):
            sender(b"x")
        monkeypatch.undo()


def test_a_multi_handle_closes_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    multi = Multi(Sockets(), 1)
    monkeypatch.setattr(threading.Thread, "start", none_left)
    multi.close()
    with pytest.raises(pycurl.error):
        multi.add(pycurl.Curl())


def test_an_error_of_libcurl_while_closing_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", printed.append)

    class Broken:
        def close(self) -> None:
            raise pycurl.error(1, "a callback is under way")

    multi = Multi(Sockets(), 1)
    multi._multi = Broken()
    multi.close()
    assert printed == []
