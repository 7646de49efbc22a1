"""Chooses and plays the faults of a sandbox: broken connections, incomplete responses, error statuses."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Mapping

from aiohttp import web

from rokt_export.exchange.model import Response
from rokt_export.sandbox.example_responses import text_response
from rokt_export.sandbox.options import PROCESSED

_GARBAGE = b"\x00\x01 this is not HTTP \xff\xfe\r\n\r\n"
_PIECES = 10
_RESET_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: closing sends RST instead of FIN


class FaultDice:
    """Decides for each request which fault is played, if any.

    Args:
        faults: kind to its share of requests, 0 to 1.
        error_rate: share of the spec's `failed` response, a fault of kind `error`.
        chance: the source of randomness.
    """

    def __init__(self, faults: Mapping[str, float], error_rate: float, chance: random.Random) -> None:
        self._shares = [(kind, share) for kind, share in (*faults.items(), ("error", error_rate)) if share > 0]
        self._chance = chance

    def throw(self) -> str | None:
        """Return the kind of fault for the next request; None for no fault."""
        if not self._shares:
            return None
        rest = self._chance.random()
        for kind, share in self._shares:
            rest -= share
            if rest < 0:
                return kind
        return None


def fault_response(kind: str) -> Response:
    """Return the response of a fault that is an HTTP response; the request was not processed."""
    match kind:
        case "http429":
            return text_response(429, "too many requests", ("Retry-After", "1"))
        case "redirect":
            return text_response(302, "moved", ("Location", "/_sandbox/redirected"))
        case "http500":
            return text_response(500, "internal error")
        case _:
            raise ValueError(f"the fault `{kind}` has no response")


async def play(kind: str, request: web.Request, response: web.Response, slow_for: float) -> web.StreamResponse:
    """Break the connection or the response, depending on the fault.

    Args:
        kind: one of `PROCESSED`.
        request: the request.
        response: the response without the fault.
        slow_for: seconds over which `slow` spreads the body.
    """
    match kind:
        case "hang":
            await asyncio.Event().wait()
        case "slow":
            return await _slow(request, response, slow_for)
        case "partial":
            await _partial(request, response)
        case "garbage":
            _write_raw(request, _GARBAGE)
        case "reset":
            _reset(request)
        case _:
            raise ValueError(f"the fault `{kind}` cannot be played")
    return response


def breaks_connection(kind: str) -> bool:
    """Return whether with a fault the client gets no complete response."""
    return kind in PROCESSED - {"slow"}


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None and raw.family != getattr(socket, "AF_UNIX", None):
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
    transport.abort()


def _write_raw(request: web.Request, data: bytes) -> None:
    if request.transport is not None:
        request.transport.write(data)
        request.transport.close()


async def _slow(request: web.Request, response: web.Response, slow_for: float) -> web.StreamResponse:
    body = bytes(response.body) if isinstance(response.body, (bytes, bytearray)) else b""
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = len(body)
    await stream.prepare(request)
    size = max(1, -(-len(body) // _PIECES))
    pieces = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    for piece in pieces:
        await asyncio.sleep(slow_for / len(pieces))
        await stream.write(piece)
    await stream.write_eof()
    return stream


async def _partial(request: web.Request, response: web.Response) -> None:
    """Announce more bytes than are sent, even for an empty body."""
    body = bytes(response.body) if isinstance(response.body, (bytes, bytearray)) else b""
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = max(len(body), 100)
    await stream.prepare(request)
    await stream.write(body[: len(body) // 2] or b" ")
    if request.transport is not None:
        request.transport.close()
