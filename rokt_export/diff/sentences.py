"""Say in plain English what differs at a place, on which side, in how many rows, and what holds of the other rows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from rokt_export.diff.result import OPTIONAL, Difference, DifferenceKind, Undecided
from rokt_export.diff.statistics import settling

NAME_A: Final = "‹a›"
"""Stands for the name of side A in what a `DifferenceVerdict` says; the comparison knows the name."""
NAME_B: Final = "‹b›"
ARROW: Final = " → "

_SHARES: Final = re.compile(r"(?:form: )?(?P<what>[\w -]+) in (?P<a>\S+ %) → (?P<b>\S+ %)")
_DECLARED: Final = re.compile(r"declared as (?P<wanted>.*?): (?P<change>.*)", re.DOTALL)
_WITHIN: Final = re.compile(r"in `(?P<frame>.*?)`: (?P<rest>.*)", re.DOTALL)
_SIZED: Final = re.compile(r"(?P<what>hex|digits|letters and digits|letters|base64)(?: of (?P<size>\d+))?")
_COUNTED: Final = re.compile(r"decimals|characters|digits|different values|^steps of")
_VERB: Final = re.compile(r"(?:is|has|begins|starts|repeats|says|varies|takes|rises|falls) ")
_NO_VALUE: Final = re.compile(
    r"""always\ |one\ of\ |a\ time\ |not\ near|the\ sent\ |something\ else|another\ number|rising|falling|in\ no\ order
    |the\ .*\ of\ the\ row\ before$|another\ person's\ data|values\ that\ are\ hidden
    |epoch\ |clock\ |"|.*(?:%\)|,\ …)$|-?[\d.,e+-]+(?:\ to\ -?[\d.,e+-]+)?$
""",
    re.VERBOSE | re.DOTALL,
)
"""What describes a value, or is a number: it stands without quotes."""
_TIMES: Final = re.compile(r"YYYY|hh:?mm|^epoch |^\.NET date")
_HOLES: Final = re.compile(r"\((?:number|time|person|value)\)")
_FORMS: Final = {
    "uuid": "a uuid", "UUID": "a UUID", "ulid": "a ulid", "jwt": "a jwt", "url": "a url", "ip": "an IP address",
    "phone": "a telephone number", "text": "text of no common form",
}  # fmt: skip
_TYPES: Final = {"string": "text", "number": "a number", "boolean": "true or false", "array": "a list",
                 "object": "an object", "null": "null"}  # fmt: skip


_NEW: Final = "has a new value every time on both sides, in the same form"
_WORDINGS: Final = "has several wordings on both sides, in other rows"
_PLAIN_REASONS: Final = {
    _WORDINGS: "is a text with several wordings: both sides use them all, but not for the same rows",
}
"""What `judging` says, for a reader who does not know its terms."""


class SentenceNames(NamedTuple):
    """What the sentences of one comparison share.

    Attributes:
        a, b: names of the sides.
        rows: rows in which the place could differ.
    """

    a: str
    b: str
    rows: int

    def both(self, a: str, b: str) -> str:
        """Return what each side has."""
        return f"{a} in {self.a} but {b} in {self.b}"


def plural(count: int, noun: str = "row") -> str:
    """Return a number with its noun."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def field_name(path: str) -> str:
    """Return how a sentence names a place: `field id` of `$.id`, `header location`, `line 3`."""
    if path == "$":
        return "the body"
    if path.startswith("$"):
        name = path.removeprefix("$").removeprefix(".")
        return f"each element of {name.removesuffix('[*]') or 'the list'}" if name.endswith("[*]") else f"field {name}"
    return path if path.startswith(("header ", "line ", "after line ")) else f"the {path}"


def of_difference(one: Difference, words: SentenceNames) -> str:
    """Return the sentences of a difference."""
    where = "in both rows" if words.rows == 2 else f"in all {plural(words.rows)}"
    if one.count < words.rows or words.rows == 1:
        where = f"in {one.count:,} of {plural(words.rows)}"
    text = f"{_change(one, words)}, {where}"
    text = f"{text}: {one.affected}." if one.affected else f"{text}."
    rest = words.rows - one.count
    if rest > 0 and not one.affected:
        others = "the other row" if rest == 1 else f"the other {plural(rest)}"
        new = "both sides have values of one form that are new in each response"
        alike = new if one.others_vary else "no such difference was found"
        text += f" In {others} {alike}."
    if holes := list(dict.fromkeys(_HOLES.findall(one.detail))):
        text += f" What stands for {' and '.join(holes)} changes from row to row and was not compared."
    if not one.certain:
        text += f" This may be chance: compare {settling(words.rows):,} rows or more."
    return text[0].upper() + text[1:]


def of_undecided(one: Undecided, words: SentenceNames) -> str:
    """Return the sentences of a place that cannot be judged: the reason, and whether more rows would help."""
    plain = ("", "any", "text", "number", "boolean", "list", OPTIONAL)
    form = "" if one.form in plain else f" ({form_words(one.form)})"
    name = field_name(one.path)
    if one.kind is DifferenceKind.LENGTH:
        name = f"the number of {'lines' if one.path == 'lines' else f'elements of {name}'}"
    text = f"{name} {_PLAIN_REASONS.get(one.reason, one.reason)}{form}, in {plural(one.count)}."
    if one.reason == _WORDINGS and (shown := [sample for sample in one.samples if sample.a and sample.b][:1]):
        text += f" An example of a row: {words.both(str(shown[0].a), str(shown[0].b))}."
    if one.enough and one.reason == _NEW:
        text += f" Compare {one.enough:,} rows or more to judge its form; rows cannot judge its values."
    elif one.enough:
        text += f" Compare {one.enough:,} rows or more to judge it."
    elif one.form:
        text += " More rows will not help: decide whether its values matter."
    return text[0].upper() + text[1:]


