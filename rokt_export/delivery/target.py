"""Where a run sends to, and whether it may: the filled address of an environment against those that are guarded."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from posixpath import normpath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from rokt_export.errors import ConfigurationError, SpecError, UsageError
from rokt_export.partner_spec.filters import ABSENT, FilterError, text_of
from rokt_export.partner_spec.references import variable_names
from rokt_export.partner_spec.template import Place, TemplateProblem, compile_template
from rokt_export.request.url import blank_url

if TYPE_CHECKING:
    from rokt_export.partner_spec.model import PartnerSpec

_PIECE = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|(?<!\{)\{[A-Za-z_][\w.-]*\}(?!\}))", re.DOTALL)
_OPEN = "\ue000"
"""Stands for a part of a path that a row decides."""
_PORTS = {"http": 80, "https": 443}
_LOOPBACK = "loopback"


@dataclass(frozen=True, slots=True)
class Address:
    """The address of an environment once its variables are filled in, in one form for all spellings.

    Attributes:
        host: `loopback`, an IP address, or the name in lower case and ASCII.
        port: None for the default one. Plain http and https on the default ports count as one server.
        path: its segments, decoded and without regard to case. A row may decide a segment. None: any path.
        shown: scheme, host and port as written, without credentials.
    """

    host: str
    port: int | None
    path: tuple[str, ...] | None
    shown: str

    @classmethod
    def of(cls, source: str, variables: Mapping[str, str]) -> Address | None:
        """Return the address of a URL template; None where its host cannot be known."""
        text = _filled(source, variables)
        try:
            url = blank_url(source, variables)
        except (SpecError, ConfigurationError, FilterError):  # nothing is sent there, and yet the host may be known
            url = text or ""
        return cls.of_url(url, None if text is None else _path(text))

    @classmethod
    def of_url(cls, url: str, path: tuple[str, ...] | None = None) -> Address | None:
        """Return the address of a URL without templates; None where it has no host."""
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if not host or _OPEN in host:
            return None
        default = _PORTS.get(parts.scheme)
        return cls(
            _host(host), None if port == default else port, path, f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        )

    def same_host(self, other: Address) -> bool:
        """Return whether both are at one host and port."""
        return (self.host, self.port) == (other.host, other.port)

    def same_place(self, other: Address) -> bool:
        """Return whether both are at one host, port and path, for at least one row."""
        if not self.same_host(other):
            return False
        if self.path is None or other.path is None:
            return True
        return len(self.path) == len(other.path) and all(
            mine == theirs or _OPEN in mine + theirs for mine, theirs in zip(self.path, other.path, strict=True)
        )


def _host(name: str) -> str:
    """The one form of a host: names as IDNA has them, IPv4 in each form that `inet_aton` reads."""
    name = unquote(name).rstrip(".").lower()
    if not name.isascii():  # a name of a URL that requests refuses; else it is in ASCII by now
        try:
            name = name.encode("idna").decode().rstrip(".")
        except UnicodeError:
            return name
    address: IPv4Address | IPv6Address | None
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        try:
            address = IPv4Address(socket.inet_aton(name)) if re.fullmatch(r"[0-9a-fx.]+", name) else None
        except OSError:
            address = None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    if address is None:
        return _LOOPBACK if re.fullmatch(r"(.+\.)?localhost(\.localdomain|6?)?", name) else name
    return _LOOPBACK if address.is_loopback or address.is_unspecified else str(address)


def _filled(source: str, variables: Mapping[str, str]) -> str | None:
    """The URL with `_OPEN` for what a row decides; None where a condition or a loop does, which only fills whole."""
    text = ""
    for index, piece in enumerate(_PIECE.split(source)):
        if index % 2 == 0:
            text += piece
        elif not piece.startswith(("{{", "{%", "{#")):
            text += _OPEN
        else:
            try:
                template = compile_template(piece, Place.URL)
                filled = _OPEN if template.varies else template.fill({}, variables)
            except (TemplateProblem, FilterError):
                return None
            text += _OPEN if filled is ABSENT else text_of(filled)
    return text.strip()


def _path(url: str) -> tuple[str, ...]:
    try:
        path = unquote(urlsplit(url).path).replace("\\", "/").casefold()
    except ValueError:
        return ()
    return tuple(part for part in normpath(f"/{path}").split("/") if part)


class Likeness(Enum):
    """How an address compares to that of a guarded environment."""

    SAME = "same"
    OPEN = "open"
    """A variable that decides it is not set."""
    HOST = "host"
    """Host and port are the same, the path is not."""


@dataclass(frozen=True, slots=True)
class Near:
    """A guarded environment whose address is, or may be, that of another one.

    Attributes:
        environment: its name.
        likeness: how the addresses compare.
        text: what is said of it.
    """

    environment: str
    likeness: Likeness
    text: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run sends to, and whether that is guarded.

    Attributes:
        partner: the partner's slug, which a person types to confirm.
        environment: the environment's name.
        address: scheme, host and port; empty where they cannot be known.
        guarded: whether a send needs a confirmation, and test data another one.
        near: the guarded environments at or near this address, where the environment is not guarded by itself.
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
    unchecked: bool = False
    ledger: tuple[str, ...] = ()

    @property
    def same_as(self) -> str | None:
        """The guarded environment that has this address, where that is why this one is guarded."""
        return next((near.environment for near in self.near if near.likeness is Likeness.SAME), None)

    @classmethod
    def of(
        cls,
        spec: PartnerSpec,
        environment: str,
        variables: Mapping[str, Mapping[str, str]],
        *,
        sandbox: bool = False,
        sandbox_url: str | None = None,
    ) -> Target:
        """Return the target of an environment.

        Args:
            spec: the partner's spec.
            environment: the environment's name.
            variables: for each environment of the spec, the variables at hand.
            sandbox: whether a sandbox takes the partner's place: it is never guarded.
            sandbox_url: the address of one that is running.

        Raises:
            UsageError: the sandbox is said to be on the host of a guarded environment.
        """
        if sandbox:
            _check_sandbox(spec, variables, sandbox_url)
            return cls(spec.partner, environment, "", guarded=False)
        own = _address(spec, environment, variables)
        near = () if own is None or spec.guards(environment) else tuple(_near(spec, environment, own, variables))
        guarded = spec.guards(environment) or any(each.likeness is Likeness.SAME for each in near)
        return cls(
            spec.partner,
            environment,
            own.shown if own else "",
            guarded=guarded,
            near=near,
            ledger=_ledger(spec, environment, own, variables) if guarded else (),
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
        why = f", which has the address of {self.same_as}," if self.same_as else ""
        if (invented or test_data) and not (confirm and test_data):
            raise UsageError(
                f"invented people never go to {self.environment}{why.rstrip(',')}",
                where=where,
                remedy="Send them to an environment for tests, or to a sandbox (--sandbox). If they must go there, add "
                f"both --test-data and --confirm {self.partner}.",
            )
        typed = confirm if confirm is not None else ask() if ask is not None else None
        if typed is None:
            raise UsageError(
                f"a send to {self.environment}{why} needs a confirmation that names the partner",
                where=where,
                remedy=f"Add --confirm {self.partner}.",
            )
        if typed.strip() != self.partner:
            raise UsageError(
                f"`{typed.strip()}` is not the partner of this spec, `{self.partner}`; nothing was sent",
                where=where,
                remedy="Check that this is the spec you meant.",
            )


def _check_sandbox(spec: PartnerSpec, variables: Mapping[str, Mapping[str, str]], url: str | None) -> None:
    """Not even the question whether it is a sandbox goes to the host of a guarded environment."""
    at = Address.of_url(url) if url is not None else None
    for name in filter(spec.guards, spec.endpoint):
        other = _address(spec, name, variables)
        if at is not None and other is not None and at.same_host(other):
            raise UsageError(
                f"{at.shown} is the host of {name}, which is guarded, and not a sandbox",
                where="--sandbox-url",
                remedy="Give what `rokt-export sandbox` printed, or start one for this run with --sandbox.",
            )


def _ledger(
    spec: PartnerSpec, environment: str, own: Address | None, variables: Mapping[str, Mapping[str, str]]
) -> tuple[str, ...]:
    names = sorted(filter(spec.guards, spec.endpoint), key=lambda name: name != "production")
    for name in names:
        other = _address(spec, name, variables)
        if name == environment or (own is not None and other is not None and own.same_place(other)):
            older = spec.partner if name == "production" else f"{spec.partner} {name}"
            if other is None:
                return (older,)
            path = spec.endpoint[name].url if other.path is None else "/".join(other.path)
            place = f"{other.host}:{other.port}/{path}"
            return (
                f"@{_digest(place, *_account(spec, environment, variables))}",
                older,
                f"{spec.partner} @{_digest(place)}",
            )
    return (spec.partner,)


def _account(spec: PartnerSpec, environment: str, variables: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield what tells two customers of one vendor apart: the query, and the variables outside the address."""
    url, known = spec.endpoint[environment].url, variables[environment]
    yield (_filled(url, known) or url).partition("?")[2]
    in_address = compile_template(url, Place.URL).env
    yield from sorted(known.get(name, "") for name in variable_names(spec, [environment]) - in_address)


