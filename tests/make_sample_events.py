"""Write sample_events/, byte for byte the same each time: `python tests/make_sample_events.py`."""

import csv
import io
import json
from pathlib import Path
from random import Random
from typing import NamedTuple

FOLDER = Path(__file__).parent.parent / "sample_events"
ROWS = 1_000

COLUMNS = (
    *("transactionid", "email", "firstname", "lastname", "title", "gender", "dob", "mobile", "language"),
    *("country", "state", "zipcode", "city", "address1", "amount", "currency", "confirmationref", "optin"),
)
MAY_BE_EMPTY = ("firstname", "lastname", "title", "gender", "dob", "mobile", "language", "address1", "optin")

# Everybody is a Doe: the names are dirty as real ones are, and nobody is taken for real.
WOMEN = ("Jane", "Zoë", "Renée", "Ñusta", "Åsa", "Šárka", "Ольга", "美咲", "Anne-Marie", "Mary Ann", 'Jane "Janie"')
MEN = ("John", "Jürgen", "José", "Søren", "Łukasz", "François", "Γιώργος", "太郎", "D'Arcy", "Jean-Luc", "Joe 🎉")
LASTNAMES = ("Doe", "Döe", "Doé", "O'Doe", "Doe, Jr.", "van der Doe", "Doe-Døe", 'Doe "JD"', "Doe & Co", "Đoe", "McDoe")
STREETS = (
    "1 Example Street",
    "Example Street 2, Apt. 3",
    "Building A\n4 Example Street",
    'The "Old" Mill, 5 Example Road',
    "6 Example Street\r\nFloor 7",
    "Beispielstraße 8",
    "9 rue de l'Exemple",
    "10 Example Ave #11",
    "12 Example Street 🏠",
    "13 Example; Street",
)


class Place(NamedTuple):
    """A city, and phone numbers of its country that are kept free for fiction (two digits vary)."""

    country: str
    state: str
    zipcode: str
    city: str
    mobile: str
    language: str
    currency: str


PLACES = (
    Place("us", "NY", "10001", "New York", "21255501", "en", "USD"),
    Place("us", "MA", "02108", "Boston", "61755501", "en", "USD"),
    Place("us", "NJ", "07102", "Newark", "97355501", "en", "USD"),
    Place("us", "NY", "00501", "Holtsville", "63155501", "en", "USD"),
    Place("us", "CA", "90012", "Los Angeles", "21355501", "es", "USD"),
    Place("us", "NM", "87501", "Santa Fe", "50555501", "en", "USD"),
    Place("ca", "QC", "H2Y 1C6", "Montréal", "51455501", "fr", "CAD"),
    Place("gb", "", "SW1A 1AA", "London", "077009000", "en", "GBP"),
    Place("de", "SN", "01067", "Dresden", "017139200", "de", "EUR"),
    Place("de", "BY", "80331", "München", "017139200", "de", "EUR"),
    Place("fr", "", "06000", "Nice", "06399800", "fr", "EUR"),
)


def contents() -> dict[str, bytes]:
    """Return each file's name and bytes."""
    return {"few.csv": _few_csv(), "few.ndjson": _few_ndjson(), "thousand.csv": _thousand_csv()}


def _few() -> list[dict[str, str]]:
    people = (
        ("Jane", "Doe", "Ms", "F", "19831215", "300.50", "00123", "true"),
        ("John", "Doe", "Mr", "M", "19790704", "1.10", "XYZ124", "true"),
        ("Zoë", "Doe", "Mrs", "F", "19900228", "42.00", "XYZ125", "false"),
        ("Jürgen", "Doe", "Mr", "M", "19651101", "1250.75", "XYZ126", "true"),
        ("Mary Ann", "O'Doe", "Miss", "F", "20000229", "19.99", "XYZ127", "true"),
    )
    rows = []
    for at, (first, last, title, gender, dob, amount, reference, optin) in enumerate(people):
        place = PLACES[at]
        values = (
            *(str(9007199254740993 + at), f"jane.doe.{at + 1}@example.com", first, last, title, gender, dob),
            *(f"{place.mobile}{at:02}", place.language, place.country, place.state, place.zipcode, place.city),
            *(f"{at + 1} Example Street", amount, place.currency, reference, optin),
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def _few_csv() -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_few())
    return text.getvalue().encode()


def _few_ndjson() -> bytes:
    """Write numbers and booleans as such: a reader must keep the digits that stand here."""
    bare = ("transactionid", "amount", "optin")
    lines = (
        ", ".join(f'"{name}": {text if name in bare else json.dumps(text)}' for name, text in row.items())
        for row in _few()
    )
    return "".join(f"{{{line}}}\n" for line in lines).encode()


def _thousand_csv() -> bytes:
    """Write what two exports joined together look like: line ends and quoting change every hundred rows."""
    # Only Random.random() is promised to give the same numbers under every Python.
    random = Random(20190601).random
    parts = [b"\xef\xbb\xbf", _line(COLUMNS, quote_all=False, end="\r\n")]
    for number in range(1, ROWS + 1):
        stretch = number // 100
        parts.append(
            _line(_cells(number, random), quote_all=stretch % 3 == 1, end="\n" if stretch % 2 else "\r\n"),
        )
    return b"".join(parts)


def _cells(number: int, random) -> list[str]:
    def pick(choices):
        return choices[int(random() * len(choices))]

    female = random() < 0.5
    place = pick(PLACES)
    tag = pick(("", "+rokt", "+news_letter", ".x"))
    cents = int(random() * 100_000)
    cells = {
        "transactionid": str(9007199254740993 + number * 7),
        "email": pick((str.lower, str.lower, str.title))(f"jane.doe.{number:04}{tag}@example.com"),
        "firstname": pick(WOMEN if female else MEN),
        "lastname": pick(LASTNAMES),
        "title": pick(("Ms", "Mrs", "Miss")) if female else "Mr",
        "gender": "F" if female else "M",
        "dob": f"{1940 + int(random() * 65)}{1 + int(random() * 12):02}{1 + int(random() * 28):02}",
        "mobile": f"{place.mobile}{int(random() * 100):02}",
        "language": place.language,
        "country": place.country,
        "state": place.state,
        "zipcode": place.zipcode,
        "city": place.city,
        "address1": pick(STREETS),
        "amount": f"{cents // 100}.{cents % 100:02}",
        "currency": place.currency,
        "confirmationref": pick((f"{number:06}", f"XYZ{number:05}")),
        "optin": pick(("true", "true", "true", "false")),
    }
    for name in MAY_BE_EMPTY:
        if random() < 0.03:
            cells[name] = ""
    if random() < 0.05:
        cells["firstname"] = f" {cells['firstname']} "
    return list(cells.values())


def _line(cells, *, quote_all: bool, end: str) -> bytes:
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    csv.writer(text, quoting=quoting, lineterminator=end).writerow(cells)
    return text.getvalue().encode()


if __name__ == "__main__":
    for name, data in contents().items():
        (FOLDER / name).write_bytes(data)
