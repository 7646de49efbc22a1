"""Turn server addresses of a document or a recorded request into the environments of a spec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rokt_export.onboarding.drafts.observed import ServerAddress, env_template, slug, without_templates
from rokt_export.redaction.display_text import cut
from rokt_export.spec_language.urls import is_loopback

_PLACE = re.compile(r"\{([^{}]+)\}")
_TEST = re.compile(
    r"(?:^|[^a-z])(?:sandbox|staging|stage|test|testing|uat|qa|dev|demo|local|localhost|mock|preprod)(?:[^a-z]|$)"
)
_PRODUCTION = re.compile(r"\b(?:production|live)\b", re.IGNORECASE)
_FILLER = re.compile(r"your|example|demo|xxx|<|\{|acme|yoursite|subdomain|tenant|company", re.IGNORECASE)
_FIXED = frozenset({"port", "basepath", "version", "scheme", "protocol", "environment"})
"""Server variables whose default is what everybody means."""
_NOT_PARTNERS = frozenset({"www", "api", "apis", "rest", "app", "v1", "v2", "sandbox", "staging", "test", "dev", "co"})
"""Labels of hosts that do not name a partner."""
_SAYS_NOTHING = re.compile(
    r"\b(?:the|rest|http|web|public|apis?|v?\d[\d.]*|open|docs?|documentation|reference|service)\b", re.I
)


def environments_of(
    servers: Iterable[tuple[str, str, Mapping[str, Mapping[str, Any]]]], path: str, partner: str
) -> tuple[ServerAddress, ...]:
    """Return the environments, `staging` first: one address that says test, and one that does not.

    Args:
        servers: address, description and variables of each server.
        path: the operation's path, whose `{places}` stay or become variables.
        partner: the slug, for the names of variables.
    """
    found: dict[str, ServerAddress] = {}
    path = without_templates(path)
    for url, description, variables in servers:
        local = is_loopback(urlsplit(url).hostname or "") if "{" not in url else False
        local = local and _PRODUCTION.search(description) is None
        name = "staging" if local or _TEST.search(f"{url} {description}".lower()) else "production"
        filled, note = _filled(without_templates(url), variables, partner)
        if name not in found:
            found[name] = ServerAddress(name, filled.rstrip("/") + path, note)
    return tuple(found[name] for name in ("staging", "production") if name in found)


def _filled(url: str, variables: Mapping[str, Mapping[str, Any]], partner: str) -> tuple[str, str]:
    """Fill the places of a server's address: with the default where that is meant, else with a variable."""
    notes: list[str] = []

    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        known = variables.get(name, {})
        default, choices = str(known.get("default") or ""), known.get("enum")
        fixed = isinstance(choices, list) or re.sub("[^a-z]", "", name.lower()) in _FIXED
        if default and fixed and not _FILLER.search(default) and not re.search(r"[{}#\s]", default):
            if isinstance(choices, list) and len(choices) > 1:
                notes.append(f"`{name}` may be {', '.join(map(str, choices[:8]))}")
            return default
        notes.append(f"`{name}`: {cut(str(known.get('description') or 'your own'), 60)}")
        return env_template(partner, name)

    return _PLACE.sub(value, url), "; ".join(notes)


@dataclass(frozen=True, slots=True)
class PartnerNaming:
    """How the partner of a draft is called.

    Attributes:
        given: the slug that a person gave; None derives one from the source.
        otherwise: the slug where the source says none, such as that of the file to write; without one, `partner`.
    """

    given: str | None
    otherwise: str

    def slug_of(self, title: str, urls: Iterable[str]) -> str:
        """Return the partner's slug: the given one, else of the source's title, else of the host it is sent to."""
        return self.given or _slug_in(title, urls) or self.otherwise or "partner"


def _slug_in(title: str, urls: Iterable[str]) -> str:
    short = slug(_SAYS_NOTHING.sub(" ", title))
    if short and short.count("-") < 2:
        return short
    for url in urls:
        host = urlsplit(url.replace("{", "").replace("}", "")).hostname or ""
        labels = [each for each in host.split(".")[:-1] if each not in _NOT_PARTNERS and not each.isdigit()]
        if labels:
            return slug(labels[-1])
    return short
