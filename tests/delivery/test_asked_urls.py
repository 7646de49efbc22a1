"""The URL of one job: a path with what the partner captured, or a captured URL at an allowed host."""

from __future__ import annotations

from typing import Any

import pytest

from rokt_export.delivery.asked_urls import GuardedUrlError, asked_url, blank_asked_url

ORIGIN = "https://api.example.com"


def asked(source: str, captured: dict[str, str], **options: Any) -> str:
    settings = {"variables": {"BASE": "v1"}, "origin": ORIGIN, "base_url": None, "guard": lambda _: "", **options}
    return asked_url(source, captured, **settings)


def test_a_capture_is_one_segment_of_the_path() -> None:
    assert asked("/{{ env.BASE }}/jobs/{reference}", {"reference": "a/b?c"}) == f"{ORIGIN}/v1/jobs/a%2Fb%3Fc"
    assert asked("/jobs/{code}", {"code": "7"}, base_url="http://127.0.0.1:1") == "http://127.0.0.1:1/jobs/7"
    assert asked("/of/{{ email }}", {}, values={"email": "jane@example.com"}).startswith(f"{ORIGIN}/of/jane")


@pytest.mark.parametrize(
    ("source", "captured", "words"),
    [
        ("/jobs/{reference}", {}, "no reference to ask with"),
        ("/jobs/{reference}", {"reference": ".."}, "cannot be a part of a path"),
        ("/jobs/{reference}", {"reference": "person-0123456789"}, "holds personal data"),
        ("/jobs/{reference}", {"reference": "too long…"}, "holds personal data, or is too long"),
        ("/of/{{ email }}", {}, "no value for an attribute"),
        ("{reference}", {"reference": "https://other.example.com/jobs/7"}, "not the endpoint's host"),
        ("{reference}", {"reference": "//other.example.com/jobs/7"}, "is not a URL"),
        ("{reference}", {"reference": "http://jobs.example.com/7"}, "not the endpoint's host"),
    ],
)
def test_what_is_not_asked(source: str, captured: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        asked(source, captured, hosts=["jobs.example.com"])


def test_a_captured_url_leads_to_the_endpoint_or_to_a_declared_host() -> None:
    assert asked("{reference}", {"reference": "/jobs/7"}) == f"{ORIGIN}/jobs/7"
    elsewhere = "https://jobs.example.com/7"
    assert asked("{reference}", {"reference": elsewhere}, hosts=["jobs.example.com"]) == elsewhere
    assert asked("{reference}", {"reference": elsewhere}, base_url="http://127.0.0.1:1") == "http://127.0.0.1:1/7"


def test_a_url_of_a_guarded_environment_is_not_asked() -> None:
    with pytest.raises(GuardedUrlError, match="belongs to production"):
        asked("/jobs/{reference}", {"reference": "7"}, guard=lambda _: "production")


def test_a_url_is_shown_with_blanks_unless_the_partner_decides_all_of_it() -> None:
    assert blank_asked_url("/{{ email }}/{reference}", {}, ORIGIN) == f"{ORIGIN}/0/0"
    assert blank_asked_url("{reference}", {}, ORIGIN) is None
