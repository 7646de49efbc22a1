"""Checks a text against the named formats of a parameter (`format: email`)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from unicodedata import name

# Pragmatic, as mail providers are: one @, no spaces, control or invisible characters, a dotted domain; lengths as in
# RFC 5321 (4.5.3.1).
_NOT_IN_MAIL = r"\s@,;:<>()\[\]\\\"\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_EMAIL = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)"
    rf"[^{_NOT_IN_MAIL}.]+(?:\.[^{_NOT_IN_MAIL}.]+)*"
    r"@(?:[^\W_](?:[^\W_]|-){0,62}\.)+[^\W\d_](?:[^\W_]|-){1,62}"
)
_URL = re.compile(
    r"https?://(?:[^\s/?#@]+@)?(?:\[[0-9a-f:.]+\]|[^\s/?#:@\[\]]+)(?::\d{1,5})?(?:[/?#]\S*)?", re.IGNORECASE
)
_PHONE = re.compile(r"\+?(?:[ ()./-]*\d){6,15}[ ()./-]*")
_COMPACT_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# ISO 3166-1 alpha-2, and XK, the usual code of Kosovo.
_COUNTRIES = _codes(
    """
    ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq br bs bt bv bw by bz
    ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg eh er es et fi fj fk fm fo fr
    ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp
    ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm mn mo mp mq mr ms mt
    mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw
    sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz
    ua ug um us uy uz va vc ve vg vi vn vu wf ws xk ye yt za zm zw
    """
)

# ISO 4217: current currencies, and replaced ones that partners still use.
_CURRENCIES = _codes(
    """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn bzd cad cdf chf clf
    clp cny cop crc cuc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl hrk
    htg huf idr ils inr iqd irr isk jmd jod jpy kes kgs khr kmf kpw krw kwd kyd kzt lak lbp lkr lrd lsl lyd mad mdl mga
    mkd mmk mnt mop mru mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub
    rwf sar sbd scr sdg sek sgd shp sle sll sos srd ssp stn svc syp szl thb tjs tmt tnd top try ttd twd tzs uah ugx usd
    uyu uzs ved ves vnd vuv wst xaf xcd xcg xof xpf yer zar zmw zwg zwl
    """
)


def matches(form: str, text: str) -> bool:
    """Return whether a text has a named format (one of `FORMATS`).

    `email` is pragmatic, not RFC 5322, and no word of it mixes letters of two scripts; hex digests may be in either
    case; `date` is `yyyymmdd` or ISO 8601, and a day that exists; `phone` is 6 to 15 digits (E.164) with the usual
    separators; `country` is ISO 3166-1 alpha-2 and `currency` ISO 4217, in either case.

    Raises:
        KeyError: there is no such format.
    """
    return _MATCHERS[form](text)


_SCRIPTS = {"LATIN": "Latin", "CYRILLIC": "Cyrillic", "GREEK": "Greek"}


def foreign_letter(text: str) -> tuple[str, str] | None:
    """Return (script, letter) of a Cyrillic or Greek letter in a word of Latin letters; None if there is none."""
    if text.isascii():
        return None
    for word in re.findall(r"[^\W\d_]+", text):
        scripts = {sign: _SCRIPTS.get(name(sign, "").partition(" ")[0], "") for sign in word}
        if "Latin" in scripts.values():
            for sign, script in scripts.items():
                if script in ("Cyrillic", "Greek"):
                    return script, sign
    return None


def _is_email(text: str) -> bool:
    return _EMAIL.fullmatch(text) is not None and foreign_letter(text) is None


def _whole(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _hex(length: int) -> Callable[[str], bool]:
    return _whole(re.compile(rf"[0-9a-fA-F]{{{length}}}"))


def _is_date(text: str) -> bool:
    try:
        if compact := _COMPACT_DATE.fullmatch(text):
            date(*map(int, compact.groups()))
        else:
            datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_MATCHERS: Mapping[str, Callable[[str], bool]] = {
    "email": _is_email,
    "md5": _hex(32),
    "sha1": _hex(40),
    "sha256": _hex(64),
    "uuid": _whole(re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)),
    "url": _whole(_URL),
    "date": _is_date,
    "digits": _whole(re.compile(r"[0-9]+")),
    "phone": _whole(_PHONE),
    "ip": _is_ip,
    "country": lambda text: text.lower() in _COUNTRIES,
    "currency": lambda text: text.lower() in _CURRENCIES,
}
FORMATS = tuple(_MATCHERS)
"""The names of the formats."""
