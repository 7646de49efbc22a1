"""What the partner's document says of a run's requests and responses: each sentence once, with its rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rokt_export.commands import document_notes
from rokt_export.commands.document_notes import DocumentNotes
from rokt_export.delivery.events import Settled
from rokt_export.errors import DocumentError
from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind, Request, Response
from rokt_export.transactions.transaction import Transaction


class Document:
    """A document that knows no `x`, promises status 200 alone, and breaks at `broken`."""

    def __init__(self) -> None:
        self.responses = 0

    def of_request(self, request: Request, environment: str, stand_ins: frozenset[str]) -> list[Any]:
        if request.body == b"broken":
            raise DocumentError("it leads nowhere")
        return [SimpleNamespace(message=f"it knows no `x` in {environment}")] if request.body == b"x" else []

    def of_response(self, response: Response) -> tuple[str, ...]:
        self.responses += 1
        return () if response.status == 200 else (f"status {response.status} is not documented",)


def settled(*bodies: bytes, response: Response | None = None) -> Settled:
    outcome = Outcome(OutcomeKind.DELIVERED)
    return Settled(
        tuple(
            Exchange(
                Transaction(row, f"tx-{row}", {}), Request("POST", "https://example.com/", (), body), response, outcome
            )
            for row, body in enumerate(bodies, 1)
        )
    )


def notes(*, sandbox: bool = False) -> tuple[Document, DocumentNotes]:
    document: Any = Document()
    return document, DocumentNotes(document, "staging", frozenset(), sandbox=sandbox)


def test_each_sentence_has_the_rows_of_which_it_is_true() -> None:
    document, found = notes()
    found.listen(settled(b"x", b"y", b"x", b"broken", response=Response(418)))
    assert found.sentences == {
        "it knows no `x` in staging": [1, 3],
        "status 418 is not documented": [1, 2, 3, 4],
        "the request cannot be judged by the document: it leads nowhere": [4],
    }
    assert document.responses == 1, "rows of one request share its response"


def test_a_sandboxs_responses_are_our_own_and_without_a_document_nothing_is_noted() -> None:
    _, found = notes(sandbox=True)
    found.listen(settled(b"x", response=Response(418)))
    assert list(found.sentences) == ["it knows no `x` in staging"]
    none = DocumentNotes(None, "staging", frozenset(), sandbox=False)
    none.listen(settled(b"x", response=Response(418)))
    assert none.sentences == {}


def test_only_the_first_rows_and_sentences_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_notes, "_MOST_ROWS", 3)
    monkeypatch.setattr(document_notes, "_MOST_SENTENCES", 1)
    _, found = notes()
    for _ in range(2):
        found.listen(settled(b"x", b"x", response=Response(418)))
    assert found.sentences == {"it knows no `x` in staging": [1, 2, 1]}
