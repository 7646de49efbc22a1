"""What most commands begin with: the spec, one of its environments, the variables that it names, and the journal."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from rokt_export.commands.terminal import Terminal, note
from rokt_export.errors import UsageError, did_you_mean
from rokt_export.redaction.sensitive_names import hidden_in_url

if TYPE_CHECKING:
    from rokt_export.delivery.target import Target
    from rokt_export.onboarding.operation_check import OperationCheck
    from rokt_export.partner_spec.loading import LoadedSpec
    from rokt_export.partner_spec.model import PartnerSpec
    from rokt_export.partner_spec.references import VariableUse
    from rokt_export.partner_spec.variables import Variables


class SpecSetup(Struct, frozen=True):
    """A spec, one of its environments, and the variables that are set.

    Attributes:
        every: for each environment of the spec, the variables that are set.
        plugins: the authentication classes that the operator allows, as `module:Class`.
    """

    loaded: LoadedSpec
    environment: str
    every: Mapping[str, Variables]
    plugins: frozenset[str]

    @property
    def spec(self) -> PartnerSpec:
        """The spec."""
        return self.loaded.spec

    @property
    def variables(self) -> Variables:
        """The variables at hand for the environment."""
        return self.every[self.environment]

    def target(self, *, sandbox: bool = False, sandbox_url: str | None = None) -> Target:
        """Return where a send goes, and whether that is guarded.

        Raises:
            UsageError: the sandbox is said to be on the host of a guarded environment.
        """
        from rokt_export.delivery.address import resolved
        from rokt_export.delivery.target import Target

        sandbox = sandbox or sandbox_url is not None
        return Target.of(
            self.spec, self.environment, self.every, sandbox=sandbox, sandbox_url=sandbox_url, resolve=resolved
        )

    def guard(self) -> Callable[[str], str]:
        """Return what names the guarded environment to which a filled URL belongs, if it is not the one sent to."""
        from rokt_export.delivery.address import resolved
        from rokt_export.delivery.target import guard_of

        return guard_of(self.spec, self.environment, self.every, resolved)


def load(path: Path, environment: str, env_file: Path | None, allow_plugin: Sequence[str] | None = None) -> SpecSetup:
    """Return a spec and its variables for an environment.

    Raises:
        SpecError: the spec cannot be read or breaks the language.
        UsageError: it has no such environment, or `--allow-plugin` names no class.
        ConfigurationError: a file of variables cannot be read.
    """
    from rokt_export.partner_spec.loading import load_spec
    from rokt_export.partner_spec.variables import load_variables

    loaded = load_spec(path)
    check_environment(loaded.spec, environment)
    every = {name: load_variables(name, env_file) for name in loaded.spec.endpoint}
    warn_of_exposed(every.values())
    note(f"read: spec {path}, partner {loaded.spec.partner}, SHA-256 {loaded.sha256}")
    files = ", ".join(every[environment].files) or "no file"
    note(f"read: variables for {environment} from the process environment and {files}")
    return SpecSetup(loaded, environment, every, _allowed_plugins(allow_plugin or ()))


def load_to_send(path: Path, environment: str, env_file: Path | None, allow_plugin: Sequence[str] | None) -> SpecSetup:
    """As `load`, for a command that sends: refuse a spec in which `validate` finds an error.

    Raises:
        SpecFindingsError: `validate` finds errors; all are in it.
    """
    from rokt_export.onboarding.validation import findings_of
    from rokt_export.partner_spec.document import Severity
    from rokt_export.partner_spec.loading import SpecFindingsError

    setup = load(path, environment, env_file, allow_plugin)
    found = findings_of(setup.loaded, setup.every)
    if errors := tuple(finding for finding in found if finding.severity is Severity.ERROR):
        raise SpecFindingsError(str(path), errors, setup.loaded)
    return setup


def operation_check_for(loaded: LoadedSpec, source: str | None, operation: str | None) -> OperationCheck | None:
    """Return the partner's document that a command line or the spec names; no other command pays for loading it.

    Raises:
        SpecFindingsError: the spec names a document or operation that cannot be used.
        DocumentError: the command line names a document that cannot be read.
        UsageError: the command line names an operation that the document does not have.
    """
    if source is None and operation is None and loaded.spec.openapi is None:
        return None
    from rokt_export.onboarding.operation_check import operation_check_of

    operation_check = operation_check_of(loaded, source, operation)
    if operation_check is not None:
        source = hidden_in_url(operation_check.document.source)
        note(f"read: {source}, version {operation_check.document.version}, {operation_check.candidate.name}")
    return operation_check


def warn_of_exposed(every: Iterable[Variables]) -> None:
    """Warn of files of variables that other users of the machine can read."""
    for file in dict.fromkeys(file for variables in every for file in variables.exposed):
        Terminal().warn(f"warning: {file} can be read by other users of this machine; `chmod 600 {shlex.quote(file)}`")


def _allowed_plugins(given: Sequence[str]) -> frozenset[str]:
    """The classes that the operator allows: by flag, and by the process environment, never by a `.env` file.

    A `.env` file may come with the spec, and a spec must not allow itself anything.
    """
    for name in given:
        if ":" not in name:
            raise UsageError(
                f"`{name}` is not module:Class",
                where="--allow-plugin",
                remedy="Write it as the spec does, such as --allow-plugin acme.auth:Signer.",
            )
    listed = os.environ.get("ROKT_EXPORT_PLUGINS", "").split(",")
    return frozenset(name.strip() for name in (*given, *listed) if name.strip())


def check_environment(spec: PartnerSpec, environment: str) -> None:
    """Check that a spec has an environment.

    Raises:
        UsageError: it has not; those it has are named.
    """
    if environment not in spec.endpoint:
        choose = f"Choose one of {', '.join(spec.endpoint)}, or add it under `endpoint:`."
        raise UsageError(
            f"the spec has no environment `{environment}`",
            where=spec.partner,
            remedy=f"{near} {choose}" if (near := did_you_mean(environment, spec.endpoint)) else choose,
        )


def check_attributes(spec: PartnerSpec, names: list[str], flag: str) -> None:
    """Check that attributes given on the command line mean something.

    Raises:
        UsageError: one is neither Rokt's nor the spec's.
    """
    from rokt_export.partner_spec.attributes import ATTRIBUTES, nearest
    from rokt_export.partner_spec.references import attribute_names

    known = attribute_names(spec) | set(spec.attributes)
    for name in names:
        if name not in known and name not in ATTRIBUTES:
            near = nearest(name)
            raise UsageError(
                f"there is no attribute `{name}`",
                where=flag,
                remedy=f"Did you mean `{near}`?" if near else "`rokt-export attributes` lists them.",
            )


def parse_set(given: list[str] | None) -> dict[str, str]:
    """Return attribute to value of `--set name=value`.

    Raises:
        UsageError: one has no `=`.
    """
    found: dict[str, str] = {}
    for item in given or ():
        name, sign, value = item.partition("=")
        if not sign or not name.strip():
            raise UsageError(
                f"`{item}` is not NAME=VALUE", where="--set", remedy="Write `--set email=jane@example.com`."
            )
        found[name.strip()] = value
    return found


def journal_place(given: str | None) -> str:
    """Return where the journal is: as given, else the default."""
    from rokt_export.journal import default_place

    place = given if given is not None else default_place()
    scheme, mark, rest = place.partition("://")  # a URL may hold a password
    shown = rest.rpartition("@")[2].partition("?")[0]
    note(f"journal: {scheme}://{shown}" if mark else f"journal: {place}")
    return place


def tell_variables(terminal: Terminal, spec: PartnerSpec, uses: Iterable[VariableUse]) -> None:
    """Write a line for each variable and the host it goes to; warn of other programs' variables that are not listed."""
    from rokt_export.partner_spec.references import THIS_MACHINE, belongs_to_others

    listed = dict.fromkeys(uses)
    if listed:
        terminal.say("environment variables, and where their values are sent:", style="dim")
    for use in listed:
        if use.host != THIS_MACHINE and belongs_to_others(use.name) and use.name not in spec.variables:
            terminal.warn(f"  {use.line()}: another program's variable; list it under `variables:` if it is meant")
        else:
            terminal.say(f"  {use.line()}", style="dim")
