"""Stand-ins for variables in a dry run, each known to the redactor, so that a request shows `$NAME` in its place."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from rokt_export.delivery.secrecy import redactor_for
from rokt_export.exchange.model import Request
from rokt_export.exchange.render import Renderer
from rokt_export.redaction import OwnWords, Redactor
from rokt_export.spec.authentication import OAuth2
from rokt_export.spec.model import PartnerSpec
from rokt_export.spec.needs import secret_names, variable_names

_TELLING = '&"'
"""Written otherwise in a URL, a form, JSON and XML: so a copied command knows how to write the real secret there."""
_PLAIN = re.compile(r"[\w.~-]+", re.ASCII)
"""A secret that is written the same everywhere."""


def dry_variables(spec: PartnerSpec, environment: str, at_hand: Mapping[str, str]) -> tuple[dict[str, str], Redactor]:
    """Return a value for each variable that a spec names, and a redactor that shows all secret and missing ones.

    A secret is replaced even where it is at hand: a dry run needs none.
    """
    names = variable_names(spec, [environment])
    hidden = secret_names(spec, [environment]) | {name for name in names if not at_hand.get(name)}
    plain = {name for name in names if _PLAIN.fullmatch(at_hand.get(name) or "")}
    plain |= {name for name in hidden if name in _before_path(spec.environment(environment).url)}
    values = {name: _stand_in(telling=name not in plain) if name in hidden else at_hand[name] for name in names}
    redactor = redactor_for(spec, environment, values)
    for name in sorted(hidden & names):
        redactor.add_secret(name, values[name])
    return values, redactor


def _stand_in(*, telling: bool = False) -> str:
    return f"x{secrets.token_hex(8)}{_TELLING if telling else ''}{secrets.token_hex(4)}"


def _before_path(url: str) -> str:
    """What of a URL's template makes its scheme and host, where not every sign may stand."""
    scheme, mark, rest = url.partition("://")
    return (rest if mark else scheme).partition("/")[0]


def with_token_places(request: Request, renderer: Renderer, redactor: Redactor) -> Request:
    """Return a request with a stand-in for what a send would add: OAuth tokens, credentials of classes not loaded."""
    for name in renderer.unsigned:
        header: tuple[str, str] = ("Authorization", OwnWords(f"[signed by {name}]"))
        request = Request(request.method, request.url, (*request.headers, header), request.body)
    for authentication in renderer.environment.authentication or ():
        if isinstance(authentication, OAuth2):
            token = _stand_in()
            redactor.add_secret("ACCESS_TOKEN", token)
            header = (authentication.header, authentication.prefix + token)
            request = Request(request.method, request.url, (*request.headers, header), request.body)
    return request
