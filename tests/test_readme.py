"""The README and the page of commands show what the program prints, name every command, and link to what exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from rokt_export.commands.cli import program

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "sample_specs/README.md"),
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))),
]
MODULES = [path for folder in ("rokt_export", "tests", "bench", "scripts") for path in (ROOT / folder).rglob("*.py")]
COMMANDS = sorted(typer.main.get_command(program()).commands)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#]*)(?:#([^)]*))?\)")


def _text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("script", ["commands_page.py", "tour.py"])
def test_what_is_shown_is_what_is_printed(script: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, "--check"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"run `make docs`\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_names_each_command(command: str) -> None:
    assert f"[`{command}`](docs/commands.md#rokt-export-{command})" in _text("README.md")


def test_the_readme_begins_with_two_commands() -> None:
    first = re.search(r"```sh\n(.*?)```", _text("README.md"), re.DOTALL)
    assert first is not None
    assert [line.split("#")[0].strip() for line in first[1].splitlines()] == ["make demo", "make test"]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_target_that_is_named_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", _text("Makefile"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", _text(page))) | set(
        re.findall(r"^make ([a-z]+)", _text(page), re.MULTILINE)
    )
    assert named
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for path, anchor in LINK.findall(_text(page)):
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), path
        if anchor:
            assert anchor in {_anchor(title) for title in re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES)
def test_modules_that_are_named_exist(page: str) -> None:
    for name in re.findall(r"`([\w/]+\.py)`", _text(page)):
        assert any(path.as_posix().endswith(f"/{name}") for path in MODULES), name


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def test_the_index_of_decisions_is_whole() -> None:
    pages = sorted(path for path in (ROOT / "docs" / "decisions").glob("*.md") if path.name != "README.md")
    assert all(re.match(r"\d{4}-", path.name) for path in pages), "a page has no number"
    titles = [path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for path in pages]
    wanted = [f"- {path.name[:4]} [{title}]({path.name})" for path, title in zip(pages, titles, strict=True)]
    assert [line for line in _text("docs/decisions/README.md").splitlines() if line.startswith("- ")] == wanted
    assert len({path.name[:4] for path in pages}) == len(pages), "a number is given twice"
