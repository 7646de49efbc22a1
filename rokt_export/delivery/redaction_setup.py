"""Turn a spec and its variables into what must not be shown: a redactor, and each transaction's personal values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from rokt_export.authentication.base import Credential, DigestLogin, PluginSignature, Signature, filler
from rokt_export.authentication.basic import Basic
from rokt_export.authentication.custom import option_name
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
from rokt_export.redaction.personal import PHONE_TAIL, SHORTEST_LOCAL, phone_of
from rokt_export.request.render import Renderer
from rokt_export.spec_language.filters import ABSENT, FilterError, text_of
from rokt_export.spec_language.template import Derivation, compile_template, derivations
from rokt_export.transactions.transaction import Transaction, Value

ADDRESS = re.compile(
    r"(?<![^\s@<>\"',;:()])[^\s@<>\"',;:()]+@[^\s@<>\"',;:()]+\.[^\s@<>\"',;:()]+|\+[0-9][0-9 ().\-/]{6,}[0-9]"
)  # a run of signs is looked at from its beginning alone: linear
"""An e-mail address, or a telephone number with its country, in any cell: columns shift, and are mapped wrongly."""
Clues = tuple[tuple[str, ...], bool]
"""What a text must hold to give a person away, dates, hashes and encodings aside; whether all values are ASCII."""
_TO_CLUE: dict[int, str | None] = {
    code: None for code in range(1, 128) if not chr(code).isalnum() and chr(code) != "\n"
}
_TO_CLUE |= {code: chr(code).lower() for code in range(65, 91)} | {ord("e"): None, ord("E"): None}
_CREDENTIAL_PART = re.compile(r"[^\s\"',;]{12,}")
_ALNUM = re.compile("[0-9A-Za-z]+")
_SHORTEST_PART = 12
"""Characters of a computed credential; its shorter parts are counters, names and moments."""
_SHORTEST_DERIVED = 4
_NEVER = "\0"
_NO_DAYS = frozenset[int]()
_AFTER_LOCAL = re.compile(r"[@+][^\0]*")
_LONG_NUMBER = re.compile(r"[0-9](?:[^a-zA-Z\0]*[0-9]){6}")
_TO_DIGITS = {
    code: "0" if chr(code).isdigit() else "a" if chr(code).isalpha() or not code else None for code in range(128)
}
_NO_PLAIN_NUMBER = re.compile(r"[^0-9 ()+/\0-]")
_DATES = re.compile(
    r"\0\s*(?:[0-9]{1,4}[-/., _]{1,3}[0-9]{1,2}[-/., _]|[0-9]{8}\s*\0|[0-9]{1,4}[^0-9]{0,4}[A-Za-z]{3}"
    r"|[A-Za-z]{3,9}[-/., _]{0,3}[0-9])"
)
"""A column of dates, values between NULs."""


def redactor_for(
    spec: PartnerSpec,
    environment: str,
    variables: Mapping[str, str],
    *,
    key: bytes | None = None,
    show_personal: bool = False,
    addresses: bool = True,
) -> Redactor:
    """Return the redactor of a run: it knows each variable's value by the variable's name, a literal by its field's.

    Every value of a variable is secret. A credential is hidden wherever it stands; another value that is a mere word or
    a short number only where it fills its place, because it would spoil every text.
    """
    names = variable_names(spec, [environment])
    if not addresses:  # an operator has to see where a request goes
        names -= names_in(before_path(spec.environment(environment).url)) - credential_variables(spec, environment)
    credentials = credential_variables(spec, environment)
    secrets = {name: variables[name] for name in sorted(names) if variables.get(name)}
    redactor = Redactor(show_personal=show_personal, key=key)
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
        for each in credentials:
            for place in each.places if isinstance(each, Signature) else ():
                if place.in_ == "parameter":
                    self._parameters.append(re.compile(rf"(?:^|[?&]){re.escape(place.name)}=([^&\s]+)"))
        self.any = any(isinstance(each, Signature | PluginSignature | DigestLogin) for each in credentials)
        self.any = self.any or bool(self._made)

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
        self._of_layout: dict[tuple[str, ...], tuple[str, ...]] = {}

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
        found = dict.fromkeys(text for name in names for text in _texts(transaction.values[name]))
        found.update(dict.fromkeys(self._renderer.carried(transaction, names)))
        others = (text for name, value in transaction.values.items() if name not in names for text in _texts(value))
        found.update(dict.fromkeys(address for text in others for address in ADDRESS.findall(text)))
        return tuple(text for text in found if text)

    def clues(self, transactions: Sequence[Transaction]) -> list[Clues] | None:
        """Return the clues of each row of a batch; None for rows of several layouts.

        What gives a row's person away holds one of its clues, so that a text without any needs no closer look.
        """
        rows = [transaction.values for transaction in transactions]
        layouts = set(map(tuple, rows))
        if len(layouts) > 1:
            return None
        layout = layouts.pop() if layouts else ()
        names = self._names_of(layout)
        plain = [True] * len(rows)
        columns = []
        for name in names:
            texts, together = _flat_column([row[name] for row in rows])
            columns.append(_clues_of(texts, together))
            if not together.isascii():
                plain = [before and text.isascii() for before, text in zip(plain, texts, strict=True)]
        others = [name for name in layout if name not in names]
        columns.append(_addresses_in(rows, others))
        return list(zip(zip(*columns, strict=True), plain, strict=True))

    def days(self, transaction: Transaction) -> frozenset[int]:
        """Return the days, as proleptic Gregorian ordinals, that personal values of a transaction may mean."""
        values = transaction.values
        texts, together = _flat_column([values[name] for name in self._names_of(tuple(values))])
        if not _DATES.search(f"\0{together}\0"):
            return _NO_DAYS
        return _NO_DAYS.union(*[days_of(text.strip().lower()) for text in texts])

    def _names_of(self, layout: tuple[str, ...]) -> tuple[str, ...]:
        names = self._of_layout.get(layout)
        if names is None:
            names = self._of_layout[layout] = tuple(name for name in layout if self.is_personal(name))
        return names


def clue(text: str) -> str:
    """Return what is left of a text without accents, separators and the letter that spellings of one name differ in.

    `Müller`, `Mueller` and `MULLER` have one clue. A text that holds a value in any notation holds the value's clue.
    """
    return (text if text.isascii() else fold_letters(text)).translate(_TO_CLUE)


def _clues_of(texts: list[str], together: str) -> list[str]:
    if _has_long_number(together):
        if _NO_PLAIN_NUMBER.search(together):
            texts = [phone_of(text.strip())[-PHONE_TAIL:] or text for text in texts]
        else:
            texts = [number[-PHONE_TAIL:] for number in together.translate(_TO_CLUE).split("\0")]
        together = "\0".join(texts)
    elif "@" in together:
        together = _AFTER_LOCAL.sub("", together)
        local = together.split("\0")
        if len(min(local, key=len)) < SHORTEST_LOCAL:
            local = [one if len(one) >= SHORTEST_LOCAL else text for one, text in zip(local, texts, strict=True)]
            together = "\0".join(local)
        texts = local
    if " " in together:
        texts = [max(text.split(), key=len, default="") for text in texts]
        together = "\0".join(texts)
    clues = clue(together).split("\0")
    if all(clues):
        return clues
    return [one or ("" if len(text.strip()) > 1 else _NEVER) for one, text in zip(clues, texts, strict=True)]


def _has_long_number(together: str) -> bool:
    """Tell whether a value has seven digits with no letter between them."""
    if not together.isascii():
        return _LONG_NUMBER.search(together) is not None
    return "0000000" in together.translate(_TO_DIGITS)


def _addresses_in(rows: Sequence[Mapping[str, Value]], names: Sequence[str]) -> list[str]:
    """The clue of an address in columns that should not hold one, for each row."""
    for name in names:
        together = "".join([value for row in rows if isinstance(value := row[name], str)])
        if "@" in together or "+" in together:
            return [_address_in(row, names) for row in rows]
    return [_NEVER] * len(rows)


def _address_in(row: Mapping[str, Value], names: Sequence[str]) -> str:
    """Return the clue of an address in columns that should not hold one; of several, what every text holds: ""."""
    values = (value for name in names if isinstance(value := row[name], str) and ("@" in value or "+" in value))
    addresses = [address for value in values for address in ADDRESS.findall(value)]
    if len(addresses) > 1:
        return ""
    return _clues_of(addresses, addresses[0])[0] if addresses else _NEVER


def _flat_column(values: list[Value]) -> tuple[list[str], str]:
    """Return values as texts without line breaks and NULs, and all of them between NULs."""
    if set(map(type, values)) == {str}:
        texts = cast("list[str]", values)
        together = "\0".join(texts)
        if together.count("\0") < len(texts) and "\n" not in together:
            return texts, together
    texts = list(map(_flat, values))
    return texts, "\0".join(texts)


def _flat(value: Value) -> str:
    return " ".join((value if isinstance(value, str) else str(text_of(value))).replace("\0", "").split("\n"))


def _texts(value: Value) -> list[str]:
    match value:
        case None:
            return []
        case str():
            return [value]
        case list():
            return [text for item in value for text in _texts(item)]
        case dict():
            return [text for item in value.values() for text in _texts(item)]
