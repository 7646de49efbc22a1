"""Stand-ins for variables in a dry run, each known to the redactor, so that a request shows `$NAME` in its place."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from rokt_export.authentication.base import (
    ClientCertificate,
    ComputedPlace,
    DigestLogin,
    FetchedToken,
    KeyParameter,
    NoCredential,
    PluginSignature,
    Signature,
    StaticHeader,
)
from rokt_export.delivery.redaction_setup import before_path, redactor_for
from rokt_export.exchange.model import Request
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.partner_spec.references import variable_names
from rokt_export.redaction import OwnWords, Redactor
from rokt_export.redaction.sensitive_names import HIDDEN
from rokt_export.request.render import Renderer

SIGNED = "[signed at send]"
"""Stands where a send computes a credential from the request, the clock or a server's challenge."""
_TELLING = '&"'
"""Written otherwise in a URL, a form, JSON and XML: so a copied command knows how to write the real secret there."""
_PLAIN = re.compile(r"[\w.~-]+", re.ASCII)
"""A secret that is written the same everywhere."""


def dry_variables(spec: PartnerSpec, environment: str, at_hand: Mapping[str, str]) -> tuple[dict[str, str], Redactor]:
    """Return a value for each variable that a spec names, and a redactor that shows each as `$NAME`.

    A value is replaced even where it is known, but in a URL's scheme and host: a dry run needs none.
    """
    names = variable_names(spec, [environment])
    url = spec.environment(environment).url
    plain = {name for name in names if _PLAIN.fullmatch(at_hand.get(name) or "")}
    values = {name: _stand_in(telling=name not in plain) for name in names}
    for name in names:
        if name in before_path(url):
            values[name] = at_hand.get(name) or ("" if "://" in url else "https://") + _stand_in()
    redactor = redactor_for(spec, environment, values)
    return values, redactor


def _stand_in(*, telling: bool = False) -> str:
    return f"x{secrets.token_hex(8)}{_TELLING if telling else ''}{secrets.token_hex(4)}"


def with_places(request: Request, renderer: Renderer, redactor: Redactor) -> Request:
    """Return a request, not signed, with a stand-in for what a send would add.

    These are OAuth tokens, signatures, and what an authentication class adds: nothing that was computed from stand-ins
    is shown as if a partner could check it.
    """
    url, headers, body = request.url, list(request.headers), request.body
    headers += [("Authorization", OwnWords(f"[signed by {name}]")) for name in renderer.unsigned]
    loaded = False
    for credential in renderer.credentials:
        match credential:
            case FetchedToken(settings):
                token = _stand_in()
                redactor.add_secret("ACCESS_TOKEN", token)
                headers.append((settings.header, settings.prefix + token))
            case Signature(_, places):
                headers += [(p.name, OwnWords(p.prefix + SIGNED)) for p in places if p.in_ == "header"]
                url, body = _with_parameters(url, body, [p for p in places if p.in_ == "parameter"])
            case DigestLogin():
                headers.append(("Authorization", OwnWords(f"Digest {SIGNED}")))
            case PluginSignature(name):
                loaded = name not in renderer.unsigned
            case StaticHeader() | KeyParameter() | ClientCertificate() | NoCredential():
                pass  # the request has them already, or never will
            case _:
                assert_never(credential)
    if loaded:
        headers += _added(request, headers, renderer, redactor)
    return Request(request.method, url, tuple(headers), body)


def _with_parameters(url: str, body: bytes | None, places: Sequence[ComputedPlace]) -> tuple[str, bytes | None]:
    """Return URL and body with a stand-in for each computed parameter: in the body where there is one."""
    for place in places:
        added = f"{place.name}={place.prefix}{SIGNED}"
        if body is None:
            url += f"{'&' if '?' in url else '?'}{added}"
        else:
            body = b"&".join(part for part in (body, added.encode()) if part)
    return url, body


def _added(
    request: Request, known: Sequence[tuple[str, str]], renderer: Renderer, redactor: Redactor
) -> Iterator[tuple[str, str]]:
    """Yield the headers that an authentication class adds; only those that consist of stand-ins can be shown."""
    names = {name.lower() for name, _ in known}
    added = tuple(header for header in renderer.sign(request).headers if header[0].lower() not in names)
    for (name, value), (_, shown) in zip(added, redactor.headers(added), strict=True):
        yield name, value if "$" in shown and HIDDEN not in shown else OwnWords(SIGNED)
