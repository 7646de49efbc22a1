"""The second bench, for which nothing was tuned: a partner of other values, names and shapes that takes orders."""

from __future__ import annotations

import base64
import hashlib
import random
import string
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from tests.diff.planted.leads import at_rows, flag, hexa, iso, letters, same, shift
from tests.diff.planted.partner import ABSENT, At, Bench, Make

CITIES = ["Zürich", "Paris", "Málaga", "Leeds", "Oslo", "Kraków", "Austin", "Brno", "Porto"]
NAMES = ["Ines", "Jürgen", "Bea", "Omar", "Chloé", "Lars", "Yuki", "Piotr", "Søren", "Nia", "Raj", "Eve"]
PLANS = ["basic", "plus", "pro", "team"]
NOUNS = ["anchor", "bridge", "castle", "dragon", "engine", "falcon", "garden", "hammer", "island", "jungle"]
UPPER = string.ascii_uppercase + string.digits


def people(row: int, rnd: random.Random) -> Mapping[str, str]:
    name = rnd.choice(NAMES)
    return {
        "mail": f"c{row}.{rnd.randrange(999)}@shop.example",
        "buyer.name": name,
        "buyer.city": rnd.choice(CITIES),
        "plan": rnd.choice(PLANS),
        "total": f"{rnd.randrange(500, 90_000) / 100:.2f}",
        "currency": "EUR",
        "born": f"{rnd.randrange(1940, 2008)}-{rnd.randrange(1, 13):02}-{rnd.randrange(1, 29):02}",
        "order": f"{rnd.randrange(10**9, 10**10)}",
        "tel": f"(0{rnd.randrange(200, 999)}) {rnd.randrange(10**6, 10**7)}",
    }


def v7(c: At) -> str:
    return str(uuid.UUID(int=(int(c.now * 1000) << 80) | (7 << 76) | c.rnd.getrandbits(62) | (2 << 62)))


def countdown(c: At) -> int:
    c.kept["quota"] = (c.kept.get("quota", 60) - 1) % 120
    return int(c.kept["quota"])


def ticket(c: At) -> str:
    return f"{letters(c.rnd, 3, string.ascii_uppercase)}-{c.rnd.randrange(1000, 9999)}-{letters(c.rnd, 2, UPPER)}"


def lines(c: At) -> list[dict[str, Any]]:
    return [{"sku": letters(c.rnd, 8, UPPER), "qty": c.rnd.randrange(1, 9)} for _ in range(c.rnd.randrange(0, 4))]


def mixed(values: list[Any]) -> Make:
    return lambda c: c.rnd.sample(values, len(values))


def meridiem(c: At) -> str:
    at = datetime.fromtimestamp(c.now, UTC)
    return f"{at.month:02}/{at.day:02}/{at.year} {at.hour % 12 or 12}:{at.minute:02} {'PM' if at.hour > 11 else 'AM'}"


def stored(verb: str) -> Make:
    return lambda c: f"Order {letters(c.rnd, 6, UPPER)} {verb} as {c.rnd.randrange(10**4, 10**5)}."


def taken(verb: str) -> Make:
    return lambda c: f"req_{letters(c.rnd, 16)} {verb} by node {c.rnd.randrange(1, 40)} in {c.rnd.randrange(5, 300)}ms"


def tier(c: At) -> str:
    return PLANS[int(hashlib.md5(c.sent["mail"].encode()).hexdigest(), 16) % 4]


def key(c: At) -> str:
    return letters(c.rnd, 20)


def amount(c: At) -> float:
    return float(c.sent["total"])


def slot(hours: int = 0, form: str = "%d.%m.%Y %H:%M") -> Make:
    return lambda c: iso(1_840_000_000 + c.own.randrange(2_000) * 21_600 + 3600 * hours, form)


def sequence(name: str, start: int, step: int = 1) -> Make:
    return lambda c: c.count(name, start, lambda: step)


