"""Validate a spec file before anything is sent: its findings and the checklist."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rokt_export.delivery.address import Address
from rokt_export.delivery.asked_urls import blank_asked_url
from rokt_export.delivery.target import AddressLikeness, Target, guard_of
from rokt_export.errors import RoktExportError, SpecError
from rokt_export.exchange.model import Outcome, Response
from rokt_export.partner_spec.attributes import ATTRIBUTES, canonical
from rokt_export.partner_spec.checklist import Checklist, checklist
from rokt_export.partner_spec.document import Finding, Severity, parse, read_text
from rokt_export.partner_spec.lint import lint
from rokt_export.partner_spec.loading import LoadedSpec, SpecFindingsError, read_spec
from rokt_export.partner_spec.model import Parameter
from rokt_export.partner_spec.references import attributes_of, variable_names
from rokt_export.partner_spec.variables import Variables
from rokt_export.redaction import OwnWords
from rokt_export.request.parameter_values import MalformedError, RefusedError, compile_field
from rokt_export.request.spec_people import placed_parameters, unmet
from rokt_export.request.url import blank_url, origin
from rokt_export.response.classify import Classifier
from rokt_export.spec_language.fields import listed
from rokt_export.spec_language.rules import Example, Rule


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found in one spec file.

    Attributes:
        file: as the user named it.
        findings: errors, warnings and infos, in the order of the file.
        loaded: what could be read; None where too little could.
        checklist: the seed page's eight points; None where `loaded` is.
    """

    file: str
    findings: tuple[Finding, ...]
    loaded: LoadedSpec | None = None
    checklist: Checklist | None = None

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def warnings(self) -> int:
        """How many findings are warnings."""
        return sum(finding.severity is Severity.WARNING for finding in self.findings)

    @property
    def unchecked(self) -> list[int]:
        """The lines that are still marked `# check`: guesses that nobody has confirmed."""
        lines = self.loaded.document.text.splitlines() if self.loaded is not None else []
        return [number for number, line in enumerate(lines, start=1) if _UNCHECKED.search(line)]


_UNCHECKED = re.compile(r"(?:^|\s)# check\b")
"""The mark of a guess; `init` writes it."""


def validate(path: Path, variables: Callable[[str], Variables]) -> Validation:
    """Return findings and checklist of a spec file; a file that cannot be read is a finding too.

    Args:
        path: the file.
        variables: from the name of an environment to its variables.
    """
    file = str(path)
    try:
        return validate_text(file, read_text(path), variables)
    except SpecError as error:
        return Validation(file, (_unreadable(file, error),))


def validate_text(file: str, text: str, variables: Callable[[str], Variables]) -> Validation:
    """Return findings and checklist of the text of a spec file; see `validate`."""
    try:
        loaded = read_spec(parse(file, text))
    except SpecFindingsError as error:
        return Validation(file, error.findings)
    except SpecError as error:
        return Validation(file, (_unreadable(file, error),))
    found = findings_of(loaded, {name: variables(name) for name in loaded.spec.endpoint})
    return Validation(file, found, loaded, checklist(loaded))


def findings_of(loaded: LoadedSpec, variables: Mapping[str, Variables]) -> tuple[Finding, ...]:
    """Return all findings of a spec that could be read, in the order of the file.

    Args:
        loaded: the spec.
        variables: the variables of each environment; one is missing where all lack it.
    """
    merged = {name: value for each in variables.values() for name, value in each.values.items()}
    targets = [Target.of(loaded.spec, name, variables) for name in loaded.spec.endpoint]
    guarded = frozenset(target.environment for target in targets if target.guarded)

    def origin_of(environment: str, source: str) -> str:
        address = Address.of(source, variables[environment].values)
        return address.shown if address is not None else source

    found = [
        *loaded.findings,
        *lint(loaded, merged, guarded, origin_of),
        *_places(loaded, targets),
        *_asked(loaded, targets, variables),
        *_lacking(loaded, variables, guarded),
        *_refused_values(loaded),
        *_examples(loaded),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: (finding.line, finding.column, finding.code)))


