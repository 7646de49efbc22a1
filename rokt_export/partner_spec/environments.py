"""Judge the name of an environment: a place for tests, or a live system that has to be guarded."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

_TEST = frozenset(
    re.findall(
        r"\w+",
        "staging stage stg test tests testing tst dev devel develop development qa uat sit sandbox sbx local localhost"
        " preview pre preprod preproduction preprd prelive nonprod nonproduction nonprd nonlive integration demo mock"
        " ci acc acceptance loadtest perf performance",
    )
)
_TEST_WITHIN = ("staging", "sandbox")
"""Words that no other word begins or ends with: `eustaging` says test, while `latest` does not."""
_LIVE = frozenset(("prod", "prods", "prd", "production", "productive", "live"))
_NEAR = 0.8
"""Similarity (difflib's ratio) from which a word counts as a misspelt `production`."""


def says_test(name: str) -> bool:
    """Return whether an environment's name says that it is for tests: `staging`, `eu-qa`, `test2`, `pre-prod`.

    A name that speaks of production as well (`prod-test`) does not: one of the two words is wrong.
    """
    words = _words(name)
    return any(_is_test(word) for word in words) and not any(map(_is_live, words))


def says_production(name: str) -> bool:
    """Return whether a name means `production`, abbreviated (`prd`), numbered or misspelt (`productoin`)."""
    return any(map(_is_live, _words(name)))


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+", re.sub(r"(?<![a-z])(pre|non)[-_]+(?=[a-z])", r"\1", name))


def _is_test(word: str) -> bool:
    return word in _TEST or word.startswith(_TEST_WITHIN) or word.endswith(_TEST_WITHIN)


def _is_live(word: str) -> bool:
    if word in _TEST or word.startswith(("pre", "non")):
        return False
    return (
        word in _LIVE or word.endswith(("prod", "live")) or SequenceMatcher(None, word, "production").ratio() >= _NEAR
    )
