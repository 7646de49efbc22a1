"""The base of authentication types: a type that is not finished says what it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import pytest

from rokt_export.authentication.base import (
    Authentication,
    BodyFinder,
    CredentialUse,
    FillText,
    NotChecked,
    Public,
    Secret,
    StaticHeader,
)
from rokt_export.spec_language.fields import ValueTemplate

FINISHED: dict[str, Any] = {
    "__annotations__": {"type": Literal["acme"], "name": Public[ValueTemplate], "key": Secret[ValueTemplate]},
    "credential": lambda self, fill: StaticHeader("X-Key", fill(self.key)),
    "verification": lambda self, fill, body_finder: NotChecked("a test"),
    "uses": lambda self: [CredentialUse(self, "header X-Key")],
}


def _annotated(**changes: Any) -> dict[str, Any]:
    return {"__annotations__": FINISHED["__annotations__"] | changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"credential": Authentication.credential}, "it has no method `credential`"),
        ({"verification": Authentication.verification}, "it has no method `verification`"),
        ({"uses": Authentication.uses}, "it has no method `uses`"),
        (_annotated(key=ValueTemplate), "its field `key` is neither Secret[...] nor Public[...]"),
        (_annotated(key=Secret[dict[str, ValueTemplate]]), "its field `key` is Secret[...], but no text"),
        (_annotated(key=Secret[tuple[ValueTemplate, ...]]), "its field `key` is Secret[...], but no text"),
        (_annotated(key=Secret[ValueTemplate | int]), "its field `key` is Secret[...], but no text"),
        (_annotated(key=Public[ValueTemplate]), "no field is Secret[...], and `no_secret` does not say why"),
        (_annotated(type=str), 'it does not name its `type` (`type: Literal["basic"]`)'),
    ],
)
def test_a_half_finished_type_says_what_it_lacks(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(f"the authentication type Acme is not finished: {message}")):
        type("Acme", (Authentication,), FINISHED | changes | {"__module__": __name__})


def test_a_finished_type_is_taken() -> None:
    class Acme(Authentication):
        type: Literal["acme"]
        key: Secret[ValueTemplate]

        def credential(self, fill: FillText) -> StaticHeader:
            return StaticHeader("X-Key", fill(self.key))

        def verification(self, fill: FillText, body_finder: BodyFinder) -> NotChecked:
            return NotChecked("a test")

        def uses(self) -> Iterable[CredentialUse]:
            return [CredentialUse(self, "header X-Key")]

    assert list(Acme(type="acme", key="k").secrets()) == [("KEY", "k")]
