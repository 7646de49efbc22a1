"""Secrets reach no stream, journal or report, in no encoded form, whatever the partner echoes and whatever breaks."""

from __future__ import annotations

import base64
import json
import re
import socket
import urllib.request
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from rokt_export.reports.formats import FORMATS
from tests.authentication.samples import SAMPLES, WITHOUT_SECRET
from tests.commands.conftest import Answering, CommandLine, Heard, Partner, echo, interrupt, spec_text

SECRET = "ca/na+ry %:\"<é'&\\z"
"""Holds every sign that an encoding changes."""
TOKEN = 't0ken/+"<&\\from-the-server'
USER = "me"
"""The user of the samples."""
PERSON = "o'canary+\"<ü&b@example.com"


def forms(value: str) -> set[str]:
    """Each way in which a text may stand in an output."""
    raw = value.encode()
    found = {value, quote(value), quote(value, safe=""), quote_plus(value), escape(value), escape(value, quote=False)}
    found |= {form.replace("%", "%25") for form in (quote(value, safe=""),)}
    found |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    found |= {json.dumps(json.dumps(value)[1:-1])[1:-1], value.replace("&", "&amp;").replace("<", "&lt;")}
    for data in (raw, f"{USER}:{value}".encode(), f"{value}:".encode(), f":{value}".encode()):
        found |= {base64.b64encode(data).decode().rstrip("="), base64.urlsafe_b64encode(data).decode().rstrip("=")}
    found |= {
        quote_plus(base64.b64encode(raw).decode().rstrip("=")),
        raw.hex(),
        value.encode("latin-1", "ignore").decode("latin-1"),
    }
    return {form for form in found if len(form) > 5}


class Search:
    """Looks for what must not be seen in all that commands wrote."""

    def __init__(self, cli: CommandLine, *values: str) -> None:
        self._cli = cli
        self._forms = {form.encode() for value in values for form in forms(value)}

    def run(self, *arguments: object, env: dict[str, str] | None = None, stdin: bytes = b"") -> int:
        done = self._cli(*arguments, env=env, stdin=stdin)
        assert "internal error" not in done.err, done.err
        self.check(f"{arguments[0]} stdout", done.out.encode())
        self.check(f"{arguments[0]} stderr", done.err.encode())
        return done.status

    def check(self, where: str, data: bytes) -> None:
        for form in self._forms:
            assert form not in data, f"{form!r} in {where}: …{data[max(0, data.find(form) - 80) :][:240]!r}"

    def check_files(self, *given: Path) -> int:
        """Check each file under the folder but those that were given to the commands, the journal's own among them."""
        files = [path for path in self._cli.folder.rglob("*") if path.is_file() and path not in given]
        for path in files:
            self.check(path.name, path.read_bytes())
        return len(files)


KEY = "'{{ env.CANARY }}'"
OAUTH2 = f"type: oauth2, token_url: 'URL/token', client_id: id, client_secret: {KEY}"
AUTHENTICATIONS = {
    kind: re.sub(r"env\.[A-Z_]+", "env.CANARY", sample).replace("https://login.example.com", "URL")
    for kind, sample in SAMPLES.items()
    if kind not in WITHOUT_SECRET
} | {
    "basic, key as user": f"{{type: basic, username: {KEY}}}",
    "basic, key as user with a password": f"{{type: basic, username: {KEY}, password: x}}",
    "api_key in query": f"{{type: api_key, in: query, name: thing, value: {KEY}}}",
    "api_key in body": f"{{type: api_key, in: body, name: thing, value: {KEY}}}",
    "sailthru": f"{{type: hmac, style: sailthru, secret: {KEY}}}",
    "custom of requests": "{type: custom, auth: 'requests.auth:HTTPBasicAuth',"
    f" options: {{username: {USER}, password: {KEY}}}}}",
    "oauth2 in body": f"{{{OAUTH2}, secret_in: body}}",
    "oauth2 in query": f"{{{OAUTH2}, secret_in: query, method: GET}}",
}
"""The sample of each type that has a secret, and variants of some."""


