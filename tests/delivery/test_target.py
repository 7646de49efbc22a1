"""Where a run sends to, compared with the guarded environments: headers, paths, proxies, constants, names."""

from __future__ import annotations

import pytest

from delivery.guarded_specs import spec_of
from rokt_export.delivery.address import HERE
from rokt_export.delivery.target import Target
from rokt_export.partner_spec.variables import Variables
from tests.partner_spec.test_lint import loaded


def is_guarded(production: str, staging: str, parameters: str = "") -> bool:
    spec = loaded(spec_of(production, staging, parameters)).spec
    return Target.of(spec, "staging", {name: Variables({}) for name in spec.endpoint}).guarded


@pytest.mark.parametrize(
    "name", ["Host", "X-Forwarded-Host", "X-Forwarded-Server", "X-HTTP-Host-Override", "Forwarded"]
)
@pytest.mark.parametrize(
    "value",
    ["LIVE.example.com.", "live.example.com:443", "live.example.com:80", "foo.example.com, live.example.com",
     "https://live.example.com", "for=192.0.2.1;host=\\\"live.example.com:443\\\""],
)  # fmt: skip
def test_each_way_to_name_a_host_in_a_header_is_read(name: str, value: str) -> None:
    header = f'  - {{name: {name}, in: header, value: "{value}"}}'
    assert is_guarded("https://live.example.com/leads", "http://edge.example.com/leads", header)
    assert not is_guarded("https://other.example.com/leads", "http://edge.example.com/leads", header)


@pytest.mark.parametrize("name", ["X-Original-URL", "X-Rewrite-URL"])
@pytest.mark.parametrize("value", ["/leads", "https://edge.example.com/leads"])
def test_a_header_that_names_the_path_of_production_is_guarded(name: str, value: str) -> None:
    header = f'  - {{name: {name}, in: header, value: "{value}"}}'
    assert is_guarded("https://edge.example.com/leads", "https://edge.example.com/test", header)
    assert not is_guarded("https://edge.example.com/other", "https://edge.example.com/test", header)


@pytest.mark.parametrize(
    ("staging", "production"),
    [("?x=%31", "?x=1"), ("?x=a+b", "?x=a%20b"), ("?x=1;", "?x=1"), ("?x", "?x="), ("?x={{ now }}", "?x=1"),
     ("?x={{ now }}", ""), ("?{{ email }}", "?x=1"), ("?x=1&x=1", "?x=1")],
)  # fmt: skip
def test_only_constants_that_differ_tell_two_environments_at_one_address_apart(staging: str, production: str) -> None:
    url = "https://api.example.com/leads"
    assert is_guarded(f"{url}{production}", f"{{url: '{url}{staging}', guarded: false}}")
    assert not is_guarded(f"{url}{production}", f"{{url: '{url}{staging or '?'}&test=1', guarded: false}}")


def test_another_name_of_this_machine_is_guarded_and_of_another_is_told() -> None:
    spec = loaded(spec_of("https://live.example.com/leads", "https://test.example.com/leads")).spec
    variables = {name: Variables({}) for name in spec.endpoint}

    def target(live: set[str], test: set[str]) -> Target:
        known = {"live.example.com": frozenset(live), "test.example.com": frozenset(test)}
        return Target.of(spec, "staging", variables, resolve=lambda names: {name: known[name] for name in names})

    assert target({HERE}, {HERE, "192.0.2.1"}).because is not None
    told = target({"192.0.2.1", "192.0.2.2"}, {"192.0.2.1"})
    assert not told.guarded
    assert [near.text for near in told.near] == [
        "staging resolves to the address of production, 192.0.2.1, at the same path"
    ]
    assert target({"192.0.2.2"}, {"192.0.2.1"}).near == target(set(), set()).near == ()
