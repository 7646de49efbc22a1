"""Reads environment variables from the process and from `.env` files, each with its source."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO, TextIOWrapper
from pathlib import Path

from rokt_export.errors import ConfigurationError, near_file
from rokt_export.partner_spec.document import MAX_BYTES
from rokt_export.read_whole import read_whole


@dataclass(frozen=True, slots=True)
class Variables:
    """Environment variables for one environment of a spec.

    Attributes:
        values: name to value; an empty value counts as missing, so that a forgotten `X=` is noticed.
        files: the files that were read, in order of precedence.
        own: the values of `.env.<environment>`, including those that the process environment overrides.
        sources: name to the source of its value: `process environment`, or a file.
    """

    values: Mapping[str, str]
    files: tuple[str, ...] = ()
    own: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def declared(self) -> Mapping[str, str]:
        """The values, but `.env.<environment>` overrides the process, whose values may be for another environment."""
        return {**self.values, **self.own}

    @property
    def exposed(self) -> tuple[str, ...]:
        """The files that other users of the machine can read."""
        return tuple(file for file in self.files if Path(file).stat().st_mode & 0o044)

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the names without a value, sorted."""
        return tuple(sorted(name for name in names if not self.values.get(name)))

    def require(self, names: Iterable[str], environment: str) -> None:
        """Check that each name has a value.

        Raises:
            ConfigurationError: one or more have none; the error names all of them.
        """
        missing = self.missing(names)
        if missing:
            listed = ", ".join(missing)
            several = len(missing) > 1
            read = f" (read: {', '.join(self.files)})" if self.files else ""
            raise ConfigurationError(
                f"environment variable{'s' if several else ''} not set: {listed}",
                where=f"environment {environment}{read}",
                remedy=f"Export {'them' if several else 'it'}, or write `{missing[0]}=…` to `.env.{environment}` or"
                " `.env`; `--env-file` names another file.",
            )


def load_variables(environment: str, env_file: Path | None) -> Variables:
    """Return the variables for one environment.

    The process environment overrides `.env.<environment>`, which overrides `.env`: a staging secret in `.env` never
    replaces one of production. Both files are searched in the current folder, or beside `env_file`, which must exist.

    Raises:
        ConfigurationError: a file is missing, unreadable, not UTF-8, or has a line that is not an assignment.
    """
    base = env_file or Path(".env")
    own = base.with_name(f"{base.name}.{environment}")
    if env_file is not None and not env_file.exists():
        raise ConfigurationError(
            "no such file", where=str(env_file), remedy=near_file(env_file) or "Check `--env-file`."
        )
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    files: list[str] = []
    for path in (base, own):
        if path.exists():
            read = read_variables(path)
            values.update(read)
            sources.update(dict.fromkeys(read, str(path)))
            files.insert(0, str(path))
    exported = {name: value for name, value in os.environ.items() if value}
    declared: dict[str, str] = {}
    for path in dict.fromkeys((Path(f".env.{environment}"), base.with_name(f".env.{environment}"), own)):
        declared.update(read_variables(path) if path.exists() else {})
    return Variables(
        {**values, **exported}, tuple(files), declared, {**sources, **dict.fromkeys(exported, "process environment")}
    )


def read_variables(path: Path) -> dict[str, str]:
    """Return the assignments of a `.env` file; an empty value counts as none.

    Raises:
        ConfigurationError: unreadable, larger than 1 MB, not UTF-8, or a line that is no assignment.
    """
    from dotenv.parser import parse_stream

    found: dict[str, str] = {}
    try:
        raw = read_whole(path, MAX_BYTES)
        if len(raw) > MAX_BYTES:
            raise ConfigurationError(
                f"this file has more than {MAX_BYTES:,} bytes",
                where=str(path),
                remedy="Name the file with the variables.",
            )
        for binding in parse_stream(TextIOWrapper(BytesIO(raw), encoding="utf-8-sig")):
            if binding.error:
                raise ConfigurationError(
                    "this line is not an assignment",
                    where=f"{path}:{binding.original.line}",
                    remedy="Write `NAME=value`; quote a value with spaces or `#`.",
                )
            if binding.key is not None and binding.value:
                found[binding.key] = binding.value
    except UnicodeDecodeError as error:
        raise ConfigurationError("this file is not UTF-8", where=str(path), remedy="Save it as UTF-8.") from error
    except OSError as error:
        raise ConfigurationError(
            f"this file cannot be read: {error.strerror}", where=str(path), remedy="Check its owner and permissions."
        ) from error
    return found