def _digest(*texts: str) -> str:
    """Return a digest: credentials are among the texts."""
    return blake2b("\n".join(texts).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _near(
    spec: PartnerSpec, environment: str, own: Address, variables: Mapping[str, Mapping[str, str]]
) -> Iterator[Near]:
    for name in filter(spec.guards, spec.endpoint):
        other = _address(spec, name, variables)
        mine, unset = _unset(spec, environment, variables), _unset(spec, name, variables)
        if mine and mine != unset:  # nothing is sent there yet, and RX107 names the variables
            continue
        if other is None or (unset and own.same_place(other)):
            why = f"{', '.join(unset)} not set" if unset else "its URL cannot be read"
            yield Near(name, Likeness.OPEN, f"{environment} may have the address of {name}, which is not known: {why}")
        elif own.same_place(other):
            yield Near(name, Likeness.SAME, f"{environment} has the address of {name}, and is guarded as {name} is")
        elif own.same_host(other):
            yield Near(name, Likeness.HOST, f"{environment} is on the host of {name}, {own.shown}, at another path")


def _address(spec: PartnerSpec, name: str, variables: Mapping[str, Mapping[str, str]]) -> Address | None:
    """The address of an environment, as far as its variables are set; None where that leaves its host open."""
    known = {**variables[name], **dict.fromkeys(_unset(spec, name, variables), _OPEN)}
    return Address.of(spec.endpoint[name].url, known)


def _unset(spec: PartnerSpec, name: str, variables: Mapping[str, Mapping[str, str]]) -> list[str]:
    named = compile_template(spec.endpoint[name].url, Place.URL).env
    return sorted(each for each in named if not variables[name].get(each))
