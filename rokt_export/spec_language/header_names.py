"""Judge the name of a request header: what a request can carry, and what a row may fill."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from rokt_export.spec_language.fields import Text, problem

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING = frozenset(("content-length", "transfer-encoding", "trailer", "upgrade"))
_HOP_BY_HOP = frozenset(("connection", "keep-alive", "te", "expect"))
HOSTS = ("host", "x-forwarded-host", "x-original-host", "x-host")
"""Headers that name a host, by which a server or a proxy chooses among its own."""
_ROUTING = frozenset((*HOSTS, "forwarded", "x-original-url", "x-rewrite-url"))


def check_header_name(name: str, *, fixed: bool) -> None:
    """Check that a request can carry a header of this name.

    Args:
        name: as the spec has it.
        fixed: whether constants and variables of the environment alone fill it.

    Raises:
        PydanticCustomError: it cannot (RFC 9110, 5.1 and 7.6.1), or a row must not fill it.
    """
    lower = name.lower()
    if not _TOKEN.fullmatch(name):
        raise problem(
            "RX154",
            "this is not the name of a header: it may hold letters, digits and !#$%&'*+-.^_`|~ only",
            "Write the name alone, as in `X-Api-Key`; what follows its `:` is the value.",
        )
    if lower in _FRAMING or (not fixed and (lower in _HOP_BY_HOP or lower.startswith("proxy-"))):
        raise problem(
            "RX153",
            f"`{name}` tells how the request itself travels; it is not a partner's parameter",
            "Remove it: the request is framed as it is sent.",
        )
    if lower in _ROUTING and not fixed:
        raise problem(
            "RX150",
            f"a row decides the `{name}` header, by which a server chooses among its hosts and paths",
            "Write the value out, or take it from `{{ env.NAME }}`.",
        )


def _varying(name: str) -> str:
    check_header_name(name, fixed=False)
    return name


HeaderName = Annotated[Text, AfterValidator(_varying)]
"""The name of a header whose value is made for a request."""
