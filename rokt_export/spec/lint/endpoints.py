"""Find what is unsafe about the places a spec sends to: plain http, production mistaken for staging."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

from rokt_export.spec.authentication import OAuth2
from rokt_export.spec.document import DataPath
from rokt_export.spec.findings import Finding, Severity
from rokt_export.spec.lint.secrets import secret_fields
from rokt_export.spec.lint.subject import GUARDED, Subject
from rokt_export.spec.lint.texts import EXPRESSION, split_url, uses


def same_endpoints(subject: Subject) -> Iterator[Finding]:
    """RX103: a test place that is production.

    A URL that a variable decides may still differ, by `.env.production`, so that is only told.
    """
    guarded = subject.spec.endpoint.get(GUARDED)
    for name, place in subject.spec.endpoint.items():
        if guarded is None or name == GUARDED or _normal(place.url) != _normal(guarded.url):
            continue
        by_variable = "env." in guarded.url
        yield subject.finding(
            "RX103",
            Severity.INFO if by_variable else Severity.WARNING,
            ("endpoint", GUARDED, "url"),
            f"production and {name} have the same URL"
            + (" unless a variable in it differs" if by_variable else ": a test delivery lands in production"),
            f"Set the variable in `.env.{name}` and in `.env.{GUARDED}`."
            if by_variable
            else "Ask the partner for a test endpoint, or leave one of the two out.",
            of_value=True,
        )
        return


def _normal(url: str) -> str:
    spaced = EXPRESSION.sub(lambda match: re.sub(r"\s+", "", match[0]), url.strip()).rstrip("/")
    parts = split_url(spaced)
    return spaced if parts is None else spaced.replace(parts.netloc, parts.netloc.lower(), 1)


def same_credentials(subject: Subject) -> Iterator[Finding]:
    """RX104: credentials stated per environment that are the same ones all the same.

    What the spec states once for all environments is no finding: `.env.production` may give the variable another value.
    """
    guarded = subject.spec.endpoint.get(GUARDED)
    if guarded is None:
        return
    production = _secrets(subject, GUARDED)
    for name, place in subject.spec.endpoint.items():
        shared = sorted(set(production) & set(_secrets(subject, name)))
        if name == GUARDED or not shared or (place.authentication is None and guarded.authentication is None):
            continue
        stated = GUARDED if guarded.authentication is not None else name
        variables = sorted(set(re.findall(r"env\.(\w+)", " ".join(shared))))
        what = " and ".join(f"`{variable}`" for variable in variables) or "the same literal"
        yield subject.finding(
            "RX104",
            Severity.WARNING,
            ("endpoint", stated, "authentication"),
            f"production and {name} each state their credentials, yet both use {what}",
            "Give each its own variable, or state the authentication once for all and set it per `.env.<environment>`.",
        )
        return


def _secrets(subject: Subject, environment: str) -> Mapping[str, DataPath]:
    return {
        re.sub(r"\s+", "", text): path
        for found in subject.credentials()
        if environment in found.environments
        for path, text in secret_fields(found)
        if text.strip()
    }


def plain_http(subject: Subject) -> Iterator[Finding]:
    """RX105: personal data sent without encryption; RX124: so are the client's credentials."""
    for use in uses(subject):
        if use.url and _is_open(use.source):
            name = str(use.path[1])
            yield subject.finding(
                "RX105",
                Severity.ERROR if name == GUARDED else Severity.WARNING,
                use.path,
                f"{name} is plain http: anybody on the way reads the people's data",
                "Write https://; ask the partner for it if there is none.",
                of_value=True,
            )
    for found in subject.credentials():
        if isinstance(found.authentication, OAuth2) and _is_open(found.authentication.token_url):
            yield subject.finding(
                "RX124",
                Severity.ERROR if GUARDED in found.environments else Severity.WARNING,
                (*found.path, "token_url"),
                "tokens are fetched over plain http: anybody on the way reads the client's secret",
                "Write https://.",
                of_value=True,
            )


def _is_open(url: str) -> bool:
    parts = split_url(url)
    return parts is not None and parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def no_staging(subject: Subject) -> Iterator[Finding]:
    """RX125: no place to test in."""
    if "staging" in subject.spec.endpoint or not subject.intact("endpoint"):
        return
    others = [name for name in subject.spec.endpoint if name != GUARDED]
    hint = f"Call it `staging`, or say `--environment {others[0]}` each time." if others else "Ask the partner for one."
    yield subject.finding(
        "RX125",
        Severity.INFO,
        ("endpoint",),
        "there is no environment `staging`, which commands use unless told otherwise",
        hint,
    )


_MEANS_PRODUCTION = re.compile(r"(?<![a-z])(?<!pre[-_.])(?<!non[-_.])(?:prod|prd|production|live)(?![a-z])")


def unguarded_production(subject: Subject) -> Iterator[Finding]:
    """RX130: production under another name, where nothing asks for a confirmation."""
    for name in subject.spec.endpoint:
        if name != GUARDED and _MEANS_PRODUCTION.search(name):
            yield subject.finding(
                "RX130",
                Severity.WARNING,
                ("endpoint", name),
                f"`{name}` sounds like the live system, and is not guarded: only `{GUARDED}` has to be confirmed",
                f"Call it `{GUARDED}` if real people's records are in it.",
            )