NOISE: dict[str, Make] = {
    "trace": v7,
    "span": hexa(16),
    "digest": hexa(40),
    "short": hexa(6),
    "nonce": lambda c: base64.urlsafe_b64encode(c.rnd.randbytes(15)).decode(),
    "hmac": lambda c: c.rnd.randbytes(20).hex().upper(),
    "charge": lambda c: "ch_" + letters(c.rnd, 24),
    "customer": lambda c: f"cus:{c.rnd.randrange(10**9)}",
    "ticket": ticket,
    "mongo": lambda c: f"{int(c.now):x}{c.rnd.getrandbits(40):010x}{c.kept.setdefault('m', 7):06x}",
    "ulid": lambda c: "01K9" + letters(c.rnd, 22, UPPER.translate(str.maketrans("", "", "ILOU"))),
    "flake": lambda c: (int(c.now * 1000) - 1_420_070_400_000) << 22 | c.rnd.getrandbits(22),
    "otp": lambda c: f"{c.rnd.randrange(10**5):05}",
    "slug": lambda c: letters(c.rnd, 11, LOWER),
    "nano": lambda c: letters(c.rnd, 10, string.ascii_letters + string.digits + "-_"),
    "jws": lambda c: f"eyJhbGciOiJFUzI1NiJ9.{letters(c.rnd, 40)}.{letters(c.rnd, 43)}",
    "upload": lambda c: (
        f"https://bucket.example/u/{letters(c.rnd, 8)}/{uuid.UUID(int=c.rnd.getrandbits(128))}?X-Expires=900"
        f"&X-Date={iso(c.now, '%Y%m%dT%H%M%SZ')}&X-Signature={letters(c.rnd, 64, '0123456789abcdef')}"
    ),
    "cursor": lambda c: base64.b64encode(f"{c.rnd.randrange(10**9)}:{c.rnd.random()}".encode()).decode(),
    "etagged": lambda c: f'"{letters(c.rnd, 27)}"',
    "at": lambda c: iso(c.now, "%Y-%m-%dT%H:%M:%S.%fZ"),
    "at_offset": lambda c: iso(c.now, "%Y-%m-%dT%H:%M:%S+00:00"),
    "at_plain": lambda c: iso(c.now, "%Y-%m-%dT%H:%M:%S"),
    "at_minutes": lambda c: iso(c.now, "%Y-%m-%d %H:%M"),
    "ts": lambda c: int(c.now),
    "ts_ms": lambda c: str(int(c.now * 1000)),
    "ts_micro": lambda c: int(c.now * 1e6),
    "ts_float": lambda c: round(c.now, 3),
    "mailed": lambda c: formatdate(c.now, usegmt=False),
    "clocked": lambda c: iso(c.now, "%a %b %d %H:%M:%S %Y"),
    "meridiem": meridiem,
    "deutsch": lambda c: iso(c.now, "%d.%m.%Y, %H:%M:%S"),
    "slashes": lambda c: iso(c.now, "%Y/%m/%d %H:%M:%S"),
    "net": lambda c: f"/Date({int(c.now * 1000)}+0000)/",
    "packed": lambda c: iso(c.now, "%Y%m%d%H%M%S"),
    "half": lambda c: iso(c.now, "%I:%M %p"),
    "until": lambda c: iso(c.now + 3600, "%Y-%m-%dT%H:%M:%S+00:00"),
    "until_month": lambda c: iso(c.now + 30 * 86_400, "%Y-%m-%d"),
    "sequence": lambda c: c.count("s", 100_000 if "s" in c.kept else c.rnd.randrange(90_000, 200_000)),
    "offset": lambda c: c.count("o", 7_000_000, lambda: c.rnd.randrange(10, 5_000)),
    "balance": lambda c: c.count("b", 500_000, lambda: -c.rnd.randrange(1, 50)),
    "quota": countdown,
    "left_text": lambda c: str(c.count("lt", 9_999, lambda: -1)),
    "host": lambda c: f"ip-10-2-{c.rnd.randrange(256)}-{c.rnd.randrange(256)}.internal",
    "pod": lambda c: f"api-{letters(c.rnd, 5, LOWER)}",
    "zone": lambda c: c.rnd.choice("abc"),
    "peer": lambda c: f"192.168.{c.rnd.randrange(3)}.{c.rnd.randrange(1, 255)}",
    "mail_back": lambda c: c.sent["mail"],
    "city_back": lambda c: c.sent["buyer.city"].upper(),
    "order_back": lambda c: {"ref": {"no": int(c.sent["order"]), "who": c.sent["buyer.name"]}},
    "greeting": lambda c: f"Dear {c.sent['buyer.name']} from {c.sent['buyer.city']}",
    "shuffled": mixed(["x", "y", "z"]),
    "shuffled_more": mixed([1, 2, 3, 4, 5, 6]),
    "gauss": lambda c: c.rnd.gauss(0, 1),
    "percent": lambda c: c.rnd.randrange(101),
    "ratio_text": lambda c: f"{c.rnd.random() * 100:.1f}%",
    "weight": lambda c: round(c.rnd.expovariate(1 / 40), 2),
    "took": lambda c: c.rnd.randrange(3, 60),
    "took_text": lambda c: f"{c.rnd.random():.3f}s",
    "hit": flag(0.5, True, False),
    "warm": flag(0.9, "warm", "cold"),
    "fresh": flag(0.98, 1, 0),
    "bucket": lambda c: c.rnd.choice(["control", "red", "blue"]),
    "warning": flag(0.02, "slow", ABSENT),
    "promo": flag(0.1, "SUMMER", ABSENT),
    "tip": flag(0.5, 3, ABSENT),
    "maybe": lambda c: c.rnd.random() if c.rnd.random() < 0.5 else None,
    "said": stored("stored"),
    "said_more": taken("handled"),
    "said_time": lambda c: f"As of {iso(c.now, '%d.%m.%Y %H:%M:%S')} the queue holds {c.rnd.randrange(900)} orders",
    "lines": lines,
    "ids": lambda c: [c.rnd.randrange(10**6, 10**7) for _ in range(3)],
    "by_id": lambda c: {letters(c.rnd, 12, "0123456789abcdef"): {"ok": True} for _ in range(c.rnd.randrange(1, 4))},
    "header_x_trace": v7,
    "header_x_cache": flag(0.5, "hit", "miss"),
    "header_x_took": lambda c: f"{c.rnd.randrange(4, 90)}",
    "xml_stamp": lambda c: iso(c.now, "%Y-%m-%dT%H:%M:%S.%f"),
    "xml_token": lambda c: letters(c.rnd, 18),
    "text_receipt": lambda c: f"receipt {c.rnd.randrange(10**9)} of {iso(c.now)}",
    "html_footer": lambda c: f"served by web{c.rnd.randrange(9)} in {c.rnd.randrange(2, 99)} ms",
}
LOWER = string.ascii_lowercase + string.digits

