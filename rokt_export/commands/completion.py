"""What the shell offers for a word that is being typed: names of runs and environments, outcomes, codes, partners.

Each function takes what Typer has parsed so far, and returns nothing where it finds nothing: a shell shows no errors.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

Words = Callable[[dict[str, Any]], Iterable[str]]
_RUNS = 50


def _completer(words: Words) -> Callable[[typer.Context, str], list[str]]:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            return [word for word in words(ctx.params) if word.startswith(incomplete)]
        except Exception:  # noqa: BLE001 - what cannot be read offers nothing
            return []

    complete.__doc__ = words.__doc__
    return complete


@_completer
def runs(given: dict[str, Any]) -> Iterable[str]:
    """The newest runs: ids and names."""
    from rokt_export.commands.named_run import open_existing
    from rokt_export.commands.spec_setup import journal_place

    with open_existing(journal_place(given.get("journal"))) as journal:
        found = journal.runs(_RUNS)
    return dict.fromkeys(["last", *(word for each in found for word in (each.name, each.run) if word)])


@_completer
def environments(given: dict[str, Any]) -> Iterable[str]:
    """The environments of the spec on the command line."""
    return list(_spec(given).endpoint)


@_completer
def partners(given: dict[str, Any]) -> Iterable[str]:
    """The slug of the spec's partner."""
    return [_spec(given).partner]


@_completer
def outcomes(_: dict[str, Any]) -> Iterable[str]:
    """The outcomes."""
    from rokt_export.exchange.model import OutcomeKind

    return [str(kind) for kind in OutcomeKind]


@_completer
def codes(_: dict[str, Any]) -> Iterable[str]:
    """The codes of findings."""
    from rokt_export.commands.explain import entries

    return entries()


def _spec(given: dict[str, Any]) -> Any:
    """Return the spec on the command line; after a flag whose value is being typed, Typer has parsed nothing."""
    from rokt_export.partner_spec.loading import load_spec

    typed = (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or "").split()
    named = given.get("spec") or next(word for word in typed if word.endswith((".yaml", ".yml")))
    return load_spec(Path(named)).spec
