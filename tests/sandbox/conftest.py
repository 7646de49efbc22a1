from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.sandbox.options import SandboxOptions
from rokt_export.sandbox.server import Sandbox

DELIVERED = """\
  - {outcome: delivered, status: 201, capture: {reference: $.id}, examples: [{status: 201, body: '{"id": "c0ffee12"}'}]}
"""
EMAIL = "parameters: [{name: email, attribute: email, required: true, format: email}]"
HEAD = "spec_version: 1\npartner: acme\nendpoint: {staging: https://api.example.com/v1/leads}\n"


def spec_of(rest: str, *, responses: str = DELIVERED, head: str = HEAD) -> PartnerSpec:
    loaded = read_spec(parse("spec.yaml", f"{head}{textwrap.dedent(rest)}\nresponses:\n{textwrap.dedent(responses)}"))
    assert not loaded.findings, loaded.findings
    return loaded.spec


class Client:
    """A partner's client that is not ours: requests, over real HTTP."""

    def __init__(self, sandbox: Sandbox, path: str = "/v1/leads") -> None:
        self.sandbox = sandbox
        self.url = sandbox.base_url + path
        self.session = requests.Session()
        self.session.trust_env = False

    def post(self, **keywords: Any) -> requests.Response:
        return self.send("POST", **keywords)

    def send(self, method: str, **keywords: Any) -> requests.Response:
        keywords.setdefault("timeout", 5)
        return self.session.request(method, self.url, allow_redirects=False, **keywords)

    def get(self, path: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.sandbox.inspection_url.partition('token=')[2]}"}
        return self.session.get(self.sandbox.base_url + path, headers=headers, timeout=5)

    @property
    def last(self) -> Any:
        return self.sandbox.deliveries[-1]


Start = Callable[..., Client]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Client] = []

    def begin(
        spec: PartnerSpec, path: str = "/v1/leads", *, variables: dict[str, str] | None = None, **o: Any
    ) -> Client:
        sandbox = Sandbox(spec, SandboxOptions(**o), variables=variables or {})
        sandbox.start()
        running.append(Client(sandbox, path))
        return running[-1]

    yield begin
    for client in running:
        client.session.close()
        client.sandbox.close()
