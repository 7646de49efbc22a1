"""Body encodings, one module each: from parameters to bytes, and back in a sandbox.

`spec_language/encodings.py` registers the names. The module of an encoding has its name and assigns `ENCODING`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

from rokt_export.request.parameter_values import CompiledParameter, ParameterValues

Encode = Callable[[ParameterValues], bytes | None]
"""From a transaction's values to the bytes of its body; None sends no body."""


class BodyEncoding(ABC):
    """One body encoding.

    Attributes:
        declaration: the start of a whole document, unless the spec says `xml_declaration: false`.
    """

    declaration: ClassVar[bytes] = b""

    @abstractmethod
    def encoder(self, parameters: Sequence[CompiledParameter]) -> Encode:
        """Return the function that encodes the parameters of a body.

        Raises:
            SpecError: the parameters' names do not make a body of this encoding.
        """

    @abstractmethod
    def shell_escape(self, before: str) -> str:
        """Return a filter of sh that escapes a secret of the shell as a body has it; empty if it stands there as it is.

        Args:
            before: the body before the secret.
        """

    @abstractmethod
    def read(self, body: bytes | str) -> Any:
        """Return the data in a body, as the sandbox finds parameters in it.

        For `names: flat` that is a mapping of names to lists of values.

        Raises:
            ValueError: the body is not in this encoding, or too costly to read (see `response/body_limits.py`).
        """

    def read_exact(self, body: bytes | str) -> Any:
        """Return the data in a body with every digit of its numbers; raises as `read` does."""
        return self.read(body)


@cache
def body_encoding(name: str) -> BodyEncoding:
    """Return a registered encoding; its module is loaded only now, because that of XML takes 3 ms."""
    encoding: BodyEncoding = import_module(f"{__name__}.{name}").ENCODING
    return encoding


def document_of(text: str) -> str:
    """Return the encoding of a document that begins so, where no Content-Type names it: `xml`, else `json`."""
    return "xml" if text.lstrip().startswith("<") else "json"
