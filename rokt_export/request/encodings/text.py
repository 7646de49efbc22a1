"""Plain text: a template makes the whole body, so that there are no body parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rokt_export.errors import SpecError
from rokt_export.request.encodings import BodyEncoding, Encode
from rokt_export.request.parameter_values import CompiledParameter


class TextEncoding(BodyEncoding):
    """UTF-8 text."""

    def encoder(self, _parameters: Sequence[CompiledParameter]) -> Encode:
        """Refuse body parameters: they have no place in a text."""
        raise SpecError(
            "a plain text body needs a template",
            remedy="Write the text as `body: |` with `{{ attribute }}` in it, instead of body parameters.",
        )

    def shell_escape(self, before: str) -> str:  # noqa: ARG002
        """Return nothing: a text escapes nothing."""
        return ""

    def read(self, body: bytes | str) -> str:
        """Return the text."""
        return body if isinstance(body, str) else body.decode()


ENCODING: Final = TextEncoding()
