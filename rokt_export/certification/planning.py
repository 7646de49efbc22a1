"""Derives the acceptance probes from a spec: what each sends, what must come back, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rokt_export.authentication.base import filler
from rokt_export.authentication.none import NoAuthentication
from rokt_export.certification.records import ProbeKind
from rokt_export.certification.sent_fields import fields_of, varying
from rokt_export.certification.texts import HOSTILE, MAY_BE_REFUSED
from rokt_export.certification.variants import (
    UNCHANGED,
    Variant,
    is_unchecked,
    key_of,
    with_other_content_type,
    with_unknown,
    with_wrong_credentials,
    without,
    without_credentials,
)
from rokt_export.errors import RoktExportError
from rokt_export.partner_spec.attributes import canonical
from rokt_export.partner_spec.model import Parameter, RequiredWhen
from rokt_export.partner_spec.references import attributes_of, templates_in
from rokt_export.request.parameter_values import condition_of
from rokt_export.request.render import InvalidRowError
from rokt_export.spec_language.fields import listed
from rokt_export.spec_language.filters import ABSENT
from rokt_export.transactions.transaction import Transaction, Value

if TYPE_CHECKING:
    from rokt_export.delivery.plan import Plan

REPEATS = 3
"""How often the same is sent again until the partner calls it a duplicate."""
CONTROLS = 3
"""Good transactions that are sent again, at most, to tell what a probe shows from a partner that refuses all by now."""
READ_BACK: frozenset[ProbeKind] = frozenset({"good", "hostile_text", "longest"})
"""Probes whose record is read back."""
RACES = 3
"""Rounds of a race: one round may be won by luck."""
_FREE = (
    "firstname",
    "lastname",
    "address1",
    "address2",
    "city",
    "unitno",
    "productname",
    "company",
    "comments",
    "notes",
)
"""Attributes whose values are free text, the most usual first."""
_LONGEST = 20_000


@dataclass(frozen=True)
class PlannedProbe:
    """A probe before it runs.

    Attributes:
        kind, title, expected, why: as of `Probe`.
        sends: requests at most.
        variant: what its requests differ in.
        changes: attribute to the value that its test person has.
        detail: which text, or which form of a repeat.
        fields: the parameters that it is about.
        not_run: why nothing can be sent; empty where it can.
        advice: what to do so that it can be run; empty where nothing is to be done.
    """

    kind: ProbeKind
    title: str
    expected: str
    why: str
    sends: int = 1
    variant: Variant = UNCHANGED
    changes: Mapping[str, Value] = field(default_factory=dict)
    detail: str = ""
    fields: tuple[str, ...] = ()
    not_run: str = ""
    advice: str = ""


def plan_probes(plan: Plan, person: Transaction) -> list[PlannedProbe]:
    """Return the probes of a spec and environment, in the order of sending.

    Args:
        plan: of the run.
        person: a test person, with whom each request is rendered once.
    """
    planner = _Planner(plan, person)
    return [planner.checked(each) for each in planner.probes()]


class _Planner:
    def __init__(self, plan: Plan, person: Transaction) -> None:
        self.plan, self.spec, self.person = plan, plan.spec, person
        self.sandbox = plan.destination.base_url is not None
        self.renderer = plan.renderer()
        self.outcomes = {rule.outcome for rule in plan.spec.responses}

    def probes(self) -> Iterator[PlannedProbe]:
        why = "the rules of `responses` that give `delivered`"
        yield PlannedProbe("good", "a good transaction", "delivered", why)
        yield from self._repeats()
        yield from self._left_out()
        yield from self._credentials()
        yield self._content_type()
        yield from self._hostile()
        yield self._longest()
        yield self._unknown()
        yield self._race()
        if self.spec.read_back is None:
            yield PlannedProbe(
                "read_back", "reading back", "stored as sent", "`read_back` of the spec",
                not_run="the spec has no `read_back`, so no value was compared with what the partner stored",
                advice="Add `read_back` to the spec, or have the tech contact compare each value on the page of the "
                "pack.",
            )  # fmt: skip
        kept = "a sandbox stores no records that could be removed" if self.sandbox else ""
        none = "" if self.spec.cleanup is not None else "the spec has no `cleanup`"
        yield PlannedProbe(
            "cleanup", "removing the records", "removed", "`cleanup` of the spec", sends=0, not_run=kept or none
        )

    def checked(self, probe: PlannedProbe) -> PlannedProbe:
        """Return a probe that is not run where its request cannot be rendered."""
        if probe.not_run:
            return replace(probe, sends=0)
        person = Transaction(1, self.person.id, {**self.person.values, **probe.changes}, invented=True)
        try:
            spec = probe.variant.spec
            renderer = self.renderer if spec is None else replace(self.plan, spec=spec).renderer()
            request = renderer.render(person)
        except InvalidRowError as error:
            why = f"the spec itself refuses it: {error.reason}"
            return replace(probe, sends=0, not_run=why) if probe.kind != "good" else probe
        except RoktExportError as error:
            return replace(probe, sends=0, not_run=f"no request can be made so: {error.message}")
        if probe.kind in ("good", "missing_required", "missing_optional") or not probe.changes:
            return probe
        plain = self.renderer.render(self.person)
        if (request.url, request.headers, request.body) == (plain.url, plain.headers, plain.body):
            one_case = "the spec sends the address in one case"
            return replace(
                probe, sends=0, not_run=one_case if probe.detail == "case" else "the spec sends no such text"
            )
        sent = {name for name, _ in fields_of(renderer, person)}
        if probe.fields and sent.isdisjoint(probe.fields):
            return replace(probe, sends=0, not_run="the spec leaves such a value out")
        return probe

    def _repeats(self) -> Iterator[PlannedProbe]:
        spec, told = self.spec, "duplicate" in self.outcomes
        kind: ProbeKind = "repeat"
        if spec.idempotency is not None:
            yield PlannedProbe(
                kind, "the same again, with its idempotency key", "the first response again, or duplicate",
                "`idempotency` says that the partner recognizes a repeated request",
            )  # fmt: skip
            if told:
                yield PlannedProbe(
                    kind, "the same person in another transaction", "duplicate", _RULE_OF_DUPLICATES, detail="person"
                )
            return
        if spec.idempotent:
            yield PlannedProbe(
                kind, "the same again", "delivered", "`idempotent: true`: a repeated request is harmless"
            )
            return
        if not told:
            why = "no rule gives `duplicate`, so the spec expects nothing"
            yield PlannedProbe(kind, "the same again", "delivered", why)
            return
        tries = 1 if self.sandbox else REPEATS
        yield PlannedProbe(kind, "the same again", "duplicate", _RULE_OF_DUPLICATES, sends=tries)
        email = next((name for name in self.person.values if canonical(name) == "email"), None)
        sent = email is not None and any(email in attributes_of(each) for each in spec.parameters)
        if email is not None and sent:
            changed = {email: capitals(str(self.person.values[email]))}
            yield PlannedProbe(
                kind, "the same with the address in capitals", "duplicate",
                "mail systems do not tell capitals apart", changes=changed, detail="case",
            )  # fmt: skip

    def _left_out(self) -> Iterator[PlannedProbe]:
        """Yield a probe for each parameter, and for each group of which one is needed; the required ones first."""
        needed = set(self.spec.required)
        required, optional = dict[str, PlannedProbe](), dict[str, PlannedProbe]()
        groups: dict[tuple[str, ...], set[tuple[str, str, str]]] = {}
        for parameter, outer in _leaves(self.spec.parameters):
            key = key_of(parameter, outer)
            name = f"{outer}: {parameter.name}" if outer else parameter.name
            why = f"`{name}` is `required`"
            rule = parameter.required
            must = rule is True or not needed.isdisjoint(attributes_of(parameter))
            if isinstance(rule, RequiredWhen):
                if rule.any_of is not None:
                    groups.setdefault(rule.any_of, set()).add(key)
                else:
                    must = all(
                        condition_of(wanted)(self.person.values.get(attribute, ABSENT))
                        for attribute, wanted in rule.conditions.items()
                    )
                    why = f"`{name}` is `required` for this person: {', '.join(rule.conditions)}"
            if must:
                required[name] = self._without("missing_required", name, frozenset({key}), why)
            elif varying(parameter):
                why = f"`{name}` is not `required`"
                optional[name] = self._without("missing_optional", name, frozenset({key}), why)
        for names, keys in groups.items():
            why = f"one of {listed(names)} is required"
            fields = " and ".join(sorted(name for _, _, name in keys))
            required[fields] = self._without("missing_required", fields, frozenset(keys), why)
        for name in sorted(needed & self._beside_parameters()):
            required[name] = PlannedProbe(
                "missing_required", f"without {name}", "not delivered", f"`attributes: {{{name}: {{required: true}}}}`",
                not_run="a template of the URL or the body has it, and makes no request without it",
            )  # fmt: skip
        if not required:
            none = "no parameter is `required`, so none can be missed"
            yield PlannedProbe("missing_required", "without a required parameter", "not delivered", "", not_run=none)
        yield from required.values()
        if not optional:
            none = "every parameter that a row decides is required"
            yield PlannedProbe("missing_optional", "without an optional parameter", "delivered", "", not_run=none)
        yield from optional.values()

    def _without(self, kind: ProbeKind, name: str, keys: frozenset[tuple[str, str, str]], why: str) -> PlannedProbe:
        expected = "not delivered" if kind == "missing_required" else "delivered"
        in_path = any(place == "path" for _, place, _ in keys)
        return PlannedProbe(
            kind, f"without {name}", expected, why, variant=without(self.spec, keys),
            fields=tuple(sorted(each for _, _, each in keys)),
            not_run="it is a part of the path: without it the address is another one" if in_path else "",
        )  # fmt: skip

    def _beside_parameters(self) -> set[str]:
        """Return the attributes of the URL and of a body that is one template."""
        places = (self.spec.environment(self.plan.environment).url, self.spec.body)
        return {name for template in templates_in(*places) for name in template.attributes}

    def _credentials(self) -> Iterator[PlannedProbe]:
        stated = self.spec.environment(self.plan.environment).authentication or ()
        own = tuple(each for each in stated if not isinstance(each, NoAuthentication))
        if not own:
            none = "`authentication: none`" if stated else "the spec has no `authentication`"
            yield PlannedProbe("no_credentials", "without credentials", "not delivered", "", not_run=none)
            yield PlannedProbe("wrong_credentials", "with wrong credentials", "not delivered", "", not_run=none)
            return
        fill = filler(self.plan.variables)
        for place, each in enumerate(own):
            unchecked = is_unchecked(each, fill) if self.sandbox else ""
            named = f" ({each.type})" if len(own) > 1 else ""
            why = f"`authentication: {{type: {each.type}}}`"
            yield PlannedProbe(
                "no_credentials", f"without credentials{named}", "not delivered", why,
                variant=without_credentials(self.spec, self.plan.environment, place), not_run=unchecked,
            )  # fmt: skip
            wrong = with_wrong_credentials(self.spec, self.plan.environment, place, fill)
            variant, reason = (UNCHANGED, wrong) if isinstance(wrong, str) else (wrong, "")
            yield PlannedProbe(
                "wrong_credentials", f"with wrong credentials{named}", "not delivered", why,
                variant=variant, not_run=unchecked or reason,
            )  # fmt: skip

    def _content_type(self) -> PlannedProbe:
        made = self.renderer.render(self.person) if self.renderer.renders(self.person) else None
        wrong = with_other_content_type(self.spec, has_body=made is not None and bool(made.body))
        why = f"`encoding: {self.spec.encoding}`: another content type says that the body is something else"
        variant, reason = (UNCHANGED, wrong) if isinstance(wrong, str) else (wrong, "")
        return PlannedProbe(
            "wrong_content_type", "with a wrong content type", "not delivered", why, variant=variant, not_run=reason
        )

    def _hostile(self) -> Iterator[PlannedProbe]:
        found = self._free_text()
        if found is None:
            none = "no parameter has free text, such as a name or an address"
            yield PlannedProbe("hostile_text", "with hostile text", "delivered", "", not_run=none)
            return
        attribute, fields = found
        for name, text in HOSTILE.items():
            why = "people have such names"
            expected = "delivered"
            if name in MAY_BE_REFUSED:
                expected, why = "delivered or rejected", "a field of one line may refuse it, and must not fail"
            if self.spec.read_back is not None and not self.sandbox:
                expected += ", and stored as sent"
            yield PlannedProbe(
                "hostile_text", f"{name} in {attribute}", expected, why,
                changes={attribute: text}, detail=name, fields=fields,
            )  # fmt: skip

    def _free_text(self) -> tuple[str, tuple[str, ...]] | None:
        """Return an attribute of free text and the parameters that send it."""
        fields: dict[str, list[str]] = {}
        for parameter, _ in _leaves(self.spec.parameters):
            if _is_open(parameter) and parameter.in_ in ("body", "query"):
                for name in attributes_of(parameter):
                    fields.setdefault(name, []).append(parameter.name)
        if self.spec.body is not None:
            fields = {name: [name] for template in templates_in(self.spec.body) for name in template.attributes}
        for wanted in _FREE:
            for name, sent in fields.items():
                if (canonical(name) or name) == wanted:
                    return name, tuple(sent)
        return None

    def _longest(self) -> PlannedProbe:
        why = "`max_length` of the spec"
        lengths: dict[str, int] = {}
        fields = []
        for parameter, _ in _leaves(self.spec.parameters):
            if parameter.max_length is None or not _is_free(parameter):
                continue
            attribute = next(iter(attributes_of(parameter)))
            known = canonical(attribute)
            if (known is None or known in _FREE) and 4 <= parameter.max_length <= _LONGEST:
                lengths[attribute] = min(parameter.max_length, lengths.get(attribute, _LONGEST))
                fields.append(parameter.name)
        kept = ", and stored as sent" if self.spec.read_back is not None and not self.sandbox else ""
        none = "no parameter of free text has a `max_length`" if not lengths else ""
        return PlannedProbe(
            "longest", "with the longest values", f"delivered{kept}", why,
            changes={name: long_text(length) for name, length in lengths.items()},
            detail="longest", fields=tuple(fields), not_run=none,
        )  # fmt: skip

    def _unknown(self) -> PlannedProbe:
        why = "what a partner does with a name that it does not know decides whether the spec may send more"
        variant = with_unknown(self.spec)
        title, expected = "with an unknown extra field", "delivered or rejected"
        if isinstance(variant, str):
            return PlannedProbe("unknown_field", title, expected, why, not_run=variant)
        return PlannedProbe("unknown_field", title, expected, why, variant=variant)

    def _race(self) -> PlannedProbe:
        spec = self.spec
        title, expected, why = "two at once", "one delivered, one duplicate", _RULE_OF_DUPLICATES
        not_run = ""
        if spec.idempotency is not None:
            expected, why = "one record", "`idempotency` says that the partner recognizes a repeated request"
        elif spec.idempotent:
            not_run = "`idempotent: true`: two at once are as harmless as one after the other"
        elif "duplicate" not in self.outcomes:
            not_run = "no rule gives `duplicate`, so the loser of a race cannot be told"
        rounds = 1 if self.sandbox else RACES
        return PlannedProbe("race", title, expected, why, sends=2 * rounds, not_run=not_run)


_RULE_OF_DUPLICATES = "the rules of `responses` that give `duplicate`"


def long_text(length: int) -> str:
    """Return a text of a length whose end is known by its last letter."""
    return ("Rokt" + "abcdefghij" * (length // 10 + 1))[: length - 1] + "Z"


def capitals(address: str) -> str:
    """Return an email address with its name in capitals."""
    name, at, host = address.partition("@")
    return f"{name.upper()}{at}{host}"


def _is_free(parameter: Parameter) -> bool:
    """Return whether a parameter sends one attribute, and nothing limits its signs."""
    return _is_open(parameter) and len(attributes_of(parameter)) == 1


def _is_open(parameter: Parameter) -> bool:
    """Return whether a parameter sends attributes, and nothing limits its signs."""
    limits = (parameter.pattern, parameter.choices, parameter.format)
    return varying(parameter) and parameter.type in (None, "string") and not any(each is not None for each in limits)


def _leaves(parameters: tuple[Parameter, ...], outer: str = "") -> Iterator[tuple[Parameter, str]]:
    """Yield each parameter that has a value, with the field that holds it."""
    for each in parameters:
        if each.parameters:
            yield from _leaves(each.parameters, each.name)
        else:
            yield each, outer
