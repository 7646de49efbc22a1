"""Turn a run into what the partner's tech contact is told and asked: facts, examples, identifiers, questions."""

from __future__ import annotations

from rokt_export.delivery.model import Delivery
from rokt_export.reports.story import Story, moment

MOST_NAMED = 3
"""Identifiers named in a sentence."""


def lookups(story: Story) -> list[str]:
    """Return what the tech contact should look for: a heading and lines; nothing where nothing was received."""
    received = [outcome for outcome in ("delivered", "duplicate") if story.counts.get(outcome)]
    if not received:
        return []
    contact = story.spec.contact if story.spec is not None else None
    whom = contact.name if contact is not None else f"the tech contact of {story.partner}"
    figures = story.figures
    lines = [
        f"Ask {whom} to look up in {story.run.environment}:",
        f"sent {moment(figures.first_sent)} to {moment(figures.last_sent)}",
    ]
    for outcome in received:
        some = examples(story, outcome, MOST_NAMED)
        named = ", ".join(name_of(one) for one in some)
        number = story.counts[outcome]
        more = f", and {number - len(some):,} more" if number > len(some) else ""
        lines.append(f"{outcome}: {named}{more}")
    return lines


def examples(story: Story, outcome: str, most: int) -> list[Delivery]:
    """Return the first deliveries of an outcome, at most so many."""
    found: list[Delivery] = []
    for one in story.deliveries([outcome]):
        found.append(one)
        if len(found) == most:
            break
    return found


def name_of(one: Delivery) -> str:
    """Return what both sides can look a delivery up by."""
    return f"{one.transaction} (reference {one.reference})" if one.reference else one.transaction