PLANTED: dict[str, tuple[Make, Make]] = {
    "d_status": (same("queued"), same("done")),
    "d_said": (stored("stored"), stored("rejected")),
    "d_said_longer": (taken("handled"), taken("handled late")),
    "d_said_few": (taken("handled"), at_rows(taken("handled"), taken("dropped"), lambda r: r % 15 == 4)),
    "d_said_city": (stored("stored"), lambda c: stored("blocked" if c.sent["buyer.city"] == "Oslo" else "stored")(c)),
    "d_note": (same("Delivery within 3 days"), same("Delivery within 5 days")),
    "d_greeting": (lambda c: f"Dear {c.sent['buyer.name']}", lambda c: f"Dear {c.sent['buyer.city']}"),
    "d_greeting_null": (lambda c: f"Dear {c.sent['buyer.name']}", lambda c: "Dear null"),
    "d_gone": (lambda c: {"a": key(c)}, same(ABSENT)),
    "d_new": (same(ABSENT), key),
    "d_gone_some": (key, at_rows(key, same(ABSENT), lambda r: r % 9 == 1)),
    "d_new_some": (same(ABSENT), at_rows(same(ABSENT), same("!"), lambda r: r % 5 == 1)),
    "d_null_some": (key, at_rows(key, same(None), lambda r: r % 9 == 2)),
    "d_null_all": (key, same(None)),
    "d_empty_all": (key, same("")),
    "d_blank": (tier, at_rows(tier, same(" "), lambda r: r % 7 == 3)),
    "d_object": (same({"a": 1}), same([{"a": 1}])),
    "d_list": (same(["a"]), same("a")),
    "d_number": (lambda c: int(c.sent["order"]), lambda c: c.sent["order"]),
    "d_float": (amount, lambda c: c.sent["total"]),
    "d_flag_text": (lambda c: c.own.random() < 0.5, lambda c: str(c.own.random() < 0.5).lower()),
    "d_flag_flip": (lambda c: c.own.random() < 0.5, lambda c: c.own.random() >= 0.5),
    "d_rounded": (amount, lambda c: float(round(amount(c)))),
    "d_precise": (lambda c: c.rnd.random() * 9, lambda c: round(c.rnd.random() * 9, 3)),
    "d_long": (
        lambda c: 10**17 + int(c.sent["order"]) * 7 + 1,
        lambda c: int(float(10**17 + int(c.sent["order"]) * 7 + 1)),
    ),
    "d_tier": (tier, lambda c: "unknown"),
    "d_tier_case": (tier, lambda c: tier(c).capitalize()),
    "d_tier_some": (tier, at_rows(tier, same("trial"), lambda r: r % 11 == 5)),
    "d_tier_one": (tier, at_rows(tier, same("vip"), lambda r: r == 7)),
    "d_tier_next": (tier, lambda c: PLANS[(PLANS.index(tier(c)) + 1) % 4]),
    "d_plan": (same(True), lambda c: c.sent["plan"] != "pro"),
    "d_const_one": (same("ok"), at_rows(same("ok"), same("retry"), lambda r: r == 6)),
    "d_list_sorted": (same(["a", "b", "c"]), same(["c", "a", "b"])),
    "d_list_more": (lambda c: [1] * (1 + c.own.randrange(3)), lambda c: [1] * (2 + c.own.randrange(3))),
    "d_list_item": (lambda c: [{"k": 1}, {"k": 2}], lambda c: [{"k": 1}, {"k": 3}]),
    "d_cut": (
        lambda c: f"{c.sent['mail']} / {c.sent['buyer.city']}",
        lambda c: f"{c.sent['mail']} / {c.sent['buyer.city']}"[:12],
    ),
    "d_ascii": (lambda c: c.sent["buyer.city"], lambda c: c.sent["buyer.city"].encode("ascii", "replace").decode()),
    "d_latin": (
        lambda c: f"in {c.sent['buyer.city']}",
        lambda c: f"in {c.sent['buyer.city'].encode().decode('latin-1')}",
    ),
    "d_entities": (lambda c: f"<b>{c.sent['buyer.name']}</b>", lambda c: f"&lt;b&gt;{c.sent['buyer.name']}&lt;/b&gt;"),
    "d_later": (lambda c: iso(c.now, "%Y-%m-%d %H:%M:%S"), lambda c: iso(c.now + 7200, "%Y-%m-%d %H:%M:%S")),
    "d_later_us": (meridiem, lambda c: meridiem(At(c.row, c.sent, c.now - 18_000, c.rnd, c.own))),
    "d_slot": (slot(), slot(1)),
    "d_slot_iso": (slot(0, "%Y-%m-%dT%H:%MZ"), slot(-2, "%Y-%m-%dT%H:%MZ")),
    "d_valid": (lambda c: int(c.now) + 1800, lambda c: int(c.now) + 5400),
    "d_stamp": (lambda c: int(c.now), lambda c: iso(c.now)),
    "d_stamp_ms": (lambda c: str(int(c.now)), lambda c: str(int(c.now * 1000))),
    "d_stamp_zone": (lambda c: iso(c.now, "%Y-%m-%dT%H:%M:%S+00:00"), lambda c: iso(c.now)),
    "d_stamp_micro": (lambda c: iso(c.now, "%Y-%m-%dT%H:%M:%S.%fZ"), lambda c: iso(c.now)),
    "d_born": (
        lambda c: c.sent["born"],
        lambda c: iso(datetime.fromisoformat(c.sent["born"]).replace(tzinfo=UTC).timestamp(), "%d.%m.%Y"),
    ),
    "d_born_off": (
        lambda c: c.sent["born"],
        lambda c: iso(datetime.fromisoformat(c.sent["born"]).replace(tzinfo=UTC).timestamp() - 86_400, "%Y-%m-%d"),
    ),
    "d_epoch0": (lambda c: int(c.now), same(0)),
    "d_fixed": (key, same("AAAAAAAAAAAAAAAAAAAA")),
    "d_key_form": (hexa(32), lambda c: str(uuid.UUID(int=c.rnd.getrandbits(128)))),
    "d_key_case": (hexa(16), lambda c: hexa(16)(c).upper()),
    "d_key_prefix": (lambda c: "ch_" + key(c), lambda c: "py_" + key(c)),
    "d_key_noprefix": (lambda c: "ch_" + key(c), key),
    "d_key_longer": (key, lambda c: letters(c.rnd, 26)),
    "d_key_digits": (key, lambda c: letters(c.rnd, 20, string.digits)),
    "d_key_nouns": (hexa(10), lambda c: c.rnd.choice(NOUNS)),
    "d_key_error": (key, at_rows(key, same("N/A"), lambda r: r % 18 == 7)),
    "d_key_twice": (key, lambda c: c.kept.setdefault(f"k{c.row // 4}", key(c))),
    "d_key_zeros": (lambda c: f"{c.rnd.randrange(10**8):08}", lambda c: str(c.rnd.randrange(10**8))),
    "d_moved": (lambda c: c.sent["order"], shift(lambda c: c.sent["order"], "moved", "1234567890")),
    "d_crossed": (tier, at_rows(tier, lambda c: "basic" if tier(c) != "basic" else "pro", lambda r: r in (3, 4))),
    "d_rate_null": (
        lambda c: None if c.rnd.random() < 0.05 else key(c),
        lambda c: None if c.rnd.random() < 0.5 else key(c),
    ),
    "d_rate_there": (flag(0.8, 1, ABSENT), flag(0.2, 1, ABSENT)),
    "d_rate": (flag(0.9, "warm", "cold"), flag(0.35, "warm", "cold")),
    "d_scale": (lambda c: c.rnd.random() * 10, lambda c: c.rnd.random() * 1000),
    "d_negative": (lambda c: round(c.rnd.random() * 50, 2), lambda c: round(-c.rnd.random() * 50, 2)),
    "d_cents": (lambda c: c.sent["total"], lambda c: c.sent["total"].replace(".", "")),
    "d_comma": (lambda c: c.sent["total"], lambda c: c.sent["total"].replace(".", ",")),
    "d_tax": (lambda c: round(amount(c) * 1.19, 2), lambda c: round(amount(c) * 1.07, 2)),
    "d_hash": (
        lambda c: hashlib.sha256(c.sent["mail"].encode()).hexdigest(),
        lambda c: hashlib.md5(c.sent["mail"].encode()).hexdigest(),
    ),
    "d_hash_name": (
        lambda c: hashlib.md5(c.sent["mail"].encode()).hexdigest(),
        lambda c: hashlib.md5(c.sent["order"].encode()).hexdigest(),
    ),
    "d_swapped": (lambda c: c.sent["buyer.name"], lambda c: c.sent["buyer.city"]),
    "d_echo_none": (lambda c: c.sent["mail"], same("none@shop.example")),
    "d_tel": (lambda c: c.sent["tel"], lambda c: "".join(filter(str.isdigit, c.sent["tel"]))),
    "d_echo_spaces": (lambda c: c.sent["mail"], lambda c: f" {c.sent['mail']}"),
    "d_count_stuck": (sequence("ds", 40), same(77)),
    "d_count_back": (sequence("db", 9_000), sequence("dc", 9_000, -1)),
    "d_count_by": (sequence("dd", 10), sequence("de", 10, 100)),
    "d_link": (lambda c: f"http://shop.example/o/{key(c)}", lambda c: f"https://shop.example/o/{key(c)}"),
    "d_link_path": (
        lambda c: f"https://shop.example/orders/{c.sent['order']}/show",
        lambda c: f"https://shop.example/order/{c.sent['order']}",
    ),
    "header_x_plan": (same("a"), same("b")),
    "header_x_api": (same("2"), same(ABSENT)),
    "xml_code": (same("00"), same("0")),
    "xml_text": (stored("stored"), stored("lost")),
    "xml_extra": (same(ABSENT), same("1")),
    "text_state": (same("OK"), same("FAIL")),
    "text_total": (lambda c: f"total {c.sent['total']} EUR", lambda c: f"total {c.sent['total']} USD"),
    "html_head": (lambda c: f"Order {key(c)} placed", lambda c: f"Order {key(c)} failed"),
}

BENCH = Bench(NOISE, PLANTED, people)
