"""`diagnose` tells planted causes apart on real servers, and sends them nothing that could create a record."""

from __future__ import annotations

import base64
import datetime
import json
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from diagnosis.refusing import BEARER, HTML, Answer, edge, harmless, header, says, similar_path

from commands.conftest import CommandLine, Heard, Partner, secure, spec_text


def jwt(**claims: float) -> str:
    def part(data: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256'})}.{part(claims)}.c2lnbmF0dXJl"


def akamai(_heard: Heard) -> Answer:
    page = b"<HTML><TITLE>Access Denied</TITLE><H1>Access Denied</H1>Reference #18.5c2d3e17.1700000000.1a2b3c4d</HTML>"
    return 403, {**HTML, "X-Akamai-Session-Info": "name=1"}, page


def allow_list(_heard: Heard) -> Answer:
    return says(403, "Forbidden")


def allow_list_said(_heard: Heard) -> Answer:
    return says(403, "Your IP 203.0.113.7 is not in the list of allowed networks")


def key_elsewhere(heard: Heard) -> Answer:
    if not header(heard, "X-Api-Key"):
        return says(401, "No API key found in request", X_Request_Id="f00dcafe0001")
    return says(401, "Invalid API key")


def key_wrong(heard: Heard) -> Answer:
    if not header(heard, "Authorization"):
        return says(401, "Authentication required", WWW_Authenticate="Bearer")
    return says(401, "Unauthorized", WWW_Authenticate="Bearer")


def asks_basic(_heard: Heard) -> Answer:
    return 401, {"WWW-Authenticate": 'Basic realm="api"'}, b""


def scope(heard: Heard) -> Answer:
    if not header(heard, "Authorization"):
        return says(401, "Unauthorized")
    return says(403, "Forbidden")


def token(_heard: Heard) -> Answer:
    return says(401, "Unauthorized", WWW_Authenticate='Bearer error="invalid_token"')


def late(_heard: Heard) -> Answer:
    return says(401, "Unauthorized", Date=formatdate(time.time() + 3600, usegmt=True))


def other_host(heard: Heard) -> Answer:
    return says(421, "Misdirected Request")


def moved(heard: Heard) -> Answer:
    return (204, {}, b"") if heard.target.endswith("/") else (308, {"Location": "/leads/"}, b"")


def method(heard: Heard) -> Answer:
    return 405, {"Allow": "PUT, PATCH"}, b""


def agent(heard: Heard) -> Answer:
    if "Mozilla" not in header(heard, "User-Agent"):
        return says(403, "Forbidden")
    return (405, {"Allow": "POST"}, b"") if heard.method == "HEAD" else (204, {}, b"")


def content_type(heard: Heard) -> Answer:
    if heard.method == "OPTIONS":
        return 204, {"Allow": "POST", "Accept-Post": "application/x-www-form-urlencoded"}, b""
    return 415 if heard.method == "POST" else 405, {}, b""


def https(heard: Heard) -> Answer:
    return 301, {"Location": f"https://{header(heard, 'Host')}{heard.target}"}, b""


def rate(_heard: Heard) -> Answer:
    return says(429, "Too many requests", Retry_After="30")


@dataclass(frozen=True, slots=True)
class Planted:
    """A cause at a partner, and the suspect that has to come first."""

    cause: str
    answer: Callable[[Heard], Answer]
    authentication: str = "none"
    token: str = "tok-3f9a8b7c6d5e"
    evidence: str = ""
    flags: tuple[str, ...] = field(default=())


PLANTED = {
    "Cloudflare": Planted("edge-firewall", edge, BEARER, evidence="Cloudflare's own refusal"),
    "Akamai": Planted("edge-firewall", akamai, BEARER, evidence="Akamai's own refusal"),
    "allow-list": Planted("allow-list", allow_list, BEARER, evidence="each path, credential and user agent"),
    "allow-list in words": Planted("allow-list", allow_list_said, BEARER, evidence="not in the list"),
    "no credentials": Planted("missing-credentials", key_wrong, evidence="carried no credentials"),
    "credentials elsewhere": Planted("missing-credentials", key_elsewhere, BEARER, evidence="No API key found"),
    "wrong credentials": Planted("wrong-credentials", key_wrong, BEARER, evidence="they are read, and not accepted"),
    "another scheme": Planted("credential-scheme", asks_basic, BEARER, evidence="asks for basic"),
    "scope": Planted("scope", scope, BEARER, evidence="401 without: they are known"),
    "expired token": Planted("expired-token", token, BEARER, jwt(exp=1_700_000_000), evidence="2023-11-14"),
    "token too early": Planted("token-not-yet-valid", token, BEARER, jwt(nbf=4_100_000_000), evidence="nbf"),
    "clock": Planted("clock-skew", late, BEARER, evidence="s behind the partner"),
    "wrong host": Planted("wrong-host", other_host, evidence="421"),
    "wrong path": Planted("wrong-path", similar_path, evidence="a similar path answers"),
    "moved": Planted("wrong-path", moved, evidence="redirects to /leads/"),
    "method": Planted("method", method, evidence="allows PUT, PATCH"),
    "user agent": Planted("user-agent", agent, BEARER, evidence="User-Agent of a browser"),
    "content type": Planted("content-type", content_type, evidence="takes application/x-www-form-urlencoded"),
    "http": Planted("https", https, evidence="redirects to https"),
    "rate": Planted("rate-limit", rate, evidence="Retry-After: 30"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_cause_comes_first(cli: CommandLine, partner: Partner, name: str) -> None:
    planted = PLANTED[name]
    partner.answer = planted.answer
    cli.write("acme.yaml", spec_text(partner.url, authentication=planted.authentication))
    env = {"ACME_TOKEN": planted.token}
    sent = cli("test", "acme.yaml", "--no-first-row-check", env=env)
    assert "diagnose" in sent.err
    before = len(partner.heard)
    done = cli("diagnose", "last", "--output", "json", env=env)
    assert done.status == 1, done.err
    first = done.json["suspects"][0]
    assert (first["cause"], planted.evidence.lower() in " ".join(first["evidence"]).lower()) == (planted.cause, True), (
        done.json["suspects"]
    )
    harmless(partner.heard[before:])
    assert planted.token not in done.out + done.err


def certificates(folder: Path, kind: str) -> ssl.SSLContext:
    """Return a server's context with a fault of its certificate; `ca.pem` in the folder is the authority to trust."""
    authority = trustme.CA()
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
    issuer = authority.create_child_ca() if kind == "certificate-chain" else authority
    leaf = issuer.issue_cert(
        "example.com" if kind == "certificate-host" else "127.0.0.1",
        not_after=past if kind == "certificate-expired" else None,
    )
    authority.cert_pem.write_to_path(folder / "ca.pem")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    leaf.cert_chain_pems[0].write_to_path(folder / "leaf.pem")
    if kind == "self-signed":
        self_signed(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem", folder / "key.pem")
    return context


def self_signed(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(7).not_valid_before(now - datetime.timedelta(days=1))
    made = built.not_valid_after(now + datetime.timedelta(days=9)).sign(key, hashes.SHA256())
    (folder / "leaf.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, plain))


@pytest.mark.parametrize(
    "kind", ["certificate-expired", "self-signed", "certificate-host", "certificate-chain", "plain-port"]
)
def test_a_fault_of_tls_comes_first(cli: CommandLine, partner: Partner, kind: str) -> None:
    with ExitStack() as stack:
        url = partner.url.replace("http:", "https:")
        if kind != "plain-port":
            url = stack.enter_context(secure(certificates(cli.folder, kind))).url
            text = spec_text(url) + "tls: {ca_file: ca.pem}\n"
        else:
            text = spec_text(url)
        cli.write("acme.yaml", text)
        done = cli("diagnose", "acme.yaml", "--output", "json")
    assert done.status == 1
    assert [each["cause"] for each in done.json["suspects"]][:1] == [kind], done.json["suspects"]
    assert partner.heard == []


def test_http_to_a_port_with_tls(cli: CommandLine) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with secure(context) as partner:
        cli.write("acme.yaml", spec_text(partner.url.replace("https:", "http:")))
        done = cli("diagnose", "acme.yaml", "--output", "json")
    assert done.json["suspects"][0]["cause"] == "https"


def test_the_record_alone_is_read_offline_and_names_the_ids_for_the_contact(cli: CommandLine, partner: Partner) -> None:
    partner.answer = key_elsewhere
    cli.write("acme.yaml", spec_text(partner.url, authentication=BEARER))
    cli("test", "acme.yaml", env={"ACME_TOKEN": "tok-3f9a8b7c6d5e"})
    (sent,) = partner.heard
    done = cli("diagnose", "last", "--row", 1, "--offline")
    assert done.status == 1
    assert "1. the partner did not find credentials in the request" in done.out
    assert "X-Request-Id: f00dcafe0001" in done.out
    assert "nothing was sent" in done.err
    assert "next: rokt-export test acme.yaml -e staging" in done.err
    assert "tok-3f9a8b7c6d5e" not in done.out + done.err
    email = json.loads(sent.body)["email"]
    assert email not in done.out + done.err
    assert partner.heard == [sent]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://no-such-host.invalid"])
def test_a_fact_is_told_and_counted_once(cli: CommandLine, url: str) -> None:
    cli.write("acme.yaml", spec_text(url))
    cli("test", "acme.yaml", "--patience", "0s")
    done = cli("diagnose", "last", "--output", "json")
    assert done.out, done.err
    first = done.json["suspects"][0]
    fault = done.json["refusal"]["fault"].partition(": ")[2]
    assert first["cause"] in ("no-connection", "wrong-host")
    assert sum(fault in each for each in first["evidence"]) == 1
    assert "no request was sent" in cli("diagnose", "last").err


def test_rows_that_are_refused_for_their_data_are_no_fault_of_the_setup(cli: CommandLine, partner: Partner) -> None:
    partner.answer = lambda _heard: (422, {}, b'{"error": "the name is too short"}')
    rules = "responses:\n  - {outcome: rejected, status: 422}"
    cli.write("acme.yaml", spec_text(partner.url).replace("responses:", rules))
    rows = cli.write("rows.csv", "email,firstname\njane.doe@example.com,J\njohn.doe@example.com,J\n")
    cli("replay", "acme.yaml", rows, "-e", "production", "--confirm", "acme", "--name", "refused")
    for more in ((), ("--row", "2")):
        done = cli("diagnose", "refused", *more)
        assert (done.status, done.out) == (0, "Nothing was refused because of the set-up.\n")
    assert "rokt-export report" in done.err
    partner.answer = lambda _heard: (422, {}, b'{"error": "the API key is not valid"}')
    cli("replay", "acme.yaml", rows, "-e", "production", "--confirm", "acme", "--again", "--name", "keyed")
    assert cli("diagnose", "keyed", "--offline").status == 1


def test_a_guarded_environment_is_asked_only_with_consent(cli: CommandLine, partner: Partner) -> None:
    cli.write("acme.yaml", spec_text(partner.url))
    done = cli("diagnose", "acme.yaml", "-e", "production")
    assert done.status == 2
    assert "--confirm acme" in done.err
    assert partner.heard == []
    assert cli("diagnose", "acme.yaml", "-e", "production", "--confirm", "acme").status == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("last",), "no run"),
        (("missing.yaml",), "missing.yaml"),
        (("acme.yaml", "--offline"), "no recorded responses"),
        (("acme.yaml", "--row", "3"), "no recorded responses"),
        (("last", "-e", "staging"), "a run has its environment"),
    ],
)
def test_what_cannot_be_diagnosed_is_said(cli: CommandLine, partner: Partner, arguments: Any, words: str) -> None:
    cli.write("acme.yaml", spec_text(partner.url))
    done = cli("diagnose", *arguments)
    assert done.status in (2, 3, 5)
    assert words in done.err
    assert partner.heard == []


def test_a_run_that_tls_stops_ends_with_the_command_that_says_why(cli: CommandLine) -> None:
    with secure(certificates(cli.folder, "self-signed")) as partner:
        cli.write("acme.yaml", spec_text(partner.url) + "tls: {ca_file: ca.pem}\n")
        done = cli("test", "acme.yaml")
        run = done.err.partition("\nrun ")[2].partition(".")[0]
        assert f"rokt-export diagnose {run} --row 1\n" in done.err
        found = cli("diagnose", "last", "--output", "json").json
    assert found["refusal"]["fault"].startswith("tls: ")
    assert found["suspects"][0]["cause"] == "self-signed"
    assert partner.heard == []


def test_of_a_purged_run_only_the_status_is_known(cli: CommandLine, partner: Partner) -> None:
    partner.answer = key_wrong
    cli.write("acme.yaml", spec_text(partner.url, authentication=BEARER))
    cli("test", "acme.yaml", env={"ACME_TOKEN": "tok-3f9a8b7c6d5e"})
    cli("runs", "purge", "last", "--yes")
    done = cli("diagnose", "last", "--offline")
    assert done.status == 1
    assert "only the status is known: the run was purged" in done.err
    assert "carried no credentials" not in done.out


def test_a_row_that_was_never_sent_has_no_suspect_but_its_reason(cli: CommandLine, partner: Partner) -> None:
    partner.answer = lambda _heard: (201, {}, b"{}")
    spec = cli.write("acme.yaml", spec_text(partner.url))
    rows = cli.write("rows.csv", "email,firstname\njane.doe@example.com,Jane\n,Joe\n")
    run = cli("replay", spec, rows, "--output", "json").json["run"]
    heard = len(partner.heard)
    found = cli("diagnose", run, "--row", "2")
    assert found.status == 0 and found.out.startswith("Row 2 was never sent: ") and "email" in found.out
    assert f"--only invalid --from-run {run}" in found.err
    told = cli("diagnose", run, "--row", "2", "--output", "json").json
    assert (told["refusal"], told["suspects"]) == (None, [])
    assert told["untested"].startswith("row 2 was never sent: ")
    assert len(partner.heard) == heard