def form_words(form: str) -> str:
    """Return a form as a sentence names it: `12 hexadecimal characters` of `hex of 12`."""
    sized = _SIZED.fullmatch(form)
    if sized is not None:
        noun = {"hex": "hexadecimal characters", "base64": "base64 characters"}.get(sized["what"], sized["what"])
        if sized["size"] == "1":
            return "1 letter or digit" if noun == "letters and digits" else f"1 {noun.removesuffix('s')}"
        return f"{sized['size']} {noun}" if sized["size"] else noun
    return _FORMS.get(form) or _TYPES.get(form) or _quoted(form)


def _change(one: Difference, words: SentenceNames) -> str:
    name = field_name(one.path)
    a, arrow, b = one.detail.partition(ARROW)
    if arrow and ARROW in b:
        a = arrow = ""  # a value holds an arrow itself
    if one.kind is DifferenceKind.RULE:
        name = "the response rule that matches"
    match one.kind:
        case DifferenceKind.OUTCOME | DifferenceKind.STATUS | DifferenceKind.RULE | DifferenceKind.FORMAT if arrow:
            return f"{name} is {words.both(a, b)}"
        case DifferenceKind.MISSING | DifferenceKind.EXTRA:
            return _presence(name, one.detail, words, missing=one.kind is DifferenceKind.MISSING)
        case DifferenceKind.HEADER if one.samples and (one.samples[0].a is None) != (one.samples[0].b is None):
            return _presence(name, one.detail, words, missing=one.samples[0].b is None)
        case DifferenceKind.TYPE if arrow:
            return f"{name} is {words.both(*(_TYPES.get(side, side.replace('string', 'text')) for side in (a, b)))}"
        case DifferenceKind.ORDER:
            return f"{name} has the same elements in another order{f' ({one.detail})' if one.detail else ''}"
        case DifferenceKind.LENGTH:
            return _length("the text" if one.path == "lines" else name, (a, b) if arrow else None, words)
        case DifferenceKind.BINARY:
            return "the body has other bytes"
        case _:
            return _values(name, one.detail, words)


def _length(name: str, change: tuple[str, str] | None, words: SentenceNames) -> str:
    text = f"{name} has another number of {'lines' if name == 'the text' else 'elements'}"
    return f"{text}: {words.both(*change)}" if change else text


def _presence(name: str, rates: str, words: SentenceNames, *, missing: bool) -> str:
    has, lacks = (words.a, words.b) if missing else (words.b, words.a)
    overall = f" (overall {rates.replace(ARROW, f' in {words.a}, ')} in {words.b})" if rates else ""
    return f"{name} is present in {has} but missing in {lacks}{overall}"


def _values(name: str, detail: str, words: SentenceNames) -> str:
    if (within := _WITHIN.fullmatch(detail)) is not None:
        return _values(f'what varies in "{within["frame"]}" of {name}', within["rest"], words)
    if (declared := _DECLARED.fullmatch(detail)) is not None:
        forms = [form_words(form) for form in declared["change"].partition(ARROW)[::2]]
        wanted = form_words(declared["wanted"])
        return f"{name} should be {wanted} (`diff: varies:` of the spec says so): it is {words.both(*forms)}"
    if (shares := _SHARES.fullmatch(detail)) is not None:
        return f"{name} has {shares['what']} in {words.both(shares['a'], shares['b'])}"
    a, arrow, b = detail.removeprefix("form: ").partition(ARROW)
    if not arrow or ARROW in b:
        if detail.startswith("form: is "):
            return f"the prefix or punctuation of {name} {detail.removeprefix('form: ')}"
        return (
            f"{name} {detail}"
            if _VERB.match(detail)
            else f"{name} has other values{f' ({detail})' if len(detail) > 6 else ''}"
        )
    if a == b:
        return f"{name} differs in white space, or in signs that do not show"
    if "the sent " in detail:
        return f"{name} is {words.both(*(side if _NO_VALUE.match(side) else form_words(side) for side in (a, b)))}"
    if detail.startswith("form: "):
        return f"{name} looks different: {words.both(a, b)}"
    if _COUNTED.search(a) or _COUNTED.search(b):
        return f"{name} has {words.both(a, b)}"
    return f"{name} is {words.both(_quoted(a), _quoted(b))}"


def _quoted(value: str) -> str:
    return value if _NO_VALUE.match(value) or _TIMES.search(value) else f'"{value}"'


def clock_text(seconds: float, sent: float) -> str:
    """Return a time for a sample, beside the time of its request."""
    at, begun = (datetime.fromtimestamp(one, UTC) for one in (seconds, sent))
    day = "" if at.date() == begun.date() else f"{at:%Y-%m-%d} "
    other = "" if not day else f"{begun:%Y-%m-%d} "
    return f"{day}{at:%H:%M:%S} UTC, request sent {other}{begun:%H:%M:%S}"
