"""Requests are ranked by how much their words look like creating a person."""

from __future__ import annotations

import pytest

from rokt_export.onboarding.drafts.ranking import rank


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "/contacts", "listContacts List contacts"),
        ("POST", "/orders", "createOrder Create an order"),
        ("POST", "/contacts/search", "Search contacts"),
        ("POST", "/users/{id}/password", "Reset the password of a user"),
        ("PUT", "/contacts/delete", "Delete contacts"),
    ],
)
def test_a_request_that_creates_nobody_ranks_at_most_0(method: str, path: str, words: str) -> None:
    assert rank(method, path, words) <= 0


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (("POST", "/contacts", "Create a contact"), ("PUT", "/contacts", "Create a contact")),
        (("PUT", "/contacts", "Upsert contacts"), ("PATCH", "/contacts/{id}", "Update a contact")),
        (("POST", "/contacts", "createContact"), ("POST", "/contacts/batch", "Create contacts in bulk")),
        (("POST", "/v1/leads", "Add a lead"), ("POST", "/v1/forms", "Submit a form")),
        (("POST", "/contacts", "createContacts"), ("POST", "/contacts/:id", "createContacts")),
    ],
)
def test_the_request_that_creates_one_person_ranks_above_the_other(
    better: tuple[str, str, str], worse: tuple[str, str, str]
) -> None:
    assert rank(*better) > max(rank(*worse), 0)
