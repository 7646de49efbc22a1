"""Rokt's attribute catalogue: maps names and aliases to attributes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from msgspec import Struct

from rokt_export.spec_language.formats import matches

_Check = Callable[[str], bool]


def _whole(pattern: str) -> _Check:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


_DECIMAL = _whole(r"[+-]?\d+(?:\.\d+)?")
_INTEGER = _whole(r"\d+")
_FORMATS: Mapping[str, tuple[_Check, tuple[str, ...]]] = {
    "email address": (partial(matches, "email"), ("john.smith@rokt.com",)),
    "MD5, 32 lower-case hex digits": (partial(matches, "md5"), ()),
    "SHA-256, 64 hex digits": (partial(matches, "sha256"), ()),
    "name": (bool, ()),
    "text": (bool, ()),
    "text, unique": (bool, ()),
    "text, leading zeros kept": (bool, ()),
    "text; split payments joined by a pipe": (bool, ()),
    "list": (bool, ()),
    "Mr, Mrs, Ms or Miss": (_whole("Mr|Mrs|Ms|Miss"), ("Mr", "Mrs", "Ms", "Miss")),
    "M or F": (_whole("[MFmf]"), ("M", "F", "m", "f")),
    "guest or member": (_whole("guest|member"), ("guest", "member")),
    "true or false": (_whole("true|false"), ("true", "false")),
    "yyyymmdd": (partial(matches, "date"), ("19831215", "1983-12-15")),
    "ISO 8601": (partial(matches, "date"), ("2024-05-01T12:30:00Z", "2024-05-01T12:30:00", "2024-05-01")),
    "integer": (_INTEGER, ("2", "33")),
    "decimal": (_DECIMAL, ("300.50", "10.5", "300")),
    "6 digits": (_whole(r"\d{6}"), ("372888",)),
    # Numbers have other lengths in other countries.
    "digits without the country code": (_INTEGER, ("7327572923", "91234567", "412345678", "15123456789")),
    "ISO 639-1, 2 letters": (_whole("[A-Za-z]{2}"), ("en", "EN")),
    "ISO 3166-1 alpha-2": (partial(matches, "country"), ("us", "US")),
    "ISO 4217": (partial(matches, "currency"), ("USD", "usd")),
    "IPv4 or IPv6 address": (partial(matches, "ip"), ("203.0.113.7", "2001:db8::7")),
}
"""By format: its check, and values in its accepted spellings. A format without values is open: any text may come."""


class Attribute(Struct, frozen=True):
    """One attribute of a transaction, as Rokt's public attribute pages describe it.

    Attributes:
        name: its name in specs, templates and files.
        format: how its text is written, in words.
        example: one value in that format.
        description: what it means.
        personal: whether its values are redacted wherever they are written, except those of test people.
        group: the heading it is listed under.
        aliases: other names, compared without case and punctuation.
    """

    name: str
    format: str
    example: str
    description: str
    personal: bool
    group: str
    aliases: tuple[str, ...] = ()

    @property
    def specimens(self) -> tuple[str, ...]:
        """Values in the accepted spellings of the format; none if any text may come."""
        return _FORMATS[self.format][1]

    def accepts(self, text: str) -> bool:
        """Return whether a text has the attribute's format."""
        return _FORMATS[self.format][0](text)


def _group(group: str, *, personal: bool = False) -> Callable[..., Attribute]:
    """Return a constructor of a group's attributes; `personal` is the default for its attributes."""

    def attribute(
        name: str, form: str, example: str, description: str, aliases: str = "", *, personal: bool = personal
    ) -> Attribute:
        return Attribute(name, form, example, description, personal, group, tuple(aliases.split()))

    return attribute


_person = _group("person", personal=True)
_address = _group("address", personal=True)
_order = _group("order")
_product = _group("product")
_visit = _group("visit")

_SHA256_EXAMPLE = "F6191D8D6A0F75CA7D237ED07CF8E461E72E5C7BB28D611DDF37E5908FDB632B"

