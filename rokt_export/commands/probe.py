"""`probe`: can the endpoint be reached and authenticated with, without sending a transaction?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rokt_export.commands import options as flag
from rokt_export.commands.options import Output
from rokt_export.commands.spec_setup import load_to_send
from rokt_export.commands.terminal import GUARD, Terminal
from rokt_export.errors import ExitStatus

if TYPE_CHECKING:
    from rokt_export.delivery.attempt_credentials import AttemptCredentials
    from rokt_export.onboarding.probing import ProbeStep

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "bold red"), "info": ("·", "dim")}


def probe(
    spec: flag.SpecFile,
    environment: flag.Environment = "staging",
    confirm: flag.Confirm = None,
    output: flag.OutputFormat = Output.TABLE,
    env_file: flag.EnvFile = None,
    allow_plugin: flag.AllowPlugin = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Check DNS, TCP, TLS, the token, OPTIONS or HEAD, and the clocks. Sends no transaction.

    Exit status: 0 no problem, 1 warnings, 4 the partner is unreachable or refuses the credentials.

    Examples:
        rokt-export probe acme.yaml
        rokt-export probe acme.yaml --environment production --confirm acme
    """
    from rokt_export.commands.interlock import pass_interlock
    from rokt_export.commands.run_session import new_key, variables_for
    from rokt_export.delivery.plan import GeneratedRows, Pace, Plan
    from rokt_export.delivery.worker import credentials_for, transport_options
    from rokt_export.onboarding.probing import probe as steps
    from rokt_export.onboarding.probing import safe_methods
    from rokt_export.redaction import Redactor

    terminal = Terminal(quiet, verbose, no_color)
    setup = load_to_send(spec, environment, env_file, allow_plugin)
    pass_interlock(terminal, setup.target(), setup.spec, confirm=confirm, invented=False, test_data=False)
    variables = variables_for(setup, terminal)
    plan = Plan(
        setup.spec,
        environment,
        variables,
        GeneratedRows(0, frozenset(), 0),
        Pace.of(setup.spec.limits_of(environment)),
        "",
        new_key(),
        plugins=setup.plugins,
    )
    renderer = plan.renderer()
    options = transport_options(plan, renderer, 1)

    redactor = GUARD.redactor or Redactor()

    def credentials() -> AttemptCredentials:
        return credentials_for(plan, renderer, options, redactor)

    methods = safe_methods(str(renderer.environment.method))
    found: list[ProbeStep] = []
    for step in steps(renderer.base_url(), renderer.shared_headers, options, credentials, methods):
        found.append(step)
        if output is Output.TABLE:
            _print(terminal, step)
    _print_data(terminal, output, found)
    return _status(found)


def _print(terminal: Terminal, step: ProbeStep) -> None:
    from rich.text import Text

    sign, style = _SIGNS[str(step.state)]
    took = f"  ({step.seconds * 1000:.0f} ms)" if step.seconds is not None else ""
    line = Text.assemble((sign, style), f" {step.name:<12} {GUARD.text(step.detail)}", (took, "dim"))
    terminal.out.print(line, soft_wrap=True)
    if step.remedy:
        terminal.out.print(f"  {'':<12} {GUARD.text(step.remedy)}", style="dim", markup=False, soft_wrap=True)


def _print_data(terminal: Terminal, output: Output, found: list[ProbeStep]) -> None:
    rows = [{**step.as_json(), "detail": GUARD.text(step.detail)} for step in found]
    match output:
        case Output.JSON:
            terminal.json(rows)
        case Output.NDJSON:
            terminal.ndjson(rows)
        case Output.CSV:
            terminal.csv(rows, ("step", "state", "detail", "ms", "remedy"))
        case Output.TABLE:
            pass


def _status(found: list[ProbeStep]) -> ExitStatus:
    from rokt_export.onboarding.probing import StepState

    states = {step.state for step in found}
    if StepState.FAILED in states:
        return ExitStatus.UNREACHABLE
    return ExitStatus.FINDINGS if StepState.WARNING in states else ExitStatus.OK
