"""docs/findings.md explains every code that the source gives, and no other; every lint that is written runs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

from rokt_export.partner_spec import lint

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")


def given() -> set[str]:
    files = (ROOT / "rokt_export").rglob("*.py")
    return {code for path in files for code in re.findall(r'"(RX\d{3})"', path.read_text(encoding="utf-8"))}


def test_every_code_is_explained_and_every_explained_code_exists() -> None:
    explained = re.findall(r"^### (RX\d{3}): ", TEXT, re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert set(explained) == given()


def test_every_explanation_has_severity_and_remedy() -> None:
    for section in re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]:
        assert re.match(r"RX\d{3}: .+ \((error|warning|info)\b.*\)\n", section), section
        assert "Remedy: " in section, section


def test_every_lint_runs() -> None:
    names = [each.name for each in pkgutil.iter_modules(lint.__path__) if each.name != "context"]
    written = {
        made
        for name in names
        for made in vars(importlib.import_module(f"{lint.__name__}.{name}")).values()
        if inspect.isfunction(made) and not made.__name__.startswith("_") and made.__module__.endswith(f".{name}")
        if [each.annotation for each in inspect.signature(made).parameters.values()] == ["Subject"]
    }
    assert set(lint._LINTS) == written
