"""The template filters. Each converts one value to another, and passes absent and null values on."""

from __future__ import annotations

import base64 as base64_codec
import hashlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson


class Absent:
    """The value of an attribute that the transaction does not have."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


class FilterError(ValueError):
    """A value that a filter cannot convert: the row is invalid, the spec is not."""


class Raw(str):
    """JSON text from `tojson`, which is not escaped in a JSON body."""

    __slots__ = ()


class Number(str):
    """A number with its exact digits; not quoted in JSON."""

    __slots__ = ()


def text_of(value: Any) -> str:
    """Return a value as text: booleans as `true` and `false`, null as empty, lists and mappings as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    written = getattr(value, "written", None)
    if written is not None:
        return str(written)
    if isinstance(value, (list, dict)):
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    return str(value)


MOST_TEXT = 1_000_000
"""Maximum characters of the result of a filter or template."""


def checked_length(length: int) -> None:
    """Check the length of a text before it is built.

    Raises:
        FilterError: it is too long.
    """
    if length > MOST_TEXT:
        raise FilterError(f"the text would have {length:,} characters; a template gives at most {MOST_TEXT:,}")


def trim(value: Any) -> str:
    """Return the text without white space at its ends."""
    return text_of(value).strip()


def lower(value: Any) -> str:
    """Return the text in lower case."""
    return text_of(value).lower()


def upper(value: Any) -> str:
    """Return the text in upper case."""
    return text_of(value).upper()


def title(value: Any) -> str:
    """Return the text with the first letter of each word in upper case; inner letters (O'Neil, d'Arcy) are kept."""
    return re.sub(r"[^\W\d_]+('[^\W\d_]+)?", lambda word: word[0][:1].upper() + word[0][1:].lower(), text_of(value))


def _hash(name: str, length: int) -> Callable[..., str]:
    hashed = re.compile(rf"[0-9a-fA-F]{{{length}}}")

    def digest(value: Any, case: str = "lower", normalize: bool = True) -> str:
        if case not in {"lower", "upper"}:
            raise FilterError(f"{name}: case is `lower` or `upper`, not `{case}`")
        text = text_of(value)
        plain = text.strip().lower() if normalize else text
        result = (
            plain if hashed.fullmatch(plain) else hashlib.new(name, plain.encode(), usedforsecurity=False).hexdigest()
        )
        return result.upper() if case == "upper" else result.lower()

    digest.__name__ = name
    digest.__doc__ = (
        f"Return the {name} digest in hex of the trimmed, lower-cased text (Rokt's rule for addresses;"
        " `normalize=false` takes the text as it is); text that already is such a digest is left alone."
    )
    return digest


md5 = _hash("md5", 32)
sha1 = _hash("sha1", 40)
sha256 = _hash("sha256", 64)

_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_SERIAL = re.compile(r"\d{5}\.\d+")
_OTHER_FORMS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d")
"""Forms that a date is not read in unless a spec says so: day and month could be swapped."""
_SPREADSHEET_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)


@lru_cache(maxsize=8192)
def read_date(text: str, given: str | None = None) -> datetime:
    """Parse a date: `yyyymmdd`, ISO 8601, or a spreadsheet's day number with a fraction.

    Exports of spreadsheets contain such day numbers (43765.07083 is 2019-10-27 01:42).

    Args:
        text: the cell.
        given: a strptime format for any other form.

    Raises:
        FilterError: the text is not a date.
    """
    text = text.strip()
    try:
        if given:
            return datetime.strptime(text, given)
        if match := _COMPACT.fullmatch(text):
            return datetime(int(match[1]), int(match[2]), int(match[3]))
        if _ISO.fullmatch(text):
            return datetime.fromisoformat(text)
        if _SERIAL.fullmatch(text):
            return _SPREADSHEET_EPOCH + timedelta(seconds=round(float(text) * 86_400))
    except (ValueError, re.error) as error:
        why = f"it does not have the form `{given}`" if given else str(error)  # Python's words name the text again
        raise FilterError(f"`{text}` is not a date: {why}") from error
    raise FilterError(f"`{text}` is not a date: yyyymmdd, yyyy-mm-dd, or {_form_to_give(text)}")


def _form_to_give(text: str) -> str:
    """Return how a spec says the form of a date: the form that fits the text, or both, as one of them is wrong."""
    fits = [f"given='{form}'" for form in _OTHER_FORMS if _fits(text, form)]
    if len(fits) < 2:
        return f"say its form with date(..., {fits[0] if fits else 'given=...'})"
    return f"say its form with date(..., {' or '.join(fits)}): ask which"


