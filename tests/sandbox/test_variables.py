"""Variables that are not set get placeholders that fit their use."""

from __future__ import annotations

from pathlib import Path

from rokt_export.sandbox.variables import recognisable, stand_ins
from tests.sandbox.conftest import EMAIL, Start, spec_of


def test_a_base_url_from_the_environment(start: Start) -> None:
    head = "spec_version: 1\npartner: acme\nendpoint: {staging: '{{ env.BASE }}/leads'}\n"
    client = start(spec_of(EMAIL, head=head), "/leads")
    assert client.sandbox.variables == {"BASE": "https://sandbox-acme-base.invalid"}
    assert client.post(json={"email": "a@example.com"}).status_code == 201
    other = start(spec_of(EMAIL, head=head), "/deep/leads", variables={"BASE": "https://acme.example/deep"})
    assert other.post(json={"email": "a@example.com"}).status_code == 201


def test_a_placeholder_fits_its_use(tmp_path: Path) -> None:
    head = (
        "spec_version: 1\npartner: acme\n"
        "endpoint: {staging: 'https://{{ env.HOST }}:{{ env.PORT }}/leads', production: '{{ env.LIVE }}/leads'}\n"
    )
    spec = spec_of(
        """
        authentication:
          - {type: mutual_tls, certificate: "{{ env.CERT }}", key: "{{ env.KEYS }}/client.key"}
          - {type: bearer, token: "{{ env.ACME_TOKEN }}"}
        parameters:
          - {name: list, value: "{{ env.LIST }}", format: digits}
          - {name: tier, value: "{{ env.TIER }}", choices: [free, paid]}
          - {name: amount, value: "{{ env.AMOUNT }}", type: integer}
        """,
        head=head,
    )
    assert stand_ins(spec, "staging", {"ACME_TOKEN": "given", "OTHER": "unused"}, tmp_path) == {
        "ACME_TOKEN": "given",
        "AMOUNT": "1",
        "CERT": str(tmp_path / "cert.pem"),
        "HOST": "sandbox-acme-host",
        "KEYS": str(tmp_path),
        "LIST": "100001",
        "PORT": "443",
        "TIER": "free",
    }
    assert recognisable("acme", "ACME_TOKEN") == "sandbox-acme-token"
