"""Find the operation of a document that tells what became of an accepted job, and write it as `confirmation`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from rokt_export.onboarding.drafts.matching import split
from rokt_export.onboarding.drafts.observed import DescribedResponse, ObservedParameter, ServerAddress

_JOBS = {"import", "imports", "job", "jobs", "status", "task", "tasks", "batch", "batches", "operation", "operations"}
_OTHERS = {"export", "exports", "delete", "deletes", "deletion"}
_PENDING = "pending|queued|scheduled|processing|running|started|waiting|in[ _-]?progress|new"
_DONE = "completed?|done|success|succeeded|successful|finished|processed"
_FAILED = "failed|failure|errored|error|cancell?ed|aborted|rejected|invalid"


def job_paths(operations: Iterable[tuple[str, str, str]], own: str) -> list[str]:
    """Return the paths that may tell the state of a job, the best first.

    Args:
        operations: method, path and words of each operation of the document.
        own: the path of the operation whose job it is.
    """
    found = []
    for method, path, words in operations:
        known = {*split(path), *split(words)}
        if (
            method == "GET"
            and re.fullmatch(r"[^{}]*/\{\w+\}(?:/status)?", path)
            and known & _JOBS
            and not known & _OTHERS
        ):
            shared = sum(1 for mine, other in zip(own.split("/"), path.split("/"), strict=False) if mine == other)
            found.append((-shared, path))
    return [path for _, path in sorted(found)]


def confirmation_of(
    path: str, own: str, environments: Iterable[ServerAddress], reply: DescribedResponse
) -> Mapping[str, Any] | None:
    """Return how to ask about a job, in the form of the spec; None if the reply names no states.

    Args:
        path: of the operation that tells the state of a job.
        own: the path of the operation whose job it is.
        environments: its addresses, from which the part before the path is taken.
        reply: what a successful response contains.
    """
    url = next((each.url for each in environments if each.url.endswith(own)), own)
    before = urlsplit(url.removesuffix(own)).path
    for place, each in reply.leaves.items():
        states = _states(each)
        sorted_out = [
            [each for each in states if re.fullmatch(kind, each, re.I)] for kind in (_PENDING, _DONE, _FAILED)
        ]
        pending, done, failed = (kind[0] if len(kind) == 1 else kind for kind in sorted_out)
        if each.keys[-1].lower() in ("status", "state") and "[" not in place and done and (pending or failed):
            rules: list[Mapping[str, Any]] = [{"outcome": "delivered", "status": 200, "body": {place: done}}]
            if failed:
                rules.append({"outcome": "rejected", "status": 200, "body": {place: failed}})
            asked: dict[str, Any] = {"url": before + re.sub(r"\{\w+\}", "{reference}", path)}
            if pending:
                asked["pending"] = {"status": 200, "body": {place: pending}}
            return asked | {"responses": rules}
    return None


def _states(each: ObservedParameter) -> list[str]:
    """Return the states that a member may have: its choices, else the words in backticks of its description."""
    return [str(choice) for choice in each.choices] or re.findall(r"`([\w -]+)`", each.description)
