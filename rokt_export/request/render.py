"""Render a transaction into the one request that the spec asks for, or into the reasons why it cannot be one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never
from unicodedata import category

import orjson

from rokt_export import __version__
from rokt_export.authentication.base import (
    ClientCertificate,
    Credential,
    DigestLogin,
    FetchedToken,
    KeyParameter,
    NoCredential,
    PluginSignature,
    Signature,
    StaticHeader,
    filler,
    header_of,
)
from rokt_export.authentication.registry import credentials_of
from rokt_export.errors import ConfigurationError, SpecError
from rokt_export.exchange.model import Request
from rokt_export.partner_spec.model import Parameter, PartnerSpec
from rokt_export.partner_spec.references import attributes_of, every_parameter, never_omitted
from rokt_export.redaction import OwnWords
from rokt_export.request.batches import RecordsBody, RequestRecord, body_of
from rokt_export.request.encodings import Encode, body_encoding
from rokt_export.request.encodings.form import form_encoder
from rokt_export.request.parameter_values import (
    OMIT,
    CompiledParameter,
    ParameterValues,
    RefusedError,
    Take,
    compile_field,
)
from rokt_export.request.url import blank_url, url_maker
from rokt_export.spec_language.encodings import ENCODINGS, charset_of, codec_of
from rokt_export.spec_language.filters import ABSENT, FilterError, text_of
from rokt_export.spec_language.template import Template, compile_template
from rokt_export.transactions.transaction import Transaction

if TYPE_CHECKING:
    from rokt_export.authentication.base import Sign


def header_values(fields: Sequence[CompiledParameter]) -> Callable[[ParameterValues], tuple[tuple[str, str], ...]]:
    """Return the function from a transaction to its headers; a line break in a value is refused."""
    parts: list[tuple[str, Any, Take]] = [(field.name, field.plain, field.take) for field in fields]

    def headers(values: ParameterValues) -> tuple[tuple[str, str], ...]:
        get = values.get
        found: list[tuple[str, str]] = []
        for name, plain, take in parts:
            value = get(plain) or take(values)
            if value is OMIT:
                continue
            for item in value if isinstance(value, list) else (value,):
                found.append((name, safe_header(name, item)))
        return tuple(found)

    return headers


_BREAKING = frozenset({"Cc", "Zl", "Zp"})


def safe_header(name: str, value: Any) -> str:
    """Return a header's value.

    Raises:
        RefusedError: it holds a control character, which could end the header.
    """
    text = text_of(value)
    if not text.isprintable() and any(category(sign) in _BREAKING and sign != "\t" for sign in text):
        raise RefusedError(f"{name}: a header cannot contain a line break or another control character")
    return text.strip(" \t")


def body_encoder(
    spec: PartnerSpec,
    parameters: Sequence[Parameter],
    env: Mapping[str, str],
    omitted: Counter[str] | None,
) -> Encode:
    """Return the encoder of a spec's body.

    Args:
        spec: the partner's spec.
        parameters: of the body.
        env: values of the variables.
        omitted: as `compile_field` takes it.

    Raises:
        SpecError: the parameters' names, or the template, do not make a body of this encoding.
    """
    charset = charset_of(spec.stated_content_type)
    if spec.body is not None:
        if (place := ENCODINGS[spec.encoding].place) is None:
            raise SpecError(f"`encoding: {spec.encoding}` takes no `body` template", remedy="Write body parameters.")
        return _in_charset(charset, partial(_whole, compile_template(spec.body, place), env))
    if not parameters:
        return lambda _values: None
    encoding = body_encoding(spec.encoding)
    encode = encoding.encoder([_field(parameter, env, omitted) for parameter in parameters])
    head = encoding.declaration if spec.xml_declaration else b""
    if not head:
        return _in_charset(charset, encode)
    head = head.replace(b"UTF-8", (charset or "UTF-8").upper().encode())
    return _in_charset(charset, lambda values: head + (encode(values) or b""))


def _in_charset(charset: str | None, encode: Encode) -> Encode:
    """Return an encoder whose bytes are in the charset that the Content-Type states, and not in UTF-8.

    Raises:
        SpecError: there is no such charset.
    """
    codec = "utf-8" if charset is None else codec_of(charset)
    if codec is None:
        raise SpecError(f"there is no charset `{charset}`", where="content_type", remedy="Write `charset=utf-8`.")
    if codec == "utf-8":
        return encode

    def encoded(values: ParameterValues) -> bytes | None:
        body = encode(values)
        try:
            return None if body is None else body.decode().encode(codec)
        except UnicodeEncodeError as error:
            raise RefusedError(f"body: `{error.object[error.start]}` cannot be written in {charset}") from error

    return encoded


def _refusing(parameters: Iterable[Parameter], needed: Collection[str]) -> list[Parameter]:
    """Return parameters, of which those that send a needed attribute refuse a malformed value."""
    found = []
    for each in parameters:
        if each.invalid == "omit" and not attributes_of(each).isdisjoint(needed):
            each = each.model_copy(update={"invalid": "refuse"})
        if each.parameters:
            each = each.model_copy(update={"parameters": tuple(_refusing(each.parameters, needed))})
        found.append(each)
    return found


def _whole(template: Template, env: Mapping[str, str], values: ParameterValues) -> bytes:
    try:
        text = template.fill(values, env)
    except FilterError as error:
        raise RefusedError(f"body: {error}") from error
    if text is ABSENT:
        raise RefusedError(OwnWords("body: an attribute of its template is absent"))
    return str(text).encode()


def _field(parameter: Parameter, env: Mapping[str, str], omitted: Counter[str] | None) -> CompiledParameter:
    """Return the field of a parameter, which may hold a whole body (`xmlData=<…>`, `json={…}`)."""
    if parameter.encoding is None:
        return compile_field(parameter, env, omitted)
    inner = [_field(each, env, omitted) for each in parameter.parameters]
    encode = body_encoding(parameter.encoding).encoder(inner)
    return CompiledParameter(parameter.name, parameter, lambda values: (encode(values) or b"").decode())


class InvalidRowError(ValueError):
    """A transaction that cannot satisfy the spec; it is never sent.

    Attributes:
        problems: every reason, one sentence each, parameter first.
        reason: all of them.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.reason = OwnWords.joined(problems, "; ")
        super().__init__(self.reason)
        self.problems = tuple(problems)


