"""What a signature changes of a request: only the headers that it sets, removes or adds."""

from __future__ import annotations

from requests.auth import AuthBase
from requests.models import PreparedRequest

from rokt_export.exchange.model import Request
from rokt_export.request.signing import signed
from tests.request.rendering import URL


class Pruning(AuthBase):
    """An auth plug-in that sets one header, removes another and adds a third."""

    def __call__(self, prepared: PreparedRequest) -> PreparedRequest:
        prepared.headers.update({"x-set": "new", "X-New": "3"})
        del prepared.headers["X-Gone"]
        return prepared


def test_of_repeated_headers_a_class_changes_only_what_it_sets() -> None:
    headers = (("X-Part", "a"), ("X-Set", "1"), ("x-part", "b"), ("X-Gone", "1"), ("X-Set", "2"), ("X-Gone", "2"))
    sent = signed(Request("POST", URL, headers), (Pruning(),))
    assert sent.headers == (("X-Part", "a"), ("x-set", "new"), ("x-part", "b"), ("X-New", "3"))