def _fits(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=8192)
def _format_date(text: str, form: str, given: str | None, tz: str | None, utc: bool) -> str:
    return _written(read_date(text, given), form, tz, utc)


def _written(moment: datetime, form: str, tz: str | None, utc: bool) -> str:
    """Format a moment. Without a zone it is taken as `tz`, else as UTC; it is written in `tz`, or in UTC if `utc`."""
    zone = UTC if tz is None else _zone(tz)
    if tz is not None or utc or form == "%s":
        moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        moment = moment.astimezone(UTC if utc else zone)
    return str(int(moment.timestamp())) if form == "%s" else moment.strftime(form)


def date_(
    value: Any, form: str = "%Y-%m-%d", given: str | None = None, tz: str | None = None, utc: bool = False
) -> Any:
    """Return a date in a strftime form (`%s` is seconds since 1970); empty text stays empty.

    `tz` is the zone of a value without one, and of the result; `utc` writes the result in UTC.
    """
    if isinstance(value, datetime):
        return _written(value, form, tz, utc)
    if isinstance(value, date):
        return value.strftime(form)
    text = text_of(value)
    return _format_date(text, form, given, tz, utc) if text else text


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # imported late: few specs use a zone

    return ZoneInfo(name)


def _is_zone(name: str) -> bool:
    try:
        _zone(name)
    except (LookupError, ValueError, OSError):
        return False
    return True


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII)
_EXACT = Context(prec=1_000)
"""Enough digits for any number in a cell: `_NUMBER` limits exponents to two digits."""


def number(value: Any, decimals: int | None = None, decimal: str = ".", thousands: str = "") -> Any:
    """Return a number with all its digits; `decimals` rounds half up; `decimal` and `thousands` describe the input."""
    text = text_of(value).strip()
    if not text:
        return text
    plain = text
    if thousands or decimal != ".":
        plain = _plain(text, decimal, thousands)
    if not _NUMBER.fullmatch(plain) or len(plain) > _EXACT.prec - 200:
        raise FilterError(f"`{text}` is not a number" if len(text) <= 60 else "a long text is not a number")
    exact = Decimal(plain)
    if decimals is not None:
        exact = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP, context=_EXACT)
    return Number(f"{exact:f}")


def _plain(text: str, decimal: str, thousands: str) -> str:
    """Return a number's text with a point before its decimals, and without signs between its digits.

    The last group of digits has three (`12.50` has none where `.` stands between groups), others two or three, as in
    India; nothing stands between decimals.
    """
    whole, sign, decimals = text.partition(decimal)
    groups = whole.split(thousands) if thousands else [whole]
    first, *others = groups
    usual = all(len(group) in (2, 3) for group in others) and 0 < len(first.lstrip("+-")) <= 3 == len(groups[-1])
    if (others and not usual) or (decimal != "." and "." in f"{''.join(groups)}{decimals}"):
        form = f"with `{decimal}` before its decimals"
        form += f" and `{thousands}` between groups of three digits" if thousands else ""
        raise FilterError(f"`{text[:60]}` is not a number {form}")
    return "".join(groups) + sign.replace(decimal, ".") + decimals


_TRUE = frozenset({"true", "yes", "y", "1", "on", "t"})
_FALSE = frozenset({"false", "no", "n", "0", "off", "f"})


def boolean(value: Any, true: Any = True, false: Any = False) -> Any:
    """Return true or false (or the values of `true` and `false`) for yes/no, y/n, 1/0, on/off, t/f."""
    text = text_of(value).strip().lower()
    if not text:
        return text
    if text in _TRUE:
        return true
    if text in _FALSE:
        return false
    raise FilterError(f"`{text}` is neither yes nor no")


def phone(value: Any, region: str | None = None, form: str = "E164") -> str:
    """Return the digits of a phone number, or, with a region (`US`), the number in a form.

    The forms are E164, INTERNATIONAL, NATIONAL and RFC3966.

    Raises:
        FilterError: it is not a possible number of that region.
    """
    text = text_of(value).strip()
    if region is None or not text:
        return re.sub(r"\D", "", text)
    import phonenumbers

    try:
        parsed = phonenumbers.parse(text, region.upper())
    except phonenumbers.NumberParseException as error:
        raise FilterError(f"`{text}` is not a phone number of {region.upper()}") from error
    if not phonenumbers.is_possible_number(parsed):
        raise FilterError(f"`{text}` is not a phone number of {region.upper()}")
    chosen = getattr(phonenumbers.PhoneNumberFormat, form.upper(), None)
    if chosen is None:
        raise FilterError(f"phone: form is E164, INTERNATIONAL, NATIONAL or RFC3966, not `{form}`")
    return str(phonenumbers.format_number(parsed, chosen))


