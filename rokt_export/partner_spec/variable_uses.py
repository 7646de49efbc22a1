"""Turn a spec into where each environment variable goes: to which host, and at which place of the request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rokt_export.errors import RoktExportError
from rokt_export.partner_spec.model import Parameter, PartnerSpec
from rokt_export.partner_spec.references import names_in
from rokt_export.spec_language.url_template import fixed_url

THIS_MACHINE = "this machine"
_FOREIGN = re.compile(
    r"(AWS|AMAZON|AZURE|ARM|GOOGLE|GCP|GCLOUD|CLOUDSDK|FIREBASE|DIGITALOCEAN|HEROKU|CLOUDFLARE|CF|ALIBABA|OCI|TF|TERRAFORM"
    r"|GITHUB|GH|GITLAB|BITBUCKET|CI|CIRCLE|CIRCLECI|TRAVIS|JENKINS|BUILDKITE|DRONE|TEAMCITY|CODEBUILD|ACTIONS|RUNNER"
    r"|SSH|GPG|GIT|NPM|NODE|YARN|PIP|PYPI|TWINE|CARGO|DOCKER|VAULT|CONSUL|NOMAD|KUBE|KUBERNETES|KUBECONFIG|HELM"
    r"|PG|PGPASSWORD|MYSQL|POSTGRES|REDIS|DATABASE|SENTRY|DATADOG|DD|SLACK|OPENAI|ANTHROPIC|ROKT_EXPORT|XDG|SUDO)(_.*)?"
    r"|PATH|HOME|USER|USERNAME|LOGNAME|SHELL|PWD|OLDPWD|HOSTNAME|MAIL|LANG|TERM|TMPDIR|LD_.*|PYTHON.*|KUBE.*"
    r"|HTTPS?_PROXY|ALL_PROXY|NO_PROXY|NETRC",
    re.IGNORECASE,
)
"""Names that systems, clouds, CI and tools give to their own variables."""


@dataclass(frozen=True, slots=True)
class VariableUse:
    """One variable's way out.

    Attributes:
        name: the variable.
        host: where it goes; `this machine` for a file that is only read.
        places: where it stands in what is sent.
    """

    name: str
    host: str
    places: tuple[str, ...]

    def line(self) -> str:
        """Return it on one line: `NAME -> host, place`."""
        return f"{self.name} -> {self.host}, {' and '.join(self.places)}"


def belongs_to_others(name: str) -> bool:
    """Return whether a variable's name is that of a system's, a cloud's or a tool's own."""
    return _FOREIGN.fullmatch(name) is not None


def variable_uses(spec: PartnerSpec, environment: str, variables: Mapping[str, str]) -> list[VariableUse]:
    """Return where each variable of an environment goes, by name.

    Args:
        spec: the partner's spec.
        environment: the environment's name.
        variables: the values at hand, which may fill a host.
    """
    found: dict[tuple[str, str], dict[str, None]] = {}
    for names, host, place in _uses(spec, environment, variables):
        for name in names:
            found.setdefault((name, host), {})[place] = None
    return [VariableUse(name, host, tuple(places)) for (name, host), places in sorted(found.items())]


def _uses(
    spec: PartnerSpec, environment: str, variables: Mapping[str, str]
) -> Iterator[tuple[frozenset[str], str, str]]:
    place = spec.environment(environment)
    host = _host(place.url, variables)
    start, _, query = place.url.partition("?")
    head, slash, path = start.partition("://")[2].partition("/")
    yield names_in(head if slash else start), host, "URL host"
    yield names_in(path), host, "URL path"
    yield names_in(query), host, "URL query"
    for each in place.authentication or ():
        for use in each.uses():
            there = host if use.url is None else _host(use.url, variables)
            yield names_in(use.part), THIS_MACHINE if use.stays_here else there, use.place
    yield names_in(spec.body), host, "body"
    yield from _of_parameters(spec.parameters, host)
    if spec.idempotency is not None:
        yield names_in(spec.idempotency.value), host, f"header {spec.idempotency.header}"
    yield names_in(place.proxy), "the proxy", "address and credentials"
    yield names_in(place.tls and place.tls.ca_file), THIS_MACHINE, "file of authorities"


def _of_parameters(parameters: tuple[Parameter, ...], host: str) -> Iterator[tuple[frozenset[str], str, str]]:
    for each in parameters:
        yield names_in([each.value, each.parameters]), host, f"{each.in_} {each.name}"


def _host(source: str, variables: Mapping[str, str]) -> str:
    """The host that a URL goes to: filled, or as the template has it where a variable is not set."""
    try:
        return fixed_url(source, variables).origin.partition("://")[2]
    except (RoktExportError, KeyError):
        text = re.sub(r"\{\{\s*env\.(\w+).*?\}\}", r"$\1", source.strip())
        return re.split("[/?#]", text.partition("://")[2] or text, maxsplit=1)[0]
