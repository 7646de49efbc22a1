"""Lints a loaded spec: finds what the language allows but the author probably did not intend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rokt_export.partner_spec.document import Finding
from rokt_export.partner_spec.lint import (
    attributes,
    batches,
    confirmations,
    credentials,
    endpoints,
    foreign,
    parameters,
    read_back,
    rules,
    secrets,
    templates,
)
from rokt_export.partner_spec.lint.context import Origin, Subject, as_written
from rokt_export.partner_spec.loading import LoadedSpec

_LINTS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    attributes.unknown_attributes,
    attributes.uncarried_attributes,
    attributes.empty_templates,
    endpoints.same_credentials,
    endpoints.plain_http,
    endpoints.no_staging,
    endpoints.guards,
    endpoints.unchecked_certificates,
    foreign.unusable_urls,
    foreign.foreign_placeholders,
    credentials.joined_prefixes,
    credentials.doubled_schemes,
    credentials.unknown_placeholders,
    attributes.contact_address,
    templates.text_truths,
    templates.text_comparisons,
    templates.literal_zones,
    secrets.literal_secrets,
    parameters.bodies_not_sent,
    parameters.content_type_against_encoding,
    parameters.charsets,
    parameters.changed_numbers,
    parameters.options_without_effect,
    parameters.contradictory_options,
    parameters.repeated_names,
    parameters.unmatched_placeholders,
    parameters.contradictory_names,
    parameters.xml_roots,
    parameters.separate_elements,
    batches.batches_without_records,
    batches.shared_values_that_vary,
    batches.unknown_keys_of_elements,
    rules.missing_outcomes,
    rules.unreachable_rules,
    rules.overlapping_rules,
    rules.contradictory_tests,
    rules.status_alone,
    rules.hopeless_retries,
    confirmations.unasked,
    confirmations.unusable,
    read_back.uncaptured,
    read_back.unsent,
    secrets.variables_of_others,
)


def lint(
    loaded: LoadedSpec,
    variables: Mapping[str, str],
    guarded: frozenset[str] | None = None,
    origin: Origin = as_written,
) -> list[Finding]:
    """Return a spec's lint findings in the order of the file; docs/findings.md explains each code.

    In a damaged spec, nothing is reported as missing.

    Args:
        loaded: the spec.
        variables: values of environment variables; `RX107` reports those that are missing.
        guarded: the guarded environments; None = as the spec states.
        origin: maps an environment and a URL template to the filled scheme, host and port, if known.
    """
    if guarded is None:
        guarded = frozenset(filter(loaded.spec.guards, loaded.spec.endpoint))
    subject = Subject(loaded, guarded, origin)
    found = [finding for each in _LINTS for finding in each(subject)]
    found.extend(secrets.missing_variables(subject, variables))
    return sorted(dict.fromkeys(found), key=lambda finding: (finding.line, finding.column, finding.code))
