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
NOT_YET = frozenset(
    {
        "authentication/api_key.py",
        "authentication/base.py",
        "authentication/basic.py",
        "authentication/bearer.py",
        "authentication/custom.py",
        "authentication/hmac.py",
        "authentication/mutual_tls.py",
        "authentication/none.py",
        "authentication/oauth2.py",
        "authentication/wsse.py",
        "certification/combining.py",
        "certification/open_findings.py",
        "certification/planning.py",
        "certification/records.py",
        "certification/removal.py",
        "certification/running.py",
        "certification/sending.py",
        "certification/sent_fields.py",
        "certification/verdicts.py",
        "diagnosis/case.py",
        "diagnosis/fingerprints.py",
        "diagnosis/refusal.py",
        "diagnosis/requests.py",
        "diagnosis/similar_paths.py",
        "diagnosis/suspects.py",
        "diff/bodies.py",
        "diff/column.py",
        "diff/findings.py",
        "diff/forms.py",
        "diff/other_people.py",
        "diff/places.py",
        "diff/reclassify.py",
        "diff/result.py",
        "diff/sent.py",
        "diff/sentences.py",
        "diff/shape.py",
        "diff/side.py",
        "diff/statistics.py",
        "onboarding/document_schemas.py",
        "onboarding/drafts/addresses.py",
        "onboarding/drafts/curl.py",
        "onboarding/drafts/dialogue.py",
        "onboarding/drafts/draft.py",
        "onboarding/drafts/har.py",
        "onboarding/drafts/invented.py",
        "onboarding/drafts/job_status.py",
        "onboarding/drafts/json_source.py",
        "onboarding/drafts/matching.py",
        "onboarding/drafts/observed.py",
        "onboarding/drafts/openapi.py",
        "onboarding/drafts/openapi_document.py",
        "onboarding/drafts/postman.py",
        "onboarding/drafts/ranking.py",
        "onboarding/drafts/recorded.py",
        "onboarding/drafts/rules.py",
        "onboarding/drafts/schemas.py",
        "onboarding/init.py",
        "onboarding/probing.py",
        "onboarding/promised.py",
        "onboarding/response_signs.py",
        "onboarding/rule_draft.py",
        "partner_spec/attributes.py",
        "partner_spec/document.py",
        "partner_spec/lint/attributes.py",
        "partner_spec/lint/batches.py",
        "partner_spec/lint/confirmations.py",
        "partner_spec/lint/context.py",
        "partner_spec/lint/credentials.py",
        "partner_spec/lint/endpoints.py",
        "partner_spec/lint/foreign.py",
        "partner_spec/lint/parameters.py",
        "partner_spec/lint/read_back.py",
        "partner_spec/lint/rules.py",
        "partner_spec/lint/secrets.py",
        "partner_spec/lint/templates.py",
        "partner_spec/record_arrays.py",
        "partner_spec/references.py",
        "partner_spec/variables.py",
        "redaction/batch_signs.py",
        "redaction/character_encodings.py",
        "redaction/decoded_view.py",
        "redaction/display_text.py",
        "redaction/encoded_search.py",
        "redaction/hashes.py",
        "redaction/literals.py",
        "redaction/personal.py",
        "redaction/quick_search.py",
        "redaction/sensitive_names.py",
        "redaction/spec_lines.py",
        "reports/brief.py",
        "reports/charts.py",
        "reports/ci_findings.py",
        "reports/differences.py",
        "reports/eml.py",
        "reports/exchange_view.py",
        "reports/har.py",
        "reports/html.py",
        "reports/junit.py",
        "reports/listing.py",
        "reports/markdown.py",
        "reports/markdown_table.py",
        "reports/message_view.py",
        "reports/metrics.py",
        "reports/outcome_icons.py",
        "reports/parquet.py",
        "reports/person_lookup.py",
        "reports/prose.py",
        "reports/reclassified.py",
        "reports/rows.py",
        "reports/run_facts.py",
        "request/batches.py",
        "request/encodings/form.py",
        "request/encodings/json.py",
        "request/encodings/none.py",
        "request/encodings/text.py",
        "request/encodings/xml.py",
        "request/nested_body.py",
        "request/parameter_values.py",
        "request/signing.py",
        "response/body_reader.py",
        "response/charset.py",
        "response/conditions.py",
        "response/elements.py",
        "response/log_ids.py",
        "response/rule_tree.py",
        "response/value_text.py",
        "sandbox/batches.py",
        "sandbox/bodies.py",
        "sandbox/capture_places.py",
        "sandbox/checks.py",
        "sandbox/example_responses.py",
        "sandbox/identity.py",
        "sandbox/jobs.py",
        "sandbox/options.py",
        "sandbox/partner.py",
        "sandbox/recordings.py",
        "sandbox/server.py",
        "sandbox/url_patterns.py",
        "sandbox/variables.py",
        "spec_language/arithmetic.py",
        "spec_language/encodings.py",
        "spec_language/fields.py",
        "spec_language/rules.py",
        "spec_language/statuses.py",
        "spec_language/template_jinja.py",
        "spec_language/template_places.py",
        "spec_language/urls.py",
    }
)
"""Modules whose tests cannot be found by their name yet: none is added here."""

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
    if module in NOT_YET:
        assert not found, f"the tests of {module} can be found: take it out of NOT_YET"
        return
    assert found, (
        f"write the tests of rokt_export/{module} in {_name(own)}; or, where a test file of several modules would fail"
        f" if this one were broken, add to its docstring a line of its own: Covers `{module}`."
    )


def test_what_test_files_say_they_cover_is_there(covered: set[str]) -> None:
    assert not (covered | NOT_YET) - {_module(path) for path in TESTED}, "modules that do not exist"
