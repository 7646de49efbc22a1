"""What partners respond with that refuse a request, and whether they were asked harmlessly."""

from __future__ import annotations

import json
from collections.abc import Mapping

from commands.conftest import Heard

Answer = tuple[int, Mapping[str, str], bytes]
BEARER = "{type: bearer, token: '{{env.ACME_TOKEN}}'}"
JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html"}


def says(status: int, message: str, **headers: str) -> Answer:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {**JSON, **more}, json.dumps({"message": message}).encode()


def header(heard: Heard, name: str) -> str:
    return dict(heard.headers).get(name, "")


def edge(_heard: Heard) -> Answer:
    page = b"<html><title>Attention Required! | Cloudflare</title><body>Sorry, you have been blocked</body></html>"
    return 403, {**HTML, "CF-RAY": "8f2c1d3e4a5b6c7d-FRA"}, page


def similar_path(heard: Heard) -> Answer:
    if heard.target == "/lead" and heard.method != "GET":
        return 405 if heard.method == "HEAD" else 200, {"Allow": "POST"}, b""
    return 404, JSON, b'{"error": "not_found"}'


def harmless(heard: list[Heard]) -> None:
    for each in heard:
        assert each.method in ("OPTIONS", "HEAD", "GET"), each
        assert each.body == b""
        assert "@" not in each.target + str(each.headers)
