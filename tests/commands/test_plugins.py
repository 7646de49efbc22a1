"""A spec that names an authentication class runs no code unless the operator allows that very class."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from tests.commands.conftest import CommandLine, Partner, spec_text

CANARY = "PWNED"
EVIL = f"""\
from pathlib import Path
from requests.auth import AuthBase
with open(Path(__file__).resolve().parent / "{CANARY}", "a") as canary:
    canary.write(__name__ + " imported\\n")

class Signer(AuthBase):
    def __init__(self, key=""):
        self.key = key
    def __call__(self, request):
        request.headers["X-Signed"] = "signed"
        return request

    class Inner(AuthBase):
        pass
"""
ENTRY_POINTS = "[rokt_export.authentication]\nsigner = {}\n"

TRICKS = {
    "a command of the standard library": ("subprocess:Popen", f"{{args: 'touch {CANARY}', shell: '1'}}"),
    "a module beside the spec": ("evil:Signer", "{}"),
    "a package whose parent has an effect": ("evilpackage.inner:Signer", "{}"),
    "a module's own attributes": ("evil:__class__", "{}"),
    "an editor of the standard library": ("os:system", f"{{command: 'touch {CANARY}'}}"),
    "an entry point beside the spec": ("listed:Signer", "{}"),
    "letters that only look the same": ("ev\u0456l:Signer", "{}"),
    "a class of a library that is there": ("requests.auth:HTTPBasicAuth", "{username: u}"),
}


@pytest.fixture
def folder(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """A folder that a stranger filled, and in which modules are searched first, as `python -m rokt_export` does."""
    for name in ("evil", "listed", "ev\u0456l"):
        cli.write(f"{name}.py", EVIL)
    for package in ("evilpackage", "evilpackage/inner"):
        (cli.folder / package).mkdir()
        cli.write(f"{package}/__init__.py", EVIL)
    (cli.folder / "listed-1.0.dist-info").mkdir()
    cli.write("listed-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: listed\nVersion: 1.0\n")
    cli.write("listed-1.0.dist-info/entry_points.txt", "[rokt_export.authentication]\nsigner = listed:Signer\n")
    cli.write(".env", "ROKT_EXPORT_PLUGINS=" + ",".join(name for name, _ in TRICKS.values()) + "\n")
    cli.write("rows.csv", "email,firstname\njane.doe@example.com,Jane\n")
    monkeypatch.delenv("ROKT_EXPORT_PLUGINS", raising=False)
    monkeypatch.syspath_prepend(cli.folder)
    before = set(sys.modules)
    yield cli
    for name in set(sys.modules) - before:
        if name.startswith(("evil", "listed", "ev\u0456l")):
            del sys.modules[name]


def ran(cli: CommandLine) -> bool:
    return any(cli.folder.rglob(CANARY))


def write_spec(folder: CommandLine, url: str, name: str, options: str) -> None:
    custom = f"{{type: custom, auth: {json.dumps(name)}, options: {options}}}"
    folder.write("acme.yaml", spec_text(url, authentication=custom))


REFUSING = (
    ["test", "acme.yaml"],
    ["replay", "acme.yaml", "rows.csv"],
    ["replay", "acme.yaml", "rows.csv", "--workers", "2"],
    ["diff", "acme.yaml", "rows.csv", "--between", "staging", "production", "--confirm", "acme"],
    ["probe", "acme.yaml"],
)
PASSING = (
    ["validate", "acme.yaml"],
    ["render", "acme.yaml"],
    ["render", "acme.yaml", "rows.csv", "--as", "curl"],
    ["classify", "acme.yaml", "--status", "200"],
    ["attributes"],
    ["schema"],
    ["test", "acme.yaml", "--sandbox"],
    ["report", "last"],
)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_code_runs_without_consent(folder: CommandLine, partner: Partner, trick: str) -> None:
    name, options = TRICKS[trick]
    write_spec(folder, partner.url, name, options)
    for arguments in (*PASSING, *REFUSING):
        done = folder(*arguments)
        assert not ran(folder), (arguments, done)
        assert "Traceback" not in done.err
        if arguments in REFUSING:
            assert done.status == 3, (arguments, done)
            assert f"--allow-plugin {name}" in done.err
        elif arguments[0] in ("validate", "render", "attributes", "schema"):
            assert done.status == 0, (arguments, done)
        if arguments[0] == "render":
            assert f"[signed by {name}]" in done.out
    assert partner.heard == []


@pytest.mark.parametrize(
    "consent", ["evil", "evil:Signer.Inner", "evil:signer", "EVIL:Signer", "evil:*", "*:*", "evil.x:Signer"]
)
def test_consent_to_something_else_is_none(folder: CommandLine, partner: Partner, consent: str) -> None:
    write_spec(folder, partner.url, "evil:Signer", "{}")
    done = folder("test", "acme.yaml", "--allow-plugin", consent)
    assert done.status == (2 if ":" not in consent else 3)
    assert folder("test", "acme.yaml", env={"ROKT_EXPORT_PLUGINS": consent}).status == 3
    assert not ran(folder)
    assert partner.heard == []


@pytest.mark.parametrize("name", ["evil:__class__", "os:system", "subprocess:Popen", "evil:open", "evil:Path"])
def test_what_is_no_authentication_class_is_not_made(folder: CommandLine, partner: Partner, name: str) -> None:
    write_spec(folder, partner.url, name, f"{{command: 'touch {CANARY}x', args: 'touch {CANARY}x', shell: '1'}}")
    done = folder("test", "acme.yaml", "--allow-plugin", name)
    assert done.status == 3
    assert "cannot be made" in done.err or "not a requests authentication class" in done.err
    assert not (folder.folder / f"{CANARY}x").exists()
    assert partner.heard == []


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_with_consent_every_command_that_sends_signs(folder: CommandLine, partner: Partner, how: str) -> None:
    write_spec(folder, partner.url, "evil:Signer", "{key: k}")
    flags = ["--allow-plugin", "a.b:C", "--allow-plugin", "evil:Signer"] if how == "flag" else []
    env = {} if how == "flag" else {"ROKT_EXPORT_PLUGINS": " a.b:C , evil:Signer"}
    for arguments in REFUSING:
        partner.heard.clear()
        done = folder(*arguments, *flags, env=env)
        assert done.status in (0, 1), (arguments, done)
        assert partner.heard, arguments
        assert all(("X-Signed", "signed") in each.headers for each in partner.heard), arguments
        folder.journal.unlink(missing_ok=True)
    assert "X-Signed: [signed at send]" in folder("render", "acme.yaml", *flags, env=env).out


def test_a_sandbox_run_never_loads_the_class(folder: CommandLine, partner: Partner) -> None:
    write_spec(folder, partner.url, "evil:Signer", "{}")
    done = folder("test", "acme.yaml", "--sandbox", "--allow-plugin", "evil:Signer")
    assert done.status == 0
    assert "the credentials of evil:Signer" in done.err
    assert not ran(folder)


def test_a_resumed_run_asks_for_consent_again(folder: CommandLine, partner: Partner) -> None:
    write_spec(folder, partner.url, "evil:Signer", "{}")
    assert folder("replay", "acme.yaml", "rows.csv", "--allow-plugin", "evil:Signer").status == 0
    done = folder("runs", "resume", "last")
    assert (done.status, "--allow-plugin evil:Signer" in done.err) == (3, True)
    assert folder("runs", "resume", "last", "--allow-plugin", "evil:Signer").status == 0


def test_an_installed_entry_point_needs_no_flag(
    folder: CommandLine, partner: Partner, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installed module is loaded, not one of its name beside the spec."""
    site = tmp_path_factory.mktemp("site")
    (site / "listed.py").write_text(EVIL.replace('"signed"', '"installed"'))
    (folder.folder / "listed-1.0.dist-info").rename(site / "listed-1.0.dist-info")
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    write_spec(folder, partner.url, "listed:Signer", "{}")
    assert folder("test", "acme.yaml").status == 0
    assert ("X-Signed", "installed") in partner.heard[0].headers
    assert not ran(folder)


def test_no_code_runs_in_a_process_of_its_own_either(folder: CommandLine, partner: Partner) -> None:
    write_spec(folder, partner.url, "listed:Signer", "{}")
    for arguments in (["render", "acme.yaml"], ["test", "acme.yaml"]):
        done = folder.process(*arguments)
        assert "listed:Signer" in done.out + done.err
    assert not ran(folder)
    assert partner.heard == []