def echoing(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    """Issue a token, ask for a digest, and echo all else, in several forms at once."""
    if heard.target.startswith("/token"):
        return (
            200,
            {"Content-Type": "application/json"},
            json.dumps({"access_token": TOKEN, "x": heard.target}).encode(),
        )
    status, headers, body = echo(heard)
    given = dict(heard.headers).get("Authorization", "")
    if given.startswith("Basic "):
        body += base64.b64decode(given.removeprefix("Basic "))
    return status, {**headers, "X-Told": quote(given)}, body + escape(body.decode("utf-8", "replace")).encode()


@pytest.fixture
def env() -> dict[str, str]:
    return {"CANARY": SECRET}


@pytest.mark.parametrize("kind", AUTHENTICATIONS)
def test_no_secret_is_seen_whatever_the_partner_echoes(
    cli: CommandLine, partner: Partner, env: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner.answer = echoing
    monkeypatch.setenv("ROKT_EXPORT_PLUGINS", "requests.auth:HTTPBasicAuth,tests.authentication.samples:TokenHeader")
    encoding = "form" if kind == "sailthru" else "json"
    text = spec_text(partner.url, authentication=AUTHENTICATIONS[kind].replace("URL", partner.url))
    spec = cli.write("acme.yaml", text.replace("encoding: json", f"encoding: {encoding}"))
    rows = cli.write("rows.csv", "email,firstname\njane.doe@example.com,Jane\n")
    search = Search(cli, SECRET, TOKEN)
    run = search.run
    assert run("test", spec, "--count", 2, "--verbose", env=env) == 0
    assert partner.heard
    for output in ("json", "ndjson", "csv"):
        assert run("test", spec, "--output", output, "--verbose", env=env) == 0
    assert run("replay", spec, rows, "--record", "all", "--verbose", "--all", env=env) == 0
    for form in ("http", "curl", "json"):
        assert run("render", spec, "--as", form, "--verbose", env=env) == 0
    run("probe", spec, "--verbose", env=env)
    run("validate", spec, "--verbose", "--questions", env=env)
    assert run("test", spec, "--sandbox", "--verbose", env=env) == 0
    for output in ("table", "json"):
        assert run("runs", "list", "--output", output) == 0
    formats = [word for form in FORMATS for word in ("--format", form)]
    for which in (0, 1):
        name = cli("runs", "list", "--output", "json").json[which]["run"]
        assert run("runs", "show", name, "--all") == 0
        assert run("report", name, *formats, "--out", cli.folder) == 0
        assert run("runs", "export", name, "--format", "har") == 0
    assert search.check_files(spec, rows) > 2 * len(FORMATS)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return int(closed.getsockname()[1])


JSON = {"Content-Type": "application/json"}


def refusing(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    said = f"{heard.target} {heard.body.decode()} {SECRET}"
    return 401, JSON, json.dumps({"error": "bad", "error_description": said}).encode()


FAULTY_TOKENS: dict[str, Answering] = {
    "refuses and echoes": refusing,
    "answers no JSON": lambda _heard: (200, {}, SECRET.encode()),
    "answers another field": lambda _heard: (200, JSON, json.dumps({SECRET: SECRET}).encode()),
    "redirects": lambda _heard: (302, {"Location": "/" + quote(SECRET)}, b""),
}


@pytest.mark.parametrize("fault", FAULTY_TOKENS)
@pytest.mark.parametrize("place", ["header", "body", "query"])
def test_no_secret_is_seen_where_the_token_server_fails(
    cli: CommandLine, partner: Partner, env: dict[str, str], fault: str, place: str
) -> None:
    partner.answer = FAULTY_TOKENS[fault]
    authentication = AUTHENTICATIONS["oauth2" if place == "header" else f"oauth2 in {place}"].replace(
        "URL", partner.url
    )
    spec = cli.write("acme.yaml", spec_text(partner.url, authentication=authentication))
    search = Search(cli, SECRET)
    assert search.run("test", spec, "--verbose", env=env) == 4
    assert search.run("probe", spec, "--verbose", env=env) == 4
    search.check_files(spec)


@pytest.mark.parametrize("place", ["header", "body", "query"])
def test_no_secret_is_seen_where_nobody_listens(cli: CommandLine, env: dict[str, str], place: str) -> None:
    nowhere = f"http://127.0.0.1:{closed_port()}"
    authentication = AUTHENTICATIONS["oauth2" if place == "header" else f"oauth2 in {place}"].replace("URL", nowhere)
    search = Search(cli, SECRET)
    for number, text in enumerate(
        (
            spec_text(nowhere, authentication=authentication),
            spec_text(nowhere, authentication=AUTHENTICATIONS["api_key in query"]),
        )
    ):
        spec = cli.write(f"acme{number}.yaml", text)
        assert search.run("test", spec, "--verbose", env=env) == 4
        assert search.run("probe", spec, "--verbose", env=env) == 4
    search.check_files(cli.folder / "acme0.yaml", cli.folder / "acme1.yaml")


PLUGIN = """\
from requests.auth import AuthBase

class Early(AuthBase):
    def __init__(self, key):
        raise ValueError("cannot use " + key)

class Late(AuthBase):
    def __init__(self, key):
        self.key = key
    def __call__(self, request):
        raise RuntimeError(f"cannot sign with {self.key!r} " + self.key)
"""


@pytest.mark.parametrize("name", ["Early", "Late"])
@pytest.mark.parametrize("verbose", [True, False])
def test_no_secret_is_seen_where_a_plug_in_crashes(
    cli: CommandLine, partner: Partner, env: dict[str, str], name: str, verbose: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    plugin = cli.write("acme_plugin.py", PLUGIN)
    monkeypatch.syspath_prepend(cli.folder)
    spec = cli.write(
        "acme.yaml",
        spec_text(
            partner.url,
            authentication=f"{{type: custom, auth: 'acme_plugin:{name}', options: {{key: '{{{{ env.CANARY }}}}'}}}}",
        ),
    )
    rows = cli.write("rows.csv", "email,firstname\njane.doe@example.com,Jane\n")
    search = Search(cli, SECRET)
    for command in (["test", spec], ["replay", spec, rows], ["render", spec], ["probe", spec]):
        allowed = ["--allow-plugin", f"acme_plugin:{name}"]
        done = cli(*command, *allowed, *(["--verbose"] if verbose else []), env=env)
        search.check("stdout", done.out.encode())
        search.check("stderr", done.err.encode())
        assert done.status == 3
        assert f"acme_plugin:{name}" in done.err
    assert partner.heard == []
    search.check_files(spec, rows, plugin, *cli.folder.glob("__pycache__/*"))


def test_a_literal_secret_of_the_spec_is_not_seen_either(cli: CommandLine, partner: Partner) -> None:
    partner.answer = echoing
    literal = "l1teral-c4nary/+é"
    spec = cli.write("acme.yaml", spec_text(partner.url, authentication=f"{{type: bearer, token: '{literal}'}}"))
    search = Search(cli, literal)
    assert search.run("validate", spec, "--verbose") == 3  # and says that a literal secret stands there
    assert search.run("validate", spec, "--output", "json") == 3
    assert search.run("test", spec, "--verbose", "--output", "json") == 3  # an error of validate stops every send
    assert search.run("test", spec, "--verbose") == 3
    assert search.run("render", spec) == 0


def test_real_people_are_seen_nowhere_but_in_their_own_file(cli: CommandLine, partner: Partner) -> None:
    partner.answer = echoing
    spec = cli.write("acme.yaml", spec_text(partner.url))
    quoted = PERSON.replace('"', '""')
    rows = cli.write("rows.csv", f'email,firstname\n"{quoted}",Canarina-Nöelle\n')
    search = Search(cli, PERSON, "Canarina-Nöelle")
    assert search.run("test", spec, rows, "--verbose") == 0
    assert search.run("replay", spec, rows, "--record", "all", "--verbose", "--all", "--output", "json") == 0
    assert search.run("render", spec, rows) == 0
    assert search.run("render", spec, rows, "--as", "curl") == 0
    for form in FORMATS:
        assert search.run("runs", "export", "last", "--format", form) == 0
    search.check_files(spec, rows)


def test_invented_people_stay_readable(cli: CommandLine, partner: Partner) -> None:
    spec = cli.write("acme.yaml", spec_text(partner.url))
    rows = cli.write("rows.csv", "email,firstname\njane.doe@example.com,Jane\n")
    assert cli("test", spec, rows, "--test-data").status == 0
    assert "jane.doe@example.com" in cli("report", "last", "--format", "har").out
    assert "jane.doe@example.com" in cli("render", spec, rows, "--test-data").out
    assert "jane.doe@example.com" in cli("render", spec, rows, "--show-personal-data").out


def test_a_sandbox_tells_no_secret(cli: CommandLine, env: dict[str, str]) -> None:
    spec = cli.write("acme.yaml", spec_text("https://example.com", authentication=AUTHENTICATIONS["api_key in query"]))
    search = Search(cli, SECRET)
    with cli.start("sandbox", spec, "--port", 0, "--verbose", "--token", "t0ken", env=env) as serving:
        try:
            assert serving.stdout is not None
            url = serving.stdout.readline().strip()
            assert search.run("test", spec, "--sandbox-url", url, "--verbose", env=env) == 0
            with urllib.request.urlopen(f"{url}/_sandbox/deliveries?token=t0ken", timeout=5) as answer:
                search.check("deliveries", answer.read())
        finally:
            interrupt(serving)
        out, err = serving.communicate(timeout=10)
    search.check("sandbox", (out + err).encode())


@pytest.mark.parametrize("verbose", [True, False])
def test_a_crash_of_our_own_tells_no_secret(
    cli: CommandLine, partner: Partner, env: dict[str, str], verbose: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        try:
            raise ValueError(f"first {SECRET!r}")
        except ValueError as error:
            raise RuntimeError(f"then {quote(SECRET)} " + SECRET) from error

    monkeypatch.setattr("rokt_export.commands.run_session.run_plan", crash)
    spec = cli.write("acme.yaml", spec_text(partner.url, authentication=AUTHENTICATIONS["bearer"]))
    search = Search(cli, SECRET)
    done = cli("test", spec, *(["--verbose"] if verbose else []), env=env)
    search.check("stderr", done.err.encode())
    assert done.status == 70
    assert ("Traceback" in done.err) == verbose
    assert "internal error: RuntimeError: then $CANARY $CANARY" in done.err
    search.check_files(spec)
    [run] = cli("runs", "list", "--output", "json").json
    assert run["state"] == "interrupted"


@pytest.mark.parametrize(
    ("row", "flags"),
    [
        ("L5,,Paola,pv77@altro.test", ()),
        ("L5,,Paola,call +39 06 5550199 now", ()),
        ("L5,9.90,Paola,p.v@brescia.test", ("--map", "amount=email", "--map", "email=amount")),
        ("other.p@altro.test,p.v@altro.test,Paola,x", ()),
        ("other.p@altro.test,p.v@altro.test,Paola,p.v@altro.test", ("--set", "email=elsewhere@example.com")),
    ],
)
def test_an_address_in_a_column_that_is_not_personal_is_hidden_too(cli, spec, row, flags):
    text = spec.read_text().replace(
        "  - {name: name, attribute: firstname}\n", "  - {name: amount, attribute: amount, type: number}\n"
    )
    rows = cli.write("rows.csv", f"transactionid,email,firstname,amount\n{row}\n")
    shown = cli("replay", cli.write("typed.yaml", text), rows, *flags)
    kept = cli("runs", "export", "last").out
    for hidden in ("altro", "brescia", "5550199"):
        assert hidden not in shown.out + shown.err + kept