def replace(value: Any, old: str, new: str = "") -> str:
    """Return the text with every `old` replaced by `new`."""
    text = text_of(value)
    if len(new) > len(old):
        checked_length(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def default(value: Any, fallback: Any = "") -> Any:
    """Return `fallback` for an absent, null or empty value."""
    return fallback if value is ABSENT or value is None or value == "" else value


_UNSET: Any = object()


def map_(
    value: Any,
    equal: Mapping[str, Any] | None = None,
    contains: Mapping[str, Any] | None = None,
    default: Any = _UNSET,
    empty: Any = _UNSET,
) -> Any:
    """Look a value up in a table as Rokt's custom fields do: first "Equal", then "Contains", then the default.

    Case is ignored. `empty` is the result for an absent, null or empty value (without it: `default`). `default` is the
    result without a match (without it: the value itself).
    """
    if value is ABSENT or value is None or value == "":
        return empty if empty is not _UNSET else value if default is _UNSET else default
    text = text_of(value)
    folded = text.casefold().strip()
    for key, result in (equal or {}).items():
        if text_of(key).casefold() == folded:
            return result
    for key, result in (contains or {}).items():
        if text_of(key).casefold() in folded:
            return result
    return text if default is _UNSET else default


def slice_(value: Any, start: int = 0, end: int | None = None) -> Any:
    """Return the characters (or elements) from `start` up to `end`, 0-based; negative numbers count from the end."""
    return value[start:end] if isinstance(value, list) else text_of(value)[start:end]


def split(value: Any, separator: str = ",", index: int | None = None) -> Any:
    """Return the trimmed parts of a text as a list, or the 0-based part `index` (empty if there is none)."""
    parts = [part.strip() for part in text_of(value).split(separator)] if value != "" else []
    if index is None:
        return parts
    return parts[index] if -len(parts) <= index < len(parts) else ""


def join(value: Any, separator: str = ",") -> str:
    """Return the elements of a list as one text."""
    if not isinstance(value, list):
        return text_of(value)
    checked_length(len(value) * len(separator))
    return separator.join(text_of(part) for part in value)


def urlencode(value: Any) -> str:
    """Return the text percent-encoded, for a URL inside a value."""
    return quote(text_of(value), safe="")


def base64(value: Any) -> str:
    """Return the text's UTF-8 bytes in base64."""
    return base64_codec.b64encode(text_of(value).encode()).decode()


def tojson(value: Any) -> Raw:
    """Return the value as JSON, quotes included."""
    return Raw(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode())


FILTERS: Mapping[str, Callable[..., Any]] = {
    "trim": trim,
    "lower": lower,
    "upper": upper,
    "title": title,
    "md5": md5,
    "sha1": sha1,
    "sha256": sha256,
    "date": date_,
    "number": number,
    "boolean": boolean,
    "phone": phone,
    "replace": replace,
    "default": default,
    "map": map_,
    "slice": slice_,
    "split": split,
    "join": join,
    "urlencode": urlencode,
    "base64": base64,
    "tojson": tojson,
}

EXAMPLES: Mapping[str, str] = {
    "trim": "{{ firstname | trim }}",
    "lower": "{{ firstname | lower }}",
    "upper": "{{ country | upper }}",
    "title": "{{ majorcat | lower | title }}",
    "md5": "{{ email | md5 }}",
    "sha1": "{{ email | sha1 }}",
    "sha256": "{{ email | sha256(case='upper') }}",
    "date": "{{ dob | date('%m/%d/%Y') }}",
    "number": "{{ amount | number(decimals=0) }}",
    "boolean": "{{ optin | boolean(true='Y', false='N') }}",
    "phone": "{{ mobile | phone(region='US') }}",
    "replace": "{{ sku | replace('-', '') }}",
    "default": "{{ company | default('not given') }}",
    "map": "{{ gender | map(equal={'M': 'male', 'F': 'female'}) }}",
    "slice": "{{ mobile | slice(-4) }}",
    "split": "{{ email | split('@', 1) }}",
    "join": "{{ paymenttype | split('|') | join(' + ') }}",
    "urlencode": "{{ city | urlencode }}",
    "base64": "{{ email | base64 }}",
    "tojson": "{{ city | tojson }}",
}
"""One use of each filter, on Rokt's attributes."""

_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "str": (lambda value: isinstance(value, str), "text"),
    "str | None": (lambda value: value is None or isinstance(value, str), "text"),
    "int": (lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
    "int | None": (
        lambda value: value is None or (isinstance(value, int) and not isinstance(value, bool)),
        "a whole number",
    ),
    "float": (lambda value: isinstance(value, (int, float)) and not isinstance(value, bool), "a number"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "Any": (lambda _value: True, "anything"),
    "Mapping[str, Any] | None": (lambda value: value is None or isinstance(value, Mapping), "a table: {'M': 'male'}"),
}
"""By annotation: the check of a filter's argument and the name of its kind."""


def _is_form(text: str, directives: re.Pattern[str]) -> bool:
    """Return whether a text is a form of dates: `YYYY-MM-DD`, which holds no directive, would be sent as it is."""
    return directives.fullmatch(text) is not None and "%" in text.replace("%%", "")


def _is_readable_form(text: str) -> bool:
    """Return whether dates can be read in a form: it names no part of a date twice."""
    try:
        datetime.strptime("", text)
    except re.error:
        return False
    except ValueError:
        pass  # the empty text is no date
    return True


_FORM = re.compile(r"(?:[^%]|%[-_^0#]?[aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZf%])*", re.DOTALL)
_GIVEN = re.compile(r"(?:[^%]|%[aAbBcdfHIjmMpSUwWxXyYzZGuV%])*", re.DOTALL)
_VALUES: Mapping[str, Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "date": {
        "form": (lambda form: _is_form(form, _FORM), "made of directives such as %Y, %m and %d"),
        "given": (
            lambda given: _is_form(given, _GIVEN) and _is_readable_form(given),
            "made of directives such as %Y, %m and %d, each once",
        ),
        "tz": (_is_zone, "the name of a time zone that this machine knows, such as Europe/Berlin"),
    },
    "number": {
        "decimals": (lambda decimals: -100 <= decimals <= 100, "from -100 to 100"),
        "decimal": (lambda decimal: len(decimal) == 1, "one character"),
    },
    "phone": {
        "region": (lambda region: re.fullmatch("[A-Za-z]{2}", region) is not None, "a country's two letters"),
        "form": (
            lambda form: form.upper() in {"E164", "INTERNATIONAL", "NATIONAL", "RFC3966"},
            "E164, INTERNATIONAL, NATIONAL or RFC3966",
        ),
    },
    "split": {
        "separator": (bool, "not empty"),
        "index": (lambda index: abs(index) < 1_000_000, "below a million"),
    },
    "slice": dict.fromkeys(("start", "end"), (lambda at: abs(at) < 1_000_000_000, "below a billion")),
    **{
        name: {"case": (lambda case: case in {"lower", "upper"}, "lower or upper")}
        for name in ("md5", "sha1", "sha256")
    },
}


_SIGNATURES = {name: inspect.signature(made) for name, made in FILTERS.items()}
_ARGUMENTS = {
    name: {
        argument: _KINDS[str(parameter.annotation)]  # a kind that is not checked would make every row invalid
        for argument, parameter in signature.parameters.items()
        if argument != "value"
    }
    for name, signature in _SIGNATURES.items()
}
"""Filter to the kind of each of its arguments."""


def check_arguments(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, kinds: bool = True) -> None:
    """Check the arguments of a filter.

    Raises:
        FilterError: too many or too few, or, with `kinds`, of the wrong type.
    """
    known = _ARGUMENTS[name]
    try:
        given = _SIGNATURES[name].bind("", *args, **kwargs).arguments
    except TypeError as error:
        takes = f"takes {', '.join(known)}" if known else "takes no arguments"
        raise FilterError(f"filter `{name}`: {error}; it {takes}") from error
    for argument, (holds, kind) in known.items() if kinds else ():
        if argument not in given:
            continue
        value = given[argument]
        if not holds(value):
            raise FilterError(f"filter `{name}`: {argument} is {kind}, not {_kind_of(value)}")
        holds, kind = _VALUES.get(name, {}).get(argument, (lambda _value: True, ""))
        if value is not None and not holds(value):
            raise FilterError(f"filter `{name}`: {argument} is {kind}")


def _kind_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float() | Number():
            return "a number"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "this"


FILL_ABSENT = frozenset({"default", "map"})
"""Filters that replace absent and null values; all others pass them on."""

DYNAMIC = frozenset({"now", "uuid"})
"""Names in templates that are not attributes: the moment of rendering (UTC), and a random identifier."""
