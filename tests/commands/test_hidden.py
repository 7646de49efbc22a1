"""People and secrets in every notation that a partner may echo are in no artefact, whole or cut."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode, encodebytes
from collections.abc import Iterator
from pathlib import Path

import pytest

from rokt_export.reports.differences import SUFFIXES
from rokt_export.reports.formats import FORMATS
from tests.commands.conftest import CommandLine, Heard, Partner, spec_text

EMAIL = "Zora.Quillfeather7@Example.com"
ROW = f"{EMAIL},Zoë,Müllerstein,+1 (212) 555-0187,1983-12-15,12 Quarrystone Lane"
CRASH = f"could not read '12 Quarrystone Lane' of {EMAIL}: +1 (212) 555-0187, "
KEY = "sk_Live/aZ09+canary-0123456789-that-is-long-enough-to-be-wrapped-by-mime"


def hashes(value: str) -> Iterator[str]:
    for text in (value, value.lower(), value.upper()):
        for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
            digest = hashlib.new(name, text.encode())
            yield digest.hexdigest()
            yield digest.hexdigest().upper()
            yield b64encode(digest.digest()).decode().rstrip("=")


PEOPLE = [
    "12125550187", "2125550187", "0012125550187", "(212) 555 0187", "212.555.0187", "+1 212-555-0187", "%2B12125550187",
    "15/12/1983", "12/15/83", "December 15, 1983", "15 Dec 1983", "19831215", "440294400", "440294400000", "1983.12.15",
    "Thu Dec 15 00:00:00 1983", "Thu Dec 15 23:59:59 UTC 1983", "1983年12月15日", "zmuellerstein",
    "".join(f"&#{ord(sign)}" for sign in "Mullerstein"), "".join(f"\\{ord(sign):06x}" for sign in "Mullerstein"),
    "".join(f"\\U{ord(sign):08x}" for sign in "Mullerstein"), "".join(f"&#x{ord(sign):x}" for sign in "Mullerstein"),
    "Muellerstein", "Mullerstein", "MÜLLERSTEIN", "M\\u00fcllerstein", "M%C3%BCllerstein",
    "Zoe Muellerstein", "Muellerstein, Zoe", "zoemullerstein", "12  Quarrystone   Lane",
    b64encode(EMAIL.encode()).decode(), EMAIL.encode().hex(), EMAIL.encode().hex().upper(),
    b64encode(b64encode(EMAIL.encode())).decode(), EMAIL.lower(), *hashes(EMAIL),
    hashlib.sha256(EMAIL.lower().encode()).digest().hex(":"),
]  # fmt: skip
PARTS = ("5550187", "555 0187", "555.0187", "555-0187", "stein", "Quarrystone", "quarrystone")
SECRETS = [
    KEY, KEY.encode().hex().upper(), "".join(c.upper() if i % 2 else c for i, c in enumerate(KEY.encode().hex())),
    encodebytes(b"user:" + KEY.encode()).decode().strip(), b64encode(b64encode(KEY.encode())).decode(),
    str(list(KEY.encode())), "".join(f"&#{code}" for code in KEY.encode()), " ".join(map(str, KEY.encode())),
    "".join(f"\\{code:06x}" for code in KEY.encode()), KEY.replace("/", "%2f").replace("+", "%2B"),
]  # fmt: skip
ECHOES = [*PEOPLE, *SECRETS]


def echoes(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    """Answer each row with another notation in reason, reference, code and body, and some with all in the body."""
    if heard.target.startswith("/token"):
        return 400, {}, json.dumps({"error_description": "x" * 190 + KEY}).encode()
    text = ECHOES[echoes.count % len(ECHOES)]  # type: ignore[attr-defined]
    echoes.count += 1  # type: ignore[attr-defined]
    said: dict[str, object] = {"detail": text, "id": text, "code": text, "long": "y " * 245 + text}
    if echoes.count % 20 == 1:  # type: ignore[attr-defined]
        said["all"] = ECHOES
    return 400, {"Content-Type": "application/json"}, json.dumps(said).encode()


RULES = """responses:
  - {outcome: rejected, status: 400, capture: {reason: [$.long], reference: $.id, code: $.code}}
  - {outcome: delivered, status: 2xx}
