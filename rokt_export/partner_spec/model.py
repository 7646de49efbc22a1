"""The model of the partner spec, version 1: the partner's API under the eight points of Rokt's page."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from rokt_export.authentication.registry import Authentications
from rokt_export.redaction.spec_lines import masked_line
from rokt_export.spec_language.encodings import ENCODINGS, WITH_BODY, nests
from rokt_export.spec_language.fields import (
    MOST,
    BodyPathText,
    Duration,
    FixedTemplate,
    HeaderName,
    Rates,
    RegexText,
    Size,
    Strict,
    Text,
    TextTemplate,
    UrlTemplate,
    ValueTemplate,
    check_header_name,
    kind_of,
    problem,
    template_at,
    without_rows,
)
from rokt_export.spec_language.formats import FORMATS
from rokt_export.spec_language.rules import Rule, Test, rule_names, rule_of
from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import TemplatePlace
from rokt_export.spec_language.urls import PLACEHOLDER

_TEST = frozenset(
    re.findall(
        r"\w+",
        "staging stage stg test tests testing tst dev devel develop development qa uat sit sandbox sbx local localhost"
        " preview pre preprod preproduction preprd prelive nonprod nonproduction nonprd nonlive integration demo mock"
        " ci acc acceptance loadtest perf performance",
    )
)
_TEST_WITHIN = ("staging", "sandbox")
"""Words that also count within a longer word: `eustaging` is for tests. (`latest` is not, so `test` is not listed.)"""
_LIVE = frozenset(("prod", "prods", "prd", "production", "productive", "live"))
_NEAR = 0.8
"""Similarity (difflib's ratio) from which a word counts as a misspelt `production`."""


def says_test(name: str) -> bool:
    """Return whether an environment's name means tests: `staging`, `eu-qa`, `test2`, `pre-prod`.

    A name that also means production (`prod-test`) does not count.
    """
    words = _words(name)
    for_tests = any(word in _TEST or word.startswith(_TEST_WITHIN) or word.endswith(_TEST_WITHIN) for word in words)
    return for_tests and not any(map(_is_live, words))


def says_production(name: str) -> bool:
    """Return whether a name means `production`, abbreviated (`prd`), numbered or misspelt (`productoin`)."""
    return any(map(_is_live, _words(name)))


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+", re.sub(r"(?<![a-z])(pre|non)[-_]+(?=[a-z])", r"\1", name))


def _is_live(word: str) -> bool:
    if word in _TEST or word.startswith(("pre", "non")):
        return False
    return (
        word in _LIVE or word.endswith(("prod", "live")) or SequenceMatcher(None, word, "production").ratio() >= _NEAR
    )


Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_POLICIES = {
    "omit": "omit",
    "refuse": "refuse",
    "send_empty": "send_empty",
    "send empty": "send_empty",
    "send_null": "send_null",
    "send null": "send_null",
}


def _policy(value: Any) -> Any:
    return _POLICIES.get(value.strip().lower(), value) if isinstance(value, str) else value


Policy = Annotated[
    Literal["omit", "send_empty", "send_null", "refuse"],
    BeforeValidator(_policy),
    WithJsonSchema({"type": "string", "enum": list(_POLICIES)}),
]


class Contact(Strict):
    """The partner's tech contact (point 2).

    Attributes:
        name: their name.
        role: their role at the partner.
        email: their address for questions.
        phone: with its country code.
    """

    name: Text
    role: Text | None = None
    email: Text | None = None
    phone: Text | None = None


class Tls(Strict):
    """TLS settings: additional trusted certificates.

    Attributes:
        ca_file: template of the path of a PEM file with certificates of a private authority.
        verify: whether the partner's certificate is checked; should stay true.
    """

    ca_file: FixedTemplate | None = None
    verify: bool = True


MAX_BATCH = 30_000
"""Rows of one request at most, which SendGrid takes."""


class Limits(Strict):
    """Limits of what is sent to the partner.

    Attributes:
        rate: requests in a span of time; of several rates each holds.
        concurrency: requests in flight.
        batch: rows that one request carries at most; without it, one.
        timeout: seconds for a whole attempt.
        connect_timeout: seconds until connected, TLS included.
        max_response: bytes of a response that are read.
        attempts: attempts per transaction, where rules and idempotency allow more than one.
        backoff: seconds before the second attempt, doubled for each further one, with full jitter.
        backoff_limit: maximum seconds between two attempts.
    """

    rate: Rates = ()
    concurrency: Annotated[int, Field(ge=1, le=100_000)] = 10
    batch: Annotated[int, Field(ge=1, le=MAX_BATCH)] | None = None
    timeout: Duration = 30.0
    connect_timeout: Duration = 10.0
    max_response: Size = 10_000_000
    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    backoff: Duration = 1.0
    backoff_limit: Duration = 60.0


class Environment(Strict):
    """One place to send to; its settings override the spec's.

    Attributes:
        url: template of the endpoint.
        method: its HTTP method.
        authentication: how it authenticates us.
        limits: its limits.
        tls: which certificates to trust there.
        proxy: template of a proxy's URL.
        http_version: `1.0`, `1.1` or `2`; without it, 1.1.
        guarded: whether a send needs a confirmation; without it, every environment does unless its name means tests.
    """

    shorthand = "url"
    url: UrlTemplate
    method: Method | None = None
    authentication: Authentications | None = None
    limits: Limits | None = None
    tls: Tls | None = None
    proxy: FixedTemplate | None = None
    http_version: Literal["1.0", "1.1", "2"] | None = None
    guarded: bool | None = None


class RequiredWhen(Strict):
    """A condition on attributes under which a parameter is required. It has exactly one of its keys.

    Attributes:
        when: attribute to a value, a list of values, `present` or `absent`; all must hold.
        any_of: attributes of which a row must have at least one.
    """

    when: Annotated[dict[Text, Any], Field(min_length=1)] | None = None
    any_of: Annotated[tuple[Text, ...], Field(min_length=2)] | None = None

    @model_validator(mode="after")
    def _one_key(self) -> RequiredWhen:
        if (self.when is None) == (self.any_of is None):
            raise problem(
                "RX014", "`required` has one of `when` and `any_of`", "Write `required: {any_of: [email, mobile]}`."
            )
        return self

    @property
    def conditions(self) -> dict[str, Any]:
        """Attribute to the value it must have for the parameter to be required."""
        return self.when if self.when is not None else dict.fromkeys(self.any_of or (), "absent")


class Parameter(Strict):
    """One of the partner's parameters.

    Attributes:
        name: the partner's name; in a JSON or XML body a path (`a.b[0].c`), elsewhere used literally.
        in_: body, query, header or path.
        attribute: the attribute that is sent; short for `value: "{{ attribute }}"`.
        value: a template, a constant, or a list of them.
        encoding: for a body inside one form field: how its own `parameters` are encoded.
        parameters: the parameters of that body.
        required: true, false, or a condition on other attributes; a row without the value is `invalid`.
        type: the type of its value in encodings with types; text by default.
        date_format: strftime form of a date.
        format: a named format that its text must have.
        pattern: a regular expression that its whole text must match.
        choices: the allowed texts.
        min_length, max_length: characters.
        invalid: what to do with an optional value that fails its filter, type or checks: refuse the row, or omit the
            value.
        absent, empty, null: what to do if the row lacks the attribute, has an empty cell, or a null.
        cdata: whether its text is written as a CDATA section (XML).
        secret: whether its value is redacted although it does not come from an environment variable.
        description: what it means.
    """

    name: Text
    in_: Literal["body", "query", "header", "path"] = Field("body", alias="in")
    attribute: Text | None = None
    value: Annotated[Any, WithJsonSchema({"type": ["string", "number", "boolean", "null", "array"]})] = None
    encoding: Literal[WITH_BODY] | None = None  # type: ignore[valid-type]
    parameters: tuple[Parameter, ...] = ()
    required: bool | RequiredWhen = False
    type: Literal["string", "number", "integer", "boolean", "date"] | None = None
    date_format: Text = "%Y-%m-%d"
    format: Literal[FORMATS] | None = None  # type: ignore[valid-type]
    pattern: RegexText | None = None
    choices: tuple[Text, ...] | None = None
    min_length: Annotated[int, Field(ge=0, le=MOST)] | None = None
    max_length: Annotated[int, Field(ge=0, le=MOST)] | None = None
    invalid: Literal["refuse", "omit"] = "refuse"
    absent: Policy | None = None
    empty: Policy | None = None
    null: Policy | None = None
    cdata: bool = False
    secret: bool = False
    description: Text | None = None

    @field_validator("value")
    @classmethod
    def _value(cls, value: Any) -> Any:
        if isinstance(value, list):
            for item in value:
                cls._value(item)
            return tuple(value)
        if isinstance(value, dict):
            raise problem(
                "RX012",
                "a value is text, a number, a boolean, null or a list of them, not a mapping",
                "Write one parameter per member, with a nested name: `address.city`.",
            )
        return template_at(TemplatePlace.VALUE)(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source(self) -> Parameter:
        given = [key for key in ("attribute", "value", "parameters") if key in self.model_fields_set]
        if len(given) != 1:
            what = "no value" if not given else f"{' and '.join(f'`{key}`' for key in given)} at once"
            raise problem(
                "RX014",
                f"parameter `{self.name}` has {what}",
                "Give it one of `attribute`, `value`, or `encoding` with `parameters`.",
            )
        if self.in_ == "header":
            check_header_name(self.name, fixed=self.fixed)
        if bool(self.parameters) != (self.encoding is not None):
            raise problem(
                "RX014",
                f"parameter `{self.name}`: `encoding` and `parameters` belong together",
                "Give both for a body inside one field, or neither.",
            )
        return self

    @property
    def fixed(self) -> bool:
        """Whether its value is the same for every row: it consists of constants and environment variables."""
        texts = self.value if isinstance(self.value, tuple) else (self.value,)
        return self.attribute is None and not any(isinstance(t, str) and compile_template(t).varies for t in texts)

    @property
    def constant(self) -> bool:
        """Whether its value is a constant of the spec."""
        return "value" in self.model_fields_set and not (isinstance(self.value, str) and "{{" in self.value)


class Idempotency(Strict):
    """The key by which the partner recognizes a repeated request.

    Attributes:
        header: the header that carries it.
        value: its template; default: a digest of partner, environment and the row's values.
    """

    shorthand = "header"
    header: HeaderName
    value: ValueTemplate | None = None


_CAPTURED = re.compile(r"\{(reference|code)\}")


def _asked_url(text: str) -> str:
    named = PLACEHOLDER.findall(text)
    if not named or not set(named) <= {"reference", "code"}:
        raise problem(
            "RX012",
            "it does not say which capture names the job",
            "Write `/jobs/{reference}`, or `{reference}` where the capture is the whole URL; `{code}` is the other.",
        )
    return _at_the_host(text, "/jobs/{reference}")


def _at_the_host(text: str, example: str) -> str:
    if not text.startswith("/") and not _CAPTURED.fullmatch(text):
        raise problem(
            "RX150",
            "it is neither a path at the endpoint's host nor one capture",
            f"Write `{example}`, or `{{reference}}` where the capture is the whole URL.",
        )
    if text.startswith("//"):
        raise problem("RX150", "a path does not start with `//`", "Write one `/`.")
    return text


def _record_url(text: str) -> str:
    named = set(PLACEHOLDER.findall(text))
    if not named <= {"reference", "code"} or not (named or compile_template(text, TemplatePlace.URL).varies):
        raise problem(
            "RX012",
            "it does not say which record is meant",
            "Write `/leads/{reference}`, with what a rule captures, or `/leads/{{ email }}`, with an attribute.",
        )
    return _at_the_host(text, "/leads/{reference}")


RecordUrl = Annotated[Text, AfterValidator(template_at(TemplatePlace.URL)), AfterValidator(_record_url)]
"""The place of one record: a path at the endpoint's host, with captures and attributes; or one capture."""


class Confirmation(Strict):
    """How to ask the partner what became of a row that it has only accepted (`provisional: true`).

    Attributes:
        url: a path at the endpoint's host in which `{reference}` or `{code}` stands for what the rule captured; or one
            of these alone, where the capture is the whole URL. It is asked by GET.
        hosts: hosts beside the endpoint's to which a captured URL may lead; they receive the credentials.
        pending: a test that holds while the partner has not decided.
        responses: rules for its decision.
        every: seconds between two questions about a job.
        until: seconds after the end of the run from which the partner is not asked again.
    """

    url: Annotated[
        Text, AfterValidator(template_at(TemplatePlace.URL)), AfterValidator(without_rows), AfterValidator(_asked_url)
    ]
    hosts: tuple[Text, ...] = ()
    pending: Test | None = None
    responses: Annotated[tuple[Rule, ...], Field(min_length=1)]
    every: Duration = 30.0
    until: Duration = 86_400.0

    @property
    def captures(self) -> frozenset[str]:
        """The captures that its URL names."""
        return frozenset(PLACEHOLDER.findall(self.url))

    @property
    def pending_rules(self) -> tuple[Rule, ...]:
        """The rule before those for the decision, where the spec says what is pending."""
        return () if self.pending is None else (rule_of(self.pending, "pending"),)


def _beside(text: str) -> str:
    if re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE):
        raise problem(
            "RX012",
            "a document is a file here: a spec fetches nothing from the network",
            "Download it, and write its path beside the spec: `openapi: {document: acme-openapi.json}`.",
        )
    return text


class OpenApi(Strict):
    """The partner's document, against which requests and responses are checked.

    Attributes:
        document: an OpenAPI 3 or Swagger 2 file; its path is relative to the spec.
        operation: its operationId, or `POST /path`; without it, the one that the endpoint's path and method name.
    """

    shorthand = "document"
    document: Annotated[Text, AfterValidator(_beside)]
    operation: Text | None = None


class ReadBack(Strict):
    """How `certify` reads a record again, to compare it with what was sent.

    Attributes:
        url: a path at the endpoint's host in which `{reference}` or `{code}` stands for what the rule captured, and
            `{{ attribute }}` for the row's; or one capture alone, where it is the whole URL. It is asked by GET.
        values: a parameter's name to the path of its value in the response.
    """

    url: RecordUrl
    values: Annotated[dict[Text, BodyPathText], Field(min_length=1)]


class Cleanup(Strict):
    """The request by which `certify` removes a record that it made.

    Attributes:
        url: as `url` of `read_back`.
        method: its HTTP method.
    """

    shorthand = "url"
    url: RecordUrl
    method: Method = "DELETE"


class DiffSettings(Strict):
    """What `diff` leaves out of its comparison.

    Attributes:
        ignore: body paths, and headers by name, whose differences do not count.
        varies: body paths, and headers by name, to the form of their values (`any` for any form): the values do not
            count, but presence, type and form do. After `optional` it may be absent at random; with `optional` alone
            its values count. A list is short for `any` of each.
        unordered: paths of arrays whose order does not count.
        tolerance: path to the largest difference between two numbers that does not count.
        mode: `strict` compares everything; `subset` ignores additions of the second side; `schema` compares names and
            types.
        headers: headers that are compared besides Content-Type.
    """

    ignore: tuple[Text, ...] = ()
    varies: dict[Text, Text] = Field(default_factory=dict)
    unordered: tuple[BodyPathText, ...] = ()
    tolerance: dict[BodyPathText, float] = Field(default_factory=dict)
    mode: Literal["strict", "subset", "schema"] = "strict"
    headers: tuple[Text, ...] = ()

    @field_validator("varies", mode="before")
    @classmethod
    def _listed(cls, data: Any) -> Any:
        return dict.fromkeys(data, "any") if isinstance(data, list) and all(isinstance(n, str) for n in data) else data


class CustomAttribute(Strict):
    """An attribute outside Rokt's catalogue, or this partner's requirements for one in it.

    Attributes:
        description: what it means.
        example: one value, which generated test people have.
        required: whether every transaction must have it.
        personal: whether it is personal data and is redacted.
    """

    description: Text | None = None
    example: Text | None = None
    required: bool = False
    personal: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return {} if data is None else {"description": data} if isinstance(data, str) else data


def _attributes(value: Any) -> Any:
    return dict.fromkeys(value) if isinstance(value, list) and all(isinstance(n, str) for n in value) else value


_SLUG = r"^[a-z0-9][a-z0-9_-]*$"


def _slug(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(_SLUG, value):
        secret = isinstance(value, str) and value not in masked_line(f"partner: {value}")
        what = "what looks like a secret" if secret else kind_of(value)
        raise problem("RX012", f"a slug is expected here, not {what}", "Use lower-case letters, digits, `-` and `_`.")
    return value


Slug = Annotated[str, BeforeValidator(_slug), WithJsonSchema({"type": "string", "pattern": _SLUG})]


def _version(value: Any) -> Any:
    if isinstance(value, bool) or value not in (1, "1"):
        raise problem(
            "RX013", f"spec_version is 1, not {kind_of(value)}", "Write `spec_version: 1`, or update rokt-export."
        )
    return 1


class PartnerSpec(Strict):
    """A partner spec, in the order of the eight points of Rokt's Transaction Export page.

    Attributes:
        spec_version: the version of this language: 1.
        partner: slug; typed to confirm a send to a guarded environment.
        title: the partner's name in reports.
        description: what the spec is for.
        documentation: point 1.
        openapi: the partner's document, against which requests and responses are checked.
        contact: point 2.
        endpoint: point 3, environment name to endpoint.
        method: point 4.
        authentication: point 5.
        encoding: point 6.
        content_type: Content-Type of the request, if it is not the encoding's default.
        xml_declaration: start an XML body with `<?xml …?>`.
        body: a template of the whole body in that encoding, instead of body parameters.
        attributes: attributes outside Rokt's catalogue, and those the partner needs; a list of names is allowed.
        columns: column of the data file to the attribute it holds.
        variables: environment variable to its meaning; a listed variable may be sent whatever its name.
        parameters: point 7.
        responses: point 8.
        limits: limits for sending.
        tls: which certificates to trust.
        proxy: template of a proxy's URL.
        http_version: `1.0`, `1.1` or `2`; without it, 1.1.
        idempotency: the key by which the partner recognizes a repeated request.
        idempotent: whether a repeated request is harmless.
        confirmation: how to ask what became of a row that was only accepted.
        read_back: how to read a record again, to compare it with what was sent.
        cleanup: the request that removes a test record.
        diff: what `diff` leaves out of its comparison.
    """

    spec_version: Annotated[Literal[1], BeforeValidator(_version)]
    partner: Slug
    title: Text | None = None
    description: Text | None = None
    documentation: Text | tuple[Text, ...] | None = None
    openapi: OpenApi | None = None
    contact: Contact | None = None
    endpoint: Annotated[dict[Slug, Environment], Field(min_length=1)]
    method: Method = "POST"
    authentication: Authentications = ()
    encoding: Literal[tuple(ENCODINGS)] = "json"  # type: ignore[valid-type]
    content_type: Text | None = None
    xml_declaration: bool = True
    body: TextTemplate | None = None
    attributes: Annotated[dict[Text, CustomAttribute], BeforeValidator(_attributes)] = Field(default_factory=dict)
    columns: dict[Text, Text] = Field(default_factory=dict)
    variables: Annotated[dict[Text, Text | None], BeforeValidator(_attributes)] = Field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    responses: Annotated[tuple[Rule, ...], Field(min_length=1)]
    limits: Limits = Limits()
    tls: Tls = Tls()
    proxy: FixedTemplate | None = None
    http_version: Literal["1.0", "1.1", "2"] | None = None
    idempotency: Idempotency | None = None
    idempotent: bool = False
    confirmation: Confirmation | None = None
    read_back: ReadBack | None = None
    cleanup: Cleanup | None = None
    diff: DiffSettings = DiffSettings()

    @property
    def name(self) -> str:
        """The partner's name in reports: the title, else the slug."""
        return self.title or self.partner

    @property
    def rule_names(self) -> tuple[str, ...]:
        """The rules' names, in order."""
        return rule_names(self.responses)

    @property
    def provisional_rules(self) -> tuple[str, ...]:
        """The names of the rules by which the partner has accepted a row, and decides later."""
        return tuple(name for name, rule in zip(self.rule_names, self.responses, strict=True) if rule.provisional)

    @property
    def stated_content_type(self) -> str | None:
        """The Content-Type of the request that the spec states, as `content_type` or as a constant header."""
        named = (each.value for each in self.parameters if each.in_ == "header" and each.name.lower() == "content-type")
        return next((value for value in named if isinstance(value, str) and "{" not in value), self.content_type)

    @property
    def batched(self) -> bool:
        """Whether requests carry records of rows: some limits have a `batch`."""
        return any(self.limits_of(name).batch for name in self.endpoint)

    @property
    def repeatable(self) -> bool:
        """Whether a request may be sent again although the partner may have received it."""
        return self.idempotent or self.idempotency is not None

    def limits_of(self, name: str) -> Limits:
        """Return an environment's limits: its own; without them, the spec's.

        Raises:
            KeyError: the spec has no such environment.
        """
        return self.endpoint[name].limits or self.limits

    @property
    def required(self) -> tuple[str, ...]:
        """The attributes that `attributes:` requires of every row."""
        return tuple(name for name, attribute in self.attributes.items() if attribute.required)

    def guards(self, name: str) -> bool:
        """Return whether the spec guards an environment: by `guarded:`, else by its name.

        An environment with the address of a guarded one is guarded too; that needs variables (`delivery/target.py`).

        Raises:
            KeyError: the spec has no such environment.
        """
        stated = self.endpoint[name].guarded
        return not says_test(name) if stated is None else stated

    def environment(self, name: str) -> Environment:
        """Return an environment, completed with the settings of the whole spec.

        Raises:
            KeyError: the spec has no such environment.
        """
        own = self.endpoint[name]
        return own.model_copy(
            update={
                "method": own.method or self.method,
                "authentication": self.authentication if own.authentication is None else own.authentication,
                "limits": own.limits or self.limits,
                "tls": own.tls or self.tls,
                "proxy": own.proxy if own.proxy is not None else self.proxy,
                "http_version": own.http_version or self.http_version,
            }
        )


def nested_names(spec: PartnerSpec) -> list[tuple[tuple[str | int, ...], str]]:
    """Return (path in the model, name) of each parameter whose name is a path: in a JSON or XML body, at any depth."""
    found: list[tuple[tuple[str | int, ...], str]] = []

    def walk(parameters: tuple[Parameter, ...], encoding: str, path: tuple[str | int, ...]) -> None:
        for index, parameter in enumerate(parameters):
            here = (*path, index)
            if parameter.in_ == "body" and nests(encoding):
                found.append(((*here, "name"), parameter.name))
            if parameter.encoding:
                walk(parameter.parameters, parameter.encoding, (*here, "parameters"))

    walk(spec.parameters, spec.encoding, ("parameters",))
    return found
