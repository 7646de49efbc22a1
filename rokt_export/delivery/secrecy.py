"""Turn a spec and its variables into what must not be shown: a redactor, and each transaction's personal values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rokt_export.exchange.render import Renderer
from rokt_export.exchange.standing import filler
from rokt_export.redaction import Redactor
from rokt_export.spec.attributes import canonical, is_personal
from rokt_export.spec.authentication import Basic
from rokt_export.spec.filters import text_of
from rokt_export.spec.model import PartnerSpec
from rokt_export.spec.needs import every_parameter, secret_names
from rokt_export.spec.template import compile_template
from rokt_export.transactions.model import Transaction, Value

ADDRESS = re.compile(
    r"(?<![^\s@<>\"',;:()])[^\s@<>\"',;:()]+@[^\s@<>\"',;:()]+\.[^\s@<>\"',;:()]+|\+[0-9][0-9 ().\-/]{6,}[0-9]"
)  # a run of signs is looked at from its beginning alone: linear
"""An e-mail address, or a telephone number with its country, in any cell: columns shift, and are mapped wrongly."""
_SECRET_FIELDS = ("password", "token", "client_secret", "secret", "key_password")


def redactor_for(
    spec: PartnerSpec,
    environment: str,
    variables: Mapping[str, str],
    *,
    key: bytes | None = None,
    show_personal: bool = False,
) -> Redactor:
    """Return the redactor of a run: it knows the secrets by the variables' names, literal ones by their field's."""
    names = secret_names(spec, [environment])
    secrets = {name: variables[name] for name in sorted(names) if variables.get(name)}
    redactor = Redactor(secrets=secrets, show_personal=show_personal, key=key)
    fill = filler(variables)
    for authentication in spec.environment(environment).authentication or ():
        for field in _SECRET_FIELDS:
            source = getattr(authentication, field, None)
            if isinstance(source, str) and source:
                _add(redactor, field.upper(), source, fill(source), secrets)
        if isinstance(authentication, Basic):
            named = _variable(authentication.password) or _variable(authentication.username) or "PASSWORD"
            redactor.add_basic(named, fill(authentication.username), fill(authentication.password))
        api_key = getattr(authentication, "value", None)
        if isinstance(api_key, str):
            _add(redactor, "API_KEY", api_key, fill(api_key), secrets)
    for parameter in every_parameter(spec.parameters):
        if parameter.secret and isinstance(parameter.value, str) and "{{" not in parameter.value:
            redactor.add_secret(_as_name(parameter.name), parameter.value)
    return redactor


def _add(redactor: Redactor, name: str, source: str, value: str, known: Mapping[str, str]) -> None:
    if value and value not in known.values():
        redactor.add_secret(_variable(source) or name, value)


def _variable(source: str) -> str | None:
    """The one variable that a template consists of."""
    names = compile_template(source).env if "{{" in source else frozenset[str]()
    return next(iter(names)) if len(names) == 1 else None


def _as_name(text: str) -> str:
    return "".join(sign if sign.isalnum() else "_" for sign in text.upper())


def holds_personal_data(name: str, spec: PartnerSpec) -> bool:
    """Return whether an attribute's values are personal data.

    Rokt's own list, what the spec declares `personal`, and any attribute that neither Rokt's catalogue nor the spec
    knows: a column nobody has described may hold anything.
    """
    declared = spec.attributes.get(name)
    return is_personal(name) or (canonical(name) is None if declared is None else declared.personal)


class PersonalData:
    """Knows which values of a transaction are a real person's data."""

    def __init__(self, spec: PartnerSpec, renderer: Renderer) -> None:
        self._spec = spec
        self._renderer = renderer
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

    def raw(self, transaction: Transaction) -> list[str]:
        """Return the personal values as the file has them: enough for a quick look whether any stands in a text."""
        if transaction.invented:
            return []
        values = transaction.values
        return [text_of(value) for name in self._names_of(tuple(values)) if (value := values[name])]

    def columns(self, transactions: Sequence[Transaction]) -> list[list[str]] | None:
        """Return the values of `raw` for a batch, attribute by attribute; None for rows of several layouts.

        They are case-folded and without blanks, inner ones too: what is not in a text without blanks in this form is
        not in it as it stands.
        """
        rows = [transaction.values for transaction in transactions]
        layouts = set(map(tuple, rows))
        if len(layouts) > 1:
            return None
        return [_folded([row[name] for row in rows]) for layout in layouts for name in self._names_of(layout)]

    def _names_of(self, layout: tuple[str, ...]) -> tuple[str, ...]:
        names = self._of_layout.get(layout)
        if names is None:
            names = self._of_layout[layout] = tuple(name for name in layout if self.is_personal(name))
        return names


def _folded(values: Sequence[Value]) -> list[str]:
    try:
        texts = "\0".join(values)  # type: ignore[arg-type]
    except TypeError:
        texts = "\0".join(map(text_of, values))
    folded = "".join(texts.split()).casefold().split("\0")
    return folded if len(folded) == len(values) else ["".join(text_of(value).split()).casefold() for value in values]


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
