"""Finds unsafe endpoints: plain http, an unclear guard, unchecked certificates, shared credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rokt_export.partner_spec.document import DataPath, Finding, Severity
from rokt_export.partner_spec.lint.context import Subject, split_url
from rokt_export.partner_spec.lint.secrets import secret_texts
from rokt_export.partner_spec.model import says_production
from rokt_export.spec_language.urls import is_loopback


def same_credentials(subject: Subject) -> Iterator[Finding]:
    """RX104: a guarded environment and one for tests each state the same credentials.

    Credentials stated once for all environments are not a finding: `.env.production` may set another value.
    """
    for live in filter(subject.spec.guards, subject.spec.endpoint):
        for name in subject.spec.endpoint:
            shared = sorted(set(_secrets(subject, live)) & set(_secrets(subject, name)))
            own = [each for each in (live, name) if subject.spec.endpoint[each].authentication is not None]
            if subject.spec.guards(name) or not shared or not own:
                continue
            variables = sorted(set(re.findall(r"env\.(\w+)", " ".join(shared))))
            what = " and ".join(f"`{variable}`" for variable in variables) or "the same literal"
            yield subject.warning(
                "RX104",
                ("endpoint", own[0], "authentication"),
                f"{live} and {name} each state their credentials, yet both use {what}",
                "Give each its own variable, or state the authentication once and set it per `.env.<environment>`.",
            )
            return


def _secrets(subject: Subject, environment: str) -> Mapping[str, DataPath]:
    return {
        re.sub(r"\s+", "", text): path
        for found in subject.credentials()
        if environment in found.environments
        for path, text in secret_texts(found)
        if text.strip()
    }


def plain_http(subject: Subject) -> Iterator[Finding]:
    """RX105: personal data is sent without encryption. RX124: so are the client's credentials."""
    for name, place in subject.spec.endpoint.items():
        if _is_open(subject.origin(name, place.url)):
            yield subject.finding(
                "RX105",
                Severity.ERROR if name in subject.guarded else Severity.WARNING,
                ("endpoint", name, "url"),
                f"{name} is plain http: personal data would travel unencrypted",
                "Write https://; ask the partner for it if there is none.",
            )
    for found in subject.credentials():
        for field, url in found.authentication.own_urls():
            if opened := [name for name in found.environments if _is_open(subject.origin(name, url))]:
                yield subject.finding(
                    "RX124",
                    Severity.ERROR if subject.guarded & {*opened} else Severity.WARNING,
                    (*found.path, field),
                    "tokens are fetched over plain http: the client's secret would travel unencrypted",
                    "Write https://.",
                )


def _is_open(url: str) -> bool:
    parts = split_url(url)
    if parts is None or parts.scheme != "http":
        return False
    host = parts.hostname or ""
    usable = "{" in host or not any(map(str.isspace, host))  # a URL without a host is another finding
    return usable and not is_loopback(host)


def no_staging(subject: Subject) -> Iterator[Finding]:
    """RX125: no environment for tests."""
    if "staging" in subject.spec.endpoint or not subject.intact("endpoint"):
        return
    others = [name for name in subject.spec.endpoint if not subject.spec.guards(name)]
    hint = f"Call it `staging`, or say `--environment {others[0]}` each time." if others else "Ask the partner for one."
    yield subject.info(
        "RX125",
        ("endpoint",),
        "there is no environment `staging`, which commands use by default",
        hint,
    )


def guards(subject: Subject) -> Iterator[Finding]:
    """RX130: a name similar to `production`. RX141: one with `guarded: false`. RX142: an unclear name."""
    for name, place in subject.spec.endpoint.items():
        path = ("endpoint", name)
        if place.guarded is False and says_production(name):
            yield subject.warning(
                "RX141",
                (*path, "guarded"),
                f"`{name}` looks like the live system, and the spec removes its guard",
                "Remove `guarded: false`, unless no record of a real person is in it.",
            )
        elif place.guarded is None and says_production(name) and name != "production":
            yield subject.finding(
                "RX130",
                Severity.WARNING,
                path,
                f"`{name}` looks like `production`, and is guarded like it",
                "Call it `production`, or state what it is: `guarded: true`, or `guarded: false` if it is for tests.",
                of_key=True,
            )
        elif place.guarded is None and name != "production" and subject.spec.guards(name):
            yield subject.finding(
                "RX142",
                Severity.INFO,
                path,
                f"`{name}` is guarded, because its name does not say that it is for tests",
                "State it: `guarded: false` if it is for tests, else `guarded: true`.",
                of_key=True,
            )


def unchecked_certificates(subject: Subject) -> Iterator[Finding]:
    """RX143: `tls: {verify: false}`, which allows anyone on the network path to impersonate the partner."""
    for name, place in subject.spec.endpoint.items():
        if (place.tls or subject.spec.tls).verify:
            continue
        guarded = name in subject.guarded
        yield subject.finding(
            "RX143",
            Severity.ERROR if guarded else Severity.WARNING,
            ("endpoint", name, "tls", "verify") if place.tls else ("tls", "verify"),
            f"the certificate of {name} is not checked: anyone on the network path can read and change the traffic",
            "Remove `verify: false`; a private authority's certificate is trusted by `tls: {ca_file: …}`.",
        )
