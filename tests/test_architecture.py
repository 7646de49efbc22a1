"""The house stands as ARCHITECTURE.md says: its floors and folders, and a docstring and tests for each module."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "rokt_export"
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
MODULES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = sorted({path.parent.relative_to(PACKAGE).as_posix() for path in MODULES if path.parent != PACKAGE})
FLOORS = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]

_TYPE = re.compile(r"_?[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_keep_to_the_layers() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_says_what_it_does(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), "no docstring"


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_architecture_page_names_each_folder(folder: str) -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert re.search(rf"^( +|- `){re.escape(folder)}/`? +\w", page, re.MULTILINE)


@pytest.mark.parametrize("floor", FLOORS, ids=_name)
def test_each_floor_is_in_the_layers(floor: Path) -> None:
    assert floor.name == "__init__.py" or re.search(rf'[" ]rokt_export\.{floor.stem}[" ]', PYPROJECT)


def _types(path: Path) -> Iterator[str]:
    """Names of a module's classes and type aliases; flags of commands, which are declared with `Annotated`, aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    if path.parent == PACKAGE / "commands":
        return
    for statement in tree.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(name)) | ast.Assign(targets=[ast.Name(name)]) if _TYPE.fullmatch(name):
                yield name


def test_no_two_types_have_one_name() -> None:
    places = defaultdict(set)
    for path in MODULES:
        for name in _types(path):
            places[name].add(_name(path))
    taken = {name: sorted(where) for name, where in places.items() if len(where) > 1}
    assert len(places) > 500
    assert not taken, "each name means one thing: find another for all but one of each"


TESTS = ROOT / "tests"
TESTED = [path for path in MODULES if path.stem not in ("__init__", "__main__")]
_COVERS = re.compile(r"^Covers ((?:[^.]|[.](?!\s|$))+)[.]$", re.MULTILINE)


def _module(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.fixture(scope="module")
def covered() -> set[str]:
    """The modules that docstrings of test files name in a line such as "Covers `commands/run_session.py`."."""
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        for sentence in _COVERS.findall(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""):
            found.update(re.findall(r"`([^`]+)`", sentence))
    return found


@pytest.mark.parametrize("path", TESTED, ids=_module)
def test_a_modules_tests_can_be_found(path: Path, covered: set[str]) -> None:
    module = _module(path)
    own = TESTS / path.relative_to(PACKAGE).with_name(f"test_{path.name}")
    found = own.exists() or module in covered
    assert found, (
        f"write the tests of rokt_export/{module} in {_name(own)}; or, where a test file of several modules would fail"
        f" if this one were broken, add to its docstring a line of its own: Covers `{module}`."
    )


def test_what_test_files_say_they_cover_is_there(covered: set[str]) -> None:
    assert not covered - {_module(path) for path in TESTED}, "modules that do not exist"
