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


JEFE = {"SECRET": "Jefe"}
"""The key of the HMAC vectors in RFC 4231 and RFC 2202."""

SAMPLES = {
    "none": "none",
    "basic": "{type: basic, username: me, password: '{{ env.SECRET }}'}",
    "digest": "{type: digest, username: me, password: '{{ env.SECRET }}'}",
    "api_key": "{type: api_key, name: X-Key, value: '{{ env.SECRET }}', prefix: 'Key '}",
    "bearer": "{type: bearer, token: '{{ env.SECRET }}'}",
    "oauth2": """{type: oauth2, token_url: 'https://login.example.com/token', client_id: me,
        client_secret: '{{ env.SECRET }}'}""",
    "hmac": """{type: hmac, secret: '{{ env.SECRET }}', timestamp_header: X-Time,
        id_header: X-Id, message: '{id}{timestamp}{method}{path}{query}{body}'}""",
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

OPTIONAL_PARTS = {"digest Authorization algorithm": "without it, it is MD5 (RFC 7616, 3.4)"}
"""What a request may leave out of its credentials, and why: type, header and parameter."""

REPLAYED = {
    "none": "there are no credentials",
    "basic": "the same for every request",
    "digest": "a nonce serves several requests (RFC 7616, 3.4), and the sandbox keeps none",
    "api_key": "the same for every request",
    "bearer": "the same for every request",
    "oauth2": "a token serves several requests",
    "hmac": "a resend has the id of the first, by which the partner knows it",
    "mutual_tls": "the handshake is not replayed",
    "custom": "the sandbox has no counterpart of a class from outside",
}
"""The types whose sandbox accepts the same credentials twice, and why."""

SHOWN = {
    "the name by which a partner knows its client": {
        "basic.username", "digest.username", "wsse.username", "oauth2.client_id",
    },
    "the name of a header, parameter or field": {
        "api_key.name", "hmac.header", "hmac.timestamp_header", "hmac.id_header", "hmac.parameter", "oauth2.header",
        "oauth2.token_field", "oauth2.expires_field",
    },
    "how credentials are written or computed": {"api_key.prefix", "oauth2.prefix", "hmac.prefix", "hmac.message"},
    "the path of a file on this machine": {"mutual_tls.certificate", "mutual_tls.key"},
    "where a token is asked for, and for what": {
        "oauth2.token_url", "oauth2.scope", "oauth2.audience", "oauth2.expires_after", "oauth2.refresh_on",
    },
    "named by the spec: `secrets` or RX106 judges them by their names": {
        "custom.options", "oauth2.parameters", "oauth2.headers",
    },
    "the name of a class": {"custom.auth"},
}  # fmt: skip
"""The fields that are Public by the reason for it; all others are Secret."""

UNSIGNED = {
    "wsse": dict.fromkeys(
        ("JSON body", "form body", "path", "query", "method"), "its digest covers nonce, time and password"
    ),
}
"""By type: the parts of a request that its signature does not cover, and why."""
