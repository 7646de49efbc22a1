"""`--sandbox`: a partner for the length of a run, and where its requests go instead of the endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from rokt_export.commands.loading import Ready
from rokt_export.delivery.plan import Destination
from rokt_export.errors import UsageError


@contextmanager
def sandboxed(
    ready: Ready, *, wanted: bool, url: str | None = None, forget: bool = False, remember: bool = True
) -> Iterator[tuple[Destination, dict[str, str] | None]]:
    """Yield where to send and the variables to send with: a sandbox's, or the endpoint and None.

    A sandbox that remembers knows, as digests, whom earlier runs sent it, so that the same file sent twice meets
    duplicates, as it would at the partner.

    Args:
        ready: the spec.
        wanted: whether a sandbox is started.
        url: a sandbox that is running already.
        forget: whether it forgets earlier runs first.
        remember: whether it knows of other runs, and they will know of this one.

    Raises:
        UsageError: both are asked for, or the URL is not on this machine.
    """
    if url is not None:
        if wanted:
            raise UsageError("--sandbox starts one, --sandbox-url names one", remedy="Use one of the two.")
        yield Destination(_local(url)), _stand_ins(ready)
    elif wanted:
        from rokt_export.sandbox.options import SandboxOptions
        from rokt_export.sandbox.server import Sandbox

        memory = _memory(ready) if remember else None
        if forget and memory is not None:
            memory.unlink(missing_ok=True)
        options = SandboxOptions(environment=ready.environment, memory=memory)
        with Sandbox(ready.spec, options, variables=ready.variables.values) as sandbox:
            yield Destination(sandbox.base_url, sandbox.ca_file), sandbox.variables
    else:
        yield Destination(), None


def _memory(ready: Ready) -> Path:
    from platformdirs import user_state_path

    return user_state_path("rokt-export") / "sandbox" / f"{ready.spec.partner}-{ready.environment}.json"


def _local(url: str) -> str:
    """A sandbox is on this machine: nobody sends real credentials elsewhere by a slip of this flag."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise UsageError(
            f"`{url}` is not a sandbox on this machine",
            where="--sandbox-url",
            remedy="Give what `rokt-export sandbox` printed, such as http://127.0.0.1:8080.",
        )
    return f"{parts.scheme}://{parts.netloc}"


def _stand_ins(ready: Ready) -> dict[str, str]:
    """The values that the running sandbox made up for missing variables: both make them by one rule."""
    from rokt_export.sandbox.variables import recognisable
    from rokt_export.spec.needs import variable_names

    names = variable_names(ready.spec, [ready.environment])
    return {name: ready.variables.values.get(name) or recognisable(ready.spec.partner, name) for name in names}
