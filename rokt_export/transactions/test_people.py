"""Generates test people with the attributes that a spec needs, whom a tech contact can look up."""

from __future__ import annotations

import datetime
import hashlib
import re
import secrets
import string
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from rokt_export.partner_spec.attributes import ATTRIBUTES, canonical
from rokt_export.transactions.reader_base import identity
from rokt_export.transactions.transaction import Transaction, Value

if TYPE_CHECKING:
    from faker.providers.person.en_US import Provider as Names

    from rokt_export.partner_spec.model import Parameter

LASTNAME = "Rokttest"
"""The last name of all test people, by which a tech contact can find and remove them."""
_GENERATED = re.compile(r"rokt-test-[0-9a-f]{12}-\d+(?:@example\.com)?|test-[0-9a-f]{12}-\d+|rokttest")
"""A name, an address or an id that only this program makes, in lower case."""
_STARTS = frozenset(form for start in ("rokt", "test") for form in (start, start.upper(), start.title()))

_LOOKED_UP_BY = ("transactionid", "email", "confirmationref")
_IDENTIFIERS = frozenset({"transactionid", "confirmationref", "rokttrackingid"})
_DIGITS = (string.digits,)
_LETTERS = (string.ascii_lowercase, string.ascii_uppercase)
_ENOUGH, _MOST = 4, 9
"""Digits that are enough to tell people of several runs apart, and digits that a run counts on at most."""
_OLDEST, _YOUNGEST = datetime.date(1950, 1, 1), datetime.date(2000, 12, 31)


class _Place(NamedTuple):
    city: str
    state: str
    zipcode: str
    area_code: str


_PLACES = (
    _Place("New York", "NY", "10001", "212"),
    _Place("Boston", "MA", "02108", "617"),
    _Place("Newark", "NJ", "07102", "973"),
    _Place("Chicago", "IL", "60601", "312"),
    _Place("Houston", "TX", "77002", "713"),
    _Place("Denver", "CO", "80202", "303"),
    _Place("Los Angeles", "CA", "90012", "213"),
    _Place("Seattle", "WA", "98101", "206"),
)


@dataclass(frozen=True, slots=True)
class _Person:
    """The values that a test person's attributes are made of; `token` is unique across all runs."""

    row: int
    token: str
    female: bool
    firstname: str
    born: datetime.date
    place: _Place
    number: int
    """The part of a phone number or address that varies, 0 to 99."""


def _digest(algorithm: str, person: _Person) -> str:
    return hashlib.new(algorithm, person.token.encode(), usedforsecurity=False).hexdigest()


_MAKERS: Mapping[str, Callable[[_Person], Value]] = {
    "transactionid": lambda person: f"rokt-test-{person.token}",
    "email": lambda person: f"rokt-test-{person.token}@example.com",
    "confirmationref": lambda person: f"TEST-{person.token.upper()}",
    "rokttrackingid": lambda person: f"test-{person.token}",
    "transactiondatetime": lambda _: datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "firstname": lambda person: person.firstname,
    "lastname": lambda _: LASTNAME,
    "gender": lambda person: "F" if person.female else "M",
    "title": lambda person: "Ms" if person.female else "Mr",
    "dob": lambda person: person.born.strftime("%Y%m%d"),
    # 555-0100 to 555-0199 of every area code is reserved for fiction (North American Numbering Plan).
    "mobile": lambda person: f"{person.place.area_code}55501{person.number:02}",
    "unitno": lambda person: str(person.number + 1),
    "address1": lambda person: f"{person.number + 1} Example Street",
    "city": lambda person: person.place.city,
    "state": lambda person: person.place.state,
    "zipcode": lambda person: person.place.zipcode,
    "amount": lambda person: f"{person.number + 20}.{person.number:02}",
    # RFC 5737: 203.0.113.0/24 is reserved for documentation.
    "ipaddress": lambda person: f"203.0.113.{person.number + 1}",
    "cartitems": lambda person: [
        {
            "sku": ATTRIBUTES["sku"].example,
            "productname": ATTRIBUTES["productname"].example,
            "quantity": ATTRIBUTES["quantity"].example,
            "amount": f"{person.number + 20}.{person.number:02}",
        }
    ],
}
"""The attributes that vary between people; all others have the catalogue's example."""
_BY_FORM: Mapping[str, Callable[[_Person], str]] = {
    **{name: partial(_digest, name) for name in ("md5", "sha1", "sha256")},
    "uuid": lambda person: str(uuid.UUID(_digest("md5", person))),
    "email": lambda person: f"rokt-test-{person.token}@example.com",
    "url": lambda person: f"https://www.example.com/{person.token}",
    "date": lambda person: person.born.strftime("%Y%m%d"),
    "phone": lambda person: f"{person.place.area_code}55501{person.number:02}",
    "ip": lambda person: f"203.0.113.{person.number + 1}",
    "country": lambda _: "us",
    "currency": lambda _: "USD",
    "boolean": lambda _: "true",
    "digits": lambda person: str(person.row),
    "integer": lambda person: str(person.row),
    "number": lambda person: str(person.row),
}
"""By format or type of a parameter: a value of an attribute that only the spec knows."""


