"""Ask DNS and the hosts file what addresses names have, within a bounded time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

SECONDS = 1.0
HERE = "loopback"


def resolved(names: Iterable[str], seconds: float = SECONDS) -> Mapping[str, frozenset[str]]:
    """Return the addresses of each host, `HERE` for one of this machine; none for a name that is not known in time.

    Args:
        names: host names, or addresses as text.
        seconds: after which what is not known yet is left out.
    """
    found: dict[str, frozenset[str]] = {}

    def ask(name: str) -> None:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found[name] = frozenset(_place(str(answer[4][0])) for answer in answers)

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in {*names} - {HERE}]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return {HERE: frozenset({HERE}), **dict(found)}


def _place(text: str) -> str:
    """`HERE` for an address of this machine: only those can be bound."""
    address = ip_address(text.partition("%")[0])
    if address.is_loopback or address.is_unspecified:
        return HERE
    try:
        with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((text, 0))
    except OSError:
        return str(address)
    return HERE
