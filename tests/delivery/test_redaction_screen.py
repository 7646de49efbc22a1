"""The quick look at a batch finds at least what redaction hides: compared on random rows, values and notations."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import random
from collections.abc import Callable
from datetime import date
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery import redaction_samples
from rokt_export.delivery.redaction_clues import texts_in
from rokt_export.delivery.redaction_screen import places_to_redact
from rokt_export.redaction import Redactor
from rokt_export.redaction.dates import days_of
from rokt_export.redaction.decoded_view import fold_letters
from rokt_export.transactions.transaction import Transaction, Value

personal = redaction_samples.personal


WORDS = [
    "Jane", "Doe", "Müller", "Mueller", "Zoë", "Håkan", "O'Brien", "Li", "王小", "van", "Smith-Jones", "Ἑλένη", "Aaron",
    "Ee", "É", "J.R.", "Mary.Ann", "STRASSE", "Weiß", "Øystein", "Şahin", "İpek", "E7", "1234", "12", "Иванов", "Ebbe",
]  # fmt: skip
LOCALS = ["jane.doe", "j", "x9", "jane_doe7", "doe2025550119", "2025550119", "abcd", "élodie.1", "jane doe"]
NAMES = ["email", "firstname", "lastname", "mobile", "zipcode", "city", "dob", "address1", "unheard_of", "amount"]


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(key=b"key")


class Some:
    """Random values, and texts that repeat them in some notation."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.kinds: list[Callable[[], Value]] = [
            self.word, self.words, self.email, self.phone, self.day, self.street, self.noise,
            lambda: self.digits(self.random.randrange(1, 9)),
            lambda: self.random.choice(["", " ", "--", "true", None]),
            lambda: [self.word(), self.email()],
            lambda: {"a": self.phone(), "b": [self.word()]},
            lambda: f"{self.words()}\n{self.word()}",
            lambda: f"{self.word()}\0",
        ]  # fmt: skip

    def word(self) -> str:
        return self.random.choice(WORDS)

    def words(self) -> str:
        return " ".join(self.random.choices(WORDS, k=self.random.randrange(2, 4)))

    def street(self) -> str:
        return self.random.choice(["{n} {w} St.", "{w} {n}", "{w}str. {n} a"]).format(w=self.word(), n=self.digits(2))

    def email(self) -> str:
        address = f"{self.random.choice(LOCALS)}{self.random.choice(['', '+1', '+tag'])}@example.com"
        return self.random.choice(["{}", "Jane Doe <{}>", " {} "]).format(address)

    def digits(self, count: int) -> str:
        return "".join(self.random.choices("0123456789", k=count))

    def phone(self) -> str:
        number = self.digits(self.random.randrange(7, 13))
        forms = ["{a}{b}{c}", "+1 ({a}) {b}-{c}", "+{a}{b}{c}", "{a}{b}{c}.0", "{a}{b}{c} x12", "tel:{a}{b}{c}",
                 "{a}\u2013{b}\xa0{c}", "  {a}{b}{c} ", "{a}.{b}.{c}", "      +{a}{b}{c}"]  # fmt: skip
        return self.random.choice(forms).format(a=number[:3], b=number[3:6], c=number[6:])

    def day(self) -> str:
        day = date(1930, 1, 1).toordinal() + self.random.randrange(29_000)
        return date.fromordinal(day).strftime(self.random.choice(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y%m%d"]))

    def noise(self) -> str:
        return "".join(self.random.choices("abcdefABC0123-_ .@+é", k=self.random.randrange(1, 12)))

    def value(self) -> Value:
        return self.random.choice(self.kinds)()

    def rows(self, count: int) -> list[Transaction]:
        names = self.random.sample(NAMES, self.random.randrange(1, 8))
        usual = {name: self.random.choice(self.kinds) for name in names}
        rows = []
        for row in range(count):
            layout = names if self.random.random() < 0.97 else self.random.sample(NAMES, 3)
            kinds = (usual.get(name, self.value) if self.random.random() < 0.7 else self.value for name in layout)
            rows.append(Transaction(row, "tx", dict(zip(layout, [kind() for kind in kinds], strict=True))))
        return rows

    def text(self, row: Transaction) -> str:
        texts = [text for value in row.values.values() for text in texts_in(value)]
        if not texts or self.random.random() < 0.3:
            return self.random.choice(["", f"T{self.digits(9)}", "The list does not exist.", self.digits(10)])
        place = ["{}", "tx-{}", "{}-7", "x{}", "{}9", "lead {} exists", " {} ", "id={}", "12{}", "|{}|",
                 "4f1e6f0c-7a35-4b0c-9a53-0f2f6a4cbb1d {}"]  # fmt: skip
        return self.random.choice(place).replace("{}", self.notation(self.random.choice(texts)))

    def notation(self, text: str) -> str:
        data = text.encode()
        digits = "".join(char for char in text if char.isdigit())
        return self.random.choice([
            text, text.upper(), text.lower(), text.title(), quote(text), quote(quote(text)), html.escape(text),
            "".join(f"&#{ord(char)};" for char in text), json.dumps(text)[1:-1],
            base64.b64encode(data).decode(), base64.urlsafe_b64encode(b"id:" + data).decode().rstrip("="),
            base64.b64encode(b"x" + data + b"y").decode(), base64.b64encode(base64.b64encode(data)).decode(),
            data.hex(), data.hex().upper(), base64.b64encode(data.hex().encode()).decode(),
            hashlib.md5(text.strip().lower().encode(), usedforsecurity=False).hexdigest(),
            hashlib.sha256(data).hexdigest(), base64.b64encode(hashlib.sha256(data).digest()).decode(),
            "-".join(text), " ".join(text), text.replace(" ", ""), " ".join(reversed(text.split())),
            text.partition("@")[0], text.partition("@")[0].partition("+")[0], digits[-7:], f"00{digits}",
            text.replace("ü", "ue").replace("å", "aa").replace("ø", "oe").replace("ß", "ss"),
            text[: len(text) // 2], data.decode("latin-1"), self.redated(text),
        ])  # fmt: skip

    def redated(self, text: str) -> str:
        days = sorted(days_of(text.strip().lower()))
        if not days:
            return text
        day = date.fromordinal(days[0])
        since = (day - date(1970, 1, 1)).days
        return self.random.choice([
            day.strftime("%d/%m/%Y"), day.strftime("%B %d, %Y"), day.strftime("%Y%m%d"), day.strftime("%d %b %y"),
            str(since * 86_400), str(since * 86_400_000), str((day - date(1899, 12, 30)).days),
        ])  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_the_quick_look_finds_at_least_what_redaction_hides(personal, redactor, seed):
    some = Some(seed)
    hidden = 0
    for _ in range(150):
        rows = some.rows(some.random.choice([1, 2, 5, 15]))
        texts = list(map(some.text, rows))
        found = places_to_redact(rows, texts, personal.clues(rows), personal.days)
        for place, (row, text) in enumerate(zip(rows, texts, strict=True)):
            if redactor.text(text, personal.of(row)) != text:
                hidden += 1
                assert place in found, (row.values, text)
    assert hidden > 200


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"firstname": ["Jane", "Roberta"]}, "hello roberta"),
        ({"lastname": {"first": "Doe", "second": ["Roberta"]}}, "hello roberta"),
        ({"unheard_of": ["1983-12-15"]}, "born 12/15/83"),
        ({"amount": ["x9@example.com", "wrong.column7@example.com"]}, "wrong.column7 unknown"),
        ({"firstname": "Håkan"}, "Haakan-1"),
        ({"mobile": "2025550119.0"}, "c2025550119"),
        ({"mobile": "2025550119 x12"}, "c5550119"),
        ({"fullname": "Mary.Ann Doe"}, "doe, ann mary"),
        ({"address1": "12 Main St.\nSpringfield"}, "12  main st / springfield"),
        ({"firstname": "STRASSE"}, "12" + b"STRASSE".hex()),
        ({"zipcode": "19680216"}, "xaWQ6MTk2ODAyMTY"),
        ({"mobile": "202\u2013555\u20130119"}, base64.b64encode("202\u2013555\u20130119".encode()).decode()),
    ],
)
def test_what_once_passed_the_quick_look_is_found(personal, redactor, values, text):
    """Rows beside it, whose columns are of another kind, change nothing."""
    row = Transaction(2, "tx", values)
    beside = [Transaction(1, "tx", dict.fromkeys(values, "user20240115@example.com")),
              Transaction(3, "tx", dict.fromkeys(values, "Jane Doe"))]  # fmt: skip
    assert redactor.text(text, personal.of(row)) != text
    assert places_to_redact([row], [text], personal.clues([row]), personal.days) == [0]
    rows = [beside[0], row, beside[1]]
    assert 1 in places_to_redact(rows, ["tx1", text, "tx3"], personal.clues(rows), personal.days)


BEFORE = st.text(" \t\x0b\x1c\x85\u1680\u2028\u2029\u00a0\u3000'\"(", max_size=3)
DATES = st.sampled_from(
    ["1984-03-09", "19840309", "9 March 1984", "09/03/84", "1984年3月9日", "Mar 9, 1984", "Marktgasse 12, 1990",
     "Septembermorgen 12, 1990", "9th of March 1984", "1984mar9", "Jane", "2025550119", "12 Elm Street", ""]
)  # fmt: skip


@given(st.lists(st.tuples(BEFORE, DATES, BEFORE).map("".join), min_size=1, max_size=4))
def test_the_days_of_a_batch_are_those_of_each_value(personal, values):
    rows = [Transaction(row, f"tx{row}", {"dob": value, "firstname": "Jane"}) for row, value in enumerate(values, 1)]
    assert personal.days(rows) == [days_of(fold_letters(value).strip()) for value in values]
