"""The third bench, made after the comparison and without a look at the others: a partner that takes bookings."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import random
import string
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

from tests.diff.planted.leads import flag, letters, same
from tests.diff.planted.partner import ABSENT, At, Bench, Make

B32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ALPHANUMERIC = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
URL_SAFE = ALPHANUMERIC + "_-"
FIRST = [
    "Ava",
    "Liam",
    "Noah",
    "Mia",
    "Zoë",
    "José",
    "Ana",
    "Søren",
    "Björn",
    "Emma",
    "Chloé",
    "Renée",
    "Hugo",
    "Ida",
    "Nils",
    "Eva",
    "Tom",
    "Kim",
    "Lea",
    "Max",
    "Nina",
    "Rosa",
]
LAST = [
    "Nguyen",
    "O'Brien",
    "Müller",
    "Smith",
    "García",
    "Núñez",
    "Jensen",
    "Øster",
    "Patel",
    "Rossi",
    "D'Arcy",
    "Weiß",
    "Novak",
    "Silva",
    "Costa",
    "Berg",
]
CITIES = ["Berlin", "Paris", "London", "Oslo", "Madrid", "Rome", "Vienna", "Porto", "Lyon", "Graz"]
FOOD = [
    "apple",
    "pear",
    "plum",
    "fig",
    "kiwi",
    "lime",
    "date",
    "nut",
    "corn",
    "rice",
    "oat",
    "rye",
    "tea",
    "milk",
    "egg",
    "ham",
    "pie",
    "jam",
    "bun",
    "soup",
]


def order_of(row: int) -> str:
    return f"T-{(row * 48_271 + 90_001) % 99_999_989:08}"


def email_of(row: int) -> str:
    return f"guest.{row * 7919 % 100_003:05}@mail.example.com"


def people(row: int, rnd: random.Random) -> Mapping[str, str]:
    return {
        "email": email_of(row),
        "firstname": rnd.choice(FIRST),
        "lastname": rnd.choice(LAST),
        "country": rnd.choice(["DE", "DE", "FR", "GB", "US", "NO", "IT"]),
        "city": rnd.choice(CITIES),
        "phone": "+49" + str(rnd.randint(10**9, 10**10 - 1)),
        "amount": f"{rnd.randint(500, 99_999) / 100:.2f}",
        "order": order_of(row),
    }


def hexa(c: At, length: int) -> str:
    return f"{c.rnd.getrandbits(4 * length):0{length}x}"


def new_uuid(c: At) -> str:
    return str(uuid.UUID(int=c.rnd.getrandbits(128), version=4))


def ulid(c: At) -> str:
    number = (int(c.now * 1000) << 80) | c.rnd.getrandbits(80)
    return "".join(B32[(number >> bits) & 31] for bits in range(125, -1, -5))


def snowflake(c: At) -> int:
    return ((int(c.now * 1000) - 1_288_834_974_657) << 22) | c.rnd.getrandbits(22)


def url_base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwt(c: At) -> str:
    claims = {"sub": "booking", "iat": int(c.now), "exp": int(c.now) + 900, "jti": hexa(c, 12)}
    head = url_base64(b'{"alg":"HS256","typ":"JWT"}')
    return f"{head}.{url_base64(json.dumps(claims).encode())}.{url_base64(c.rnd.randbytes(32))}"


def s3(c: At) -> str:
    return (
        f"https://files.partner.example/{hexa(c, 10)}/voucher.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Date={at(c.now):%Y%m%dT%H%M%SZ}&X-Amz-Expires=600&X-Amz-Signature={hexa(c, 64)}"
    )


def signed(c: At) -> str:
    signature = letters(c.rnd, 48, URL_SAFE)
    return f"https://d1x.partner.example/v.pdf?Expires={int(c.now) + 3600}&Signature={signature}__&Key-Pair-Id=K2JCJM"


def object_id(c: At) -> str:
    machine = c.kept.setdefault("machine", hexa(c, 10))
    return f"{int(c.now):08x}{machine}{c.count('object', 70_000, lambda: c.rnd.randint(1, 4)):06x}"


def counter(name: str, low: int, high: int, least: int, most: int) -> Make:
    """A counter that starts anywhere between two numbers and makes steps of a size between two others."""

    def count(c: At) -> int:
        start = c.kept.setdefault(f"start of {name}", c.rnd.randint(low, high))
        return c.count(name, start, lambda: c.rnd.randint(least, most))

    return count


def limit(c: At) -> int:
    return counter("limit", 200, 900, -3, -1)(c) % 1000


def at(seconds: float, zone: timezone = UTC) -> datetime:
    return datetime.fromtimestamp(seconds, zone)


def iso(seconds: float) -> str:
    return f"{at(seconds):%Y-%m-%dT%H:%M:%SZ}"


def iso_ms(seconds: float) -> str:
    return at(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def us(seconds: float) -> str:
    one = at(seconds)
    half = "AM" if one.hour < 12 else "PM"
    return f"{one.month}/{one.day}/{one.year}, {one.hour % 12 or 12}:{one:%M:%S} {half}"


def sent(name: str) -> Make:
    return lambda c: c.sent[name]


def latency(c: At) -> int:
    return int(20 + c.rnd.expovariate(1 / 30))


NOISE: dict[str, Make] = {
    "greet": lambda c: f"Hello {c.sent['firstname']} {c.sent['lastname']}, ref {letters(c.rnd, 6, B32)}",
    "dayMonth": lambda c: f"{at(c.now):%d-%b-%Y %H:%M:%S}",
    "messageId": lambda c: f"<{hexa(c, 12)}.{int(c.now)}@mx{c.rnd.randint(1, 3)}.partner.example>",
    "zeroOrOne": lambda c: c.rnd.randint(0, 1),
    "corr": new_uuid,
    "corrUpper": lambda c: "{" + new_uuid(c).upper() + "}",
    "urn": lambda c: "urn:uuid:" + new_uuid(c),
    "ulid": ulid,
    "snowText": lambda c: str(snowflake(c)),
    "snowNum": snowflake,
    "digest32": lambda c: hexa(c, 32),
    "short8": lambda c: hexa(c, 8).upper(),
    "sha40": lambda c: hexa(c, 40),
    "nano21": lambda c: letters(c.rnd, 21, URL_SAFE),
    "nano10": lambda c: letters(c.rnd, 10, ALPHANUMERIC),
    "b64": lambda c: base64.b64encode(c.rnd.randbytes(16)).decode(),
    "b64url": lambda c: url_base64(c.rnd.randbytes(24)),
    "jwt": jwt,
    "download": s3,
    "voucherUrl": signed,
    "revision": lambda c: f'W/"{hexa(c, 10)}"',
    "etag": lambda c: f'"{hexa(c, 8)}-{c.rnd.randint(100, 999):x}"',
    "docId": object_id,
    "bookingId": lambda c: "bk_" + letters(c.rnd, 14, LOWER),
    "voucher": lambda c: f"VCH-2026-{c.rnd.randint(0, 9999999):07}",
    "pin": lambda c: f"{c.rnd.randint(0, 9999):04}",
    "otp": lambda c: c.rnd.randint(100000, 999999),
    "locator": lambda c: letters(c.rnd, 6, string.ascii_uppercase),
    "cuid": lambda c: "c" + letters(c.rnd, 24, LOWER),
    "b58": lambda c: letters(c.rnd, 27, B58),
    "created": lambda c: iso(c.now),
    "createdMs": lambda c: iso_ms(c.now),
    "createdMicro": lambda c: at(c.now).isoformat(),
    "createdLocal": lambda c: at(c.now, timezone(timedelta(hours=-5))).isoformat(timespec="seconds"),
    "createdSql": lambda c: at(c.now).strftime("%Y-%m-%d %H:%M:%S"),
    "epoch": lambda c: int(c.now),
    "epochMs": lambda c: int(c.now * 1000),
    "epochFloat": lambda c: round(c.now, 3),
    "epochText": lambda c: str(int(c.now)),
    "mailDate": lambda c: format_datetime(at(c.now)),
    "httpDate": lambda c: at(c.now).strftime("%a, %d %b %Y %H:%M:%S GMT"),
    "ctime": lambda c: at(c.now).strftime("%a %b %e %H:%M:%S %Y"),
    "usTime": lambda c: us(c.now),
    "deTime": lambda c: at(c.now).strftime("%d.%m.%Y %H:%M:%S"),
    "netDate": lambda c: f"/Date({int(c.now * 1000)})/",
    "compact": lambda c: at(c.now).strftime("%Y%m%dT%H%M%SZ"),
    "compactDigits": lambda c: at(c.now).strftime("%Y%m%d%H%M%S"),
    "validTo": lambda c: iso(c.now + 3600),
    "validTo30": lambda c: int(c.now) + 30 * 86400,
    "clock": lambda c: at(c.now).strftime("%H:%M:%S"),
    "expiresMonth": lambda c: at(c.now + 30 * 86400).strftime("%Y-%m-%dT%H:%M:%S.%fZ")[:-4] + "Z",
    "seq": counter("seq", 10_000, 90_000, 1, 1),
    "seqJump": counter("seqJump", 10_000, 90_000, 1, 9),
    "seqDown": counter("seqDown", 50_000, 90_000, -2, -1),
    "remaining": limit,
    "seqText": lambda c: f"Q{counter('seqText', 1, 9999, 1, 3)(c):08}",
    "node": lambda c: f"app-{c.rnd.randint(1, 4)}.eu-west",
    "ip": lambda c: f"10.{c.rnd.randint(0, 3)}.{c.rnd.randint(0, 255)}.{c.rnd.randint(1, 254)}",
    "shard": lambda c: c.rnd.choice(["alpha", "beta", "gamma"]),
    "worker": lambda c: c.rnd.randint(1, 12),
    "tags": lambda c: c.rnd.sample(["vip", "email", "sms", "push"], 4),
    "score": lambda c: c.rnd.random(),
    "risk": lambda c: round(c.rnd.random() * 100, 1),
    "ms": latency,
    "msText": lambda c: f"{latency(c)} ms",
    "seconds": lambda c: f"{latency(c) / 1000:.3f}s",
    "iso8601dur": lambda c: f"PT0.{latency(c):03}S",
    "cache": flag(0.5, "HIT", "MISS"),
    "cache90": flag(0.9, "fresh", "stale"),
    "variant": flag(0.98, "control", "treatment"),
    "sampled": flag(0.5),
    "opt2": lambda c: new_uuid(c) if c.rnd.random() < 0.02 else ABSENT,
    "opt10": lambda c: "slow" if c.rnd.random() < 0.1 else ABSENT,
    "opt50": lambda c: c.rnd.randint(1, 99) if c.rnd.random() < 0.5 else ABSENT,
    "msg1": lambda c: f"Booking {hexa(c, 10)} stored",
    "msg2": lambda c: f"Lead {letters(c.rnd, 8, B32)} linked to account {c.rnd.randint(10**6, 10**7)}.",
    "msgNum": lambda c: f"You are number {c.rnd.randint(1, 40)} in the queue",
    "msgTime": lambda c: f"Received at {at(c.now).strftime('%H:%M:%S')} UTC by gateway",
    "msgName": lambda c: (
        f"Thanks {c.sent['firstname']}, your code is {letters(c.rnd, 3, B32[10:])}{c.rnd.randint(100, 999)}"
    ),
    "links": lambda c: [new_uuid(c) for _ in range(c.rnd.randint(0, 4))],
    "nullNum": lambda c: None if c.rnd.random() < 0.5 else c.rnd.randint(1, 500),
    "nullId": lambda c: None if c.rnd.random() < 0.3 else hexa(c, 12),
    "byId": lambda c: {hexa(c, 12): "ok" for _ in range(c.rnd.randint(1, 3))},
    "trace": lambda c: {"traceId": hexa(c, 32), "spanId": hexa(c, 16)},
    "sig": lambda c: hashlib.sha256(c.rnd.randbytes(9)).hexdigest(),
    "thousands": lambda c: f"{c.rnd.randint(1000, 99999):,}",
    "mem": lambda c: f"{c.rnd.random() * 20 + 5:.1f} MB",
    "self": lambda c: f"https://partner.example/v1/bookings/{hexa(c, 8)}",
    "greeting": lambda c: c.rnd.choice(["Welcome back!", "Good to see you.", "Hello again"]),
    "items": lambda c: [{"id": new_uuid(c), "kind": "ticket"}, {"id": new_uuid(c), "kind": "meal"}],
    "csvIds": lambda c: ",".join(hexa(c, 6) for _ in range(3)),
    "echo": sent("email"),
    "echoUp": lambda c: c.sent["lastname"].upper(),
    "echoNested": lambda c: {"who": {"first": c.sent["firstname"]}},
    "warn": lambda c: [] if c.rnd.random() < 0.7 else ["slow upstream"],
}


def message(text: str) -> Make:
    return lambda c: text.format(id=hexa(c, 10), n=c.rnd.randint(2, 60), t=f"{at(c.now):%H:%M:%S}", **c.sent)


def derived(*words: Any) -> Make:
    return lambda c: c.own.choice(words)


def appointment(c: At) -> float:
    return 1_800_000_000 + c.own.randrange(90) * 86_400 + c.own.randrange(20) * 1800


def of_country(country: str, yes: Make, no: Make) -> Make:
    return lambda c: (yes if c.sent["country"] == country else no)(c)


def every(rows: int, yes: Make, no: Make) -> Make:
    return lambda c: (yes if c.row % rows == rows // 2 else no)(c)


def once(yes: Make, no: Make) -> Make:
    return lambda c: (yes if c.row == 3 else no)(c)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def again(name: str, share: float, make: Make) -> Make:
    def repeat(c: At) -> Any:
        if name not in c.kept or c.rnd.random() >= share:
            c.kept[name] = make(c)
        return c.kept[name]

    return repeat


def booking(c: At) -> str:
    return "bk_" + letters(c.rnd, 14, LOWER)


def born(c: At) -> datetime:
    return at(86_400 * (3000 + c.own.randrange(11_000)))


def amount(c: At) -> float:
    return float(c.sent["amount"])


def full(c: At) -> str:
    name = f"{c.sent['firstname']} {c.sent['lastname']}"
    return f"Your reservation in {c.sent['city']} for {name} has been recorded and will be confirmed by e-mail."


PLANTED: dict[str, tuple[Make, Make]] = {
    "iToken": (
        lambda c: f"tok_live_{letters(c.rnd, 24, ALPHANUMERIC)}",
        lambda c: f"tok_test_{letters(c.rnd, 24, ALPHANUMERIC)}",
    ),
    "iSeparator": (
        lambda c: ":".join(hexa(c, 2) for _ in range(6)),
        lambda c: "-".join(hexa(c, 2) for _ in range(6)),
    ),
    "iPadded": (lambda c: f"{c.rnd.randint(1, 99_999):08}", lambda c: f"{c.rnd.randint(1, 99_999):010}"),
    "kStep": (counter("kStep", 1000, 1000, 1, 1), counter("kStep", 1000, 1000, 10, 10)),
    "uDomain": (
        lambda c: f"agent{c.rnd.randint(1, 30)}@partner.example",
        lambda c: f"agent{c.rnd.randint(1, 30)}@partner.test",
    ),
    # wording
    "wConst": (same("Booking created"), same("Booking was created")),
    "wIdAll": (message("Booking {id} accepted"), message("Booking {id} refused")),
    "wIdCountry": (
        message("Request {id}: queued"),
        of_country("DE", message("Request {id}: blocked"), message("Request {id}: queued")),
    ),
    "wUnit": (message("Expires in {n} days"), message("Expires in {n} hours")),
    "wTime": (message("Received at {t}"), message("Processed at {t}")),
    "wCase": (message("Lead {id} Created"), message("Lead {id} created")),
    "wDot": (same("All done."), same("All done")),
    "wTrail": (same("stored"), same("stored ")),
    "wLang": (message("Welcome {firstname}, ticket {id}"), message("Willkommen {firstname}, Ticket {id}")),
    "wSome": (message("Card {id} approved"), every(8, message("Card {id} declined"), message("Card {id} approved"))),
    "wOne": (same("ok"), once(same("degraded"), same("ok"))),
    "wExtra": (message("Order {id} saved"), message("Order {id} saved twice")),
    # presence
    "pMissing": (new_uuid, same(ABSENT)),
    "pExtra": (same(ABSENT), same("new")),
    "pRenamed": (same("x7"), same(ABSENT)),
    "p_renamed": (same(ABSENT), same("x7")),
    "pNull": (derived("gold", "silver", "bronze"), same(None)),
    "pIdNull": (booking, same(None)),
    "pNullOne": (sent("city"), once(same(None), sent("city"))),
    "pNullAttr": (sent("city"), of_country("FR", same(None), sent("city"))),
    "pAbsentAttr": (booking, of_country("GB", same(ABSENT), booking)),
    "pAbsentOne": (booking, once(same(ABSENT), booking)),
    "pEmpty": (booking, same("")),
    "pEmptySome": (booking, every(12, same(""), booking)),
    "pEmptyArr": (same(["a", "b"]), same([])),
    "pEmptyObj": (lambda c: {"k": hexa(c, 8)}, same({})),
    "pNullArr": (same([]), same(None)),
    # types
    "tNumText": (amount, lambda c: str(amount(c))),
    "tTextNum": (lambda c: str(c.own.randrange(900)), lambda c: c.own.randrange(900)),
    "tBoolText": (lambda c: c.own.randrange(2) == 1, lambda c: str(c.own.randrange(2) == 1).lower()),
    "tBoolInt": (same(True), same(1)),
    "tIdNum": (lambda c: str(c.rnd.randint(10**9, 10**10)), lambda c: c.rnd.randint(10**9, 10**10)),
    "tArrObj": (same(["a"]), same({"0": "a"})),
    "tStrArr": (sent("email"), lambda c: [c.sent["email"]]),
    "tPrec": (
        lambda c: 9007199254740993 + 2 * c.own.randrange(5000),
        lambda c: 9007199254740992 + 2 * c.own.randrange(5000),
    ),
    "tRound": (lambda c: round(c.own.randrange(10**7) / 10**5, 5), lambda c: round(c.own.randrange(10**7) / 10**5, 2)),
    "tFloatErr": (lambda c: round(c.own.randrange(900) / 10, 1), lambda c: c.own.randrange(900) / 10 + 4e-14 + 1e-12),
    "tMoney": (lambda c: f"{amount(c):.2f}", lambda c: f"{amount(c):.2f}".rstrip("0").rstrip(".")),
    "tRandPrec": (lambda c: round(c.rnd.random(), 6), lambda c: round(c.rnd.random(), 2)),
    # enums
    "eAll": (same("ACTIVE"), same("PENDING")),
    "eDerived": (derived("gold", "silver", "bronze"), derived("gold", "bronze", "silver")),
    "eSome": (same("live"), every(10, same("sandbox"), same("live"))),
    "eOne": (derived("a1", "b2", "c3"), once(same("zz"), derived("a1", "b2", "c3"))),
    "eNew": (
        lambda c: c.rnd.choice(["red", "green", "blue"]),
        lambda c: c.rnd.choice(["red", "green", "blue", "amber"]),
    ),
    "eAttr": (same("EUR"), of_country("GB", same("GBP"), same("EUR"))),
    "eErr5": (booking, every(20, same("ERROR"), booking)),
    "eIntern": (same(1), same(0)),
    "eUnknown": (new_uuid, every(9, same("unknown"), new_uuid)),
    # arrays
    "aLost": (same(["email", "sms", "push"]), same(["email", "sms"])),
    "aOrder": (same(["email", "sms", "push"]), same(["sms", "push", "email"])),
    "aDup": (lambda c: [c.sent["email"]], lambda c: [c.sent["email"]] * 2),
    "aMember": (lambda c: [{"id": new_uuid(c), "type": "adult"}], lambda c: [{"id": new_uuid(c), "type": "child"}]),
    "aKey": (lambda c: [{"id": new_uuid(c), "seat": "12A"}], lambda c: [{"id": new_uuid(c), "place": "12A"}]),
    "aLen": (lambda c: [new_uuid(c) for _ in range(3)], lambda c: [new_uuid(c) for _ in range(2)]),
    # truncation, text
    "xCut": (full, lambda c: full(c)[:40]),
    "xIdCut": (new_uuid, lambda c: new_uuid(c)[:-4]),
    "xAccent": (sent("firstname"), lambda c: c.sent["firstname"].translate(str.maketrans("ëéøö", "eeoo"))),
    "xMoji": (
        lambda c: f"{c.sent['firstname']} {c.sent['lastname']}",
        lambda c: f"{c.sent['firstname']} {c.sent['lastname']}".encode().decode("cp1252", "replace"),
    ),
    "xEsc": (sent("lastname"), lambda c: html.escape(c.sent["lastname"])),
    "xPlus": (
        lambda c: c.sent["firstname"] + " " + c.sent["lastname"],
        lambda c: c.sent["firstname"] + "+" + c.sent["lastname"],
    ),
    "xSpace": (sent("city"), lambda c: c.sent["city"] + " "),
    "xHtml": (message("<p>Ticket <b>{id}</b> issued</p>"), message("<p>Ticket <i>{id}</i> issued</p>")),
    # times
    "hAppt": (lambda c: iso(appointment(c)), lambda c: iso(appointment(c) + 3600)),
    "hNow": (lambda c: iso(c.now), lambda c: iso(c.now - 3600)),
    "hNowEpoch": (lambda c: int(c.now), lambda c: int(c.now) + 7200),
    "hExpiry": (lambda c: iso(c.now + 3600), lambda c: iso(c.now + 86400)),
    "hConst": (lambda c: iso(c.now), same("2020-01-01T00:00:00Z")),
    "hStuck": (lambda c: iso_ms(c.now), again("hStuck", 1, lambda c: iso_ms(c.now))),
    "hRfc": (lambda c: iso(c.now), lambda c: format_datetime(at(c.now))),
    "hMs": (lambda c: int(c.now), lambda c: int(c.now * 1000)),
    "hZone": (lambda c: iso(c.now), lambda c: at(c.now).isoformat(timespec="seconds")),
    "hDob": (lambda c: born(c).strftime("%d/%m/%Y"), lambda c: born(c).strftime("%m/%d/%Y")),
    "hSpace": (lambda c: at(c.now).strftime("%Y-%m-%dT%H:%M:%S"), lambda c: at(c.now).strftime("%Y-%m-%d %H:%M:%S")),
    "hDate": (lambda c: iso(appointment(c)), lambda c: iso(appointment(c))[:10]),
    "hEpochIso": (lambda c: int(c.now), lambda c: iso(c.now)),
    "hMsZero": (lambda c: iso_ms(c.now), lambda c: iso(int(c.now))[:-1] + ".000Z"),
    # ids
    "iNil": (new_uuid, same(str(uuid.UUID(int=0)))),
    "iNoDash": (new_uuid, lambda c: new_uuid(c).replace("-", "")),
    "iUpper": (new_uuid, lambda c: new_uuid(c).upper()),
    "iPrefix": (booking, lambda c: "bkg_" + booking(c)[3:]),
    "iUuid": (lambda c: str(c.rnd.randint(10**8, 10**9)), new_uuid),
    "iWords": (
        lambda c: hexa(c, 12),
        lambda c: c.rnd.choice(FOOD),
    ),
    "iHash": (
        lambda c: hashlib.md5(c.sent["email"].encode()).hexdigest(),
        lambda c: hashlib.sha1(c.sent["email"].encode()).hexdigest(),
    ),
    "iHashIn": (lambda c: digest(c.sent["email"]), lambda c: digest(c.sent["email"].upper())),
    "iHashB64": (
        lambda c: digest(c.sent["email"]),
        lambda c: base64.b64encode(hashlib.sha256(c.sent["email"].encode()).digest()).decode(),
    ),
    "iConst": (lambda c: hexa(c, 24), same("00000000deadbeef00000000")),
    "iDup5": (lambda c: hexa(c, 16), again("iDup5", 0.08, lambda c: hexa(c, 16))),
    "iHalf": (new_uuid, again("iHalf", 0.5, new_uuid)),
    "iFew": (lambda c: str(c.rnd.randint(10**7, 10**8)), lambda c: str(10**7 + c.rnd.randint(1, 6))),
    "iLen": (lambda c: letters(c.rnd, 21, URL_SAFE), lambda c: letters(c.rnd, 16, URL_SAFE)),
    "iZero": (lambda c: f"{c.rnd.randint(0, 99999):06}", lambda c: str(c.rnd.randint(0, 99999))),
    # order of rows
    "oShift": (sent("email"), lambda c: email_of(c.row - 1)),
    "oSwap": (sent("order"), lambda c: order_of({2: 3, 3: 2}.get(c.row, c.row))),
    "oRef": (lambda c: digest(c.sent["order"])[:12], lambda c: digest(order_of(c.row - 1))[:12]),
    # rates
    "rNull": (
        lambda c: None if c.rnd.random() < 0.1 else hexa(c, 8),
        lambda c: None if c.rnd.random() < 0.5 else hexa(c, 8),
    ),
    "rAbsent": (lambda c: "y" if c.rnd.random() < 0.9 else ABSENT, lambda c: "y" if c.rnd.random() < 0.4 else ABSENT),
    "rFlag": (flag(0.9), flag(0.4)),
    "rFlag98": (flag(0.98, "A", "B"), flag(0.7, "A", "B")),
    "rLen": (
        lambda c: [hexa(c, 6) for _ in range(c.rnd.randint(0, 2))],
        lambda c: [hexa(c, 6) for _ in range(c.rnd.randint(3, 6))],
    ),
    # numbers
    "nScale": (lambda c: c.rnd.random(), lambda c: c.rnd.random() * 100),
    "nCents": (amount, lambda c: round(amount(c) * 100)),
    "nSign": (amount, lambda c: -amount(c)),
    "nLat": (lambda c: latency(c), lambda c: latency(c) / 1000),
    "nOff": (lambda c: c.own.randrange(500), lambda c: c.own.randrange(500) + 1),
    "nZero": (lambda c: c.rnd.randint(1, 90), same(0)),
    "nRangeText": (lambda c: f"{c.rnd.randint(1, 5)}", lambda c: f"{c.rnd.randint(0, 500)}"),
    "nNegRand": (lambda c: c.rnd.randint(1, 500), lambda c: -c.rnd.randint(1, 500)),
    # echoes
    "cWrong": (sent("firstname"), sent("lastname")),
    "cConst": (sent("email"), same("test@example.com")),
    "cPhone": (sent("phone"), lambda c: "00" + c.sent["phone"][1:]),
    "cUpper": (sent("city"), lambda c: c.sent["city"].upper()),
    "cMask": (sent("email"), lambda c: c.sent["email"][0] + "***@" + c.sent["email"].split("@")[1]),
    "cLower": (sent("order"), lambda c: c.sent["order"].lower()),
    "cAmount": (lambda c: f"{amount(c):.2f}", lambda c: f"{amount(c):.2f}".replace(".", ",")),
    "cInMsg": (
        lambda c: f"Hi {c.sent['firstname']}, see you in {c.sent['city']}",
        lambda c: f"Hi {c.sent['lastname']}, see you in {c.sent['city']}",
    ),
    "cCutEmail": (sent("email"), lambda c: c.sent["email"].split("@")[0]),
    "cNested": (lambda c: {"p": {"mail": c.sent["email"]}}, lambda c: {"p": {"mail": "mailto:" + c.sent["email"]}}),
    # counters
    "kStuck": (counter("kStuck", 10_000, 90_000, 1, 9), again("kStuck", 1, lambda c: c.rnd.randint(10_000, 90_000))),
    "kBack": (counter("kBack", 10_000, 90_000, 1, 9), counter("kBack", 50_000, 90_000, -2, -1)),
    "kRandom": (counter("kRandom", 70_000, 70_000, 1, 1), lambda c: c.rnd.randint(70_000, 71_000)),
    # URLs
    "uScheme": (
        lambda c: f"https://partner.example/b/{hexa(c, 8)}",
        lambda c: f"http://partner.example/b/{hexa(c, 8)}",
    ),
    "uPath": (
        lambda c: f"https://partner.example/v1/b/{hexa(c, 8)}",
        lambda c: f"https://partner.example/v2/b/{hexa(c, 8)}",
    ),
    "uQuery": (
        lambda c: f"https://go.partner.example/t?id={hexa(c, 8)}&src=api",
        lambda c: f"https://go.partner.example/t?id={hexa(c, 8)}",
    ),
    "uHost": (
        lambda c: f"https://cdn.partner.example/img/{hexa(c, 8)}.png",
        lambda c: f"https://cdn-test.partner.example/img/{hexa(c, 8)}.png",
    ),
    "uSlash": (same("https://help.partner.example/faq"), same("https://help.partner.example/faq/")),
    "uUnsigned": (signed, lambda c: "https://d1x.partner.example/v.pdf"),
}

HEADER_NOISE: dict[str, Make] = {
    "x-request-id": new_uuid,
    "x-corr": lambda c: hexa(c, 16),
    "cf-ray": lambda c: hexa(c, 16) + "-" + c.rnd.choice(["FRA", "CDG"]),
    "server-timing": lambda c: f"db;dur={c.rnd.random() * 20:.1f}, app;dur={c.rnd.random() * 80:.1f}",
    "etag": lambda c: f'W/"{hexa(c, 20)}"',
    "last-modified": NOISE["httpDate"],
    "expires": lambda c: at(c.now + 3600).strftime("%a, %d %b %Y %H:%M:%S GMT"),
    "x-ratelimit-remaining": lambda c: str(limit(c)),
    "x-ratelimit-reset": lambda c: str(int(c.now) + 60),
    "x-served-by": lambda c: f"cache-fra{c.rnd.randint(1000, 1009)}",
    "x-cache": flag(0.9, "Hit from edge", "Miss from edge"),
    "traceparent": lambda c: f"00-{hexa(c, 32)}-{hexa(c, 16)}-01",
    "x-runtime": lambda c: f"{c.rnd.random() / 5:.6f}",
}
HEADERS: dict[str, tuple[Make, Make]] = {
    "x-api-version": (same("2026-01"), same("2026-02")),
    "cache-control": (same("no-store"), same("max-age=60")),
    "x-gone": (same("1"), same(ABSENT)),
    "x-new": (same(ABSENT), same("1")),
    "location": (lambda c: f"/v1/bookings/{hexa(c, 8)}", lambda c: f"/v2/bookings/{hexa(c, 8)}"),
    "x-frame": (same("DENY"), same("SAMEORIGIN")),
    "vary": (same("Accept"), same("Accept, Origin")),
    "retry": (same("30"), same("30s")),
}


def on(kind: str, *names: str) -> dict[str, Make]:
    """Noise that stands in another kind of body too."""
    return {f"{kind}_{name}": NOISE[name] for name in names}


def planted_on(kind: str, *names: str) -> dict[str, tuple[Make, Make]]:
    return {f"{kind}_{name}": PLANTED[name] for name in names}


BENCH = Bench(
    {
        **NOISE,
        **{f"header_{name.replace('-', '_')}": make for name, make in HEADER_NOISE.items()},
        **on("xml", "corr", "created", "msg2", "csvIds", "seqJump", "cache", "score"),
        **on("text", "msgTime", "b64url", "msg1", "voucherUrl", "epochMs", "usTime"),
        **on("html", "msgName", "nano21", "download", "seqDown", "deTime"),
    },
    {
        **PLANTED,
        **{f"header_{name.replace('-', '_')}": makes for name, makes in HEADERS.items()},
        **planted_on("xml", "wIdAll", "hNow", "iUpper", "eDerived", "pMissing", "nSign"),
        **planted_on("text", "wSome", "hExpiry", "xCut", "cInMsg", "iPrefix"),
        **planted_on("html", "wExtra", "uPath", "eErr5", "xAccent", "tMoney"),
    },
    people,
    apart=0.3,
)