class Renderer:
    """Renders transactions for one spec and environment.

    Args:
        spec: the partner's spec.
        environment: the environment's name.
        variables: values of all variables that it names.
        base_url: scheme, host and port to send to instead of the endpoint's.
        plugins: the authentication classes that the operator allows, as `module:Class`; with None, `sign` leaves the
            credentials of custom classes out.

    Raises:
        SpecError: the parameters do not make a request.
        ConfigurationError: a variable does not make a URL or a header, or a custom authentication is not allowed or
            cannot be made.

    Attributes:
        credentials: what the environment's authentications put on a request, in the spec's order.
        variables: as given.
        unsigned: the authentication classes whose credentials are left out, as `module:Class`.
        omitted: names of parameters to how many of their values `invalid: omit` left out of the last request.
        omitted_of: row to the same names, one for each value; who settles the row takes it out. None: not kept.
    """

    def __init__(
        self,
        spec: PartnerSpec,
        environment: str,
        variables: Mapping[str, str],
        *,
        base_url: str | None = None,
        plugins: Collection[str] | None = frozenset(),
    ) -> None:
        self.spec = spec
        self.environment = spec.environment(environment)
        self.variables = variables
        self.credentials = credentials_of(self.environment.authentication or (), variables)
        _check_headers(self.credentials, variables)
        own = _sorted(self.credentials, plugins)
        parameters = [*own.parameters, *_refusing(spec.parameters, never_omitted(spec))]
        placed = {place: [p for p in parameters if p.in_ == place] for place in ("body", "query", "header", "path")}
        self._method = str(self.environment.method)
        self._fields = [compile_field(p, variables) for p in parameters if not p.encoding]
        self.omitted: Counter[str] = Counter()
        self.omitted_of: dict[int, tuple[str, ...]] | None = None
        self._omits = any(each.invalid == "omit" for each in every_parameter(spec.parameters))
        self._url = url_maker(
            self.environment.url,
            _compiled(placed["path"], variables, self.omitted),
            _compiled(placed["query"], variables, self.omitted),
            variables,
            base_url=base_url,
        )
        self._blank_url = blank_url(self.environment.url, variables, base_url=base_url)
        self._key_query = form_encoder(_compiled([p for p in own.parameters if p.in_ == "query"], variables))

        self._records = RecordsBody(spec, placed["body"], variables, self.omitted) if spec.batched else None
        self._body: Encode = self._records or body_encoder(spec, placed["body"], variables, self.omitted)
        self.unsigned = tuple(own.unsigned)
        self._sign = _signer(own.signs)
        headers = _compiled(placed["header"], variables, self.omitted)
        constant = [field for field in headers if _shared(field)]
        varying = [field for field in headers if not _shared(field)]
        self._headers = _base_headers(spec, constant, own.headers, has_body=bool(placed["body"] or spec.body))
        self._varying = header_values(varying) if varying else None
        self._key = _idempotency(spec, environment, variables)
        self._derives_key = spec.idempotency is not None and spec.idempotency.value is None
        self._taken = [(attributes_of(field.parameter), field.take) for field in self._fields]
        self._required = spec.required

    def render(self, transaction: Transaction) -> Request:
        """Return a transaction's request, without signatures.

        Raises:
            InvalidRowError: it cannot satisfy the spec.
        """
        if transaction.problem is not None:
            raise InvalidRowError((transaction.problem,))
        values = transaction.values
        if self._omits:
            self.omitted.clear()
        try:
            for name in self._required:
                if not values.get(name):
                    raise RefusedError(OwnWords(f"attribute {name} is required: the row has none"))
            headers = self._headers
            if self._varying is not None:
                headers += self._varying(values)
            if self._key is not None:
                headers += self._key(transaction)
            request = Request(self._method, self._url(values), headers, self._body(values))
        except RefusedError as error:
            raise self._invalid(values, error) from error
        if self.omitted:
            self._keep_omitted(transaction)
        return request

    def question(self, url: str) -> Request:
        """Return a GET of a URL with the headers and credentials of every delivery, without signatures.

        Args:
            url: absolute and percent-encoded; the caller has checked that credentials may go there.
        """
        headers = tuple((name, value) for name, value in self._headers if name.lower() != "content-type")
        key = self._key_query({})
        return Request("GET", f"{url}{'&' if '?' in url else '?'}{key}" if key else url, headers)

    def record(self, transaction: Transaction) -> RequestRecord:
        """Return a transaction's share of a request that carries several; only for a spec with `limits.batch`.

        Raises:
            InvalidRowError: it cannot satisfy the spec.
        """
        assert self._records is not None
        if transaction.problem is not None:
            raise InvalidRowError((transaction.problem,))
        values = transaction.values
        if self._omits:
            self.omitted.clear()
        try:
            if lacking := self._lacking(values):
                raise RefusedError(lacking[0])
            headers = self._headers
            if self._varying is not None:
                headers += self._varying(values)
            key = None
            if self._key is not None:
                header = self._key(transaction)
                if self._derives_key:
                    key = header[0][1]
                else:
                    headers += header
            record = RequestRecord(self._url(values), headers, *self._records.parts(values), key)
        except RefusedError as error:
            raise self._invalid(values, error) from error
        if self.omitted:
            self._keep_omitted(transaction)
        return record

    def together(self, records: Sequence[RequestRecord]) -> Request:
        """Return the request that carries these records, which join each other; the same records, the same key."""
        first = records[0]
        headers = first.headers
        if first.key is not None and self.spec.idempotency is not None:
            keys = [str(each.key) for each in records]
            key = keys[0] if len(keys) == 1 else hashlib.blake2b("\0".join(keys).encode(), digest_size=16).hexdigest()
            headers += ((self.spec.idempotency.header, key),)
        return Request(self._method, first.url, headers, body_of(records))

    def renders(self, transaction: Transaction) -> bool:
        """Return whether a transaction can satisfy the spec."""
        try:
            self.render(transaction)
        except InvalidRowError:
            return False
        if self.omitted_of is not None:
            self.omitted_of.pop(transaction.row, None)
        return True

    @property
    def shared_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that all requests have in common."""
        return self._headers

    def base_url(self) -> str:
        """Return the endpoint's URL with `x` for the parts that depend on a transaction."""
        return self._blank_url

    @property
    def signs(self) -> bool:
        """Whether any credentials depend on the request or on the clock."""
        return self._sign is not None

    def sign(self, request: Request) -> Request:
        """Return a request with the credentials that depend on it or on the clock; call it before each attempt."""
        return request if self._sign is None else self._sign(request)

    def carried(self, transaction: Transaction, attributes: Collection[str]) -> tuple[str, ...]:
        """Return the texts by which a request carries any of these attributes, such as a reformatted date."""
        found: list[str] = []
        for carried, take in self._taken:
            if not carried.isdisjoint(attributes):
                with suppress(RefusedError):
                    value = take(transaction.values)
                    items = value if isinstance(value, list) else [value]
                    found.extend(text_of(item) for item in items if item is not OMIT and item is not None)
        return tuple(found)

    def _lacking(self, values: ParameterValues) -> list[str]:
        return [
            OwnWords(f"attribute {name} is required: the row has none")
            for name in self._required
            if not values.get(name)
        ]

    def _keep_omitted(self, transaction: Transaction) -> None:
        if self.omitted_of is not None:
            self.omitted_of[transaction.row] = tuple(self.omitted.elements())

    def _invalid(self, values: ParameterValues, first: RefusedError) -> InvalidRowError:
        """Return the error for a row that is not sent; nothing was left out of it."""
        problems = self._problems(values, first)
        self.omitted.clear()
        return InvalidRowError(problems)

    def _problems(self, values: ParameterValues, first: RefusedError) -> list[str]:
        """Return every reason, so that a row is fixed once."""
        problems = self._lacking(values)
        takes = [field.take for field in self._fields]
        # Some values are refused by their place only: a line break in a header, `..` in a path.
        makes = [make for make in (self._varying, self._url, self._body) if make is not None]
        for each in (*takes, *makes):
            try:
                each(values)
            except RefusedError as error:
                problems.append(error.message)
        return list(dict.fromkeys([*problems, first.message]))


