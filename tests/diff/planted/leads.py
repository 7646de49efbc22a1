"""The first bench: a partner that takes leads."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from tests.diff.planted.partner import ABSENT, At, Bench, Make

LETTERS = string.ascii_letters + string.digits
FIRST = ["Jane", "John", "Zoë", "Renée", "Max", "Anna", "Luca", "Mia", "Noah", "Émile", "Ada", "Tom"]
LAST = ["Doe", "Smith", "Müller", "García", "Jones", "Novák", "Rossi", "Kim", "O'Neil", "Dubois", "Berg"]
WORDS = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "haven",
    "inlet",
    "jetty",
    "knoll",
    "larch",
    "maple",
    "north",
    "ocean",
    "prairie",
    "quartz",
]


def people(row: int, rnd: random.Random) -> Mapping[str, str]:
    first, last = rnd.choice(FIRST), rnd.choice(LAST)
    return {
        "email": f"{first}.{last}.{row}@example.com".lower(),
        "firstname": first,
        "lastname": last,
        "country": rnd.choice(["US", "US", "DE", "FR", "GB", "IT"]),
        "dob": f"{rnd.randrange(1, 29):02}/{rnd.randrange(1, 13):02}/{rnd.randrange(1950, 2005)}",
        "amount": f"{rnd.randrange(100, 99_999) / 100:.2f}",
        "phone": f"+4917{rnd.randrange(10**8, 10**9)}",
        "ref": f"R-{rnd.randrange(10**7, 10**8)}",
    }


def letters(rnd: random.Random, length: int, of: str = LETTERS) -> str:
    return "".join(rnd.choices(of, k=length))


def iso(seconds: float, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(form)


def hexa(length: int) -> Make:
    return lambda c: letters(c.rnd, length, "0123456789abcdef")


def jwt(c: At) -> str:
    def part(data: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    signature = base64.urlsafe_b64encode(c.rnd.randbytes(32)).decode().rstrip("=")
    return f"{part({'alg': 'HS256'})}.{part({'sub': c.rnd.randrange(10**6), 'exp': int(c.now) + 3600})}.{signature}"


def flag(share: float, yes: Any = "HIT", no: Any = "MISS") -> Make:
    return lambda c: yes if c.rnd.random() < share else no


def own(c: At) -> str:
    return c.own.choice(["gold", "silver", "bronze"])


def remaining(c: At) -> int:
    c.kept["left"] = c.kept.get("left", 5000) - 1
    return int(c.kept["left"])


def shuffled(c: At) -> list[str]:
    tags = ["new", "vip", "trial", "web"]
    c.rnd.shuffle(tags)
    return tags


def us(c: At) -> str:
    at = datetime.fromtimestamp(c.now, UTC)
    half = "AM" if at.hour < 12 else "PM"
    return f"{at.month}/{at.day}/{at.year}, {at.hour % 12 or 12}:{at.minute:02}:{at.second:02} {half}"


NOISE: dict[str, Make] = {
    "n_uuid": lambda c: str(uuid.UUID(int=c.rnd.getrandbits(128), version=4)),
    "n_ulid": lambda c: "01K" + letters(c.rnd, 23, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
    "n_snowflake": lambda c: str((int(c.now * 1000) - 1_288_834_974_657) << 22 | c.rnd.getrandbits(22)),
    "n_snowflake_number": lambda c: (int(c.now * 1000) - 1_288_834_974_657) << 10 | c.rnd.getrandbits(10),
    "n_hex8": hexa(8),
    "n_hex16": hexa(16),
    "n_hex32": hexa(32),
    "n_nanoid": lambda c: letters(c.rnd, 21, LETTERS + "_-"),
    "n_base64": lambda c: base64.b64encode(c.rnd.randbytes(24)).decode(),
    "n_base64_signature": lambda c: base64.b64encode(c.rnd.randbytes(32)).decode(),
    "n_jwt": jwt,
    "n_signed_url": lambda c: (
        f"https://cdn.acme.example/files/{letters(c.rnd, 12)}?exp={int(c.now) + 3600}"
        f"&sig={letters(c.rnd, 20)}%2F{letters(c.rnd, 10)}%3D"
    ),
    "n_objectid": lambda c: f"{int(c.now):08x}" + letters(c.rnd, 16, "0123456789abcdef"),
    "n_prefixed": lambda c: "lead_" + letters(c.rnd, 14),
    "n_order": lambda c: f"ORD-{c.rnd.randrange(10**7, 10**8)}",
    "n_pin": lambda c: f"{c.rnd.randrange(10**4):04}",
    "n_pin6": lambda c: f"{c.rnd.randrange(10**6):06}",
    "n_number_id": lambda c: c.rnd.randrange(10**8, 10**9),
    "n_iso_z": lambda c: iso(c.now),
    "n_iso_ms": lambda c: iso(c.now, "%Y-%m-%dT%H:%M:%S.") + f"{int(c.now * 1000) % 1000:03}Z",
    "n_iso_offset": lambda c: iso(c.now + 7200, "%Y-%m-%dT%H:%M:%S+02:00"),
    "n_iso_space": lambda c: iso(c.now, "%Y-%m-%d %H:%M:%S"),
    "n_epoch": lambda c: int(c.now),
    "n_epoch_ms": lambda c: int(c.now * 1000),
    "n_epoch_float": lambda c: c.now,
    "n_epoch_text": lambda c: str(int(c.now)),
    "n_rfc": lambda c: formatdate(c.now, usegmt=True),
    "n_ctime": lambda c: datetime.fromtimestamp(c.now, UTC).ctime(),
    "n_us": us,
    "n_german": lambda c: iso(c.now, "%d.%m.%Y %H:%M:%S"),
    "n_german_minutes": lambda c: iso(c.now, "%d.%m.%Y, %H:%M"),
    "n_dotnet": lambda c: f"/Date({int(c.now * 1000)})/",
    "n_compact": lambda c: iso(c.now, "%Y%m%dT%H%M%SZ"),
    "n_date": lambda c: iso(c.now, "%Y-%m-%d"),
    "n_clock": lambda c: iso(c.now, "%H:%M:%S"),
    "n_expires_hour": lambda c: iso(c.now + 3600),
    "n_expires_30": lambda c: int(c.now) + 30 * 86_400,
    "n_counter": lambda c: c.count("c", c.rnd.randrange(1000, 9000) if "c" not in c.kept else 0),
    "n_jumps": lambda c: c.count("j", 50_000, lambda: c.rnd.randrange(1, 40)),
    "n_down": lambda c: c.count("d", 9_000_000, lambda: -c.rnd.randrange(1, 9)),
    "n_remaining": remaining,
    "n_server": lambda c: f"web-{c.rnd.randrange(1, 6):02}",
    "n_server_name": lambda c: c.rnd.choice(["athena", "hermes", "apollo"]),
    "n_ip": lambda c: f"10.0.{c.rnd.randrange(4)}.{c.rnd.randrange(1, 250)}",
    "n_echo": lambda c: c.sent["email"],
    "n_echo_upper": lambda c: c.sent["email"].upper(),
    "n_echo_nested": lambda c: {"you": {"name": c.sent["firstname"], "phone": c.sent["phone"]}},
    "n_shuffled": shuffled,
    "n_score": lambda c: c.rnd.random(),
    "n_score_text": lambda c: f"{c.rnd.random():.4f}",
    "n_points": lambda c: c.rnd.randrange(0, 1000),
    "n_latency": lambda c: round(c.rnd.gammavariate(4, 12), 1),
    "n_latency_text": lambda c: f"{c.rnd.randrange(8, 90)} ms",
    "n_cache50": flag(0.5),
    "n_cache90": flag(0.9),
    "n_cache98": flag(0.98),
    "n_variant": flag(0.5, "A", "B"),
    "n_sampled": flag(0.1, True, False),
    "n_optional2": flag(0.02, "x", ABSENT),
    "n_optional10": flag(0.1, 1, ABSENT),
    "n_optional50": flag(0.5, "hint", ABSENT),
    "n_message": lambda c: f"Lead {c.rnd.randrange(10**6, 10**7)} accepted",
    "n_message_two": lambda c: (
        f"Lead {letters(c.rnd, 8, '0123456789abcdef')} stored in batch {c.rnd.randrange(10**5, 10**6)}"
    ),
    "n_message_number": lambda c: f"Processed in {c.rnd.randrange(10, 99)} ms",
    "n_message_time": lambda c: f"Stored at {iso(c.now)}, thank you",
    "n_items": lambda c: [{"id": letters(c.rnd, 10)} for _ in range(c.rnd.randrange(1, 5))],
    "n_numbers": lambda c: [c.rnd.randrange(100) for _ in range(c.rnd.randrange(0, 6))],
    "n_null": lambda c: None if c.rnd.random() < 0.4 else c.rnd.randrange(10**6),
    "n_map": lambda c: {str(uuid.UUID(int=c.rnd.getrandbits(128), version=4)): {"state": "open"} for _ in range(2)},
    "header_n_etag": lambda c: f'W/"{letters(c.rnd, 16, "0123456789abcdef")}"',
    "header_n_request": lambda c: str(uuid.UUID(int=c.rnd.getrandbits(128), version=4)),
    "header_n_remaining": lambda c: c.count("hr", 800, lambda: -1),
    "xml_n_id": lambda c: letters(c.rnd, 12, string.digits),
    "xml_n_time": lambda c: iso(c.now),
    "text_n_line": lambda c: f"OK id={c.rnd.randrange(10**7, 10**8)}",
    "html_n_page": lambda c: f"Request {letters(c.rnd, 10, '0123456789abcdef')} at {iso(c.now)}",
}


def same(value: Any) -> Make:
    return lambda c: value


def at_rows(normal: Make, other: Make, rows: Any) -> Make:
    return lambda c: other(c) if rows(c.row) else normal(c)


def once(c: int) -> bool:
    return c == 3


def some(c: int) -> bool:
    return c % 8 == 2


def digest(c: At) -> str:
    return hashlib.sha256(f"{c.sent['email']} salt".encode()).hexdigest()[:24]


def word(c: At) -> str:
    return c.own.choice(WORDS)


def fresh(c: At) -> str:
    return letters(c.rnd, 12, "0123456789abcdef")


def shift(make: Make, name: str, default: Any) -> Make:
    def shifted(c: At) -> Any:
        before = c.kept.get(name, default)
        c.kept[name] = make(c)
        return before

    return shifted


def swap(c: At) -> str:
    row = {4: 5, 5: 4}.get(c.row, c.row)
    return f"S{row * 7919 % 100_003:06}"


def appointment(hours: float) -> Make:
    return lambda c: iso(1_800_000_000 + c.own.randrange(300) * 86_400 + hours * 3600)


def message(state: str) -> Make:
    return lambda c: f"Lead {c.rnd.randrange(10**6, 10**7)} {state}"


PLANTED: dict[str, tuple[Make, Make]] = {
    "p_word": (same("Accepted"), same("Approved")),
    "p_sentence": (same("Thank you for your order"), same("Thanks for your order")),
    "p_message_id": (message("accepted"), message("refused")),
    "p_message_hex": (lambda c: f"batch {fresh(c)} done", lambda c: f"batch {fresh(c)} queued"),
    "p_message_name": (
        lambda c: f"Hello {c.sent['firstname']}, welcome",
        lambda c: f"Hi {c.sent['firstname']}, welcome",
    ),
    "p_message_rows": (message("accepted"), at_rows(message("accepted"), message("on hold"), some)),
    "p_missing": (same(1), same(ABSENT)),
    "p_extra": (same(ABSENT), same("x")),
    "p_missing_rows": (own, at_rows(own, same(ABSENT), some)),
    "p_missing_once": (same("v"), at_rows(same("v"), same(ABSENT), once)),
    "p_null": (same("text"), same(None)),
    "p_null_rows": (own, at_rows(own, same(None), some)),
    "p_empty": (same("note"), same("")),
    "p_absent_null": (same(ABSENT), same(None)),
    "p_empty_list": (same([1]), same([])),
    "p_empty_ids": (fresh, at_rows(fresh, same(""), lambda r: r % 20 == 3)),
    "p_error_ids": (fresh, at_rows(fresh, same("ERROR"), lambda r: r % 20 == 5)),
    "p_null_ids": (fresh, at_rows(fresh, same(None), lambda r: r % 10 == 5)),
    "p_number_text": (same(7), same("7")),
    "p_bool_text": (same(True), same("true")),
    "p_bool_number": (same(True), same(1)),
    "p_id_number_text": (lambda c: c.rnd.randrange(10**8, 10**9), lambda c: str(c.rnd.randrange(10**8, 10**9))),
    "p_precision": (lambda c: float(c.sent["amount"]), lambda c: round(float(c.sent["amount"]), 1)),
    "p_big": (same(9007199254740993), same(9007199254740992)),
    "p_big_rows": (lambda c: 9007199254740993 + 2 * c.row, lambda c: int(float(9007199254740993 + 2 * c.row))),
    "p_decimals": (lambda c: c.rnd.random(), lambda c: round(c.rnd.random(), 2)),
    "p_enum": (own, lambda c: {"gold": "GOLD", "silver": "SILVER", "bronze": "BRONZE"}[own(c)]),
    "p_enum_rows": (own, at_rows(own, same("platinum"), some)),
    "p_enum_once": (own, at_rows(own, same("lead"), once)),
    "p_enum_mapped": (own, lambda c: {"gold": "silver", "silver": "bronze", "bronze": "gold"}[own(c)]),
    "p_enum_country": (same("ok"), lambda c: "review" if c.sent["country"] == "DE" else "ok"),
    "p_array_order": (same([1, 2, 3]), same([3, 2, 1])),
    "p_array_longer": (same(["a", "b"]), same(["a", "b", "c"])),
    "p_array_value": (same(["a", "b"]), same(["a", "x"])),
    "p_truncated": (
        lambda c: f"{c.sent['email']} of {c.sent['lastname']}",
        lambda c: f"{c.sent['email']} of {c.sent['lastname']}"[:18],
    ),
    "p_echo_cut": (lambda c: c.sent["email"], lambda c: c.sent["email"][:10]),
    "p_accents": (
        lambda c: c.sent["lastname"],
        lambda c: c.sent["lastname"].replace("ü", "u").replace("í", "i").replace("á", "a"),
    ),
    "p_mojibake": (lambda c: c.sent["firstname"], lambda c: c.sent["firstname"].encode().decode("latin-1")),
    "p_escaped": (same("Tom & Co"), same("Tom &amp; Co")),
    "p_escaped_echo": (lambda c: c.sent["lastname"] + " & Co", lambda c: c.sent["lastname"] + " &amp; Co"),
    "p_hour": (lambda c: iso(c.now), lambda c: iso(c.now + 3600)),
    "p_hour_epoch": (lambda c: int(c.now), lambda c: int(c.now) - 7200),
    "p_appointment": (appointment(0), appointment(1)),
    "p_expiry": (lambda c: iso(c.now + 3600), lambda c: iso(c.now + 86_400)),
    "p_date_form": (lambda c: iso(c.now), lambda c: formatdate(c.now, usegmt=True)),
    "p_date_ms": (lambda c: int(c.now), lambda c: int(c.now * 1000)),
    "p_date_zone": (lambda c: iso(c.now), lambda c: iso(c.now, "%Y-%m-%dT%H:%M:%S")),
    "p_dob_form": (
        lambda c: c.sent["dob"],
        lambda c: "/".join([c.sent["dob"][3:5], c.sent["dob"][:2], c.sent["dob"][6:]]),
    ),
    "p_date_constant": (lambda c: iso(c.now), same("2020-01-01T00:00:00Z")),
    "p_nil": (lambda c: str(uuid.UUID(int=c.rnd.getrandbits(128))), same(str(uuid.UUID(int=0)))),
    "p_id_constant": (fresh, same("a1b2c3d4e5f6")),
    "p_id_upper": (fresh, lambda c: fresh(c).upper()),
    "p_id_dashes": (
        lambda c: uuid.UUID(int=c.rnd.getrandbits(128)).hex,
        lambda c: str(uuid.UUID(int=c.rnd.getrandbits(128))),
    ),
    "p_id_prefix": (lambda c: f"lead-{fresh(c)}", lambda c: f"cust-{fresh(c)}"),
    "p_id_shorter": (fresh, lambda c: fresh(c)[:9]),
    "p_id_words": (fresh, lambda c: c.rnd.choice(WORDS)),
    "p_id_alphabet": (fresh, lambda c: letters(c.rnd, 12)),
    "p_duplicates": (fresh, lambda c: c.kept.setdefault(f"dup{c.row // 2}", fresh(c))),
    "p_swap": (lambda c: f"S{c.row * 7919 % 100_003:06}", swap),
    "p_shift": (lambda c: c.sent["ref"], shift(lambda c: c.sent["ref"], "shift", "R-10000000")),
    "p_shift_id": (digest, shift(digest, "shiftid", "0" * 24)),
    "p_null_rate": (lambda c: None if c.rnd.random() < 0.1 else 5, lambda c: None if c.rnd.random() < 0.6 else 5),
    "p_absent_rate": (flag(0.9, "z", ABSENT), flag(0.3, "z", ABSENT)),
    "p_flag_rate": (flag(0.1, True, False), flag(0.6, True, False)),
    "p_scale": (lambda c: c.rnd.random(), lambda c: c.rnd.random() * 100),
    "p_sign": (lambda c: c.rnd.randrange(1, 500), lambda c: -c.rnd.randrange(1, 500)),
    "p_cents": (lambda c: float(c.sent["amount"]), lambda c: round(float(c.sent["amount"]) * 100)),
    "p_hash": (
        lambda c: hashlib.md5(c.sent["email"].encode()).hexdigest(),
        lambda c: hashlib.sha1(c.sent["email"].encode()).hexdigest(),
    ),
    "p_hash_salted": (
        lambda c: hashlib.sha256(c.sent["email"].encode()).hexdigest(),
        lambda c: hashlib.sha256(b"x" + c.sent["email"].encode()).hexdigest(),
    ),
    "p_echo_wrong": (lambda c: c.sent["email"], lambda c: c.sent["firstname"]),
    "p_echo_constant": (lambda c: c.sent["ref"], same("R-00000000")),
    "p_echo_case": (lambda c: c.sent["email"], lambda c: c.sent["email"].upper()),
    "p_echo_phone": (lambda c: c.sent["phone"], lambda c: c.sent["phone"].replace("+49", "0")),
    "p_stuck": (lambda c: c.count("pc", 500), same(501)),
    "p_reversed": (lambda c: c.count("pr", 5000), lambda c: c.count("pq", 5000, lambda: -1)),
    "p_url_scheme": (same("https://acme.example/terms"), same("http://acme.example/terms")),
    "p_url_path": (
        lambda c: f"https://acme.example/v1/leads/{fresh(c)}",
        lambda c: f"https://acme.example/v2/leads/{fresh(c)}",
    ),
    "header_p_region": (same("eu-1"), same("us-1")),
    "header_p_only": (same("on"), same(ABSENT)),
    "xml_p_state": (same("OK"), same("PENDING")),
    "xml_p_gone": (same("1"), same(ABSENT)),
    "xml_p_message": (message("accepted"), message("refused")),
    "text_p_line": (lambda c: f"ref {fresh(c)} stored", lambda c: f"ref {fresh(c)} dropped"),
    "html_p_title": (same("Welcome"), same("Error")),
}

BENCH = Bench(NOISE, PLANTED, people)
