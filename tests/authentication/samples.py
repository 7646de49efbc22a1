"""A sample of each authentication type: what the spec says, with each secret in a variable."""

from __future__ import annotations

from requests.auth import AuthBase
from requests.models import PreparedRequest


class TokenHeader(AuthBase):
    """The class from outside that the sample of `custom` names."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["X-Token"] = self._token
        return request


SAMPLES = {
    "none": "none",
    "basic": "{type: basic, username: me, password: '{{ env.SECRET }}'}",
    "digest": "{type: digest, username: me, password: '{{ env.SECRET }}'}",
    "api_key": "{type: api_key, name: X-Key, value: '{{ env.SECRET }}', prefix: 'Key '}",
    "bearer": "{type: bearer, token: '{{ env.SECRET }}'}",
    "oauth2": """{type: oauth2, token_url: 'https://login.example.com/token', client_id: me,
        client_secret: '{{ env.SECRET }}'}""",
    "hmac": """{type: hmac, secret: '{{ env.SECRET }}', timestamp_header: X-Time,
        message: '{timestamp}{method}{path}{query}{body}'}""",
    "wsse": "{type: wsse, username: me, password: '{{ env.SECRET }}'}",
    "mutual_tls": "{type: mutual_tls, certificate: '{{ env.CERTIFICATE }}', key: '{{ env.KEY }}'}",
    "custom": "{type: custom, auth: 'tests.authentication.samples:TokenHeader', options: {token: '{{ env.SECRET }}'}}",
}
"""By the type's name: `test_registry.py` sends each to a sandbox, with its secret and without; `test_secrets.py` to a
partner that echoes it."""

WITHOUT_SECRET = {
    "none": "there are no credentials",
    "mutual_tls": "its files stay here, and the partner of the command line's tests has no TLS",
}
"""The types whose sample holds no secret, and why."""

ACCEPTS_ALL = {
    "none": "the partner asks for no credentials",
    "custom": "the sandbox has no counterpart of a class from outside",
}
"""The types whose sandbox accepts a request without credentials, and why."""

UNSIGNED = {"wsse": "its digest covers nonce, time and password"}
"""The types whose signature covers nothing of the request, and why."""
