"""API keys: a constant in a header, the query or the body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, assert_never

from pydantic import Field, model_validator

from rokt_export.authentication.base import (
    Authentication,
    BodyFinder,
    Checked,
    CredentialUse,
    FieldSecrecy,
    FillText,
    KeyParameter,
    Public,
    ReceivedRequest,
    Refusal,
    same,
)
from rokt_export.spec_language.fields import Text, ValueTemplate, check_header_name
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.template import compile_template


class ApiKey(Authentication):
    """`type: api_key`: a key in a header, the query or the body.

    Attributes:
        type: which kind of authentication this is.
        in_: header, query or body.
        name: the name of the header or parameter.
        value: template of the key.
        prefix: text before the key, including a space if needed.
    """

    type: Literal["api_key"]
    in_: Literal["header", "query", "body"] = Field("header", alias="in")
    name: Public[Text]
    value: Annotated[ValueTemplate, FieldSecrecy(secret=True, shown_as="API_KEY")]
    prefix: Public[Text] = ""

    @model_validator(mode="after")
    def _named(self) -> ApiKey:
        if self.in_ == "header":
            check_header_name(self.name, fixed=not compile_template(self.value).varies)
        return self

    def credential(self, fill: FillText) -> KeyParameter:  # noqa: ARG002 - filled like every other parameter
        """Return the parameter."""
        return KeyParameter(self.in_, self.name, self.prefix + self.value)

    def verification(self, fill: FillText, body_finder: BodyFinder) -> Checked:
        """Return the check of every value under the key's name."""
        wanted = self.prefix + fill(self.value)
        find = body_finder(self.name)
        where = f"API key `{self.name}` ({self.in_})"

        def given(received: ReceivedRequest) -> list[str]:
            match self.in_:
                case "header":
                    return list(received.headers.getall(self.name, []))
                case "query":
                    return received.queried.get(self.name, [])
                case "body":
                    return [text_of(found) for found in find(received.data)]
                case _:
                    assert_never(self.in_)

        def verify(received: ReceivedRequest) -> Refusal | None:
            found = given(received)
            if not found:
                return Refusal(f"{where} is missing")
            return None if all(same(each, wanted) for each in found) else Refusal(f"{where} is wrong")

        return Checked(verify)

    def uses(self) -> Iterable[CredentialUse]:
        """Return the parameter."""
        return (CredentialUse(self.value, f"{self.in_} {self.name}"),)
