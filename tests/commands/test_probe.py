"""`probe` names a wrong scheme."""

from __future__ import annotations

import ssl

import trustme

from commands.conftest import CommandLine, Partner, secure, spec_text

UNREACHABLE = 4


def test_https_to_a_port_without_tls(cli: CommandLine, partner: Partner) -> None:
    cli.write("acme.yaml", spec_text(partner.url.replace("http:", "https:")))
    done = cli("probe", "acme.yaml")
    assert done.status == UNREACHABLE
    assert f"127.0.0.1:{partner.port} does not speak TLS on this port: write http://" in done.out
    assert partner.heard == []


def test_http_to_a_port_with_tls(cli: CommandLine) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with secure(context) as partner:
        cli.write("acme.yaml", spec_text(partner.url.replace("https:", "http:")))
        done = cli("probe", "acme.yaml")
    assert done.status == UNREACHABLE
    assert "this port speaks TLS, and the URL says http://" in done.out
    assert "Write https://" in done.out
