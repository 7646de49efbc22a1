"""Judge by its words how much a request looks like creating a person."""

from __future__ import annotations

import re

_PEOPLE = {
    "contact": 6, "lead": 6, "subscriber": 6, "profile": 5, "customer": 5, "person": 5, "people": 5, "member": 4,
    "recipient": 4, "prospect": 5, "subscription": 3, "user": 3, "audience": 2, "consumer": 4, "registration": 3,
    "form": 2, "submission": 3, "entity": 1, "entities": 1, "invitation": 2, "signup": 4, "candidate": 2,
}  # fmt: skip
_MAKES = {
    "create": 4, "add": 4, "upsert": 4, "subscribe": 4, "import": 2, "register": 3, "submit": 3, "new": 2, "save": 2,
    "insert": 3, "post": 1, "identify": 3, "update": 0, "invite": 2, "adds": 4, "creates": 4, "invites": 2,
}  # fmt: skip
_AGAINST = {
    "delete": 9, "remove": 9, "search": 9, "list": 2, "get": 6, "merge": 5, "export": 7, "archive": 9, "batch": 3,
    "bulk": 3, "unsubscribe": 9, "webhook": 9, "report": 6, "verify": 6, "association": 6, "property": 5,
    "properties": 5, "note": 6, "tag": 5, "message": 5, "template": 6, "suppress": 8, "gdpr": 9, "attach": 6,
    "photo": 6, "image": 6, "query": 6, "count": 6, "unarchive": 9, "block": 8, "relationship": 6, "relationships": 6,
    "attachments": 7, "history": 7, "convert": 3, "validate": 5, "check": 6, "key": 4, "group": 4, "groups": 4,
    "card": 6, "attribute": 5, "segment": 5, "login": 6, "token": 8, "password": 8, "estimate": 6, "field": 5,
    "settings": 5, "update": 2, "replace": 1, "link": 4, "custom": 4, "definition": 6, "schema": 6, "push": 4,
}  # fmt: skip


def rank(method: str, path: str, words: str) -> int:
    """Return how much an operation looks like creating a person: above 0 it does.

    Args:
        method: of HTTP.
        path: of its URL.
        words: its identifier and summary.
    """
    if method not in ("POST", "PUT", "PATCH"):
        return 0
    segments = [each for each in path.split("/") if each]
    last = next((each for each in reversed(segments) if not each.startswith((":", "{"))), "")
    near = _words(last)
    said = _words(words)
    people = max((_PEOPLE.get(word, 0) for word in [*near, *said]), default=0)
    if not people:
        return 0
    makes = max((_MAKES.get(word, 0) for word in [*said, *near]), default=0)
    against = sum({word: _AGAINST.get(word, 0) for word in {*near, *said}}.values())
    of_one = 3 if segments and segments[-1].startswith(("{", ":")) else 0
    return (
        people
        + max((_PEOPLE.get(word, 0) for word in near), default=-4)
        + makes
        + {"POST": 3, "PUT": 1, "PATCH": -2}[method]
        - against
        - of_one
        - min(len(segments), 8) // 3
    )


def _words(text: str) -> list[str]:
    """Return the words of a name, singular: `createContacts` has `create` and `contact`."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text)
    words = [part.lower() for part in parts]
    return [word.removesuffix("s") if word.removesuffix("s") in _PEOPLE else word for word in words]
