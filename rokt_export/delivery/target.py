"""Where a run sends to, and whether it may: the filled address of an environment against those that are guarded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from rokt_export.authentication.base import (
    credential_of,
    filler,
    header_of,
)
from rokt_export.delivery.address import HERE, Address, filled_url, hosts_in, paths_in, unset_variables
from rokt_export.errors import ConfigurationError, UsageError
from rokt_export.partner_spec.model import says_test
from rokt_export.partner_spec.references import variable_names
from rokt_export.spec_language.fields import ROUTING
from rokt_export.spec_language.filters import FilterError, text_of
from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import TemplatePlace, TemplateProblem

if TYPE_CHECKING:
    from rokt_export.partner_spec.model import PartnerSpec
    from rokt_export.partner_spec.variables import Variables

Resolve: TypeAlias = Callable[[Iterable[str]], Mapping[str, frozenset[str]]]


class AddressLikeness(Enum):
    """How an environment compares to a guarded one."""

    SAME = "same"
    """It reaches the address of the guarded one."""
    OPEN = "open"
    """It may: a variable that decides the guarded one's address is not set."""
    SWITCH = "switch"
    """It has the address; the spec says that other constants in its requests mean a test there."""
    ALIAS = "alias"
    """Another host name, with the same IP address, port and path."""
    HOST = "host"
    """Host and port are the same, the path is not."""
    TOKENS = "tokens"
    """It fetches its tokens from the address of the guarded one."""


class NearbyTarget(Struct, frozen=True):
    """A guarded environment whose address an environment reaches, or may reach.

    Attributes:
        environment: the guarded one's name.
        likeness: how they compare.
        text: the message about it.
        why: the reason for the guard: `has the address of production`; empty where it guards nothing.
        remedy: what to do.
    """

    environment: str
    likeness: AddressLikeness
    text: str
    why: str = ""
    remedy: str = ""


class _Side(Struct, frozen=True):
    """One environment, with what decides where its requests arrive."""

    spec: PartnerSpec
    name: str
    address: Address
    variables: Mapping[str, str]

    def named(self, other: Address) -> list[Address]:
        """The addresses that fixed headers make of its own: at the port of the other, unless only a port is changed."""
        fixed = [each for each in self.spec.parameters if each.in_ == "header" and each.fixed]
        headers = [(each.name, text) for each in fixed for text in _texts(each.value, self.variables)]
        texts = [text for name, text in (*headers, *self._credential_headers()) if name.lower() in ROUTING]
        hosts = [
            (each.host, each.port if each.host == self.address.host else other.port)
            for text in texts
            for each in hosts_in(text)
            if each.host != self.address.host or each.port is not None
        ]
        paths = [self.address.path, *(path for text in texts for path in paths_in(text))]
        places = [self.address, *(replace(self.address, host=host, port=port) for host, port in hosts)]
        return [replace(place, path=path) for place in places for path in paths][1:]

    def _credential_headers(self) -> Iterator[tuple[str, str]]:
        """Yield (name, value) of the headers that credentials fix and whose variables are set."""
        for each in self.spec.environment(self.name).authentication or ():
            with suppress(ConfigurationError, KeyError):
                fill = filler(self.variables)
                if (header := header_of(credential_of(each, fill), fill)) is not None:
                    yield header

    def proxy(self) -> Address | None:
        """The proxy's address; libcurl takes port 1080 where none is stated."""
        source = self.spec.environment(self.name).proxy
        stated = next(iter(_texts(source, self.variables)), "") if source is not None else None
        proxy = proxy_of_process(self.spec, self.name, self.address) if stated is None else stated
        address = Address.of_url(proxy if "://" in proxy else f"http://{proxy}") if proxy else None
        with_port = re.search(r":\d+/*$", proxy) or proxy.startswith("https:")
        return address if address is None or with_port else replace(address, port=1080)

    def tokens(self) -> list[Address]:
        """The addresses from which it fetches tokens."""
        every = self.spec.environment(self.name).authentication or ()
        found = [Address.of(url, self.variables) for each in every for _, url in each.own_urls()]
        return [each for each in found if each is not None]

    def same_constants(self, other: _Side) -> bool:
        """Whether the query and the body may hold the same for every row: what is not known is taken as the same."""
        fixed = [each for each in self.spec.parameters if each.fixed and each.in_ in ("body", "query")]
        texts = [(_texts(each.value, self.variables), _texts(each.value, other.variables)) for each in fixed]
        return self.address.same_query(other.address) and all(
            mine == theirs or not (mine and theirs) for mine, theirs in texts
        )


