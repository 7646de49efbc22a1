"""The questions, a module each, imported when asked: `ask(rig)` measures and returns the answer."""

from __future__ import annotations

from importlib import import_module

from bench.results import Section
from bench.rig import Rig

NAMES = ("throughput", "long", "latency", "rate", "memory", "guarded", "server", "startup", "profile")


def ask(name: str, rig: Rig) -> Section:
    """Return a section's answer."""
    section: Section = import_module(f"bench.sections.{name}").ask(rig)
    return section
