"""What pages for a browser are made with: templates that escape, and a policy that admits nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, select_autoescape

from rokt_export.exchange.model import OutcomeKind
from rokt_export.redaction.display_text import visible


def policy(style: str, script: str = "") -> str:
    """Return a content security policy that admits one inline style and one inline script, and no request at all."""
    scripts = f" script-src {_source(script)};" if script else ""
    return (
        f"default-src 'none'; img-src data:; style-src {_source(style)};{scripts} base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    """The source expression that admits exactly this inline text (CSP level 2)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def asset(name: str) -> str:
    """Return a file that the pages are made of."""
    return files("rokt_export.reports").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """Return the environment of the pages' templates: what is put in is text, unless it is marked up already."""
    made = Environment(
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    made.filters["thousands"] = "{:,}".format
    made.tests["outcome"] = frozenset(map(str, OutcomeKind)).__contains__
    return made