def _compiled(
    parameters: Sequence[Parameter], variables: Mapping[str, str], omitted: Counter[str] | None = None
) -> list[CompiledParameter]:
    return [compile_field(parameter, variables, omitted) for parameter in parameters]


def _shared(field: CompiledParameter) -> bool:
    """Return whether all rows share a header; one that cannot be sent is refused for each row."""
    if field.fixed:
        with suppress(RefusedError):
            header_values([field])({})
            return True
    return False


class _OwnCredentials(NamedTuple):
    """The credentials that the renderer itself puts on a request."""

    headers: list[tuple[str, str]]
    parameters: list[Parameter]
    signs: list[Sign]
    unsigned: list[str]


def _sorted(credentials: Iterable[Credential], plugins: Collection[str] | None) -> _OwnCredentials:
    own = _OwnCredentials([], [], [], [])
    for each in credentials:
        match each:
            case StaticHeader(name, value):
                own.headers.append((name, value))
            case KeyParameter(place, name, template):
                key = {"name": name, "in": place, "value": template, "secret": True}
                own.parameters.append(Parameter.model_validate(key))
            case Signature(sign):
                own.signs.append(sign)
            case PluginSignature(name, load):
                if plugins is None:
                    own.unsigned.append(name)
                else:
                    own.signs.append(load(plugins))
            case FetchedToken() | DigestLogin() | ClientCertificate() | NoCredential():
                pass  # the delivery puts on what a server gives, the transport shows certificates
            case _:
                assert_never(each)
    return own


