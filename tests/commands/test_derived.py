"""What a template makes of a variable is hidden as the variable is, in recordings, exports, `render` and echoes."""

from __future__ import annotations

import hashlib
import json

from tests.commands.conftest import CommandLine, Heard, Partner, spec_text

KEY = "sk_live_9aQ2mX7vB4nK8pL3wR6t"
EMAIL = "zora.quillfeather7@example.com"
PARAMETERS = """parameters:
  - {name: part, in: body, value: "{{ env.ACME_KEY | slice(0, 7) | upper }}"}
  - {name: letters, in: body, value: "{% for sign in env.ACME_KEY %}{{ sign }}~{% endfor %}"}
  - {name: digest, in: query, value: "{{ env.ACME_KEY | upper | md5 }}"}
  - {name: X-Sum, in: header, value: "{{ (env.ACME_KEY ~ email) | sha256 }}"}
  - {name: sum, in: body, value: "{{ (email ~ env.ACME_KEY) | md5 }}"}
  - {name: plain, in: body, value: "Key {{ env.ACME_KEY }}"}
  - {name: email, in: body, attribute: email}
"""
# the filters of digests lower the letters of what they are given
SECRET = [
    "SK_LIVE", "~".join(KEY), hashlib.md5(KEY.lower().encode()).hexdigest(),
    hashlib.sha256((KEY + EMAIL).lower().encode()).hexdigest(),
    hashlib.md5((EMAIL + KEY).lower().encode()).hexdigest(), KEY,
]  # fmt: skip


def test_what_a_template_derives_is_hidden(cli: CommandLine, partner: Partner) -> None:
    def echo(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, json.dumps({"heard": [heard.target, heard.body.decode(), dict(heard.headers)]}).encode()

    partner.answer = echo
    text = spec_text(partner.url)
    start, end = text.index("parameters:"), text.index("responses:")
    path = cli.write("acme.yaml", text[:start] + PARAMETERS + text[end:])
    rows = cli.write("rows.csv", f"transactionid,email\n1,{EMAIL}\n")
    env = {"ACME_KEY": KEY}
    for arguments in (
        ("replay", path, rows, "--record", "all", "--verbose", "--all"),
        ("runs", "export", "last", "--format", "har"),
        ("render", path, rows),
        ("render", path, rows, "--as", "curl"),
    ):
        done = cli(*arguments, env=env)
        assert done.status == 0, done.err
        for secret in SECRET:
            assert secret not in done.out + done.err, arguments
        if arguments[0] == "render":
            assert "$ACME_KEY" in done.out
            assert "Key $ACME_KEY" in done.out.replace("'\"", "")
    sent = json.loads(partner.heard[-1].body)
    assert sent["part"] == "SK_LIVE"
    assert sent["sum"] == SECRET[4]
    assert SECRET[2] in partner.heard[-1].target
    assert SECRET[3] in dict(partner.heard[-1].headers).values()
    for file in cli.folder.rglob("*"):
        if file.is_file() and file not in (path, rows):
            assert not [secret for secret in SECRET if secret.encode() in file.read_bytes()], file