def generate(
    count: int,
    *,
    attributes: Collection[str],
    parameters: Mapping[str, Parameter] | None = None,
    seed: int | None = None,
    examples: Mapping[str, str] | None = None,
    accepts: Callable[[str, str], bool] = lambda _name, _value: True,
    overrides: Mapping[str, Value] | None = None,
    unset: Collection[str] = (),
) -> Iterator[Transaction]:
    """Yield test people with the attributes that a spec needs, all `invented`.

    Each has an email, a transactionid and a confirmationref for lookup, even if the spec does not send them. Email
    addresses are in a reserved domain (RFC 2606), so no mail is delivered. Values follow Rokt's attribute pages; an
    attribute that Rokt does not know is `test-<name>-<row>`, or fits the choices, format, type and lengths of the
    parameter that sends it.

    Args:
        count: how many.
        attributes: names or aliases of attributes (`billingzipcode`).
        parameters: attribute to the parameter that sends it unchanged.
        seed: the same seed and row give the same person, except for `age` and `transactiondatetime`, which depend on
            the present time. None = new people.
        examples: attribute to a value of its form. All have that value; of an identifier each has one of its own, in
            which digits and letters keep their places, where `accepts` takes it.
        accepts: whether the spec takes a value of an attribute.
        overrides: attribute to value, the same for all; hashes and age are computed from an overridden email and dob.
        unset: attributes to leave out, including those that all people have.
    """
    # Import only this provider: a `Faker` loads all of them.
    from faker.generator import Generator
    from faker.providers.person.en_US import Provider

    source = Generator()
    random = source.random = Random()
    names = Provider(source)
    run = secrets.randbits(64) if seed is None else seed
    wanted = tuple(dict.fromkeys((*_LOOKED_UP_BY, *sorted(attributes))))
    for row in range(1, 1 + count):
        person = _person(run, row, random, names)
        own = {name: _own_value(name, example, person, accepts) for name, example in (examples or {}).items()}
        values = _values(person, wanted, {**own, **(overrides or {})}, parameters or {})
        for name in unset:
            values.pop(name, None)
        yield Transaction(row, identity(values, row), values, invented=True)


def names_of_generated(wanted: Collection[str]) -> tuple[str, ...]:
    """Return the attributes by which `is_generated` knows a person: those for lookup, and those of the spec alone."""
    known = (*_LOOKED_UP_BY, "lastname")
    return tuple(dict.fromkeys((*known, *(name for name in sorted(wanted) if canonical(name) in (None, *known)))))


