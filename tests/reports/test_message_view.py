"""A request or response in colours."""

from __future__ import annotations

from rokt_export.reports.message_view import message


def test_headers_are_dimmed_and_bodies_are_coloured() -> None:
    shown = message('HTTP/1.1 200 OK\nX-Id: 1\n\n{"a": "b", "n": 1}')
    styled = {shown.plain[span.start : span.end]: str(span.style) for span in shown.spans}
    assert styled["\nX-Id: 1"] == "not bold dim"
    assert (styled['"a"'], styled['"b"'], styled["1"]) == ("cyan", "green", "magenta")
    shown = message('HTTP/1.1 200 OK\n\n<r a="1"><b>x</b></r>')
    styled = {shown.plain[span.start : span.end]: str(span.style) for span in shown.spans}
    assert (styled["<r"], styled['"1"'], styled["</b"]) == ("cyan", "green", "cyan")
