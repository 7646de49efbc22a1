"""Each sample spec's requests, as they are rendered, please its own sandbox; its answers are read as meant."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from requests.auth import HTTPDigestAuth

from rokt_export.authentication.digest import Digest
from rokt_export.authentication.mutual_tls import MutualTls
from rokt_export.authentication.oauth2 import OAuth2
from rokt_export.exchange.model import Outcome, Response
from rokt_export.partner_spec.attributes import ATTRIBUTES
from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.partner_spec.references import attribute_names
from rokt_export.request.render import Renderer
from rokt_export.response.classify import Classifier
from rokt_export.sandbox.server import Sandbox
from rokt_export.sandbox.url_patterns import fill
from rokt_export.transactions.transaction import Transaction
from tests.sandbox.conftest import Start

SAMPLES = sorted((Path(__file__).parents[2] / "sample_specs").glob("*.yaml"))


def person(spec: PartnerSpec, number: int) -> Transaction:
    values = {}
    for name in attribute_names(spec, ["staging"]):
        own = spec.attributes.get(name)
        catalogue = ATTRIBUTES[name].example if name in ATTRIBUTES else "x"
        values[name] = (own.example if own else None) or catalogue
    values |= {"email": f"jane.doe{number}@example.com", "mobile": f"732757{number:04}"}
    values |= {name: f"order-{number}" for name in ("transactionid", "confirmationref") if name in values}
    return Transaction(number, str(number), values)


class Sender:
    def __init__(self, spec: PartnerSpec, sandbox: Sandbox) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = sandbox.ca_file or True
        self._renderer = Renderer(spec, "staging", sandbox.variables, base_url=sandbox.base_url, plugins=None)
        self._classifier = Classifier(spec.responses)
        self._token: dict[str, str] = {}
        for item in spec.environment("staging").authentication or ():
            if isinstance(item, MutualTls):
                files = [fill(file, sandbox.variables) for file in (item.certificate, item.key) if file]
                self._session.cert = (files[0], files[-1])
            if isinstance(item, Digest):
                names = fill(item.username, sandbox.variables), fill(item.password, sandbox.variables)
                self._session.auth = HTTPDigestAuth(*names)
            if isinstance(item, OAuth2):
                self._token = self._fetch(item, sandbox)

    def send(self, transaction: Transaction) -> Outcome:
        request = self._renderer.sign(self._renderer.render(transaction))
        answer = self._session.request(
            request.method,
            request.url,
            data=request.body,
            headers=dict(request.headers) | self._token,
            allow_redirects=False,
            timeout=5,
        )
        return self._classifier.classify(Response(answer.status_code, tuple(answer.headers.items()), answer.content))

    def _fetch(self, item: OAuth2, sandbox: Sandbox) -> dict[str, str]:
        url = sandbox.base_url + urlsplit(fill(item.token_url, sandbox.variables)).path
        client = fill(item.client_id, sandbox.variables), fill(item.client_secret, sandbox.variables)
        sent = {"grant_type": "client_credentials"}
        sent |= {name: fill(value, sandbox.variables) for name, value in item.parameters.items()}
        if item.secret_in != "header":
            sent |= {"client_id": client[0], "client_secret": client[1]}
        place = "params" if item.secret_in == "query" else "json" if item.request_encoding == "json" else "data"
        auth = client if item.secret_in == "header" else None
        answer = self._session.request(item.method, url, auth=auth, timeout=5, **{place: sent})  # type: ignore[arg-type]
        return {item.header: item.prefix + answer.json()[item.token_field]}


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.stem for sample in SAMPLES])
def test_a_sample_pleases_its_own_sandbox(start: Start, sample: Path) -> None:
    spec = load_spec(sample).spec
    sandbox = start(spec).sandbox
    sender = Sender(spec, sandbox)
    first, other, again = (sender.send(person(spec, number)) for number in (1, 2, 1))
    assert [delivery.problems for delivery in sandbox.deliveries] == [()] * 3
    # The row's idempotency key comes again with the row, and brings the first answer again.
    knows = spec.idempotency is None and any(rule.outcome == "duplicate" for rule in spec.responses)
    assert [first.kind, other.kind, again.kind] == ["delivered", "delivered", "duplicate" if knows else "delivered"]
    assert first.reference is None or first.reference != other.reference
    assert knows or not spec.idempotency or again.reference == first.reference
