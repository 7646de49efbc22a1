"""`init --har`: the request that a browser sent is taken over, its secrets and people are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from commands.conftest import CommandLine

from onboarding.drafted import parameters_of, spec_of


def _entry(method: str, url: str, body: Any = None, response: Any = None, status: int = 201) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": method,
        "url": url,
        "headers": [
            {"name": ":authority", "value": "api.example.com"},
            {"name": "Authorization", "value": "Bearer browser-token-1"},
            {"name": "Cookie", "value": "session=private"},
            {"name": "User-Agent", "value": "Mozilla/5.0"},
        ],
    }
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
    content = {"mimeType": "application/json; charset=utf-8", "text": json.dumps(response or {})}
    return {"request": request, "response": {"status": status, "statusText": "", "headers": [], "content": content}}


def test_a_har_of_a_browser(cli: CommandLine) -> None:
    note = "Annabel was stored by browser-token-1"
    answer = {"id": "r-1", "person": {"email": "ann@mail.example"}, "list": 4711, "note": note}
    sent = {"email": "ann@mail.example", "fname": "Annabel", "list_id": 4711}
    entries = [
        _entry("GET", "https://www.example.com/app.js"),
        _entry("OPTIONS", "https://api.example.com/v1/contacts"),
        _entry("POST", "https://api.example.com/v1/events", {"name": "click"}),
        _entry("POST", "https://api.example.com/v1/contacts", sent, answer),
    ]
    cli.write("page.har", json.dumps({"log": {"version": "1.2", "entries": entries}}))
    several = cli("init", "--har", "page.har")
    assert several.status == 2
    assert several.err.index("v1/contacts") < several.err.index("v1/events") and "app.js" not in several.err
    done = cli("init", "out.yml", "--har", "page.har", "--request", "v1/contacts")
    assert done.status == 0, done.err
    text = (cli.folder / "out.yml").read_text()
    spec = spec_of(cli.folder / "out.yml")
    assert parameters_of(spec) == {"email": "email", "fname": "firstname", "list_id": "{{ env.EXAMPLE_LIST_ID }}"}
    [example] = next(each for each in spec.responses if each.outcome == "delivered").examples
    assert json.loads(example.body)["person"] == {"email": "jane.doe@example.com"} and example.illustrative
    for private in ("ann@mail", "Annabel", "browser-token", "session=private", "4711"):
        assert private not in text + done.out
    assert "cookies of the source are left out" in text
    assert "browser-token-1" in Path(".env").read_text()