def is_generated(values: Mapping[str, Value], names: Collection[str]) -> bool:
    """Return whether a row is of a person that `generate` made, wherever it comes from."""
    for name in names:
        value = values.get(name)
        if value.__class__ is str and value[:4] in _STARTS and _GENERATED.fullmatch(value.strip().lower()):
            return True
    return False


def _person(run: int, row: int, random: Random, names: Names) -> _Person:
    """Return the person of a row. It depends on no other row, so partitions share no state."""
    random.seed(run)
    token = f"{random.getrandbits(48):012x}-{row}"
    random.seed(f"{run}/{row}")
    female = random.random() < 0.5
    return _Person(
        row,
        token,
        female,
        names.first_name_female() if female else names.first_name_male(),
        _OLDEST + datetime.timedelta(days=random.randrange((_YOUNGEST - _OLDEST).days)),
        random.choice(_PLACES),
        random.randrange(100),
    )


def _own_value(name: str, example: str, person: _Person, accepts: Callable[[str, str], bool]) -> str:
    """Return an example as one person has it: an identifier is incremented, in its digits alone if they are enough."""
    if canonical(name) not in _IDENTIFIERS:
        return example
    digits = sum(sign in string.digits for sign in example)
    number = int(person.token[:12], 16) % 10 ** min(max(digits, _ENOUGH), _MOST) + person.row
    for alphabets in (_DIGITS + _LETTERS, _DIGITS) if digits < _ENOUGH else (_DIGITS, _DIGITS + _LETTERS):
        if accepts(name, value := _incremented(example, number, alphabets)):
            return value
    return example


def _incremented(text: str, number: int, alphabets: Collection[str]) -> str:
    """Return a text incremented by a number, from its end, each sign in its own alphabet: `AB-8` and 3 is `AC-1`."""
    signs = list(text)
    for place in reversed(range(len(signs))):
        for alphabet in alphabets:
            if signs[place] in alphabet:
                number, digit = divmod(number + alphabet.index(signs[place]), len(alphabet))
                signs[place] = alphabet[digit]
    return "".join(signs)


def _values(
    person: _Person, wanted: Collection[str], overrides: Mapping[str, Value], parameters: Mapping[str, Parameter]
) -> dict[str, Value]:
    email = _text(overrides.get("email")) or _text(_MAKERS["email"](person))
    dob = _text(overrides.get("dob")) or _text(_MAKERS["dob"](person))
    derived: dict[str, Value] = {
        "emailmd5": hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest(),
        "emailsha256": hashlib.sha256(email.strip().lower().encode()).hexdigest().upper(),
        "age": _age(dob),
    }
    values = {name: _value(name, person, derived, parameters.get(name)) for name in wanted}
    return {**values, **overrides}


def _value(name: str, person: _Person, derived: Mapping[str, Value], parameter: Parameter | None) -> Value:
    known = canonical(name)
    if known is None:
        return _custom(name, person, parameter)
    if known in derived:
        return derived[known]
    maker = _MAKERS.get(known)
    return ATTRIBUTES[known].example if maker is None else maker(person)


def _custom(name: str, person: _Person, parameter: Parameter | None) -> str:
    """Return the value of an attribute that Rokt does not know; a `pattern` is not considered."""
    text = f"test-{name}-{person.row}"
    if parameter is None:
        return text
    if parameter.choices:
        return parameter.choices[person.row % len(parameter.choices)]
    form = parameter.format or parameter.type
    if form is not None and form != "string":
        return _BY_FORM[str(form)](person)
    # The end has the number of the row, which tells people apart.
    return text.rjust(parameter.min_length or 0, "x")[-(parameter.max_length or 1_000_000) :]


def _age(dob: str) -> str:
    """Return today's age for a date of birth, or the catalogue's example if the text is not a date."""
    try:
        born = datetime.datetime.strptime(dob, "%Y%m%d").date()
    except ValueError:
        return ATTRIBUTES["age"].example
    today = datetime.datetime.now(datetime.UTC).date()
    return str(today.year - born.year - ((today.month, today.day) < (born.month, born.day)))


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""
