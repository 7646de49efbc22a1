"""Options of a sandbox that make no sense are refused."""

from __future__ import annotations

import pytest

from rokt_export.errors import UsageError
from rokt_export.sandbox.options import SandboxOptions, proof_of


@pytest.mark.parametrize(
    "options",
    [{"faults": {"flood": 1}}, {"error_rate": 2}, {"error_rate": 0.7, "faults": {"hang": 0.5}}, {"latency": -1}],
)
def test_options_that_make_no_sense(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        SandboxOptions(**options)  # type: ignore[arg-type]


def test_a_proof_belongs_to_one_challenge_and_one_partner() -> None:
    assert proof_of("c", "acme") == proof_of("c", "acme")
    assert len({proof_of("c", "acme"), proof_of("d", "acme"), proof_of("c", "other")}) == 3
