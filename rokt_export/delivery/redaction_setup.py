"""Turn a spec and its variables into what must not be shown: a redactor, and each transaction's personal values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter, itemgetter
from typing import Any, assert_never, cast

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
)
from rokt_export.authentication.basic import Basic
from rokt_export.authentication.custom import option_name
from rokt_export.delivery.redaction_clues import ADDRESS, addresses_in, clue_columns, clues_of, texts_in
from rokt_export.exchange.model import Exchange, Request
from rokt_export.partner_spec.attributes import canonical, is_personal
from rokt_export.partner_spec.model import Environment, PartnerSpec
from rokt_export.partner_spec.references import (
    credential_variables,
    every_parameter,
    names_in,
    templates,
    templates_in,
    variable_names,
)
from rokt_export.redaction import Redactor
from rokt_export.redaction.dates import days_of
from rokt_export.redaction.decoded_view import fold_letters
from rokt_export.redaction.quick_search import QuickSearch
from rokt_export.request.render import Renderer
from rokt_export.spec_language.filters import ABSENT, FilterError, text_of
from rokt_export.spec_language.template import Derivation, compile_template, derivations
from rokt_export.transactions.transaction import Transaction, Value

_CREDENTIAL_PART = re.compile(r"[^\s\"',;]{12,}")
_ALNUM = re.compile("[0-9A-Za-z]+")
_SHORTEST_PART = 12
"""Characters of a computed credential; its shorter parts are counters, names and moments."""
_SHORTEST_DERIVED = 4
Layout = tuple[tuple[str, ...], Callable[[Mapping[str, Value]], tuple[Value, ...]]]
"""The personal attributes of rows that have the same ones, and what takes a row's values: theirs before all others."""
is_invented = attrgetter("invented")
_NO_DAYS = frozenset[int]()
_DATES = QuickSearch(
    r"\x00[^0-9a-z\x00]*(?:[0-9]{1,4}(?:[-/., _年月]{1,3}[0-9]{1,2}[-/., _年月]|[^0-9\x00]{0,8}[a-z]{3})"
    r"|[0-9]{8}[^0-9a-z\x00]*\x00|[a-z]{3,}[-/., _]{0,3}[0-9])"
)
"""One of folded values, between NULs, may begin with a date."""


def redactor_for(
    spec: PartnerSpec,
    environment: str,
    variables: Mapping[str, str],
    *,
    key: bytes | None = None,
    addresses: bool = True,
) -> Redactor:
    """Return the redactor of a run: it knows each variable's value by the variable's name, a literal by its field's.

    Every value of a variable is secret. A credential is hidden everywhere; another value that is a mere word or
    a short number only where it fills its place, because it would spoil every text.
    """
    names = variable_names(spec, [environment])
    if not addresses:  # an operator has to see where a request goes
        names -= names_in(before_path(spec.environment(environment).url)) - credential_variables(spec, environment)
    credentials = credential_variables(spec, environment)
    secrets = {name: variables[name] for name in sorted(names) if variables.get(name)}
    redactor = Redactor(key=key)
    for name, value in secrets.items():
        redactor.add_secret(name, value, common=name not in credentials)
    for each in (each for template in templates(spec, [environment]) for each in derivations(template.source)):
        if not each.varies and each.env <= names and (value := _text(each, {}, variables)) not in secrets.values():
            redactor.add_secret(min(each.env, default="SECRET"), value, common=True)
    fill = filler(variables)
    for authentication in spec.environment(environment).authentication or ():
        for name, source in authentication.secrets():
            _add(redactor, name, source, fill(source), secrets)
        if isinstance(authentication, Basic):
            named = _variable(authentication.password) or _variable(authentication.username) or "PASSWORD"
            redactor.add_basic(named, fill(authentication.username), fill(authentication.password))
    for parameter in every_parameter(spec.parameters):
        literal = isinstance(parameter.value, str) and "{{" not in parameter.value
        if literal and parameter.secret:
            redactor.add_secret(option_name(parameter.name), str(parameter.value))
    return redactor


def _text(derivation: Derivation, values: Mapping[str, Value], variables: Mapping[str, str]) -> str:
    """Return what was derived from variables; nothing where it is absent or a boolean."""
    try:
        value = derivation.fill(values, variables)
    except FilterError:
        return ""
    text = "" if value is ABSENT or value is None or isinstance(value, bool) else text_of(value)
    return "" if len(text) < _SHORTEST_DERIVED or text.lower() in ("true", "false") else text


