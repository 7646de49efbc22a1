"""What a probe changes in a request, and what it must not give away."""

from __future__ import annotations

import re

import pytest

from rokt_export.certification.variants import wrong_text


@pytest.mark.parametrize(
    ("right", "source", "form"),
    [
        ("4f9c2b7e81d05a634f9c2b7e81d05a63", "{{ env.KEY }}", r"[0-9a-f]{32}"),
        ("Token 4f9c2b7e81d05a63", "Token {{ env.KEY }}", r"Token [0-9a-f]{16}"),
        ("c2VjcmV0LWtleS0xMjM0NTY=", "{{ env.KEY }}", r"[A-Za-z0-9+/]{23}="),
        ("correct horse battery", "{{ env.KEY }}", r"\w{7} \w{5} \w{7}"),
        ("x", "{{ env.KEY }}", r"\w"),
        ("päss{{word}}", "{{ env.KEY }}", r"\w{12}"),
    ],
)
def test_a_wrong_credential_has_the_form_of_the_right_one_and_nothing_else_of_it(
    right: str, source: str, form: str
) -> None:
    made = {wrong_text(right, source) for _ in range(20)}
    assert right not in made
    assert all(re.fullmatch(form, each) for each in made), made
    assert len(made) > 5  # random: none can be computed back
