"""The interlock: nothing goes to production without the partner's name, and no invented person without saying so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rokt_export.errors import UsageError

if TYPE_CHECKING:
    from rokt_export.spec.model import PartnerSpec

PRODUCTION = "production"
"""The guarded environment (design section 4)."""


def guard_production(
    spec: PartnerSpec,
    environment: str,
    *,
    confirm: str | None,
    invented: bool,
    test_data: bool,
    ask: Callable[[], str] | None,
) -> None:
    """Let a send pass, or stop it.

    Args:
        spec: the partner's spec.
        environment: where it goes to.
        confirm: what `--confirm` said.
        invented: whether the people are generated.
        test_data: whether `--test-data` was given.
        ask: asks a person at a terminal to type the partner's slug; None where there is nobody to ask.

    Raises:
        UsageError: it may not pass.
    """
    if environment != PRODUCTION:
        return
    where = f"{spec.partner} {environment}"
    if (invented or test_data) and not (confirm and test_data):
        raise UsageError(
            "invented people never go to production",
            where=where,
            remedy=f"Send them to staging; if they must, add both --test-data and --confirm {spec.partner}.",
        )
    typed = confirm if confirm is not None else ask() if ask is not None else None
    if typed is None:
        raise UsageError(
            "a production send needs a confirmation that names the partner",
            where=where,
            remedy=f"Add --confirm {spec.partner}.",
        )
    if typed.strip() != spec.partner:
        raise UsageError(
            f"`{typed.strip()}` is not the partner of this spec, `{spec.partner}`; nothing was sent",
            where=where,
            remedy="Check that this is the spec you meant.",
        )
