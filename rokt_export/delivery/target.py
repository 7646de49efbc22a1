"""Where a run sends to, and whether it may: the filled address of an environment against those that are guarded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from rokt_export.delivery.address import Address, filled_url
from rokt_export.delivery.nearness import Likeness, Near, Resolve, near_of, proxy_of_process
from rokt_export.errors import UsageError
from rokt_export.partner_spec.references import variable_names
from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import Place

if TYPE_CHECKING:
    from rokt_export.partner_spec.model import PartnerSpec
    from rokt_export.partner_spec.variables import Variables


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run sends to, and whether that is guarded.

    Attributes:
        partner: the partner's slug, which a person types to confirm.
        environment: the environment's name.
        address: scheme, host and port; empty where they cannot be known.
        guarded: whether a send needs a confirmation, and test data another one.
        near: the guarded environments at or near this address, where the environment is not guarded by itself.
        proxy: the proxy that the process environment names for it, without credentials.
        unchecked: whether the server's certificate is not checked.
        ledger: the names by which the ledger knows this live system, whose answers it keeps: by address and account,
            by partner and environment, and by partner and address. Two partners that use one vendor have two accounts.
            Empty for what is not guarded.
    """

    partner: str
    environment: str
    address: str
    guarded: bool
    near: tuple[Near, ...] = ()
    proxy: str = ""
    unchecked: bool = False
    ledger: tuple[str, ...] = ()

    @property
    def because(self) -> Near | None:
        """The guarded environment for which this one is guarded, where its own name and key do not guard it."""
        return next((near for near in self.near if near.why), None)

    @classmethod
    def of(
        cls,
        spec: PartnerSpec,
        environment: str,
        variables: Mapping[str, Variables],
        *,
        sandbox: bool = False,
        sandbox_url: str | None = None,
        resolve: Resolve | None = None,
    ) -> Target:
        """Return the target of an environment.

        Args:
            spec: the partner's spec.
            environment: the environment's name.
            variables: for each environment of the spec, the variables at hand.
            sandbox: whether a sandbox takes the partner's place: it is never guarded.
            sandbox_url: the address of one that is running.
            resolve: from host names to the addresses of those that are known; without it, names are taken as they are.

        Raises:
            UsageError: the sandbox is said to be on the host of a guarded environment.
        """
        if sandbox:
            _check_sandbox(spec, variables, sandbox_url)
            return cls(spec.partner, environment, "", guarded=False)
        own = Address.of(spec.endpoint[environment].url, variables[environment].values)
        near: tuple[Near, ...] = ()
        if own is not None and not spec.guards(environment):
            near = tuple(near_of(spec, environment, own, variables, resolve))
        guarded = spec.guards(environment) or any(each.why for each in near)
        return cls(
            spec.partner,
            environment,
            own.shown if own else "",
            guarded=guarded,
            near=near,
            proxy=proxy_of_process(spec, environment, own),
            ledger=_ledger(spec, environment, own, near, variables) if guarded else (),
            unchecked=not spec.environment(environment).tls.verify,  # type: ignore[union-attr]  # it is filled in
        )

    def permit(self, *, confirm: str | None, invented: bool, test_data: bool, ask: Callable[[], str] | None) -> None:
        """Let a send pass, or stop it.

        Args:
            confirm: the value of `--confirm`.
            invented: whether the people are generated.
            test_data: whether `--test-data` was given.
            ask: asks a person at a terminal to type the partner's slug; None where there is nobody to ask.

        Raises:
            UsageError: it may not pass.
        """
        if not self.guarded:
            return
        where = f"{self.partner} {self.environment}"
        because = self.because
        why = f", which {because.why}," if because else ""
        if (invented or test_data) and not (confirm and test_data):
            raise UsageError(
                f"invented people never go to {self.environment}{why.rstrip(',')}",
                where=where,
                remedy=because.remedy
                if because and because.remedy
                else "Send them to an environment for tests, or to a sandbox (--sandbox). If they must go there, add "
                f"both --test-data and --confirm {self.partner}.",
            )
        typed = confirm if confirm is not None else ask() if ask is not None else None
        if typed is None:
            raise UsageError(
                f"a send to {self.environment}{why} needs a confirmation that names the partner",
                where=where,
                remedy=because.remedy if because and because.remedy else f"Add --confirm {self.partner}.",
            )
        if typed.strip() != self.partner:
            raise UsageError(
                f"`{typed.strip()}` is not the partner of this spec, `{self.partner}`; nothing was sent",
                where=where,
                remedy="Check that this is the spec you meant.",
            )


def _check_sandbox(spec: PartnerSpec, variables: Mapping[str, Variables], url: str | None) -> None:
    """Not even the question whether it is a sandbox goes to the host of a guarded environment."""
    at = Address.of_url(url) if url is not None else None
    for name in filter(spec.guards, spec.endpoint):
        other = Address.of(spec.endpoint[name].url, variables[name].declared)
        if at is not None and other is not None and at.same_host(other):
            raise UsageError(
                f"{at.shown} is the host of {name}, which is guarded, and not a sandbox",
                where="--sandbox-url",
                remedy="Give what `rokt-export sandbox` printed, or start one for this run with --sandbox.",
            )


def _ledger(
    spec: PartnerSpec,
    environment: str,
    own: Address | None,
    near: Iterable[Near],
    variables: Mapping[str, Variables],
) -> tuple[str, ...]:
    same = {each.environment for each in near if each.likeness is Likeness.SAME}
    names = sorted(filter(spec.guards, spec.endpoint), key=lambda name: name != "production")
    for name in names:
        other = own if name == environment else Address.of(spec.endpoint[name].url, variables[name].declared)
        at_one = own is not None and other is not None and own.same_place(other)
        if name == environment or name in same or at_one:
            older = spec.partner if name == "production" else f"{spec.partner} {name}"
            if other is None:
                return (older,)
            path = spec.endpoint[name].url if other.path is None else "/".join(other.path)
            place = f"{other.host}:{other.port}/{path}"
            return (
                f"@{_digest(place, *_account(spec, environment, variables[environment].values))}",
                older,
                f"{spec.partner} @{_digest(place)}",
            )
    return (spec.partner,)


def _account(spec: PartnerSpec, environment: str, known: Mapping[str, str]) -> Iterator[str]:
    """Yield what tells two customers of one vendor apart: the query, and the variables outside the address."""
    url = spec.endpoint[environment].url
    yield (filled_url(url, known) or url).partition("?")[2]
    in_address = compile_template(url, Place.URL).env
    yield from sorted(known.get(name, "") for name in variable_names(spec, [environment]) - in_address)


def _digest(*texts: str) -> str:
    """Return a digest: credentials are among the texts."""
    return blake2b("\n".join(texts).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
