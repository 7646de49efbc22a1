"""Texts that partners mangle, and what became of one that was read back."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from unicodedata import category, combining, normalize

HOSTILE: Mapping[str, str] = {
    "quotes": 'Rokt "O\'Hara" `Test`',
    "markup": "Rokt <b>R&amp;D</b> & Co",
    "accents": "Rokt Zoë Łukasz Ñuñez Åse",
    "emoji": "Rokt \N{PARTY POPPER}Test\N{THUMBS UP SIGN}",
    "right-to-left": "Rokt שלום مرحبا Test",
    "line break": "Rokt\nTest",
    "blanks": " Rokt  Test ",
}
"""Name to text. Each begins with letters that nobody changes, so that the tech contact finds the record."""
MAY_BE_REFUSED = frozenset({"line break"})
"""Texts of which a partner may say no: its records have one line."""

DEFECTS = {
    "drops-accents": "accents are dropped",
    "drops-emoji": "emoji are dropped",
    "drops-signs": "some characters are dropped",
    "replaces-signs": "some characters are replaced by `?` or `\N{REPLACEMENT CHARACTER}`",
    "truncates": "the text is cut",
    "trims": "blanks at the ends are removed",
    "joins-words": "blanks or line breaks between words are removed",
    "joins-blanks": "blanks or line breaks are joined or replaced",
    "escapes-markup": "`<`, `&` or quotes are stored as `&lt;`, `&amp;`, `&quot;`",
    "strips-markup": "what looks like markup is removed",
    "changes-case": "upper and lower case are changed",
    "misreads-encoding": "UTF-8 is read as another encoding",
    "loses-value": "the value is not there",
    "changes-text": "the value is another one",
}
"""Defect to what happens, in a clause."""
ABOUT_BLANKS = frozenset({"trims", "joins-words", "joins-blanks"})
"""Defects that nobody sees in a text whose blanks have no signs."""


def change_of(sent: str, found: str | None) -> str:
    """Return the defect by which a text became another one; empty where both are the same.

    Two Unicode forms of one letter are the same.

    Args:
        sent: as it was sent.
        found: as it was read back; None where it is not there.
    """
    if found is None or (found == "" and sent):
        return "loses-value"
    sent, found = normalize("NFC", sent), normalize("NFC", found)
    if sent == found:
        return ""
    for defect, changed in _CHANGES:
        if changed(sent, found):
            return defect
    return "changes-text"


def change_in_words(defect: str) -> str:
    """Return what a defect of `change_of` does to a text, in a clause."""
    return DEFECTS[defect]


_STAND_IN = "[?\N{REPLACEMENT CHARACTER}]{1,4}"
"""What stands in for a character that could not be kept: one for each, or for each of its bytes."""


def _is_trimmed(sent: str, found: str) -> bool:
    return sent.strip() == found.strip()


def _are_words_joined(sent: str, found: str) -> bool:
    return sent.split() != found.split() and _are_blanks_joined(sent, found)


def _are_blanks_joined(sent: str, found: str) -> bool:
    return "".join(sent.split()) == "".join(found.split())


def _is_escaped(sent: str, found: str) -> bool:
    unescaped = found
    for _ in range(2):  # twice is not rare
        unescaped = html.unescape(unescaped)
        if unescaped == sent:
            return True
    return False


def _is_markup_stripped(sent: str, found: str) -> bool:
    bare = re.sub(r"<[^>]*>", "", sent)
    return bare != sent and found.strip() in (bare.strip(), html.unescape(bare).strip())


def _is_cut(sent: str, found: str) -> bool:
    return len(found.rstrip()) < len(sent) and sent.startswith(found.rstrip()) and bool(found.strip())


_STROKED = str.maketrans("ŁłØøĐđßÆæŒœ", "LlOoDdsAaOo")


def _are_accents_dropped(sent: str, found: str) -> bool:
    """Return whether each letter with an accent became its plain letter, or is gone, and some did."""
    pattern = "".join(
        re.escape(sign) if sign.isascii() else f"(?:{re.escape(sign)}|{_plain(sign)})?"
        for sign in normalize("NFC", sent)
    )
    plain = any(_plain(sign) != re.escape(sign) for sign in sent if not sign.isascii())
    return plain and re.fullmatch(pattern, found, re.DOTALL) is not None


def _plain(letter: str) -> str:
    return re.escape("".join(sign for sign in normalize("NFKD", letter.translate(_STROKED)) if not combining(sign)))


def _without_emoji(text: str) -> str:
    return "".join(sign for sign in text if ord(sign) < 0x10000 and category(sign) not in ("So", "Cs"))


def _are_emoji_dropped(sent: str, found: str) -> bool:
    bare = _without_emoji(sent)
    return bare != sent and found.split() == bare.split()


def _is_misread(sent: str, found: str) -> bool:
    return any(sent.encode().decode(codec, "replace") == found for codec in ("latin-1", "cp1252"))


def _are_signs_replaced(sent: str, found: str) -> bool:
    pattern = "".join(re.escape(sign) if sign.isascii() else f"(?:{re.escape(sign)}|{_STAND_IN})" for sign in sent)
    return re.fullmatch(pattern, found, re.DOTALL) is not None


def _are_signs_dropped(sent: str, found: str) -> bool:
    """Return whether all of `found` is in `sent`, in order."""
    rest = iter(sent)
    return len(found) < len(sent) and all(sign in rest for sign in found)


_CHANGES = (
    ("trims", _is_trimmed),
    ("joins-words", _are_words_joined),
    ("joins-blanks", _are_blanks_joined),
    ("changes-case", lambda sent, found: sent.casefold() == found.casefold()),
    ("escapes-markup", _is_escaped),
    ("strips-markup", _is_markup_stripped),
    ("drops-emoji", _are_emoji_dropped),
    ("drops-accents", _are_accents_dropped),
    ("misreads-encoding", _is_misread),
    ("replaces-signs", _are_signs_replaced),
    ("truncates", _is_cut),
    ("drops-signs", _are_signs_dropped),
)
"""Tried in this order: the first that explains the difference names it."""