def _check_headers(credentials: Iterable[Credential], variables: Mapping[str, str]) -> None:
    """Check that a credential makes a header: otherwise each request would fail for the same reason.

    Raises:
        ConfigurationError: its value holds a line break or another control character.
    """
    fill = filler(variables)
    for each in credentials:
        header = header_of(each, fill)
        try:
            if header is not None:
                safe_header(*header)
        except RefusedError as error:
            raise ConfigurationError(
                f"the credential makes no header: {error}",
                where="authentication",
                remedy="Correct the variable's value: it must be one line, without a line end.",
            ) from error


def _signer(signs: Sequence[Sign]) -> Callable[[Request], Request] | None:
    """Return the function that signs a request, in the spec's order of credentials."""
    if not signs:
        return None
    from rokt_export.request.signing import signed  # requests loads for long

    auths = tuple(signs)
    return lambda request: signed(request, auths)


def _base_headers(
    spec: PartnerSpec, constant: Sequence[CompiledParameter], standing: Sequence[tuple[str, str]], *, has_body: bool
) -> tuple[tuple[str, str], ...]:
    """Return the headers that all rows share: ours, the spec's, the credentials."""
    headers = {"user-agent": ("User-Agent", f"rokt-export/{__version__}"), "accept": ("Accept", "*/*")}
    content_type = spec.content_type or ENCODINGS[spec.encoding].content_type
    if has_body and content_type is not None:
        headers["content-type"] = ("Content-Type", content_type)
    repeated: list[tuple[str, str]] = []
    seen: set[str] = set()
    for name, value in header_values(constant)({}):
        if name.lower() in seen:
            repeated.append((name, value))
        else:
            headers.pop(name.lower(), None)
            headers[name.lower()] = (name, value)
            seen.add(name.lower())
    headers |= {name.lower(): (name, value) for name, value in standing}
    return (*headers.values(), *repeated)


def _idempotency(
    spec: PartnerSpec, environment: str, variables: Mapping[str, str]
) -> Callable[[Transaction], tuple[tuple[str, str], ...]] | None:
    if spec.idempotency is None:
        return None
    name = spec.idempotency.header
    if spec.idempotency.value is not None:
        template = compile_template(spec.idempotency.value)

        def given(transaction: Transaction) -> tuple[tuple[str, str], ...]:
            try:
                value = template.fill(transaction.values, variables)
            except FilterError as error:
                raise RefusedError(f"{name}: {error}") from error
            if value is ABSENT or not text_of(value):
                raise RefusedError(OwnWords(f"{name}: the row has no value for the idempotency key"))
            return ((name, safe_header(name, value)),)

        return given
    salt = f"{spec.partner}\0{environment}\0".encode()

    def derived(transaction: Transaction) -> tuple[tuple[str, str], ...]:
        """The same row has the same key in each attempt, run and process."""
        content = transaction.id.encode() + b"\0" + orjson.dumps(transaction.values, option=orjson.OPT_SORT_KEYS)
        return ((name, hashlib.blake2b(salt + content, digest_size=16).hexdigest()),)

    return derived
