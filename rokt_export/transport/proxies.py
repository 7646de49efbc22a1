"""Tells which proxy libcurl takes for a URL, by the same environment variables and in the same order."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit


def proxy_of(url: str, given: str | None) -> str | None:
    """Return `host:port` of the proxy for a URL, without credentials; None if there is none.

    Args:
        url: of the request.
        given: the proxy's URL; None = by the environment's proxy variables; empty = no proxy.
    """
    proxy = proxy_of_environment(url) if given is None else given
    return re.split("[/?#]", proxy.rpartition("://")[2].rpartition("@")[2])[0] or None


def proxy_of_environment(url: str) -> str:
    """Return the URL of the proxy that the environment names for a URL; empty if it names none.

    As in libcurl (CURLOPT_PROXY, CURLOPT_NOPROXY): `http_proxy` counts in lower case only, an empty variable is none.
    """
    parts = urlsplit(url)
    names = (f"{parts.scheme}_proxy", f"{parts.scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    proxy = _first(*(name for name in names if name != "HTTP_PROXY"))
    return "" if not proxy or _is_excepted(parts.hostname or "", _first("no_proxy", "NO_PROXY")) else proxy


def _first(*names: str) -> str:
    return next((value for name in names if (value := os.environ.get(name))), "")


def _is_excepted(host: str, listed: str) -> bool:
    """Return whether a host is in `no_proxy`: as an address, in a network, or as a name or a subdomain of one."""
    if listed == "*":
        return True
    entries = re.findall(r"[^\s,]+", _BLANK_ALONE.split(listed)[0].lower())
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        name = f".{host.lower().removesuffix('.')}"
        return any(name.endswith(f".{each.removesuffix('.').removeprefix('.')}") for each in entries if each.strip("."))
    return any(_has(each, address) for each in entries)


_BLANK_ALONE = re.compile(r"(?<=[^\s,])\s+(?=[^\s,])")
"""A blank without a comma, which ends the list."""


def _has(listed: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(listed.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False
