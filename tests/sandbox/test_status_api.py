"""What `/_sandbox/` shows of the requests: everything but credentials, in whatever form they came."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote

import pytest

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
