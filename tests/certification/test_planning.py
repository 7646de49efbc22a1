"""The probes that a spec gives, and why one is not run."""

from __future__ import annotations

import re

import pytest
from commands.conftest import CommandLine

from certification.certifying import ENV, certified, of_kind
from certification.crm import SPEC, Crm, serving


def test_what_is_left_out_of_the_spec_is_not_run_and_says_why(cli: CommandLine) -> None:
    crm = Crm(authorized=lambda _: True, required=())

    def small(text: str) -> str:
        text = re.sub(r"authentication: .*\n", "", text)
        text = re.sub(r"read_back:.*?cleanup: [^\n]*\n", "", text, flags=re.DOTALL)
        text = text.replace(", required: true", "").replace(", max_length: 60", "")
        return text.replace(
            "  - {name: known, outcome: duplicate, status: 409, capture: {reason: $.error.message}}\n", ""
        )

    done = certified(cli, crm, spec=small)
    kinds = ("missing_required", "no_credentials", "wrong_credentials", "longest", "race", "read_back", "cleanup")
    for kind in kinds:
        (probe,) = of_kind(done, kind)
        assert probe["verdict"] == "not run"
        assert probe["finding"]
    (unread,) = of_kind(done, "read_back")
    assert "no value was compared" in unread["finding"] and "`read_back`" in unread["advice"]
    texts = [each["text"] for each in done.json["certification"]["questions"]]
    assert any("stored exactly" in text for text in texts)
    assert any("remove" in text for text in texts)


@pytest.mark.parametrize("part", ["", "read_back", "cleanup"])
def test_the_count_of_probes_before_and_after_is_one(cli: CommandLine, part: str) -> None:
    with serving(Crm()) as url:
        text = SPEC.format(url=url)
        path = cli.write("acme.yaml", re.sub(rf"^{part}:.*\n(?: .*\n)*", "", text, flags=re.M) if part else text)
        for more in ((), ("--sandbox",)):
            done = cli("certify", path, "--wait", "0.1s", *more, env=ENV)
            before = re.search(r"^(\d+) probes(?:, (\d+) of them not run)?: up to", done.err, re.M)
            after = re.search(r"^(\d+) probes   .*?(?:(\d+) not run)?$", done.out, re.M)
            assert before is not None and after is not None, (done.err, done.out)
            assert before.groups() == after.groups()