def _places(loaded: LoadedSpec, targets: Iterable[Target]) -> Iterator[Finding]:
    """RX103, RX140: an environment for tests that is at, or near, the address of a guarded one."""
    for target in targets:
        for near in target.near:
            beside = near.likeness in (AddressLikeness.HOST, AddressLikeness.TOKENS)
            yield loaded.document.finding(
                "RX140" if beside else "RX103",
                Severity.WARNING if near.why or near.likeness is AddressLikeness.SWITCH else Severity.INFO,
                ("endpoint", near.environment, "url"),
                near.text,
                near.remedy
                or (
                    "Check it before the first send; the same credentials may open both."
                    if beside
                    else f"Ask the partner for a test endpoint, or leave {target.environment} out."
                ),
                of_value=True,
            )


def _asked(loaded: LoadedSpec, targets: Iterable[Target], variables: Mapping[str, Variables]) -> Iterator[Finding]:
    """RX198: a question, a record read back, or a removal of an environment for tests at the address of a guarded one.

    What a response decides of a URL is checked before it is asked.
    """
    spec = loaded.spec
    asked = {"confirmation": spec.confirmation, "read_back": spec.read_back, "cleanup": spec.cleanup}
    for key, how in asked.items():
        if how is None or not loaded.damaged.isdisjoint((key, "endpoint")):
            continue
        for name in (target.environment for target in targets if not target.guarded):
            values = variables[name].values
            with suppress(RoktExportError, KeyError, ValueError):  # other findings tell of them
                home = origin(blank_url(spec.endpoint[name].url, values))
                url = blank_asked_url(how.url, values, home)
                if url is not None and (guarded := guard_of(spec, name, variables)(url)):
                    yield loaded.document.finding(
                        "RX198",
                        Severity.WARNING,
                        (key, "url"),
                        f"for {name} it is at the address of {guarded}, which is guarded: it is not asked there",
                        f"Write the path that {name} has for it, by a variable in `.env.{name}` if the paths differ.",
                        of_value=True,
                    )


def _lacking(loaded: LoadedSpec, variables: Mapping[str, Variables], guarded: frozenset[str]) -> Iterator[Finding]:
    """RX182: a guarded environment without the value of a variable that another environment has."""
    for name in sorted(guarded):
        missing = variables[name].missing(variable_names(loaded.spec, [name]))
        for other in (each for each in loaded.spec.endpoint if each not in guarded):
            if found := [each for each in missing if variables[other].values.get(each)]:
                yield loaded.document.finding(
                    "RX182",
                    Severity.WARNING,
                    ("endpoint", name),
                    f"{name} has no value of {listed(found)}, and {other} has",
                    OwnWords(f"Write `{found[0]}=…` to `.env.{name}`, before the first send to {name}."),
                )
                break


def _refused_values(loaded: LoadedSpec) -> list[Finding]:
    """RX131, and RX199: a parameter that no test person satisfies, where no format is the cause."""
    found = list(_refused_formats(loaded))
    if loaded.damaged.isdisjoint(("parameters", "attributes")):
        told = {(each.line, each.column) for each in found}
        people = (
            loaded.document.finding(
                "RX199", Severity.WARNING, (*each.path, "name"), each.message, each.remedy, of_value=True
            )
            for each in unmet(loaded.spec)
        )
        found += [each for each in people if (each.line, each.column) not in told]
    return found


def _refused_formats(loaded: LoadedSpec) -> Iterator[Finding]:
    """RX131: a parameter that refuses each spelling of the one attribute that it sends.

    An example that the spec declares for the attribute takes the place of the catalogue's values.
    """
    for path, parameter in placed_parameters(loaded.spec.parameters, ("parameters",)):
        names = attributes_of(parameter)
        name = canonical(next(iter(names))) if len(names) == 1 else None
        if name is None or not loaded.damaged.isdisjoint(("parameters", "attributes")):
            continue
        (written,) = names
        own = loaded.spec.attributes.get(written)
        values = (own.example,) if own is not None and own.example else ATTRIBUTES[name].specimens
        refusals = _refusals(parameter, written, values)
        if values and len(refusals) == len(values):
            yield loaded.document.finding(
                "RX131",
                Severity.WARNING,
                (*path, "name"),
                f"no value of the format of `{written}` ({ATTRIBUTES[name].format}) passes: {refusals[0]}",
                f"Convert it with a filter, or correct the check. If your transactions have another format, say so:"
                f" `attributes: {{{written}: {{example: …}}}}`.",
                of_value=True,
            )