def near_of(
    spec: PartnerSpec,
    environment: str,
    address: Address,
    variables: Mapping[str, Variables],
    resolve: Resolve | None,
) -> Iterator[NearbyTarget]:
    """Yield the guarded environments that an environment reaches, or may reach.

    Args:
        spec: the partner's spec.
        environment: the name of one that is not guarded by itself.
        address: its address.
        variables: for each environment, the variables that are set.
        resolve: from host names to the addresses of those that are known; None leaves names as they are.
    """
    own = _Side(spec, environment, address, variables[environment].values)
    mine = unset_variables(spec.endpoint[environment].url, own.variables)
    for name in filter(spec.guards, spec.endpoint):
        known = variables[name].declared
        unset = unset_variables(spec.endpoint[name].url, known)
        if mine and mine != unset:  # nothing is sent there yet, and RX107 names the variables
            continue
        other = Address.of(spec.endpoint[name].url, known)
        if other is None or (unset and address.same_place(other)):
            yield _open(environment, name, unset)
        else:
            yield from _compared(own, _Side(spec, name, other, known), variables, resolve)


def guard_of(
    spec: PartnerSpec, environment: str, variables: Mapping[str, Variables], resolve: Resolve | None = None
) -> Callable[[str], str]:
    """Return what names the guarded environment to which a filled URL belongs: it is that environment's, or below it.

    Of several environments on its host, it belongs to the one with the longest path, and to the given one at a tie.
    A request to the URL has the fixed headers of the spec: a host that these name counts as that of the URL.

    Args:
        spec: the partner's spec.
        environment: the one that is being sent to.
        variables: for each environment, the variables that are set.
        resolve: as `Target.of`.

    Returns:
        From a URL to the environment's name; empty where the URL belongs to none that is guarded.
    """
    known: dict[str, frozenset[str]] = {}
    addresses: dict[str, Address] = {}
    for name in sorted(spec.endpoint, key=lambda each: each != environment):
        values = variables[name].values if name == environment else variables[name].declared
        if (address := Address.of(spec.endpoint[name].url, values)) is not None:
            addresses[name] = address

    def is_here(host: str) -> bool:
        if resolve is not None and host not in known:
            known[host] = resolve((host,)).get(host, frozenset())
        return HERE in known.get(host, ())

    def depth(address: Address, asked: Address) -> int | None:
        if asked.host != address.host and is_here(asked.host) and is_here(address.host):
            asked = replace(asked, host=address.host)
        return address.depth_in(asked)

    def guard(url: str) -> str:
        asked = Address.of(url.replace("{", "%7B"), {})
        if asked is None:
            return ""
        side = _Side(spec, environment, asked, variables[environment].values)
        found = ("", -1)
        for name, address in addresses.items():
            places = (asked, *side.named(address))
            deepest = max((each for place in places if (each := depth(address, place)) is not None), default=-1)
            found = max(found, (name, deepest), key=lambda each: each[1])  # the first at a tie
        return found[0] if found[0] != environment and found[0] in spec.endpoint and spec.guards(found[0]) else ""

    return guard


