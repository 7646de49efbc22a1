"""The requests of a diagnosis can create nothing, and spare what is guarded."""

from __future__ import annotations

from commands.conftest import CommandLine, Partner, spec_text

from diagnosis.refusing import similar_path


def test_a_similar_path_of_a_guarded_environment_is_not_asked(cli: CommandLine, partner: Partner) -> None:
    partner.answer = lambda heard: (404, {}, b"")
    cli.write("acme.yaml", spec_text(partner.url).replace("/production/leads", "/lead"))
    cli("test", "acme.yaml")
    assert cli("diagnose", "last").status == 1
    assert len(partner.heard) > 5
    assert all(heard.target.rstrip("/") != "/lead" for heard in partner.heard)


def test_a_spec_that_delivers_by_get_is_asked_by_options_alone(cli: CommandLine, partner: Partner) -> None:
    partner.answer = similar_path
    text = spec_text(partner.url).replace("encoding: json\n", "").replace("endpoint:", "method: GET\nendpoint:")
    text = text.replace("attribute: email,", "attribute: email, in: query,").replace(
        "firstname}", "firstname, in: query}"
    )
    cli.write("acme.yaml", text)
    cli("test", "acme.yaml")
    before = len(partner.heard)
    done = cli("diagnose", "last", "--output", "json")
    assert done.json["suspects"][0]["cause"] == "wrong-path"
    assert {heard.method for heard in partner.heard[before:]} == {"OPTIONS"}
    cli("probe", "acme.yaml")
    assert {heard.method for heard in partner.heard[before:]} == {"OPTIONS"}
