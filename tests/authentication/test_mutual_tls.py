"""A client certificate: its files are read on this machine, and the TLS handshake checks them."""

from __future__ import annotations

from rokt_export.authentication.base import CheckedByTls, ClientCertificate
from rokt_export.authentication.mutual_tls import MutualTls


def test_certificate_key_and_password_are_filled() -> None:
    whole = MutualTls.model_validate(
        {"type": "mutual_tls", "certificate": "client.pem", "key": "client.key", "key_password": "{{ env.P }}"}
    )
    assert whole.credential(str.upper) == ClientCertificate("CLIENT.PEM", "CLIENT.KEY", "{{ ENV.P }}")
    alone = MutualTls.model_validate({"type": "mutual_tls", "certificate": "both.pem"})
    assert alone.credential(str) == ClientCertificate("both.pem", None, None)


def test_the_files_stay_on_this_machine_and_the_password_is_secret() -> None:
    settings = MutualTls.model_validate({"type": "mutual_tls", "certificate": "a.pem", "key_password": "{{ env.P }}"})
    assert [(use.place, use.stays_here) for use in settings.uses()] == [("client certificate", True)]
    assert [source for _, source in settings.secrets()] == ["{{ env.P }}"]
    assert isinstance(settings.verification(str, lambda *_: iter(())), CheckedByTls)
