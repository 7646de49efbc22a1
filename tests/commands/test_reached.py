"""Ways to a guarded server past its URL: headers, proxies, other names, other spellings; counted by the server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from delivery.guarded_specs import spec_of

from rokt_export.authentication.base import StaticHeader
from rokt_export.authentication.bearer import Bearer
from tests.commands.conftest import CommandLine, Partner, serve
from tests.partner_spec.lint.planted_faults import loaded

USAGE, WRONG = 2, 3


@pytest.fixture
def other() -> Iterator[Partner]:
    """A server for tests."""
    made = Partner()
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["Host", "x-forwarded-host"])
def test_a_header_that_names_the_host_of_production_is_guarded(
    cli: CommandLine, partner: Partner, other: Partner, name: str
) -> None:
    header = f"  - {{name: {name}, in: header, value: '{{{{ env.FRONT }}}}'}}"
    spec = cli.write("acme.yaml", spec_of(f"{partner.url}/leads", f"{other.url}/leads", header))
    env = {"FRONT": partner.url.removeprefix("http://")}
    done = cli("test", spec, env=env)
    assert (done.status, other.heard) == (USAGE, [])
    assert "staging, which names the address of production in a header" in done.err
    assert "RX103 staging names the address of production" in cli("validate", spec, env=env).out
    for front in (other.url.removeprefix("http://"), "elsewhere.example.com"):
        assert cli("test", spec, env={"FRONT": front}).status == 0
    assert len(other.heard) == 2


@pytest.mark.parametrize(
    "authentication",
    ["{type: bearer, token: '{{ env.FRONT }}'}", "{type: api_key, name: Host, value: '{{ env.FRONT }}'}"],
)
def test_a_credential_that_names_the_host_of_production_is_guarded(
    cli: CommandLine, partner: Partner, other: Partner, authentication: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bearer, "credential", lambda self, fill: StaticHeader("Host", fill(self.token)))
    text = spec_of(f"{partner.url}/leads", f"{other.url}/leads", more=f"authentication: {authentication}")
    spec = cli.write("acme.yaml", text)
    done = cli("test", spec, env={"FRONT": partner.url.removeprefix("http://")})
    assert (done.status, other.heard) == (USAGE, [])
    assert "staging, which names the address of production in a header" in done.err
    assert cli("test", spec, env={"FRONT": "elsewhere.example.com"}).status == 0


def test_a_proxy_at_a_guarded_server_is_guarded(cli: CommandLine, partner: Partner, other: Partner) -> None:
    spec = cli.write("acme.yaml", spec_of(f"{partner.url}/leads", f"{other.url}/leads"))
    for env in ({"http_proxy": partner.url}, {"http_proxy": f"http://u:p@localhost:{partner.port}/"}):
        done = cli("test", spec, env=env)
        assert (done.status, partner.heard, other.heard) == (USAGE, [], []), done.err
        assert "goes through a proxy at the address of production" in done.err
    spec.write_text(spec_of(f"{partner.url}/leads", f"{{url: '{other.url}/leads', proxy: '{partner.url}'}}"))
    assert cli("test", spec).status == USAGE
    assert (partner.heard, other.heard) == ([], [])


@pytest.mark.parametrize(
    "proxy",
    ["http://us er:hush@host:8080", "http://me:hush@host:xx", "http://me:hush@host\n:1", "http://me:hush@", "h:1:2"],
)
@pytest.mark.parametrize("stated", [False, True])
def test_a_proxy_that_cannot_be_used_is_found_before_the_first_send(
    cli: CommandLine, partner: Partner, proxy: str, stated: bool
) -> None:
    more = ", proxy: '{{ env.PX }}'" if stated else ""
    spec = cli.write("acme.yaml", spec_of("https://live.example.com/leads", f"{{url: '{partner.url}/leads'{more}}}"))
    env = {"PX" if stated else "http_proxy": proxy}
    done = cli("test", spec, env=env)
    assert (done.status, partner.heard, "hush" in done.err) == (3, [], False), done.err
    assert "proxy of staging cannot be used" in done.err
    assert "http://user:password@host:port" in done.err
    assert cli("test", spec, "--sandbox", env=env).status == 0


def test_a_proxy_of_the_process_environment_is_told(cli: CommandLine, partner: Partner, other: Partner) -> None:
    spec = cli.write("acme.yaml", spec_of("https://live.example.com/leads", f"{partner.url}/leads"))
    done = cli("test", spec, env={"http_proxy": f"http://me:hush@127.0.0.1:{other.port}"})
    said = f"staging goes through the proxy 127.0.0.1:{other.port}, from the process environment"
    assert (done.status, done.err.count(said), len(other.heard), "hush" in done.err) == (0, 1, 1, False)
    assert "proxy" not in cli("test", spec, env={"http_proxy": other.url, "no_proxy": "127.0.0.1"}).err
    assert "proxy" not in cli("test", spec, "--sandbox", env={"http_proxy": other.url}).err


def test_an_unknown_address_of_production_warns_where_the_name_says_test_and_guards_elsewhere(
    cli: CommandLine, partner: Partner
) -> None:
    more = f'  eu: {{url: "{partner.url}/leads", guarded: false}}'
    spec = cli.write("acme.yaml", spec_of('"{{ env.LIVE }}/leads"', f"{partner.url}/leads", more=more))
    said = "may have the address of production, which is not known: LIVE not set"
    done = cli("test", spec, "--quiet")
    assert (done.status, len(partner.heard)) == (0, 1)
    assert f"staging {said}" in done.err
    refused = cli("test", spec, "-e", "eu")
    assert (refused.status, len(partner.heard)) == (USAGE, 1)
    assert f"eu, which {said}" in refused.err
    assert "Set LIVE in `.env.production`." in refused.err
    assert cli("test", spec, "-e", "eu", env={"LIVE": "https://live.example.com"}).status == 0


def test_tokens_from_the_address_of_production_are_told(cli: CommandLine, partner: Partner, other: Partner) -> None:
    partner.answer = lambda _heard: (200, {"Content-Type": "application/json"}, b'{"access_token": "t"}')
    secret = "authentication: {type: oauth2, token_url: '%s/leads/', client_id: me, client_secret: '{{ env.S }}'}"
    text = spec_of(f"{partner.url}/leads", f"{other.url}/leads") + secret % partner.url + "\n"
    spec = cli.write("acme.yaml", text)
    said = "staging fetches its tokens from the address of production"
    assert f"RX140 {said}" in cli("validate", spec, env={"S": "hush-hush"}).out
    done = cli("test", spec, env={"S": "hush-hush"})
    assert (done.status, done.err.count(said), len(other.heard)) == (0, 1, 1)


def test_what_is_exported_for_one_environment_does_not_fill_another_that_has_its_own(
    cli: CommandLine, partner: Partner, other: Partner
) -> None:
    spec = cli.write("acme.yaml", spec_of('"{{ env.BASE }}/leads"', '"{{ env.BASE }}/leads"'))
    cli.write("stg.env", f"BASE={other.url}\n")
    ways = (((), {"BASE": other.url}, "process environment"), (("--env-file", "stg.env"), {}, "stg.env"))
    for flags, env, source in ways:
        for more in ((), ("--confirm", "acme")):
            done = cli("test", spec, *flags, *more, env=env)
            assert (done.status, other.heard) == (USAGE, [])
            assert f"as both are filled from BASE ({source})" in done.err
            assert "Write the BASE of production to `.env.production`, or state the URL" in done.err
            assert "--test-data" not in done.err
    cli.write(".env.production", f"BASE={partner.url}\n")
    for count, (flags, env, _) in enumerate(ways, 1):
        assert cli("test", spec, *flags, env=env).status == 0
        assert len(other.heard) == count
    done = cli("test", spec, env={"BASE": partner.url})
    assert (done.status, partner.heard) == (USAGE, [])
    assert "staging, which has the address of production\n" in done.err
    cli.write(".env.production", "")
    cli.write(".env", f"BASE={other.url}\n")  # for all environments: what is exported outweighs it
    assert cli("test", spec, env={"BASE": partner.url}).status == USAGE
    assert partner.heard == []


def test_a_switch_for_tests_is_accepted_where_the_spec_takes_the_guard_away(cli: CommandLine, partner: Partner) -> None:
    live, switched = f"{partner.url}/api", f"{partner.url}/api?Test_Lead=1"
    spec = cli.write("acme.yaml", spec_of(live, switched))
    assert cli("test", spec).status == USAGE
    spec.write_text(spec_of(live, f"{{url: '{live}', guarded: false}}"))
    assert cli("test", spec).status == USAGE
    spec.write_text(spec_of(live, f"{{url: '{live}?t={{{{ city }}}}', guarded: false}}"))
    assert cli("test", spec).status == USAGE
    assert partner.heard == []
    spec.write_text(spec_of(live, f"{{url: '{switched}', guarded: false}}"))
    said = "staging has the address of production, and states `guarded: false`: only constants differ"
    assert f"warning RX103 {said}" in cli("validate", spec).out
    done = cli("test", spec, "--quiet")
    assert (done.status, done.err.count(said), len(partner.heard)) == (0, 1, 1)


def test_plain_http_is_judged_by_the_filled_host(cli: CommandLine, partner: Partner) -> None:
    spec = cli.write("acme.yaml", spec_of("'http://{{ env.LIVE }}/leads'", f"{partner.url}/leads"))
    for here in ("localhost:9580", "0.0.0.0:9580", "[::ffff:127.0.0.1]:9580", "api.localhost"):
        assert cli("validate", spec, env={"LIVE": here}).status == 0
    done = cli("validate", spec, env={"LIVE": "live.example.com"})
    assert (done.status, "error RX105" in done.out) == (WRONG, True)
    spec.write_text(spec_of("'{{ env.LIVE }}/leads'", f"{partner.url}/leads"))
    assert cli("validate", spec, env={"LIVE": "http://live.example.com"}).status == WRONG
    assert cli("validate", spec, env={"LIVE": "https://live.example.com"}).status == 0


@pytest.mark.parametrize("name", ["ci", "acc", "eu-acceptance", "loadtest", "perf2"])
def test_more_names_say_test(name: str) -> None:
    spec = loaded(spec_of("https://a.example.com/", "https://b.example.com/", more=f"  {name}: https://c.example.com/"))
    assert not spec.spec.guards(name)


@pytest.mark.parametrize("name", ["pilot", "int", "trial", "account", "space"])
def test_names_that_live_systems_have_too_do_not(name: str) -> None:
    spec = loaded(spec_of("https://a.example.com/", "https://b.example.com/", more=f"  {name}: https://c.example.com/"))
    assert spec.spec.guards(name)
