"""A partner's system over real HTTP, honest unless a defect is planted: it takes leads, shows and removes them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any]]
KEY = "k-4f9c2b7e81"


@dataclass
class Crm:
    """What the partner does; a test plants a defect by setting a member.

    Attributes:
        authorized: whether a key lets a request in.
        media: whether a content type is taken.
        required: fields that must be there.
        same: what identifies a person.
        keep: what becomes of a text when it is stored.
        error: status of an error, given the right one.
        careless: whether two requests at once each look whether the person is known before either stores it. They
            meet by construction: the first new person after the unknown field is the one of the race.
        raced: who met so.
        late: repeats of a person that are taken for another one.
        named: the id that is answered for the one that was made.
        hostile: whether a text makes the server fail.
        answer: sees each answer last.
    """

    authorized: Callable[[str | None], bool] = lambda key: key == KEY
    media: Callable[[str], bool] = lambda media: media == "application/json"
    required: tuple[str, ...] = ("email", "last_name")
    same: Callable[[dict[str, Any]], Any] = lambda lead: str(lead.get("email")).lower()
    keep: Callable[[str], str] = str
    error: Callable[[int], int] = int
    careless: bool = False
    raced: set[Any] = field(default_factory=set)
    late: int = 0
    named: Callable[[str], str] = str
    hostile: Callable[[str], bool] = lambda _text: False
    answer: Callable[[Answer], Answer] = lambda answer: answer
    leads: dict[str, dict[str, Any]] = field(default_factory=dict)
    known: dict[Any, int] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _under_way: int = 0
    _race_is_next: bool = False
    _meeting: threading.Barrier = field(default_factory=lambda: threading.Barrier(2))

    def post(self, headers: Any, body: bytes) -> Answer:
        if not self.authorized(headers.get("X-Api-Key")):
            return self._no(401, "unauthorized", "the API key is missing or wrong")
        if not self.media((headers.get("Content-Type") or "").partition(";")[0]):
            return self._no(415, "media", "send application/json")
        lead = json.loads(body)
        if missing := [name for name in self.required if not lead.get(name)]:
            return self._no(422, "invalid", f"{missing[0]} is missing")
        if any(isinstance(value, str) and self.hostile(value) for value in lead.values()):
            return self._no(500, "internal", "unexpected error")
        if self.careless:
            return self._store(lead)
        with self._lock:
            return self._store(lead)

    def _store(self, lead: dict[str, Any]) -> Answer:
        who = self.same(lead)
        sent = self.known.get(who, 0)
        if self.careless and self._race_is_next:
            self.raced.add(who)
            self._meeting.wait(30)
        self._race_is_next = "rokt_export_unknown" in lead
        if sent > self.late:
            return self._no(409, "exists", "this lead is already known")
        self.known[who] = sent + 1
        name = f"L-{len(self.leads) + 1}"
        self.leads[name] = {key: self.keep(value) if isinstance(value, str) else value for key, value in lead.items()}
        return 201, {"id": self.named(name), "status": "created"}

    def _no(self, status: int, code: str, message: str) -> Answer:
        return self.error(status), {"status": "error", "error": {"code": code, "message": message}}

    def get(self, path: str) -> Answer:
        name = path.rpartition("/")[2]
        if name not in self.leads:
            return 404, {"error": {"message": "no such lead"}}
        return 200, {"lead": self.leads[name]}

    def delete(self, path: str) -> Answer:
        return (204, {}) if self.leads.pop(path.rpartition("/")[2], None) else (404, {})


@contextmanager
def serving(crm: Crm) -> Iterator[str]:
    """Yield the address of a partner."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def handle_one_request(self) -> None:
            with suppress(ConnectionError):
                super().handle_one_request()

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            crm.heard.append(f"{self.command} {self.path}")
            crm._under_way += 1
            crm.most_at_once = max(crm.most_at_once, crm._under_way)
            match self.command:
                case "POST":
                    status, answer = crm.answer(crm.post(self.headers, body))
                case "DELETE":
                    status, answer = crm.delete(self.path)
                case _:
                    status, answer = crm.get(self.path)
            crm._under_way -= 1
            data = b"" if status == 204 else answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response_only(status)
            self.send_header("Content-Type", "text/html" if isinstance(answer, bytes) else "application/json")
            if status == 429:
                self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _any  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


SPEC = """\
spec_version: 1
partner: acme
documentation: https://example.com/api
contact: {{name: Jane Doe}}
endpoint: {{staging: "{url}/leads", production: "https://api.example.com/leads"}}
authentication: {{type: api_key, in: header, name: X-Api-Key, value: "{{{{ env.ACME_KEY }}}}"}}
encoding: json
parameters:
  - {{name: email, attribute: email, required: true}}
  - {{name: last_name, attribute: lastname, required: true}}
  - {{name: first_name, attribute: firstname, max_length: 60}}
  - {{name: zip, attribute: zipcode}}
responses:
  - {{name: known, outcome: duplicate, status: 409, capture: {{reason: $.error.message}}}}
  - {{name: made, outcome: delivered, status: 2xx, capture: {{reference: $.id}}}}
  - {{name: credentials, outcome: failed, status: [401, 403]}}
  - {{name: refused, outcome: rejected, status: 4xx, capture: {{reason: $.error.message}}}}
  - {{name: down, outcome: failed, status: 5xx, retry: true}}
read_back:
  url: /leads/{{reference}}
  values: {{email: $.lead.email, last_name: $.lead.last_name, first_name: $.lead.first_name, zip: $.lead.zip}}
cleanup: /leads/{{reference}}
limits: {{timeout: 5s, connect_timeout: 2s}}
"""
