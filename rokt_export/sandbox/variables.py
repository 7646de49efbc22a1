"""Makes placeholder values for a spec's variables and certificates, so that a sandbox needs no secrets."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

from rokt_export.authentication.base import secret_fields
from rokt_export.authentication.mutual_tls import MutualTls
from rokt_export.errors import ConfigurationError
from rokt_export.partner_spec.model import Environment, Parameter, PartnerSpec
from rokt_export.partner_spec.references import every_parameter, variable_names
from rokt_export.sandbox.url_patterns import fill
from rokt_export.spec_language.template import compile_template

_LONE = re.compile(r"\{\{-?\s*env\.(\w+)\s*-?\}\}")
_FORMATS = {
    "email": "jane.doe@example.com",
    "md5": "0" * 32,
    "sha1": "0" * 40,
    "sha256": "0" * 64,
    "uuid": "00000000-0000-4000-8000-000000000001",
    "url": "https://sandbox.invalid/",
    "date": "2000-01-01",
    "digits": "100001",
    "phone": "2025550123",
    "ip": "192.0.2.1",
    "country": "US",
    "currency": "USD",
}
_TYPES = {"number": "1", "integer": "1", "boolean": "true", "date": "2000-01-01"}


def stand_ins(spec: PartnerSpec, environment: str, given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables of an environment: the given values, and a placeholder for each other variable.

    A placeholder is recognizable (`sandbox-mailchimp-api-key`) and fits its use: a URL, a port, a file in `folder`, or
    a value in the format of a parameter.
    """
    names = variable_names(spec, [environment])
    place = spec.environment(environment)
    special = {**_for_secrets(place, spec.partner), **_for_parameters(spec), **_for_urls(place, spec.partner)}
    special |= _for_files(place, folder)
    made = {name: special.get(name) or recognisable(spec.partner, name) for name in sorted(names)}
    return made | {name: value for name, value in given.items() if name in names}


def recognisable(partner: str, name: str) -> str:
    """Return the placeholder of a variable: `sandbox-<partner>-<name>`, valid in a URL and as a host name."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    prefix = re.sub(r"[^a-z0-9]+", "-", partner.lower()).strip("-")
    return f"sandbox-{prefix}-{words.removeprefix(prefix).strip('-') or 'value'}"


def write_files(environment: Environment, variables: Mapping[str, str], folder: Path, authority: Authority) -> None:
    """Write the certificates whose placeholder paths are in `folder`."""
    for found in _of(environment):
        certificate = Path(fill(found.certificate, variables))
        key = Path(fill(found.key, variables)) if found.key is not None else None
        if certificate.is_relative_to(folder) and (key is None or key.is_relative_to(folder)):
            authority.write_client(certificate, key)
    if environment.tls is not None and environment.tls.ca_file is not None:
        ca_file = Path(fill(environment.tls.ca_file, variables))
        if ca_file.is_relative_to(folder):
            ca_file.parent.mkdir(parents=True, exist_ok=True)
            ca_file.write_bytes(authority.ca_file.read_bytes())


def client_certificates(environment: Environment, variables: Mapping[str, str]) -> list[Path]:
    """Return the client certificates of an environment.

    Raises:
        ConfigurationError: a file is missing.
    """
    files = [Path(fill(found.certificate, variables)) for found in _of(environment)]
    for file in files:
        if not file.is_file():
            raise ConfigurationError(
                "the client certificate is missing",
                where=str(file),
                remedy="Check `certificate`, or take it from an unset `{{ env.NAME }}`: the sandbox makes one.",
            )
    return files


def _of(environment: Environment) -> Iterator[MutualTls]:
    return (found for found in environment.authentication or () if isinstance(found, MutualTls))


def _for_parameters(spec: PartnerSpec) -> dict[str, str]:
    return {
        match[1]: value
        for parameter in every_parameter(spec.parameters)
        if isinstance(parameter.value, str) and (match := _LONE.fullmatch(parameter.value.strip()))
        if (value := _fitting(parameter))
    }


def _fitting(parameter: Parameter) -> str | None:
    if parameter.choices:
        return parameter.choices[0]
    if parameter.format:
        return _FORMATS[str(parameter.format)]
    return _TYPES.get(parameter.type or "")


def _for_urls(environment: Environment, partner: str) -> dict[str, str]:
    """Return placeholders for variables in URLs: a base at the start, a port after the host's colon."""
    found: dict[str, str] = {}
    others = [url for each in environment.authentication or () for _, url in each.own_urls()]
    for url in [environment.url, *others]:
        start = _LONE.match(url)
        if start and not url[start.end() :].startswith(":"):
            found[start[1]] = f"https://{recognisable(partner, start[1])}.invalid"
        elif start:
            found[start[1]] = "https"
        port = re.match(r"[^:]+://[^/]*:" + _LONE.pattern, url)
        if port:
            found[port[1]] = "443"
    return found


def _for_secrets(environment: Environment, partner: str) -> dict[str, str]:
    """Return placeholders for variables that are a whole secret, written as its authentication requires."""
    return {
        lone[1]: each.placeholder(name, recognisable(partner, lone[1]))
        for each in environment.authentication or ()
        for name in secret_fields(type(each))
        if (lone := _LONE.fullmatch((getattr(each, name) or "").strip()))
    }


def _for_files(environment: Environment, folder: Path) -> dict[str, str]:
    """Return placeholders for variables in paths: a file if it is the whole path, else the folder."""
    paths = [path for found in _of(environment) for path in (found.certificate, found.key)]
    paths.append(environment.tls.ca_file if environment.tls is not None else None)
    found: dict[str, str] = {}
    for path in paths:
        for name in compile_template(path).env if path is not None else ():
            lone = _LONE.fullmatch(path.strip()) if path is not None else None
            found[name] = str(folder / f"{name.lower()}.pem" if lone else folder)
    return found


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path) -> None:
        import trustme  # imported late: loads cryptography, which few partners need

        self._authority = trustme.CA()
        self.ca_file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))

    def write_client(self, certificate: Path, key: Path | None) -> None:
        """Write a client's certificate and key as PEM files, or both into one."""
        issued = self._authority.issue_cert("sandbox-client")
        for file in {certificate, key or certificate}:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
            file.chmod(0o600)
        issued.private_key_pem.write_to_path(str(key or certificate), append=True)
        for pem in issued.cert_chain_pems:
            pem.write_to_path(str(certificate), append=True)

    def server_context(self, host: str, clients: list[Path]) -> ssl.SSLContext:
        """Return the TLS context of a server that insists on a client certificate.

        Args:
            clients: further client certificates (PEM) to accept, from any issuer.
        """
        names = {"localhost", "127.0.0.1", "::1"} | ({host} if _is_name(host) else set())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*sorted(names)).configure_cert(context)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cafile=str(self.ca_file))
        for certificate in clients:
            context.load_verify_locations(cafile=str(certificate))
        return context


def _is_name(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return True
