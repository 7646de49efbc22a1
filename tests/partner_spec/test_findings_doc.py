"""docs/findings.md explains each code that is given, for one meaning, which a test plants; each lint runs."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

from rokt_export.partner_spec import lint

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")


GENERAL = {"RX003", "RX010", "RX012", "RX014", "RX020", "RX022", "RX150", "RX160"}
"""Faults of a single key or value, which each reader of such values gives."""
IN_SEVERAL = {
    "RX117": {"attributes._misplaced_template", "attributes.empty_templates", "foreign.foreign_placeholders"},
    "RX119": {"parameters.repeated_names", "parameters.unmatched_placeholders"},
    "RX120": {"parameters.contradictory_names", "parameters.xml_roots"},
    "RX127": {"parameters._constants", "parameters._gaps", "parameters.contradictory_options"},
    "RX129": {"parameters._not_encoded", "parameters.bodies_not_sent"},
    "RX210": {"operation_check._against", "operation_check._body", "operation_check._broken", "operation_check._form",
              "operation_check._judged", "operation_check._parameter"},
    "RX211": {"operation_check._body", "operation_check._form"},
}  # fmt: skip
"""The codes that several functions give, for one meaning each; a new meaning takes a new code."""


def _codes(tree: ast.AST, pattern: str, *leave_out: type[ast.AST]) -> set[str]:
    """Return the codes in the texts of a part of a module, without its docstrings and nodes of the other kinds."""
    left_out = (node for node in ast.walk(tree) if isinstance(node, (*leave_out, ast.Expr)))
    unread = {
        id(inner) for node in left_out for inner in ([node.value] if isinstance(node, ast.Expr) else ast.walk(node))
    }
    return {
        code
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unread
        for code in re.findall(pattern, node.value)
    }


def given() -> dict[str, set[str]]:
    """Return code to the functions that give it."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "rokt_export").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for node in [*tree.body, *(inner for each in classes for inner in each.body)]:
            for code in set() if isinstance(node, ast.ClassDef) else _codes(node, r"^RX\d{3}$", ast.Compare):
                found.setdefault(code, set()).add(f"{path.stem}.{getattr(node, 'name', '')}")
    return found


def test_every_code_has_one_meaning() -> None:
    several = {code: places for code, places in given().items() if len(places) > 1 and code not in GENERAL}
    assert several == IN_SEVERAL, "another fault takes another code; the same one has its functions in IN_SEVERAL"


def test_every_code_is_provoked_by_a_test() -> None:
    files = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    named = {code for path in files for code in _codes(ast.parse(path.read_text(encoding="utf-8")), r"RX\d{3}")}
    assert set(given()) - named == set(), "plant a fault for each in CASES of its file in tests/partner_spec/lint/"


def test_every_code_is_explained_and_every_explained_code_exists() -> None:
    explained = re.findall(r"^### (RX\d{3}): ", TEXT, re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert set(explained) == set(given())


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
