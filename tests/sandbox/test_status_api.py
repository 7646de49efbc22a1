"""What `/_sandbox/` shows of the requests: everything but credentials, in whatever form they came."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote

import pytest
import requests

from sandbox.conftest import Start, spec_of

KEY = "sk_Live/aZ09+canary-0123456789"
FORMS = [KEY, quote(KEY, safe=""), quote(KEY, safe="").lower(), b64encode(KEY.encode()).decode(), KEY.encode().hex()]
SPEC = """
    authentication: {type: bearer, token: "{{ env.CANARY }}"}
    encoding: json
    parameters:
      - {name: email, attribute: email, required: true, format: email}
      - {name: source, in: query, value: web}
"""


@pytest.mark.parametrize("form", FORMS)
def test_no_credential_is_shown(start: Start, form: str) -> None:
    client = start(spec_of(SPEC), variables={"CANARY": KEY})
    right = {"Authorization": f"Bearer {KEY}"}
    client.post(json={"email": "jane.doe@example.com", "note": form}, headers=right)
    client.post(json={"email": form}, headers={"Authorization": f"Bearer {form}x", "X-Other": form})
    client.post(data=f'{{"email": {form}', headers={**right, "Content-Type": form.replace("/", "")})
    client.post(json={form: form}, headers=right, params={form: form, "source": form})
    text = client.get("/_sandbox/deliveries").text
    assert json.loads(text)["count"] == 4
    assert "jane.doe@example.com" in text
    for hidden in (*FORMS, KEY.encode().hex().upper()):
        assert hidden not in text
        assert json.dumps(hidden)[1:-1] not in text


def test_health_shows_no_variable(start: Start) -> None:
    client = start(spec_of(SPEC), variables={"CANARY": KEY})
    assert KEY not in client.get("/_sandbox/health?challenge=1").text


def test_the_deliveries_page_shows_what_came_and_no_secret(start: Start) -> None:
    spec = spec_of(
        """
        authentication: {type: basic, username: me, password: "{{ env.PASSWORD }}"}
        parameters:
          - {name: email, attribute: email}
          - {name: n, value: "{{ amount | number }}"}
          - {name: q, in: query, value: "1"}
        """
    )
    client = start(spec, variables={"PASSWORD": "hunter2hunter2"})
    body = '{"email": "ä@example.com", "n": 9007199254740993.10}'.encode()
    for _ in range(3):
        client.post(
            data=body, params={"q": "1"}, auth=("me", "hunter2hunter2"), headers={"Content-Type": "application/json"}
        )
    page = client.get("/_sandbox/deliveries?limit=1&offset=1")
    assert "hunter2" not in page.text
    assert '"n":9007199254740993.10' in page.text
    found = page.json()
    assert (found["count"], found["outcomes"], len(found["deliveries"])) == (3, {"delivered": 3}, 1)
    one = found["deliveries"][0]
    assert one["received"].endswith("Z")
    assert (one["number"], one["method"], one["path"], one["query"]) == (2, "POST", "/v1/leads", "q=1")
    assert one["parameters"]["email"] == "ä@example.com"
    assert (one["outcome"], one["status"], one["problems"]) == ("delivered", 201, [])
    assert dict(one["headers"])["Content-Type"] == "application/json"
    assert client.get("/_sandbox/deliveries?limit=x").status_code == 400
    assert requests.delete(client.sandbox.inspection_url, timeout=5).status_code == 204
    assert client.get("/_sandbox/deliveries").json()["count"] == 0
    assert client.get("/_sandbox/health").json()["status"] == "ok"
    assert client.get("/_sandbox/other").status_code == 404
