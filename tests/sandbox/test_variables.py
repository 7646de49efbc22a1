"""Variables that are not set get placeholders that fit their use."""

from __future__ import annotations

from tests.sandbox.conftest import EMAIL, Start, spec_of


def test_a_base_url_from_the_environment(start: Start) -> None:
    head = "spec_version: 1\npartner: acme\nendpoint: {staging: '{{ env.BASE }}/leads'}\n"
    client = start(spec_of(EMAIL, head=head), "/leads")
    assert client.sandbox.variables == {"BASE": "https://sandbox-acme-base.invalid"}
    assert client.post(json={"email": "a@example.com"}).status_code == 201
    other = start(spec_of(EMAIL, head=head), "/deep/leads", variables={"BASE": "https://acme.example/deep"})
    assert other.post(json={"email": "a@example.com"}).status_code == 201
