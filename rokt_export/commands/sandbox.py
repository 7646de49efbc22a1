"""`sandbox`: a partner made from its spec, serving until Ctrl-C."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.spec_setup import load
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus, UsageError
from rokt_export.sandbox.options import FAULTS

Host = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, metavar="N", help="Port to listen on; 0 takes a free one.")
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token", metavar="TOKEN", envvar="ROKT_EXPORT_SANDBOX_TOKEN", show_default=False, show_envvar=False,
        help="Token of the page of deliveries; default $ROKT_EXPORT_SANDBOX_TOKEN, else random.",
    ),
]  # fmt: skip
Latency = Annotated[str, typer.Option("--latency", metavar="DURATION", help="Time that each response takes (50ms).")]
Jitter = Annotated[str, typer.Option("--jitter", metavar="DURATION", help="By how much the latency varies.")]
ErrorRate = Annotated[
    float,
    typer.Option("--error-rate", min=0.0, max=1.0, metavar="SHARE", help="Share of requests that fail (0.1)."),
]
Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault", metavar="KIND=SHARE", show_default=False,
        help=f"One of {', '.join(FAULTS)}, for this share of requests.",
    ),
]  # fmt: skip
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Make faults and ids repeatable.", show_default=False)
]


def sandbox(
    spec: flag.SpecFile,
    environment: flag.Environment = "staging",
    host: Host = "127.0.0.1",
    port: Port = 8080,
    token: Token = None,
    latency: Latency = "0",
    jitter: Jitter = "0",
    error_rate: ErrorRate = 0.0,
    fault: Faults = None,
    seed: Seed = None,
    env_file: flag.EnvFile = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Serve a test partner made from its spec: it checks and remembers requests, and responds by the spec's rules.

    GET /_sandbox/deliveries?token=TOKEN shows what it received.
    Send to it with `--sandbox-url URL`, or with any HTTP client.

    Examples:
        rokt-export sandbox acme.yaml --port 8080
        rokt-export sandbox acme.yaml --fault http429=0.1 --latency 50ms
    """
    from rokt_export.request.url import blank_url
    from rokt_export.sandbox.options import SandboxOptions
    from rokt_export.sandbox.server import Sandbox
    from rokt_export.spec_language.urls import WebUrl

    terminal = Terminal(quiet, verbose, no_color)
    setup = load(spec, environment, env_file)
    options = SandboxOptions(
        host=host,
        port=port,
        latency=_seconds(latency, "--latency"),
        jitter=_seconds(jitter, "--jitter"),
        error_rate=error_rate,
        faults=_faults(fault or []),
        seed=seed,
        environment=environment,
        token=token or secrets.token_urlsafe(16),
    )
    if not WebUrl("http", host, None, "", 0).is_loopback:
        terminal.warn(f"--host {host}: other machines can reach this sandbox and send to it; 127.0.0.1 keeps it here")
    served = Sandbox(setup.spec, options, variables=setup.variables.values)
    served.start()
    endpoint = blank_url(setup.spec.environment(environment).url, served.variables, base_url=served.base_url)
    terminal.write(served.base_url)
    terminal.flush()
    terminal.say(
        f"{setup.spec.name} ({environment}), a sandbox: {setup.spec.environment(environment).method} {endpoint}"
    )
    terminal.say(f"deliveries: {served.inspection_url}     stop: Ctrl-C")
    for name in sorted(set(served.variables) - set(setup.variables.values)):
        terminal.say(f"  {name}={served.variables[name]}", style="dim")
    for note in served.notes:
        terminal.say(f"  {note}", style="dim")
    served.serve_forever()
    counts = ", ".join(f"{rows:,} {outcome}" for outcome, rows in served.counts.items())
    terminal.say(f"Received {sum(served.counts.values()):,}: {counts}" if counts else "Received nothing")
    return ExitStatus.OK


def _seconds(text: str, flag: str) -> float:
    from rokt_export.spec_language.fields import duration

    if text.strip() in ("0", "0s", "0ms"):
        return 0.0
    try:
        return duration(text)
    except ValueError as error:
        raise UsageError(str(error), where=flag, remedy="Write `50ms` or `2s`.") from error


def _faults(given: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for item in given:
        kind, _, share = item.partition("=")
        try:
            found[kind] = float(share or "1")
        except ValueError as error:
            raise UsageError(f"`{item}` is not KIND=SHARE", where="--fault", remedy="Write `reset=0.1`.") from error
    return found
