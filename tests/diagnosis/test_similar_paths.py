"""Paths that are like another one, in the ways that people mistake them."""

from __future__ import annotations

import pytest

from rokt_export.diagnosis.similar_paths import MOST, similar

HOST = "https://api.example.com"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/leads", "/leads/"),
        ("/leads/", "/leads"),
        ("/leads", "/lead"),
        ("/lead", "/leads"),
        ("/v1/leads", "/v2/leads"),
        ("/v2/leads", "/v1/leads"),
        ("/v1/leads", "/leads"),
        ("/leads", "/v1/leads"),
        ("/api/leads", "/leads"),
        ("/leads", "/api/leads"),
        ("/API/Leads", "/api/leads"),
        ("/leads/new", "/leads"),
    ],
)
def test_a_path_is_like_the_one_that_is_meant(path: str, meant: str) -> None:
    assert f"{HOST}{meant}" in similar(HOST + path)


@pytest.mark.parametrize("path", ["", "/", "/leads", "/api/v1/Leads/new/", "/v1"])
def test_neither_the_path_itself_nor_the_root_is_like_it(path: str) -> None:
    found = similar(HOST + path)
    assert len(found) == len(set(found)) <= MOST
    assert not {HOST + path, f"{HOST}/", HOST} & set(found)


def test_the_query_stays() -> None:
    assert all(each.endswith("?list=7") for each in similar(f"{HOST}/leads?list=7"))