_CATALOGUE = (
    _person("email", "email address", "john.smith@rokt.com", "The customer's email address.", "emailaddress mail"),
    _person(
        "emailmd5",
        "MD5, 32 lower-case hex digits",
        "238afb9e862add7d56bbc4181b80fa32",
        "MD5 of the trimmed, lower-cased email address.",
        "md5email emailhashmd5 hashedemailmd5",
    ),
    _person(
        "emailsha256",
        "SHA-256, 64 hex digits",
        _SHA256_EXAMPLE,
        "SHA-256 of the trimmed, lower-cased email address.",
        "sha256email emailhashsha256 hashedemailsha256 emailhash hashedemail",
    ),
    _person("firstname", "name", "John", "The customer's first name.", "givenname forename fname first"),
    _person("lastname", "name", "Smith", "The customer's last name.", "surname familyname lname last"),
    _person("title", "Mr, Mrs, Ms or Miss", "Ms", "How the customer is addressed.", "salutation", personal=False),
    _person("gender", "M or F", "F", "The customer's gender.", "sex", personal=False),
    _person("dob", "yyyymmdd", "19831215", "The customer's date of birth.", "dateofbirth birthdate birthday birthdt"),
    _person("age", "integer", "33", "The customer's age in years.", personal=False),
    _person(
        "mobile",
        "digits without the country code",
        "7327572923",
        "The customer's mobile number.",
        "mobilephone mobilenumber phone phonenumber telephone tel cell cellphone",
    ),
    _person("language", "ISO 639-1, 2 letters", "en", "The customer's language.", "lang", personal=False),
    _address("unitno", "text", "101", "Flat or unit number.", "unit unitnumber apartment apt"),
    _address(
        "address1",
        "text",
        "123 Fake Street",
        "First line of the address.",
        "billingaddress1 addressline1 street streetaddress address",
    ),
    _address(
        "address2", "text", "Building A", "Second line of the address.", "billingaddress2 addressline2 streetaddress2"
    ),
    _address("city", "text", "New York", "City or suburb.", "billingcity town suburb"),
    _address("state", "text", "NY", "State, province or region.", "billingstate province region stateprovince"),
    _address(
        "zipcode",
        "text, leading zeros kept",
        "90210",
        "Zip or postal code.",
        "billingzipcode zip postcode postalcode zippostalcode billingpostcode",
    ),
    _address("country", "ISO 3166-1 alpha-2", "us", "Country.", "billingcountry countrycode", personal=False),
    _order(
        "transactionid",
        "text, unique",
        "9007199254740993",
        "Rokt's name for the transaction; an addition of this project, no public source.",
        "txid txnid",
    ),
    _order(
        "transactiondatetime",
        "ISO 8601",
        "2024-05-01T12:30:00Z",
        "When the transaction happened; an addition of this project, no public source.",
        "transactiondate transactiontime",
    ),
    _order(
        "confirmationref",
        "text",
        "XYZ123",
        "The partner's own reference of the order.",
        "confirmationreference confirmationnumber orderid ordernumber orderref",
    ),
    _order("amount", "decimal", "300.50", "What the order cost.", "total ordertotal orderamount totalamount"),
    _order("margin", "decimal", "10.5", "What the order earned."),
    _order("currency", "ISO 4217", "USD", "Currency of amount and margin.", "currencycode"),
    _order("quantity", "integer", "2", "Number of items.", "qty"),
    _order(
        "paymenttype",
        "text; split payments joined by a pipe",
        "Credit Card",
        "How the order was paid.",
        "paymentmethod",
    ),
    _order("ccbin", "6 digits", "372888", "First six digits of the card.", "cardbin bin"),
    _order("shippingtype", "text", "Priority Express", "How the order is shipped.", "shippingmethod"),
    _order("customertype", "guest or member", "guest", "Whether the customer has an account."),
    _order("conversiontype", "text", "order", "What the customer did."),
    _product("cartitems", "list", "", "The items of the cart.", "items"),
    _product("majorcat", "text", "Electronics", "Major category of the product.", "majorcategory"),
    _product("majorcatid", "text", "10011", "Id of the major category.", "majorcategoryid"),
    _product("minorcat", "text", "Cameras", "Minor category of the product.", "minorcategory"),
    _product("minorcatid", "text", "10", "Id of the minor category.", "minorcategoryid"),
    _product("productname", "text", "Cyber-shot", "Name of the product.", "product"),
    _product("sku", "text", "DSC-HX99", "Stock keeping unit of the product.", "productsku"),
    _visit("experience", "text", "purchase", "The experience that the customer engaged with."),
    _visit("rokttrackingid", "text", "7f3c0a9e", "Rokt's id of the engagement.", "rtid"),
    _visit("source", "text", "rokt", "Where the transaction came from, as partners ask for it in exports."),
    _visit(
        "optin",
        "true or false",
        "true",
        "Whether the customer agreed to be contacted; an addition of this project, no public source.",
        "optedin consent marketingoptin",
    ),
    _visit(
        "ipaddress",
        "IPv4 or IPv6 address",
        "203.0.113.7",
        "Address the customer came from; an addition of this project, no public source.",
        "ip ipaddr clientip",
        personal=True,
    ),
)

IDENTIFYING = ("email", "emailmd5", "emailsha256", "mobile")
"""Attributes by which a partner knows a person, the surest first."""
UNIQUE = frozenset({"email", "emailmd5", "emailsha256", "transactionid", "confirmationref"})
"""Attributes whose value no two test people share."""
_PERSONAL = re.compile("e?mail|phone|mobile|firstname|lastname|fullname|surname|address|street|birth|dob$|ipv[46]")
"""Parts of folded names that mark a custom attribute as personal: Rokt's list, in partners' spellings."""

ATTRIBUTES: Mapping[str, Attribute] = MappingProxyType({attribute.name: attribute for attribute in _CATALOGUE})
"""The catalogue by name. Custom attributes are allowed too, so a name that is not in it is no error."""


def fold(name: str) -> str:
    """Return a name without case and punctuation, so that `E-mail`, `e_mail` and `Email` are equal."""
    return "".join(character for character in name.casefold() if character.isalnum())


_BY_ALIAS: Mapping[str, str] = {
    **{alias: attribute.name for attribute in _CATALOGUE for alias in attribute.aliases},
    **{attribute.name: attribute.name for attribute in _CATALOGUE},
}


def canonical(name: str) -> str | None:
    """Return the attribute of a name or alias, compared without case and punctuation; None if it is unknown."""
    return _BY_ALIAS.get(fold(name))


def nearest(name: str) -> str | None:
    """Return the catalogue's name that is most similar to a name; None if none is similar.

    The threshold of 0.75 (difflib's ratio) accepts one or two typing errors (`emial`, `adress1`) and excludes unrelated
    custom attributes (`favourite_colour`).
    """
    if (exact := canonical(name)) is not None:
        return exact
    close = difflib.get_close_matches(fold(name), _BY_ALIAS, n=1, cutoff=0.75)
    return _BY_ALIAS[close[0]] if close else None


def is_personal(name: str) -> bool:
    """Return whether an attribute's value is personal data, by its name or an alias (`E-mail`).

    A custom attribute is personal if its name suggests it (`alt_email`, `homePhone`). In doubt, a value is redacted.
    """
    known = canonical(name)
    if known is not None:
        return ATTRIBUTES[known].personal
    return _PERSONAL.search(fold(name)) is not None
