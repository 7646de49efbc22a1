"""No body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rokt_export.request.encodings import BodyEncoding, Encode
from rokt_export.request.parameter_values import CompiledParameter


class NoBody(BodyEncoding):
    """The encoding `none`: lint finding RX114 reports body parameters that are therefore never sent."""

    def encoder(self, _parameters: Sequence[CompiledParameter]) -> Encode:
        """Return a function that sends no body."""
        return lambda _values: None

    def shell_escape(self, before: str) -> str:  # noqa: ARG002
        """Return nothing: there is no body."""
        return ""

    def read(self, body: bytes | str) -> None:
        """Return None; raises ValueError for a body that is not empty."""
        if body:
            raise ValueError(f"it has {len(body)} bytes")


ENCODING: Final = NoBody()
