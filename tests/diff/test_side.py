"""One side's response to one transaction."""

from __future__ import annotations

from rokt_export.diff import Side

SIDE = Side("delivered", "ok", status=201, headers=(("Location", "/leads/7"), ("location", "/leads/8")), body=b"{}")


def test_a_header_is_found_without_regard_to_case() -> None:
    assert SIDE.header("LOCATION") == "/leads/7"
    assert SIDE.header("Server") is None


def test_a_side_without_its_body_keeps_what_takes_no_memory() -> None:
    bare = SIDE.without_body
    assert (bare.body, bare.headers) == (None, ())
    assert (bare.outcome, bare.rule, bare.status) == ("delivered", "ok", 201)
