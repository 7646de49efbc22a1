"""Match a partner's names to Rokt's attributes, with a confidence and a reason; false friends stay unmatched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from rokt_export.onboarding.drafts.observed import ObservedParameter, word_set
from rokt_export.partner_spec.attributes import ATTRIBUTES, canonical, fold

SURE = 0.8
"""Confidence from which a parameter is mapped; below it, a comment proposes it."""
LIKELY = 0.5
"""Confidence from which a comment proposes it."""


@dataclass(frozen=True, slots=True)
class AttributeMatch:
    """What a parameter may carry.

    Attributes:
        attribute: Rokt's name; empty for a value made of several.
        confidence: 0 to 1; from `SURE` on it is mapped.
        why: the reason, and what to check.
        value: the template, where it is not the attribute as it is.
        more: further keys of the parameter in the spec (`type`, `format`, `invalid`).
    """

    attribute: str
    confidence: float
    why: str = ""
    value: str = ""
    more: tuple[tuple[str, Any], ...] = ()


_OTHER_NAMES: Mapping[str, str] = {
    name: attribute
    for attribute, names in {
        "email": "emailaddr emailid mailaddress courriel correo correoelectronico emails emailaddresses useremail",
        "firstname": "vorname prenom prénom nombre nome voornaam fornavn förnamn imie namefirst firstnm givennames",
        "lastname": "nachname familienname apellido apellidos cognome achternaam etternavn efternamn nazwisko"
        " sobrenome namelast lastnm familynames",
        "mobile": "handy telefon telefonnummer mobiltelefon telefono celular phonenum mobileno phoneno phonenr msisdn"
        " sms smsnumber phones phonenumbers cellnumber mobilephonenumber phonemobile phonee164",
        "dob": "geburtsdatum geburtstag datenaissance fechanacimiento bday",
        "city": "ort stadt ville ciudad citta plaats locality",
        "zipcode": "plz postleitzahl codepostal codigopostal pcode zippostal postal",
        "address1": "strasse straße rue addr1 line1 street1 adresse direccion addressstreet thoroughfare",
        "address2": "addr2 line2 street2 adresszusatz",
        "country": "land pays countryiso countryiso2 countrycode2 isocountry isocountrycode countryalpha2",
        "state": "bundesland provincia administrativearea administrativedistrictlevel1 statecode regioncode"
        " stateorprovince stateprovinceregion stateregion",
        "language": "sprache idioma languagecode preferredlanguage preferredlocale",
        "gender": "geschlecht",
        "title": "anrede civilite honorific honorificprefix nameprefix prefix",
        "ipaddress": "signupip optinip ipsignup ipopt remoteip useripaddress",
        "optin": "emailoptin marketingconsent gdprconsent newsletteroptin acceptsmarketing isoptedin",
        "emailmd5": "md5hash emailmd5hash",
        "emailsha256": "emailsha256hash sha256hash",
    }.items()
    for name in names.split()
}
_WEAK = word_set(
    "first last address total items product bin ip unit source sex prefix land ort handy postal age sms land"
)
"""Names that mean the attribute in one place, and something else in another."""
_AROUND = word_set(
    "contact customer person subscriber lead user member profile client consumer recipient primary personal home main"
    " default your my private billing mailing postal residential merge fields field attributes attribute properties"
    " data address name individual input record info details new applicant buyer shopper guest entry values value"
    " signup participant prospect body request json params vars"
)
"""Words around a name that leave the person as it is."""
_OTHERS = word_set(
    "company business organization organisation org work office employer owner agent admin sender from reply referrer"
    " referral referred friend parent spouse partner emergency guardian manager assistant sales rep store shop merchant"
    " vendor bank vehicle event campaign previous old former alternate alt secondary second other fax website host"
    " author creator invited inviter support billto shipto beneficiary recovery school university legal site cc bcc"
)
"""Words that make it somebody else's, or another thing's."""
_WRITTEN = tuple(
    name
    for each in ATTRIBUTES.values()
    if each.group in ("person", "address") and each.name != "title"
    for name in (each.name, *each.aliases)
    if len(name) > 5
)
"""Names that a slip of the pen is compared with."""
OF_A_PERSON = re.compile(
    r"customer|contact|user|person|order|transaction|external|member|lead|subscriber|client|profile"
)
"""Words of identifiers that each person has one of; others are of an account, and the same for everybody."""
_DESCRIBED = (
    ("firstname", r"\b(?:first|given)[ -]?name"),
    ("lastname", r"\b(?:last|family)[ -]?name|\bsurname"),
    ("email", r"\be-?mail address"),
    ("mobile", r"\b(?:mobile|cell|phone|telephone)[ -]?(?:phone )?number"),
    ("zipcode", r"\b(?:zip|postal|post) ?code"),
    ("dob", r"\bdate of birth|\bbirth ?date"),
)
_PERSON = re.compile(r"^(?:full|display|contact|customer|complete|person|lead|member|subscriber|whole)?names?$")
_E164 = re.compile(r"e\.?164|country code|international", re.IGNORECASE)


def match_all(fields: Sequence[ObservedParameter]) -> dict[ObservedParameter, AttributeMatch]:
    """Return what each field may carry; an attribute is mapped once, by the best field for it.

    Args:
        fields: the parameters of one request.
    """
    found = {each: match for each in fields if (match := match_one(each, fields)) is not None}
    best: dict[str, ObservedParameter] = {}
    for each, match in sorted(found.items(), key=lambda pair: _order(*pair)):
        if not match.attribute or match.confidence < SURE:
            continue
        if match.attribute in best and not _parts_of_a_date(match):
            text = f"`{best[match.attribute].name}` carries {match.attribute} already"
            found[each] = replace(match, confidence=LIKELY if each.required else 0.0, why=text)
        else:
            best[match.attribute] = each
    one_by_one = {"firstname", "lastname"} & best.keys()
    for each, match in found.items():
        if match.attribute in best and match.confidence < SURE and not each.required:
            found[each] = replace(match, confidence=0.0)
        elif not match.attribute and one_by_one:
            found[each] = replace(match, confidence=LIKELY, why="the names are sent one by one already")
    return {each: match for each, match in found.items() if match.confidence > 0}


def _order(each: ObservedParameter, match: AttributeMatch) -> tuple[Any, ...]:
    return (-match.confidence, not each.required, len(each.keys), each.name)


def _parts_of_a_date(match: AttributeMatch) -> bool:
    return "date('%" in match.value and match.value.count("%") == 1


def match_one(each: ObservedParameter, fields: Iterable[ObservedParameter] = ()) -> AttributeMatch | None:
    """Return what a field may carry, by its name, its place among the others and what is said about it."""
    if each.kind == "object" or each.constant is not None or each.form in ("uri", "uuid", "binary"):
        return None
    *parents, last = each.keys
    around = [word for parent in parents for word in split(parent)]
    words = split(last)
    if (part := _part_of_birth(each, around, words)) is not None:
        return part
    if any(word in _OTHERS for word in (*around, *words)):
        return None
    siblings = {fold(other.keys[-1]) for other in fields if other.keys[:-1] == each.keys[:-1] and other is not each}
    attribute, confidence, why = _by_name(each, words, around, siblings)
    if attribute is None and _PERSON.match(fold(last)):
        return _whole_name(each, siblings)
    if attribute is None:
        attribute, confidence, why = _by_words(each, last)
    if attribute is None:
        return None
    return _omission_told(_written(each, attribute, confidence, why))


def split(name: str) -> list[str]:
    """Return the words of a name: `contactFirstName`, `FNAME`, `first-name`; `user[email]` has two."""
    return [part.lower() for part in re.findall(r"[A-ZÀ-Þ]+(?![a-zß-ÿ])|[A-ZÀ-Þ]?[a-zß-ÿ]+|\d+", name)]


_Named = tuple[str | None, float, str]


def _by_name(each: ObservedParameter, words: list[str], around: list[str], siblings: set[str]) -> _Named:
    core = _core(words)
    known = _attribute_of(core)
    if known is None and words[-1:] == ["1"]:
        known = _attribute_of(_core(words[:-1]))
    if known is None and words == ["id"] and around:  # `order.id` is an `order_id`
        known = _attribute_of(_core([around[-1], "id"]))
    if known is None or not _fits_kind(each, known):
        return None, 0, ""
    if core in ("first", "last") and "name" in around:
        return known, 0.95, ""
    if known == "title":
        return _title(each, core, siblings)
    if known in ("state", "country", "language") or core in ("address", "postal"):
        return _of_address(each, known, core, siblings, around)
    attribute = ATTRIBUTES[known]
    if attribute.group in ("order", "product", "visit") and known not in ("optin", "ipaddress"):
        return known, 0.6, f"it may mean something other than {known} here"
    if core in _WEAK:
        return known, 0.6, f"`{core}` may also mean something other than {known}"
    changed = core != fold("".join(words))
    return known, 0.9 if changed else 1.0, ""


def _core(words: Sequence[str]) -> str:
    """Return a name without the words that say whose it is; all of it where nothing else is left."""
    kept = list(words)
    while len(kept) > 1 and kept[0] in _AROUND and _attribute_of("".join(kept)) is None:
        kept = kept[1:]
    return "".join(kept)


def _attribute_of(core: str) -> str | None:
    return canonical(core) or _OTHER_NAMES.get(core)


def _fits_kind(each: ObservedParameter, attribute: str) -> bool:
    match each.kind:
        case "boolean":
            return attribute == "optin"
        case "integer" | "number":
            return attribute in ("age", "amount", "margin", "quantity", "mobile", "zipcode")
        case "array":
            return attribute in ("email", "mobile", "cartitems")
    return attribute != "cartitems"


def _title(each: ObservedParameter, core: str, siblings: set[str]) -> _Named:
    salutations = {str(choice).rstrip(".").lower() for choice in each.choices} & {"mr", "mrs", "ms", "miss"}
    said = each.description.lower()
    if re.search(r"\bjob|position|role|deal|page|headline", said) or {"jobtitle", "company", "companyname"} & siblings:
        return None, 0, ""
    if core != "title" or salutations or re.search(r"\bmr\b|salutation|honorific|prefix", said):
        return ("title", 0.9, "") if core != "prefix" else ("title", 0.6, "`prefix` may be of something else")
    return None, 0, ""


_IN_AN_ADDRESS = word_set(
    "city town locality zip zipcode postcode postalcode country countrycode street address1 addressline1 line1 region"
    " state province stateprovince plz ort billingcity suburb addresscity"
)


def _of_address(each: ObservedParameter, attribute: str, core: str, siblings: set[str], around: list[str]) -> _Named:
    beside = bool(siblings & _IN_AN_ADDRESS) or "address" in around or "location" in around
    said = f"{each.description} {' '.join(map(str, each.choices))}".lower()
    if attribute == "language":
        if core == "locale" or re.search(r"[a-z]{2}[-_][a-z]{2}\b|bcp|ietf", said):
            return attribute, 0.6, "it may want a locale (en-US)"
        return attribute, 0.85, ""
    if attribute == "state":
        if re.search(r"\bactive|pending|subscribed|draft|open\b|status|enabled", said):
            return None, 0, ""
        return attribute, 0.95 if beside else 0.55, "" if beside else "it may be a status"
    if attribute == "country":
        return attribute, 0.95 if beside else 0.85, ""
    return attribute, 0.9 if beside else 0.6, "" if beside else "it may want the whole address"


def _whole_name(each: ObservedParameter, siblings: set[str]) -> AttributeMatch | None:
    if each.kind != "string" or siblings & word_set("price sku quantity currency slug color description"):
        return None
    person = bool(siblings & word_set("email emailaddress phone phonenumber mobile firstname givenname emails phones"))
    if not person and (len(each.keys) > 1 or fold(each.keys[-1]) == "displayname"):
        return None
    sure = SURE if person or fold(each.keys[-1]) != "name" else LIKELY
    return AttributeMatch("", sure, "the whole name of the person is a guess", "{{ firstname }} {{ lastname }}")


def _by_words(each: ObservedParameter, last: str) -> _Named:
    if each.suggestion:
        return each.suggestion, 0.75, f"by its value, not its name; it looks like {each.suggestion}"
    if each.kind != "string":
        return None, 0, ""
    if each.form == "email":
        return "email", 0.7, "by its format; it may be somebody else's"
    said = each.description[:120].lower()
    if not any(word in _OTHERS for word in split(said)) and len(split(last)) < 3:
        for attribute, pattern in _DESCRIBED:
            if re.search(pattern, said) and not re.search(r"verif|valid|type|whether|format of|list of", said):
                return attribute, 0.6, "by its description"
    about = split(last)[-1:] in (["id"], ["type"], ["status"], ["label"], ["verified"])
    close = get_close_matches(fold(last), _WRITTEN, n=1, cutoff=0.87) if len(fold(last)) > 5 and not about else []
    if close:
        near = _attribute_of(close[0])
        return near, LIKELY, f"the name is near `{close[0]}`"
    return None, 0, ""


def _part_of_birth(each: ObservedParameter, around: list[str], words: list[str]) -> AttributeMatch | None:
    whole = {*around, *words}
    form = {"day": "%d", "month": "%m", "year": "%Y"}.get(words[-1] if words else "")
    if form is None or not ({"birth", "dob", "birthday", "birthdate"} & whole):
        return None
    more = (("type", "integer"),) if each.kind == "integer" else ()
    return AttributeMatch("dob", 0.85, "", f"{{{{ dob | date('{form}') }}}}", more)


def _written(each: ObservedParameter, attribute: str, confidence: float, why: str) -> AttributeMatch:
    """Return the match with the value in the form that the partner wants."""
    shown = f"{each.description} {each.example or ''} {each.pattern}"
    optional = () if each.required else (("invalid", "omit"),)
    match attribute:
        case "email":
            return AttributeMatch(attribute, confidence, why, more=(("format", "email"),) if confidence >= SURE else ())
        case "mobile" if each.kind == "string" and (_E164.search(shown) or re.search(r"(?:^|\s)\+\d", shown)):
            text = "numbers without a country code are taken for US ones"
            return AttributeMatch(
                attribute, confidence, _both(why, text), "{{ mobile | phone(region='US') }}", optional
            )
        case "dob":
            return _birth(each, confidence, why, optional)
        case "country" if each.longest == 3 or re.search(r"alpha-?3|three.letter|3.letter", shown, re.I):
            return AttributeMatch(attribute, LIKELY, "the partner wants three letters, Rokt has two")
        case "country" if each.longest == 2 or re.search(r"alpha-?2|iso.?3166|two.letter|2.letter", shown, re.I):
            return AttributeMatch(
                attribute, confidence, why, "{{ country | upper }}", (("format", "country"), *optional)
            )
        case "country" if each.choices and all(
            str(choice).isupper() and len(str(choice)) == 2 for choice in each.choices
        ):
            return AttributeMatch(
                attribute, confidence, why, "{{ country | upper }}", (("format", "country"), *optional)
            )
        case "gender" if each.choices:
            return _gender(each, confidence, why)
        case "optin" if each.kind == "boolean":
            return AttributeMatch(attribute, confidence, why, more=(("type", "boolean"),))
        case "age" | "quantity" | "amount" | "margin" if each.kind in ("integer", "number"):
            return AttributeMatch(attribute, confidence, why, more=(("type", each.kind),))
    return AttributeMatch(attribute, confidence, why)


def _omission_told(match: AttributeMatch) -> AttributeMatch:
    """Return the match with a note if a value that does not fit is left out: the row is sent without it."""
    if ("invalid", "omit") not in match.more:
        return match
    return replace(match, why=_both(match.why, "a value that does not fit is left out"))


def _birth(
    each: ObservedParameter, confidence: float, why: str, optional: tuple[tuple[str, Any], ...]
) -> AttributeMatch:
    said = f"{each.description} {each.example or ''}"
    if each.form == "date" or re.search(r"yyyy-mm-dd|\b\d{4}-\d\d-\d\d\b", said, re.I):
        return AttributeMatch("dob", confidence, why, "{{ dob | date }}", optional)
    if re.search(r"mm/dd/yyyy", said, re.I):
        return AttributeMatch("dob", confidence, why, "{{ dob | date('%m/%d/%Y') }}", optional)
    if re.search(r"dd/mm/yyyy", said, re.I):
        return AttributeMatch("dob", confidence, why, "{{ dob | date('%d/%m/%Y') }}", optional)
    if re.search(r"\bmm/dd\b", said, re.I):
        return AttributeMatch("dob", confidence, why, "{{ dob | date('%m/%d') }}", optional)
    return AttributeMatch(
        "dob", confidence, _both(why, "how the date is written is a guess"), "{{ dob | date }}", optional
    )


def _gender(each: ObservedParameter, confidence: float, why: str) -> AttributeMatch:
    words = {letter: next((c for c in map(str, each.choices) if c[:1].upper() == letter), "") for letter in "MF"}
    if not all(words.values()) or any("'" in word or "{" in word for word in words.values()):
        return AttributeMatch("gender", LIKELY, f"the partner's words: {', '.join(map(str, each.choices))}")
    equal = ", ".join(f"'{letter}': '{word}'" for letter, word in words.items())
    return AttributeMatch("gender", confidence, why, f"{{{{ gender | map(equal={{{equal}}}) }}}}")


def _both(first: str, second: str) -> str:
    return f"{first}; {second}" if first else second
