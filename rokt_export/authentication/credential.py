"""What an authentication puts on a request; each authentication type returns one of these kinds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from requests.models import PreparedRequest

    from rokt_export.authentication.oauth2 import OAuth2

    Sign: TypeAlias = Callable[[PreparedRequest], PreparedRequest]


@dataclass(frozen=True, slots=True)
class ComputedPlace:
    """Where a send puts what it computes: a dry run shows a stand-in there, and a recording hides the value.

    Attributes:
        in_: `header`, or `parameter` for the form body, which is the query where there is no body.
        name: of the header or parameter.
        prefix: text before the computed value.
    """

    in_: Literal["header", "parameter"]
    name: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class StaticHeader:
    """A header that is the same on every request; the renderer writes it once.

    Attributes:
        name: of the header.
        value: filled.
    """

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class KeyParameter:
    """A parameter that is the same on every request.

    Attributes:
        in_: where the parameter stands.
        name: of the parameter or header.
        template: of its value.
    """

    in_: Literal["header", "query", "body"]
    name: str
    template: str


@dataclass(frozen=True, slots=True)
class Signature:
    """What depends on the request or the clock: computed before each attempt.

    Attributes:
        sign: puts it on a request; `requests.auth.AuthBase` has this form too.
        places: where it stands then.
    """

    sign: Sign
    places: tuple[ComputedPlace, ...]


@dataclass(frozen=True, slots=True)
class PluginSignature:
    """What a class from outside computes before each attempt; nobody knows where it stands.

    Attributes:
        name: `module:Class`.
        load: imports and makes the class, given the names of the classes that the operator allows.
    """

    name: str
    load: Callable[[Collection[str]], Sign]


@dataclass(frozen=True, slots=True)
class FetchedToken:
    """A token in a header, which a token server gives; `delivery/oauth2.py` fetches and renews it.

    Attributes:
        settings: of the spec.
    """

    settings: OAuth2


@dataclass(frozen=True, slots=True)
class DigestLogin:
    """A name and a password that answer a partner's challenge; `delivery/digest.py` answers it.

    Attributes:
        username: filled.
        password: filled.
    """

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """PEM files that the transport shows in the TLS handshake.

    Attributes:
        certificate: path of the certificate.
        key: path of the key; None where the certificate's file holds it.
        key_password: of the key.
    """

    certificate: str
    key: str | None
    key_password: str | None


@dataclass(frozen=True, slots=True)
class NoCredential:
    """Nothing is put on the request.

    Attributes:
        reason: why.
    """

    reason: str


Credential: TypeAlias = (
    StaticHeader
    | KeyParameter
    | Signature
    | PluginSignature
    | FetchedToken
    | DigestLogin
    | ClientCertificate
    | NoCredential
)
