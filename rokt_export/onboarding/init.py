"""Write a drafted spec to disk, with its secrets in `.env` and the schema for the editor beside it, and judge it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

import rokt_export
from rokt_export import atomic_write
from rokt_export.errors import ConfigurationError, UsageError
from rokt_export.onboarding.drafts.draft import HINT, SCHEMA_FILE, Draft, write_draft
from rokt_export.onboarding.drafts.observed import Operation
from rokt_export.onboarding.validation import Validation, validate_text
from rokt_export.partner_spec.schema import schema_text
from rokt_export.partner_spec.variables import load_variables


@dataclass(frozen=True, slots=True)
class Secrets:
    """What became of the secrets of a source.

    Attributes:
        file: where they are.
        moved: variables that were written there.
        kept: variables that had another value there already, which stays.
    """

    file: Path
    moved: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenSpec:
    """A spec that was written.

    Attributes:
        path: its file.
        validation: its findings and checklist.
        draft: the draft; None of a sample.
        secrets: what became of the source's secrets.
    """

    path: Path
    validation: Validation
    draft: Draft | None
    secrets: Secrets | None


def target_of(given: Path | None, partner: str, *, force: bool) -> Path:
    """Return the file to write.

    Args:
        given: the file that the user named; None for `<partner>.yaml` in the current folder.
        partner: the slug.
        force: whether an existing file may be replaced.

    Raises:
        UsageError: it exists, or its folder does not.
    """
    path = given or Path(f"{partner}.yaml")
    if path.is_dir():
        raise UsageError("this is a directory", where=str(path), remedy=f"Name a file: `{path / f'{partner}.yaml'}`.")
    if not path.parent.is_dir():
        raise UsageError("there is no such folder", where=str(path.parent), remedy="Make it first.")
    if path.exists() and not force:
        raise UsageError(
            "this file exists", where=str(path), remedy="--force replaces it; or name another file as the argument."
        )
    return path


def begin(operation: Operation, path: Path, env_file: Path | None, sent: Iterable[str] = ()) -> WrittenSpec:
    """Draft the spec of an operation, judge it, and write it with its secrets.

    Args:
        operation: what the source says.
        path: the file to write.
        env_file: the file of variables; None for `.env` in the current folder.
        sent: values of a recorded request, which leave the examples of its response.

    Raises:
        ConfigurationError: a file cannot be written, or `.env` cannot be read; the spec is not written then.
    """
    draft = write_draft(_beside(operation, path), sent)
    secrets = _move(operation.secrets, env_file or Path(".env")) if operation.secrets else None
    return _written(path, draft.text, env_file, draft, secrets)


def _beside(operation: Operation, path: Path) -> Operation:
    """Return an operation whose document is named as the spec at `path` names it."""
    if not operation.document or "://" in operation.document:
        return operation
    return replace(operation, document=os.path.relpath(operation.document, path.parent))


def begin_from_sample(name: str, path: Path | None, env_file: Path | None, *, force: bool) -> WrittenSpec:
    """Copy a sample spec, with an editor's hint that works where it goes.

    Raises:
        UsageError: there is no such sample, or the file exists.
        ConfigurationError: the file cannot be written.
    """
    known = samples()
    if name not in known:
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        raise UsageError(
            f"there is no sample `{name}`",
            remedy=f"The {'nearest' if near else 'samples'}: {', '.join(near or known)}.",
        )
    text = known[name].read_text(encoding="utf-8")
    target = target_of(path, name, force=force)
    return _written(target, re.sub(r"\A# yaml-language-server:.*", HINT, text), env_file)


def samples() -> dict[str, Path]:
    """Return the sample specs by name: of the installed package, else of the checkout."""
    inside = Path(str(files("rokt_export"))) / "sample_specs"
    folder = inside if inside.is_dir() else Path(rokt_export.__file__).parents[1] / "sample_specs"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _written(
    path: Path, text: str, env_file: Path | None, draft: Draft | None = None, secrets: Secrets | None = None
) -> WrittenSpec:
    own_env = env_file if env_file is None or env_file.exists() else None
    validation = validate_text(str(path), text, lambda environment: load_variables(environment, own_env))
    schema = path.with_name(SCHEMA_FILE)
    if not schema.exists() or '"Partner spec of rokt-export"' in schema.read_text(encoding="utf-8", errors="replace"):
        _write(schema, schema_text())
    _write(path, text)
    return WrittenSpec(path, validation, draft, secrets)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    target = path.resolve()
    try:
        drafted = atomic_write.write_draft(target, lambda stream: stream.write(text))
        with suppress(OSError):
            drafted.chmod(mode)
        drafted.replace(target)
    except OSError as error:
        raise ConfigurationError(
            f"this file cannot be written: {error.strerror}", where=str(path), remedy="Check its folder's permissions."
        ) from error


def _move(secrets: Mapping[str, str], file: Path) -> Secrets:
    """Add variables to a file that only its owner can read (0600); what it has already stays.

    Raises:
        ConfigurationError: the file cannot be read as variables, or cannot be written.
    """
    from rokt_export.partner_spec.variables import read_variables

    known = read_variables(file) if file.exists() else {}
    new = {name: value for name, value in secrets.items() if name not in known}
    kept = tuple(name for name, value in secrets.items() if name in known and known[name] != value)
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    lines = "".join(f"{name}={_quoted(value)}\n" for name, value in new.items())
    if new:
        _write(file, text + ("\n" if text and not text.endswith("\n") else "") + lines, 0o600)
    return Secrets(file, tuple(new), kept)


def _quoted(value: str) -> str:
    if re.fullmatch(r"[\w.:/+@%~-]+", value, re.ASCII):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
