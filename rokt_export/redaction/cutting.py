"""Cut a text to a length: only ever after redaction, because half a secret is no longer found."""

from __future__ import annotations

KEPT = 65_536
"""Characters that a text keeps until it is redacted, where its length is not known to be small."""
MOST_SHOWN = 500
"""Characters of a reason, a reference or an error that are kept and shown."""


def cut(text: str, most: int = MOST_SHOWN) -> str:
    """Return a redacted text, with an ellipsis in place of what is longer than `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