def _compared(
    own: _Side, other: _Side, variables: Mapping[str, Variables], resolve: Resolve | None
) -> Iterator[NearbyTarget]:
    environment, name = own.name, other.name
    if own.address.same_place(other.address):
        if own.spec.endpoint[environment].guarded is False and not own.same_constants(other):
            text = f"{environment} has the address of {name}, and states `guarded: false`: only constants differ"
            remedy = f"Ask the partner whether what is sent with these constants never counts in {name}."
            yield NearbyTarget(name, AddressLikeness.SWITCH, text, remedy=remedy)
        else:
            yield _same(own, other, variables)
    elif any(each.same_place(other.address) for each in own.named(other.address)):
        remedy = f"Give each environment its own host there, by a variable in `.env.{environment}`."
        yield _guarding(own, other, f"names the address of {name} in a header", remedy)
    elif (proxy := own.proxy()) is not None and proxy.same_host(other.address):
        remedy = "Correct `proxy`, or the proxy variables of the process environment."
        yield _guarding(own, other, f"goes through a proxy at the address of {name}", remedy)
    elif (alias := _alias(own.address, other.address, resolve)) == HERE:
        yield _guarding(own, other, f"has the address of {name} by another name")
    else:
        if alias:
            yield NearbyTarget(
                name,
                AddressLikeness.ALIAS,
                f"{environment} resolves to the address of {name}, {alias}, at the same path",
            )
        if own.address.same_host(other.address):
            where = own.address.shown
            yield NearbyTarget(
                name, AddressLikeness.HOST, f"{environment} is on the host of {name}, {where}, at another path"
            )
        if any(each.same_place(other.address) for each in own.tokens()):
            yield NearbyTarget(
                name, AddressLikeness.TOKENS, f"{environment} fetches its tokens from the address of {name}"
            )


def _guarding(own: _Side, other: _Side, why: str, remedy: str = "") -> NearbyTarget:
    text = f"{own.name} {why}, and is guarded as {other.name} is"
    return NearbyTarget(other.name, AddressLikeness.SAME, text, why, remedy)


def _same(own: _Side, other: _Side, variables: Mapping[str, Variables]) -> NearbyTarget:
    """Describe an environment at the address of a guarded one, and name a shared variable that causes it."""
    name, mine, theirs = other.name, variables[own.name], variables[other.name]
    urls = [own.spec.endpoint[each].url for each in (own.name, name)]
    both = compile_template(urls[0], TemplatePlace.URL).env & compile_template(urls[1], TemplatePlace.URL).env
    why = f"has the address of {name}"
    for each in sorted(both - theirs.own.keys()):
        source = theirs.sources.get(each)
        if source is not None and source == mine.sources.get(each):
            remedy = f"Write the {each} of {name} to `.env.{name}`, or state the URL of {name} in the spec."
            return _guarding(own, other, f"{why} as both are filled from {each} ({source})", remedy)
    return _guarding(own, other, why)


def _open(environment: str, name: str, unset: Sequence[str]) -> NearbyTarget:
    """Describe an unknown address: an environment whose name says test is warned of, any other is guarded."""
    cause = f"{', '.join(unset)} not set" if unset else "its URL cannot be read"
    why = f"may have the address of {name}, which is not known: {cause}"
    return NearbyTarget(
        name,
        AddressLikeness.OPEN,
        f"{environment} {why}",
        "" if says_test(environment) else why,
        f"Set {', '.join(unset) or 'the variables'} in `.env.{name}`.",
    )


def _texts(value: object, variables: Mapping[str, str]) -> list[str]:
    """Return the texts of a value that only constants and variables decide; else nothing."""
    found = []
    for item in value if isinstance(value, tuple) else (value,):
        with suppress(TemplateProblem, FilterError, KeyError):
            filled = compile_template(item).fill({}, variables) if isinstance(item, str) else item
            found.append(text_of(filled))
    return found


def proxy_of_process(spec: PartnerSpec, environment: str, address: Address | None) -> str:
    """Return host and port of the proxy that the process environment names; empty where the spec states one."""
    if not (proxy := _process_proxy(spec, environment, address)):
        return ""
    from rokt_export.transport.proxies import proxy_of  # loads libcurl

    return proxy_of("", proxy) or ""


def _process_proxy(spec: PartnerSpec, environment: str, address: Address | None) -> str:
    if address is None or spec.environment(environment).proxy is not None:
        return ""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""
    from rokt_export.transport.proxies import proxy_of_environment  # loads libcurl

    return proxy_of_environment(address.shown)


_PROXY = re.compile(
    r"([a-z0-9]+://)?(\S*@)?(\[[0-9a-f:.]+\]|[^\s:/?#@\[\]]+)(:\d{1,5})?([/?#]\S*)?", re.IGNORECASE | re.ASCII
)
"""A proxy's URL as libcurl takes it; the scheme may be missing."""


