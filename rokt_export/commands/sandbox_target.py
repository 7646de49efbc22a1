"""`--sandbox`: a partner for the length of a run, and where its requests go instead of the endpoint."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rokt_export.commands.spec_setup import SpecSetup
from rokt_export.delivery.plan import Destination
from rokt_export.errors import JournalError, UsageError


@contextmanager
def sandboxed(
    setup: SpecSetup, *, wanted: bool, url: str | None = None, forget: bool = False, remember: bool = True
) -> Iterator[tuple[Destination, dict[str, str] | None]]:
    """Yield where to send and the variables to send with: a sandbox's, or the endpoint and None.

    A sandbox that remembers knows, as digests, whom earlier runs sent it, so that the same file sent twice meets
    duplicates, as it would at the partner.

    Args:
        forget: whether it forgets earlier runs first.
        remember: whether it knows of other runs, and they will know of this one.

    Raises:
        UsageError: both are asked for, or no sandbox of this partner proves itself at the URL.
    """
    if url is not None:
        if wanted:
            raise UsageError("--sandbox starts one, --sandbox-url names one", remedy="Use one of the two.")
        yield Destination(_proven(setup, url)), _stand_ins(setup)
    elif wanted:
        from rokt_export.sandbox.options import SandboxOptions
        from rokt_export.sandbox.server import Sandbox

        memory, key = memory_of(setup.spec.partner, setup.environment), _memory_key() if remember else None
        if forget:
            memory.unlink(missing_ok=True)
        options = SandboxOptions(environment=setup.environment, memory=memory if key else None, memory_key=key)
        with Sandbox(setup.spec, options, variables=setup.variables.values) as sandbox:
            yield Destination(sandbox.base_url, sandbox.ca_file), sandbox.variables
    else:
        yield Destination(), None


def memory_of(partner: str, environment: str) -> Path:
    """Return the file in which sandboxes keep whom they were sent in place of a partner, as keyed digests."""
    from platformdirs import user_state_path

    return user_state_path("rokt-export") / "sandbox" / f"{partner}-{environment}.json"


def _memory_key() -> bytes | None:
    """Return the key of these digests; None where none can be kept: then a sandbox does not remember."""
    from rokt_export.journal import keys

    try:
        return hashlib.blake2b(b"sandbox", key=keys.first(), digest_size=32).digest()
    except JournalError:
        return None


def _proven(setup: SpecSetup, text: str) -> str:
    """Return a running sandbox's origin, once it has proved to be one: nobody sends to a partner by mistake.

    One GET without data asks for the answer to a challenge, which only a sandbox of this program knows; a tunnel to a
    real server has none. The same transport and address carry the rows afterwards.
    """
    from rokt_export.exchange.model import Request, Response
    from rokt_export.sandbox.options import PREFIX, proof_of
    from rokt_export.spec_language.urls import parse_url
    from rokt_export.transport import Transport, TransportOptions

    remedy = "Give what `rokt-export sandbox` printed, such as http://127.0.0.1:8080."
    try:
        url = parse_url(text)
    except ValueError as error:
        raise UsageError(f"this is not a sandbox's URL: {error}", where="--sandbox-url", remedy=remedy) from error
    if not url.is_loopback or url.rest not in ("", "/"):
        raise UsageError(f"`{text}` is not a sandbox on this machine", where="--sandbox-url", remedy=remedy)
    challenge = secrets.token_hex(16)
    options = TransportOptions(timeout=5.0, connect_timeout=2.0, max_response=64_000, verify=False, proxy="")
    with Transport(options) as transport:
        asked = Request("GET", f"{url.origin}{PREFIX}health?challenge={challenge}", (("Accept", "*/*"),), None)
        result = transport.send(asked)
    if not isinstance(result, Response):
        raise UsageError(f"no sandbox answers at {text}: {result.message}", where="--sandbox-url", remedy=remedy)
    facts = _facts(result.body)
    partner = str(facts.get("partner"))
    if facts.get("proof") != proof_of(challenge, partner):
        raise UsageError(
            f"the server at {text} is not a rokt-export sandbox; nothing was sent to it",
            where="--sandbox-url",
            remedy=remedy,
        )
    if partner != setup.spec.partner:
        raise UsageError(
            f"the sandbox at {text} is of `{partner}`, not of `{setup.spec.partner}`",
            where="--sandbox-url",
            remedy="Start one from this spec: `rokt-export sandbox SPEC`.",
        )
    return url.origin


def _facts(body: bytes) -> dict[str, Any]:
    import orjson

    try:
        found = orjson.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _stand_ins(setup: SpecSetup) -> dict[str, str]:
    """The values that the running sandbox made up for missing variables: both make them by one rule."""
    from rokt_export.partner_spec.references import variable_names
    from rokt_export.sandbox.variables import recognisable

    names = variable_names(setup.spec, [setup.environment])
    return {name: setup.variables.values.get(name) or recognisable(setup.spec.partner, name) for name in names}