def before_path(url: str) -> str:
    """Return what of a URL's template makes its scheme and host."""
    scheme, mark, rest = url.partition("://")
    return (rest if mark else scheme).partition("/")[0]


def _add(redactor: Redactor, name: str, source: str, value: str, known: Mapping[str, str]) -> None:
    """Hide the value of a credential's template, unless it is just the value of its variable."""
    if value and value not in known.values() and not compile_template(source).env:
        redactor.add_secret(name, value)
    elif value and value not in known.values() and (variable := _variable(source)) is not None:
        redactor.add_secret(variable, value)  # what filters made of a variable


def _variable(source: str) -> str | None:
    """The one variable that a template consists of, perhaps with filters."""
    names = compile_template(source).env if "{{" in source else frozenset[str]()
    whole = source.count("{{") == 1 and source.strip().startswith("{{") and source.strip().endswith("}}")
    return next(iter(names)) if len(names) == 1 and whole else None


def _days_of(value: Value) -> frozenset[int]:
    return _NO_DAYS.union(*[days_of(fold_letters(text).strip()) for text in texts_in(value)])


class Derived:
    """Knows what a send computed from secrets.

    These are signatures, digests, what an authentication class added, and what templates make of a variable and a row.

    Args:
        spec: the partner's spec.
        credentials: of the environment.
        environment: where requests go.
        variables: values of the environment's variables.
    """

    def __init__(
        self,
        spec: PartnerSpec,
        credentials: Sequence[Credential],
        environment: Environment,
        variables: Mapping[str, str],
    ) -> None:
        self._variables = variables
        places = (environment, spec.parameters, spec.body, spec.idempotency)
        self._made = _varying(*places)
        self._known = {"user-agent", "accept", "content-type", "content-length", "host"}
        self._known |= {each.name.lower() for each in spec.parameters if each.in_ == "header" and not _varying(each)}
        self._known |= (
            {spec.idempotency.header.lower()} if spec.idempotency and not _varying(spec.idempotency) else set()
        )
        self._parameters: list[re.Pattern[str]] = []
        self.any = bool(self._made)
        for each in credentials:
            match each:
                case Signature(_, computed):
                    self.any = True
                    named = (re.escape(place.name) for place in computed if place.in_ == "parameter")
                    self._parameters += [re.compile(rf"(?:^|[?&]){name}=([^&\s]+)") for name in named]
                case PluginSignature() | DigestLogin():
                    self.any = True
                case StaticHeader() | KeyParameter() | FetchedToken() | ClientCertificate() | NoCredential():
                    pass  # nothing is computed: the redactor knows the values, and each token that is fetched
                case _:
                    assert_never(each)

    def of(self, request: Request | None, transaction: Transaction) -> list[str]:
        """Return the computed credentials of a request."""
        if request is None or not self.any:
            return []
        made = self.templated(transaction)
        found = [value for name, value in request.headers if name.lower() not in self._known]
        parts = [part for value in found for part in _CREDENTIAL_PART.findall(value)]
        texts = [request.url, (request.body or b"").decode("utf-8", "replace")] if self._parameters else []
        parts += [sign for pattern in self._parameters for text in texts for sign in pattern.findall(text)]
        parts = [part for part in (*found, *parts) if len(part) >= _SHORTEST_PART]
        return list(dict.fromkeys((*parts, *made)))

    def templated(self, transaction: Transaction) -> list[str]:
        """Return what templates make of a variable and this row together."""
        made = (_text(each, transaction.values, self._variables) for each in self._made)
        return [text for text in made if text]

    def echoed(self, exchanges: Sequence[Exchange], texts: Sequence[str]) -> dict[int, list[str]]:
        """Return the computed credentials of each request, by the places of the texts that may hold one."""
        if not self.any:
            return {}
        found = {place: self.of(each.request, each.transaction) for place, each in enumerate(exchanges)}
        return {
            place: parts
            for place, parts in found.items()
            if any(max(_ALNUM.findall(part), key=len, default="").lower() in texts[place].lower() for part in parts)
        }


def _varying(*places: Any) -> list[Derivation]:
    """What parts of a spec derive from variables and a row."""
    found = (each for template in templates_in(*places) for each in derivations(template.source))
    return [each for each in found if each.varies]