def _proxy_problem(spec: PartnerSpec, environment: str, address: Address | None, variables: Mapping[str, str]) -> str:
    """Return why no proxy can be reached by the URL that is stated; empty where there is none, or it can be."""
    source = spec.environment(environment).proxy
    stated = next(iter(_texts(source, variables)), "") if source is not None else ""
    proxy = stated or _process_proxy(spec, environment, address)
    if not proxy or _PROXY.fullmatch(proxy):
        return ""
    where = "`proxy` of the spec" if source is not None else "the proxy variables of the process environment"
    return f"{where} must have a host and a port as a number, without a blank or a line break"


def _alias(own: Address, other: Address, resolve: Resolve | None) -> str:
    """An IP address that two hosts share, where port and path are the same too; `HERE` for one of this machine."""
    if resolve is None or own.host == other.host or own.port != other.port or not own.same_path(other):
        return ""
    known = resolve((own.host, other.host))
    shared = known.get(own.host, frozenset()) & known.get(other.host, frozenset())
    return HERE if HERE in shared else min(shared, default="")


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
        bad_proxy: why its proxy, of the spec or of the process environment, cannot be used; empty where it can.
        unchecked: whether the server's certificate is not checked.
        ledger: the names by which the ledger knows this live system, whose responses it keeps: by address and account,
            by partner and environment, and by partner and address. Two partners that use one vendor have two accounts.
            Empty for what is not guarded.
    """

    partner: str
    environment: str
    address: str
    guarded: bool
    near: tuple[NearbyTarget, ...] = ()
    proxy: str = ""
    bad_proxy: str = ""
    unchecked: bool = False
    ledger: tuple[str, ...] = ()

    @property
    def because(self) -> NearbyTarget | None:
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
            variables: for each environment of the spec, the variables that are set.
            sandbox: whether a sandbox takes the partner's place: it is never guarded.
            sandbox_url: the address of one that is running.
            resolve: from host names to the addresses of those that are known; without it, names are taken as they are.

        Raises:
            UsageError: `sandbox_url` is on the host of a guarded environment.
        """
        if sandbox:
            _check_sandbox(spec, variables, sandbox_url)
            return cls(spec.partner, environment, "", guarded=False)
        own = Address.of(spec.endpoint[environment].url, variables[environment].values)
        near: tuple[NearbyTarget, ...] = ()
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
            bad_proxy=_proxy_problem(spec, environment, own, variables[environment].values),
            ledger=_ledger(spec, environment, own, near, variables) if guarded else (),
            unchecked=not spec.environment(environment).tls.verify,  # type: ignore[union-attr]  # it is filled in
        )

    def permit(self, *, confirm: str | None, invented: bool, test_data: bool, ask: Callable[[], str] | None) -> None:
        """Refuse a send to a guarded target without confirmation.

        Args:
            confirm: the value of `--confirm`.
            invented: whether the people are generated.
            test_data: whether `--test-data` was given.
            ask: asks a person at a terminal to type the partner's slug; None without a terminal.

        Raises:
            UsageError: it is refused.
        """
        if not self.guarded:
            return
        where = f"{self.partner} {self.environment}"
        because = self.because
        why = f", which {because.why}," if because else ""
        if (invented or test_data) and not (confirm and test_data):
            raise UsageError(
                f"test data is never sent to {self.environment}{why.rstrip(',')}",
                where=where,
                remedy=because.remedy
                if because and because.remedy
                else "Send it to an environment for tests, or to a sandbox (--sandbox). If it must go there, add "
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
    """Refuse to ask the host of a guarded environment whether it is a sandbox."""
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
    near: Iterable[NearbyTarget],
    variables: Mapping[str, Variables],
) -> tuple[str, ...]:
    same = {each.environment for each in near if each.likeness is AddressLikeness.SAME}
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
    """Yield what distinguishes two customers of one vendor: the query, and the variables outside the address."""
    url = spec.endpoint[environment].url
    yield (filled_url(url, known) or url).partition("?")[2]
    in_address = compile_template(url, TemplatePlace.URL).env
    yield from sorted(known.get(name, "") for name in variable_names(spec, [environment]) - in_address)


def _digest(*texts: str) -> str:
    """Return a digest: credentials are among the texts."""
    return blake2b("\n".join(texts).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
