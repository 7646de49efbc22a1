"""Finds the attributes and environment variables that a spec uses, and where each variable is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from pydantic import BaseModel

from rokt_export.errors import RoktExportError
from rokt_export.partner_spec.model import Parameter, PartnerSpec, RequiredWhen
from rokt_export.spec_language.template import Template, compile_template
from rokt_export.spec_language.template_places import TemplateProblem
from rokt_export.spec_language.urls import fixed_url


def templates(spec: PartnerSpec, environments: Iterable[str] | None = None) -> Iterator[Template]:
    """Yield each template with attributes or variables, for the given environments (default: all)."""
    names = spec.endpoint if environments is None else environments
    places: list[Any] = [spec.environment(name) for name in names]
    asked = [each.url for each in (spec.confirmation, spec.read_back, spec.cleanup) if each is not None]
    yield from _inside([*places, spec.parameters, spec.body, spec.idempotency, asked])


def _inside(value: Any) -> Iterator[Template]:
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            try:
                yield compile_template(value)
            except TemplateProblem:
                return
        return
    for part in _parts(value):
        yield from _inside(part)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, BaseModel):
        return [getattr(value, name) for name in type(value).model_fields if name != "description"]
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, (list, tuple)) else ()


def templates_in(*places: Any) -> Iterator[Template]:
    """Yield each template with attributes or variables in parts of a spec."""
    yield from _inside(places)


def variable_names(spec: PartnerSpec, environments: Iterable[str] | None = None) -> frozenset[str]:
    """Return the environment variables that a spec uses (`{{ env.NAME }}`); their values are secret."""
    return frozenset(name for template in templates(spec, environments) for name in template.env)


def names_in(value: Any) -> frozenset[str]:
    """Return the environment variables that a part of a spec uses."""
    return frozenset(name for template in _inside(value) for name in template.env)


def credential_variables(spec: PartnerSpec, environment: str) -> frozenset[str]:
    """Return the environment variables that an environment's authentications use."""
    authentications = spec.environment(environment).authentication or ()
    return frozenset(name for template in _inside(authentications) for name in template.env)


def attribute_names(spec: PartnerSpec, environments: Iterable[str] | None = None) -> frozenset[str]:
    """Return the attributes that a spec sends, requires, or uses in conditions."""
    found = {name for template in templates(spec, environments) for name in template.attributes}
    for parameter in every_parameter(spec.parameters):
        if parameter.attribute is not None:
            found.add(parameter.attribute)
        if isinstance(parameter.required, RequiredWhen):
            found.update(parameter.required.conditions)
    found.update(spec.required)
    return frozenset(found)


def sent_attributes(spec: PartnerSpec) -> frozenset[str]:
    """Return the attributes whose values are sent, or that decide what is sent."""
    found = {name for template in templates(spec) for name in template.attributes}
    found.update(each.attribute for each in every_parameter(spec.parameters) if each.attribute is not None)
    return frozenset(found)


def required_attributes(spec: PartnerSpec) -> tuple[str, ...]:
    """Return the attributes that every row must have, in the order of the spec."""
    found = list(spec.required)
    for each in every_parameter(spec.parameters):
        found += sorted(attributes_of(each)) if each.required is True else ()
    return tuple(dict.fromkeys(found))


def attributes_of(parameter: Parameter) -> frozenset[str]:
    """Return the attributes that a parameter sends, without those of its inner parameters."""
    if parameter.attribute is not None:
        return frozenset({parameter.attribute})
    return frozenset(name for template in _inside(parameter.value) for name in template.attributes)


def sole_parameters(spec: PartnerSpec) -> dict[str, Parameter]:
    """Return each attribute that a parameter sends unchanged, with that parameter; of several the most exacting."""
    found: dict[str, Parameter] = {}
    for parameter in every_parameter(spec.parameters):
        names = attributes_of(parameter)
        name = next(iter(names)) if len(names) == 1 else ""
        alone = parameter.attribute is not None or str(parameter.value).strip("{} ") == name
        if name and alone and (name not in found or parameter.choices or parameter.format or parameter.type):
            found[name] = parameter
    return found


def examples_of(spec: PartnerSpec) -> dict[str, str]:
    """Return the spec's own examples of its attributes, which test people carry."""
    return {name: attribute.example for name, attribute in spec.attributes.items() if attribute.example is not None}


def never_omitted(spec: PartnerSpec) -> frozenset[str]:
    """Return the attributes that the partner needs and that only parameters with `invalid: omit` send.

    Such a parameter refuses a malformed value, because the row would be sent without what the partner needs.
    """
    places = [*(place.url for place in spec.endpoint.values()), spec.body]
    sent = {name for template in templates_in(*places) for name in template.attributes}
    for parameter in every_parameter(spec.parameters):
        if parameter.invalid == "refuse":
            sent |= attributes_of(parameter)
    return frozenset(spec.required).difference(sent)


def every_parameter(parameters: Iterable[Parameter]) -> Iterator[Parameter]:
    """Yield parameters, including those of nested bodies."""
    for parameter in parameters:
        yield parameter
        yield from every_parameter(parameter.parameters)


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
"""Variables of operating systems, clouds, CI systems and tools."""


class VariableUse(Struct, frozen=True):
    """Where one environment variable is sent.

    Attributes:
        name: the variable.
        host: the host that receives it; `this machine` for a file that is only read.
        places: the parts of the request that contain it.
    """

    name: str
    host: str
    places: tuple[str, ...]

    def line(self) -> str:
        """Return the line `NAME -> host, place`."""
        return f"{self.name} -> {self.host}, {' and '.join(self.places)}"


def belongs_to_others(name: str) -> bool:
    """Return whether a variable's name is that of a system, a cloud or a tool."""
    return _FOREIGN.fullmatch(name) is not None


def variable_uses(spec: PartnerSpec, environment: str, variables: Mapping[str, str]) -> list[VariableUse]:
    """Return where each variable of an environment is sent, by name.

    Args:
        spec: the partner's spec.
        environment: the environment's name.
        variables: values for templates of hosts.
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
    for parameter in spec.parameters:
        yield names_in([parameter.value, parameter.parameters]), host, f"{parameter.in_} {parameter.name}"
    if spec.idempotency is not None:
        yield names_in(spec.idempotency.value), host, f"header {spec.idempotency.header}"
    if spec.confirmation is not None:
        yield names_in(spec.confirmation.url), host, "URL path"
        for other in spec.confirmation.hosts:
            yield credential_variables(spec, environment), other, "credentials"
    for record in (spec.read_back, spec.cleanup):
        yield names_in(record and record.url), host, "URL path"
    yield names_in(place.proxy), "the proxy", "address and credentials"
    yield names_in(place.tls and place.tls.ca_file), THIS_MACHINE, "file of authorities"


def _host(source: str, variables: Mapping[str, str]) -> str:
    """Return the host of a URL template; unfilled if a variable is not set."""
    try:
        return fixed_url(source, variables).origin.partition("://")[2]
    except (RoktExportError, KeyError):
        text = re.sub(r"\{\{\s*env\.(\w+).*?\}\}", r"$\1", source.strip())
        return re.split("[/?#]", text.partition("://")[2] or text, maxsplit=1)[0]