"""


def spec(partner: Partner, **more: str) -> str:
    text = spec_text(partner.url, **more)
    return text[: text.index("responses:")] + RULES


class Leaks:
    """Looks for each notation in what commands write."""

    def __init__(self) -> None:
        self._needles = {text.encode() for text in ECHOES} | {part.encode() for part in PARTS}
        self._needles |= {json.dumps(text)[1:-1].encode() for text in ECHOES}
        self._needles |= {KEY[:20].encode(), KEY.encode().hex()[:40].encode(), EMAIL[:12].encode()}

    def check(self, where: str, data: bytes) -> None:
        for needle in self._needles:
            at = data.find(needle)
            assert at < 0, f"{needle!r} in {where}: {data[max(0, at - 100) : at + 150]!r}"


@pytest.fixture
def rows(cli: CommandLine) -> Path:
    head = "transactionid,email,firstname,lastname,mobile,dob,address1"
    lines = [f"tx{number},{ROW}" for number in range(len(ECHOES))]
    return cli.write("rows.csv", "\n".join([head, *lines]) + "\n")


def test_no_notation_is_in_any_artefact(cli: CommandLine, partner: Partner, rows: Path) -> None:
    echoes.count = 0  # type: ignore[attr-defined]
    partner.answer = echoes
    path = cli.write("acme.yaml", spec(partner, authentication="{type: bearer, token: '{{ env.CANARY }}'}"))
    leaks = Leaks()
    env = {"CANARY": KEY}
    for arguments in (
        ("replay", path, rows, "--record", "all", "--verbose", "--all", "--name", "whole"),
        ("replay", path, rows, "--record", "all", "--output", "json"),
        ("runs", "show", "last", "--all"),
        ("runs", "show", "last", "--output", "ndjson"),
        ("render", path, rows),
        ("render", path, rows, "--as", "curl"),
        *(("runs", "export", "last", "--format", name) for name in FORMATS),
        ("replay", path, rows, "--record", "all", "--name", "other"),
        *(("diff", "--runs", "whole", "other", "--output", output) for output in ("table", "json")),
        ("diff", "--runs", "whole", "other", *(f"--report=differences{suffix}" for suffix in SUFFIXES)),
        ("test", path, rows, "--sandbox", "--count", "5"),
    ):
        done = cli(*arguments, env=env)
        assert "internal error" not in done.err
        leaks.check(" ".join(map(str, arguments)), (done.out + done.err).encode())
    shown = cli("runs", "show", "whole", "--output", "ndjson").lines
    assert len(shown) == len(ECHOES)
    assert all(each["reason"] and len(each["reason"]) <= 500 for each in shown)
    kept = {file.name for file in cli.folder.rglob("*")}
    assert kept >= {"acme-staging.json", *(f"differences{suffix}" for suffix in SUFFIXES)}
    for file in cli.folder.rglob("*"):
        if file.is_file() and file not in (path, rows):
            leaks.check(file.name, file.read_bytes())


@pytest.mark.parametrize("verbose", [True, False])
def test_a_crash_of_our_own_shows_nobody(
    cli: CommandLine, partner: Partner, rows: Path, verbose: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        try:
            raise KeyError(EMAIL)
        except KeyError as error:
            raise ValueError(CRASH + KEY) from error

    monkeypatch.setattr("rokt_export.commands.run_session.run_plan", crash)
    path = cli.write("acme.yaml", spec(partner, authentication="{type: bearer, token: '{{ env.CANARY }}'}"))
    done = cli("replay", path, rows, *(["--verbose"] if verbose else []), env={"CANARY": KEY})
    assert done.status == 70
    assert "internal error: ValueError: could not read … of … …, $CANARY" in done.err
    assert ("KeyError: …" in done.err) == verbose
    Leaks().check("stderr", done.err.encode())


def test_no_cut_leaves_the_beginning_of_a_secret(cli: CommandLine, partner: Partner) -> None:
    partner.answer = echoes
    oauth = f"{{type: oauth2, token_url: '{partner.url}/token', client_id: id, client_secret: '{{{{ env.CANARY }}}}'}}"
    path = cli.write("acme.yaml", spec(partner, authentication=oauth))
    for command in ("test", "probe"):
        done = cli(command, path, env={"CANARY": KEY})
        assert "sk_L" not in done.out + done.err
    for file in cli.folder.rglob("*.sqlite*"):
        assert b"sk_L" not in file.read_bytes()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".env", "KEY=sk_canary_0123456789\nDATABASE=postgres://u:canary-pw@h/db\nPLAIN=canary-pw\n"),
        ("env.yaml", "API_KEY: sk_canary_0123456789\nother: canary-pw\n"),
        ("broken.yaml", "spec_version: 1\nauthentication: {type: basic, username: canary, pasword: canary}\n"),
        ("block.yaml", "spec_version: 1\nauthentication:\n  - type: bearer\n    token: canary-pw\n    tokn: canary\n"),
        ("url.yaml", "spec_version: 1\nendpoint: {staging: 'https://u:canary-pw@h/?api_key=canary-pw', stagin: 5}\n"),
        ("type.yaml", "spec_version: 1\nparameters: [{name: a, value: x, type: sk_canary_0123456789}]\n"),
    ],
)  # fmt: skip
def test_no_finding_shows_a_literal_secret(cli: CommandLine, name: str, text: str) -> None:
    path = cli.write(name, text)
    for output in ("table", "json", "ndjson", "csv"):
        done = cli("validate", path, "--output", output)
        assert done.status in (2, 3)
        assert "canary" not in done.out + done.err


def test_the_text_around_a_variable_stays(cli: CommandLine, partner: Partner) -> None:
    key = "{type: api_key, name: X-Api-Key, prefix: 'Klaviyo-API-Key ', value: '{{ env.KLAVIYO }}'}"
    path = cli.write("acme.yaml", spec(partner, authentication=key))
    assert "X-Api-Key: Klaviyo-API-Key $KLAVIYO" in cli("render", path).out
    assert "--header 'X-Api-Key: Klaviyo-API-Key '\"$KLAVIYO\"" in cli("render", path, "--as", "curl").out


@pytest.mark.parametrize(
    "kind", ["hmac, secret: K", "wsse, username: u, password: K", "digest, username: u, password: K"]
)
def test_render_makes_no_signature_up(cli: CommandLine, partner: Partner, kind: str) -> None:
    path = cli.write("acme.yaml", spec(partner, authentication=f"{{type: {kind}}}".replace("K", "'{{ env.S }}'")))
    for form in ("http", "curl", "json"):
        assert "[signed at send]" in cli("render", path, "--as", form).out


def test_a_computed_credential_that_is_echoed_is_hidden(cli: CommandLine, partner: Partner) -> None:
    sent: list[str] = []

    def echo(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        sent.append(dict(heard.headers)["X-Mark"])
        return 400, {"Content-Type": "application/json"}, json.dumps({"long": sent[-1], "id": f"r-{sent[-1]}"}).encode()

    partner.answer = echo
    path = cli.write("acme.yaml", spec(partner, authentication="{type: hmac, secret: '{{ env.S }}', header: X-Mark}"))
    outputs = [cli("test", path, "--count", "2", env={"S": KEY}), cli("runs", "export", "last", "--format", "har")]
    assert len(sent) == 2
    for mark in sent:
        assert all(mark not in done.out + done.err for done in outputs)
        assert all(mark.encode() not in file.read_bytes() for file in cli.folder.rglob("*.sqlite*"))


def test_a_report_is_not_written_through_a_symbolic_link(cli: CommandLine, partner: Partner, rows: Path) -> None:
    path = cli.write("acme.yaml", spec(partner))
    cli("replay", path, rows)
    target = cli.write("precious.txt", "precious")
    link = cli.folder / "report.md"
    link.symlink_to(target)
    done = cli("report", "last", "--format", "markdown", "--out", link)
    assert done.status == 2
    assert "symbolic link" in done.err
    assert target.read_text() == "precious"


def test_variables_that_others_can_read_are_warned_of(cli: CommandLine, partner: Partner) -> None:
    path = cli.write("acme.yaml", spec(partner))
    env = cli.write("my.env", "A=1\n")
    for mode, warned in ((0o644, True), (0o640, True), (0o600, False)):
        env.chmod(mode)
        for command in ("render", "validate"):
            assert ("can be read by other users" in cli(command, path, "--env-file", env).err) is warned


def test_no_password_of_a_journal_is_shown(cli: CommandLine) -> None:
    for place in (
        "postgresql://u:canary@127.0.0.1:9/db?password=canary&sslpassword=canary",
        "host=127.0.0.1 dbname=db password=canary",
        "mysql://u:canary@h/db?password=canary",
    ):
        done = cli("runs", "list", "--journal", place)
        assert done.status in (2, 5)
        assert "canary" not in done.out + done.err


@pytest.mark.parametrize(("partner", "shown"), [("pw-Xk93!qLz", False), ("Acme Corp 2024", True), ("Acme2", True)])
def test_a_password_in_place_of_a_partners_name_is_not_echoed(cli: CommandLine, partner: str, shown: bool) -> None:
    path = cli.write(
        "acme.yaml", spec_text("https://api.example.com").replace("partner: acme", f'partner: "{partner}"')
    )
    done = cli("validate", path)
    assert done.status == 3
    assert (partner in done.out + done.err) is shown
