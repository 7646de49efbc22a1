"""A spec whose parameters leave out invalid values."""

from __future__ import annotations

from commands.conftest import CommandLine

SPEC = """\
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/leads"}}
method: POST
authentication: none
encoding: {encoding}
parameters:
  - {{name: '{prefix}email', attribute: email, required: true, format: email}}
  - {{name: '{prefix}dob', value: "{{{{ dob | date }}}}", invalid: omit}}
  - {{name: X-Phone, in: header, attribute: phone, format: digits, invalid: omit}}
responses:
  - {{outcome: delivered, status: 2xx}}
{more}"""
ROWS = (
    "email,dob,phone\n"
    "jane.1@example.com,13/02/1980,555\n"
    "jane.2@example.com,1980-02-13,a\n"
    "jane.3@example.com,31/01/1980,b\n"
    "nobody,31/01/1980,c\n"
    "jane.5@example.com,,\n"
)
TOLD = (
    "2 values do not fit parameter dob, and were left out (`invalid: omit`)",
    "2 values do not fit parameter X-Phone, and were left out (`invalid: omit`)",
)


def spec_of(cli: CommandLine, url: str, encoding: str = "json", prefix: str = "", more: str = "") -> str:
    return cli.write("omits.yaml", SPEC.format(url=url, encoding=encoding, prefix=prefix, more=more))