def _refusals(parameter: Parameter, attribute: str, values: Iterable[str]) -> list[str]:
    """Return what a parameter says against values of its one attribute; nothing if it needs a variable."""
    try:
        take = compile_field(parameter, {}).take
        found = []
        for value in values:
            try:
                take({attribute: value})
            except MalformedError as error:
                found.append(error.message)
    except (KeyError, RefusedError):
        return []
    return found


def _unreadable(file: str, error: SpecError) -> Finding:
    """RX001: the file as a whole; its place is in the error where it has one."""
    place = (error.where or "").removeprefix(file).strip(":").split(":")
    line, column = (int(place[0]), int(place[1])) if len(place) == 2 and all(map(str.isdigit, place)) else (1, 1)
    return Finding("RX001", Severity.ERROR, file, line, column, error.message, error.remedy or "")


def _examples(loaded: LoadedSpec) -> Iterator[Finding]:
    """RX115, RX128: the outcome of each example, against the rule that has it."""
    if "responses" not in loaded.damaged:
        yield from _examples_of(loaded, ("responses",), loaded.spec.responses, ())
    asked = loaded.spec.confirmation
    if asked is not None and "confirmation" not in loaded.damaged:
        yield from _examples_of(loaded, ("confirmation", "responses"), asked.responses, asked.pending_rules)


def _examples_of(
    loaded: LoadedSpec, section: tuple[str, ...], rules: Sequence[Rule], before: Sequence[Rule]
) -> Iterator[Finding]:
    classifier = Classifier((*before, *rules))
    names = classifier.names[len(before) :]
    for index, (own, rule) in enumerate(zip(names, rules, strict=True)):
        for number, example in enumerate(rule.examples):
            place: tuple[str | int, ...] = (*section, index, "examples", number)
            outcome = classifier.classify(example_response(example))
            if outcome.rule != own:
                yield _caught_elsewhere(loaded, classifier, own, example, place, outcome)
            else:
                yield from _captures(loaded, example, outcome, place)


def example_response(example: Example) -> Response:
    """Return the response of an example."""
    return Response(example.status, tuple(example.headers.items()), example.body.encode())


def _caught_elsewhere(
    loaded: LoadedSpec,
    classifier: Classifier,
    own: str,
    example: Example,
    place: tuple[str | int, ...],
    outcome: Outcome,
) -> Finding:
    if outcome.rule is None:
        message = f"no rule matches this example of `{own}`"
    else:
        message = f"rule `{outcome.rule}` catches this example of `{own}` first"
    trace = next(t for t in classifier.explain(example_response(example)).rules if t.name == own)
    missed = [check.line().strip() for check in trace.checks if not check.held]
    why = (
        f"`{own}` does not match: {missed[0]}."
        if missed
        else f"Move `{own}` above `{outcome.rule}`, or narrow that one."
    )
    return loaded.document.finding("RX115", Severity.ERROR, place, message, why)


def _captures(
    loaded: LoadedSpec, example: Example, outcome: Outcome, place: tuple[str | int, ...]
) -> Iterator[Finding]:
    for name in ("reason", "reference", "code"):
        stated, found = getattr(example, name), getattr(outcome, name)
        if stated is not None and stated != found:
            shown = f"`{found}`" if found is not None else "nothing"
            yield loaded.document.finding(
                "RX128",
                Severity.ERROR,
                (*place, name),
                f"the rule captures {shown} as {name} of this example, not `{stated}`",
                f"Correct `capture.{name}`, or what the example states.",
            )
