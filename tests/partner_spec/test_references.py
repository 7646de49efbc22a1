"""The attributes and variables that a spec uses, where each variable goes, and whose it is."""

from __future__ import annotations

import pytest

from rokt_export.partner_spec.references import belongs_to_others


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "SSH_AUTH_SOCK", "CI_JOB_TOKEN", "HOME", "KUBECONFIG", "PATH"])
def test_names_of_others(name: str) -> None:
    assert belongs_to_others(name)
    assert not belongs_to_others(f"ACME_{name}")