def holds_personal_data(name: str, spec: PartnerSpec) -> bool:
    """Return whether an attribute's values are personal data.

    Rokt's own list, what the spec declares `personal`, and any attribute that neither Rokt's catalogue nor the spec
    knows: an undescribed column may hold anything.
    """
    declared = spec.attributes.get(name)
    return is_personal(name) or (canonical(name) is None if declared is None else declared.personal)


class PersonalData:
    """Knows which values of a transaction are a real person's data.

    Attributes:
        derived: knows what is secret in a request besides.
    """

    def __init__(self, spec: PartnerSpec, renderer: Renderer) -> None:
        self._spec = spec
        self._renderer = renderer
        self.derived = Derived(spec, renderer.credentials, renderer.environment, renderer.variables)
        self._names: dict[str, bool] = {}
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def is_personal(self, name: str) -> bool:
        """Return whether an attribute's values are personal data."""
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = holds_personal_data(name, self._spec)
        return known

    def of(self, transaction: Transaction) -> tuple[str, ...]:
        """Return the personal values of a transaction, as the file and as the request has them; none if invented."""
        if transaction.invented:
            return ()
        names = [name for name in transaction.values if self.is_personal(name)]
        found = dict.fromkeys(text for name in names for text in texts_in(transaction.values[name]))
        found.update(dict.fromkeys(self._renderer.carried(transaction, names)))
        known = frozenset(names)
        others = [text for name, value in transaction.values.items() if name not in known for text in texts_in(value)]
        found.update(dict.fromkeys(address for text in others for address in ADDRESS.findall(text)))
        return tuple(text for text in found if text)

    def clues(self, transactions: Sequence[Transaction]) -> list[Sequence[str]]:
        """Return the clues of a batch, column by column as `clues_of` does.

        What gives a row's person away holds one of its clues, so that a text without any needs no closer look.
        """
        if all(map(is_invented, transactions)):
            return clues_of((), len(transactions))
        rows = [transaction.values for transaction in transactions]
        names = tuple(rows[0])
        personal, take = self._layout(names)
        try:
            columns = list(zip(*map(take, rows), strict=True))
        except KeyError:
            columns = []
        if len(rows) > 1 and (not columns or set(map(len, rows)) != {len(names)}):  # they have different attributes
            return clue_columns([next(zip(*self.clues([each]), strict=True)) for each in transactions])
        addresses = addresses_in(columns[len(personal) :])
        return clues_of([*columns[: len(personal)], *([addresses] if addresses else ())], len(rows))

    def days(self, transactions: Sequence[Transaction]) -> list[frozenset[int]]:
        """Return the days, as proleptic Gregorian ordinals, that personal values of each row of a batch may mean."""
        found: list[frozenset[int]] = [_NO_DAYS] * len(transactions)
        for values in self._personal_columns(transactions):
            try:
                together = "\0".join(("", *cast("Sequence[str]", values), ""))
                plain = together.count("\0") == len(values) + 1
            except TypeError:  # lists, or nothing
                together = "\0".join(("", *[text for value in values for text in texts_in(value)], ""))
                plain = False
            folded = fold_letters(together)
            if _DATES.found_in(folded.encode("utf-8", "surrogatepass")):
                days = map(days_of, map(str.strip, folded.split("\0")[1:-1])) if plain else map(_days_of, values)
                found = [known | more if more else known for known, more in zip(found, days, strict=True)]
        return found

    def _personal_columns(self, transactions: Sequence[Transaction]) -> Sequence[Sequence[Value]]:
        """Return the personal values of a batch, attribute by attribute; None where a row does not have one."""
        rows = [transaction.values for transaction in transactions]
        personal, take = self._layout(tuple(rows[0]))
        if set(map(len, rows)) == {len(rows[0])}:
            with suppress(KeyError):
                return list(zip(*map(take, rows), strict=True))[: len(personal)]
        names = dict.fromkeys(name for row in rows for name in row if self.is_personal(name))
        return [[row.get(name) for row in rows] for name in names]  # they have different attributes

    def _layout(self, names: tuple[str, ...]) -> Layout:
        layout = self._layouts.get(names)
        if layout is None:
            personal = tuple(name for name in names if self.is_personal(name))
            order = (*personal, *(name for name in names if name not in personal))
            take = itemgetter(*order) if len(order) > 1 else lambda values: tuple(values[name] for name in order)
            layout = self._layouts[names] = personal, take
        return layout
