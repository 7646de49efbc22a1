"""Body paths: what JSON and XML paths find, and what is no path."""

from __future__ import annotations

import time
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonpath import JSONPathEnvironment

from rokt_export.spec_language.paths import PathProblem, compile_path

BODY = {
    "a": [{"b": 1}, {"b": 2}],
    "x.y": {"z": 3},
    "errors": {"a@b.c": {"2009": "known"}},
    "none": None,
    "id": "7",
    "über": True,
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", [BODY]),
        ("$.id", ["7"]),
        ("$.none", [None]),
        ("$.über", [True]),
        ("$.a[0].b", [1]),
        ("$.a[5].b", []),
        ("$.a[*].b", [1, 2]),
        ("$.a[-1].b", [2]),
        ("$.a[?@.b==2].b", [2]),
        ("$..b", [1, 2]),
        ("$['x.y']['z']", [3]),
        ('$["x.y"].z', [3]),
        ("$.errors.*['2009']", ["known"]),
        ("$.missing.more", []),
        ("$.id.more", []),
        ("$[0]", []),
    ],
)
def test_json_paths(path, expected):
    found = compile_path(path)
    assert found.find(BODY) == expected
    assert (found.source, found.xml) == (path, False)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("$[0].message", [{"message": "m"}], ["m"]),
        ("$[*].message", [{"message": "m"}, {"message": "n"}], ["m", "n"]),
        ("$", "a bare string", ["a bare string"]),
        ("$", 5, [5]),
        ("$[*]", "text", []),
        ("$.a", None, []),
    ],
)
def test_json_roots_that_are_no_objects(path, body, expected):
    assert compile_path(path).find(body) == expected


@pytest.mark.parametrize("path", ["$.a", "$.a[0]", "$['a'][1]", "$.a[1].b"])
def test_the_short_way_agrees_with_the_library(path):
    library = JSONPathEnvironment(strict=True)
    for body in (BODY, [], {"a": {"0": 1}}, {"a": 5}):
        assert compile_path(path).find(body) == library.findall(path, body)


XML = fromstring(
    '<s:E xmlns:s="urn:s" xmlns="urn:d" v="1"><s:B><R id="7">'
    '<Code>12</Code><Code k="x"> 13 </Code><Empty/></R></s:B></s:E>'
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/E/B/R/Code", ["12", "13"]),
        ("/any:E/B/R/Code", ["12", "13"]),
        ("//Code", ["12", "13"]),
        ("/E/*/R/Code", ["12", "13"]),
        ("//Code[2]", ["13"]),
        ("//Code[last()]", ["13"]),
        ("//Code[@k='x']", ["13"]),
        ("//R[Code='12']/@id", ["7"]),
        ("//R[d:Code='12']/@id", ["7"]),
        ("//R[Code='14']/@id", []),
        ("//Code/text()", ["12", "13"]),
        ("/E/@v", ["1"]),
        ("//R/@id", ["7"]),
        ("/E/B/R/Empty", [""]),
        ("/E/B/R/Absent", []),
        ("/B", []),
    ],
)
def test_xml_paths_are_blind_to_namespaces(path, expected):
    found = compile_path(path)
    assert found.find(XML) == expected
    assert found.xml


TREES = st.recursive(
    st.sampled_from(["<a/>", "<b>x</b>", "<n:a xmlns:n='urn:n'>y</n:a>", "<ba/>"]),
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>", st.sampled_from("ab"), st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("path", ["/a", "//a", "/a/b", "//a/b", "/a/a/a", "//n:a", "//b/a/text()"])
@given(tree=TREES)
def test_the_short_way_of_names_agrees_with_the_library(path: str, tree: str) -> None:
    above = fromstring(f"<holder>{tree}</holder>")
    steps = path.replace("n:", "").removesuffix("/text()").replace("/", "/{*}").replace("/{*}/", "//")
    expected = ["".join(each.itertext()).strip() for each in above.findall("." + steps)]
    assert compile_path(path).find(fromstring(tree)) == expected


def test_a_path_finds_nothing_in_the_other_kind_of_body():
    assert compile_path("/a").find({"a": 1}) == []
    assert compile_path("$.a").find(XML) == []
    assert compile_path("/a").find(None) == []


@pytest.mark.parametrize(
    "path",
    ["", "a.b", "$.a[", "$.a.0", "$.a[?@.b>]", "$.a b", "/", "/E/", "/E[", "/E[1", "/E[0]", "/@x/y", "//@id", "/E x"],
)
def test_what_is_no_path(path):
    with pytest.raises(PathProblem, match="is not"):
        compile_path(path)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$[?match(@.a, 'b+')].n", [1]),
        ("$[?search(@.a, 'b+')].n", [1, 2]),
        ("$[?search(@.a, '(a+)+$')].n", []),
        ("$[?search(@.a, @.pattern)].n", [3]),
        ("$[?search(@.a, '(')].n", []),
        ("$[?match(@.n, '1')].n", []),
    ],
)
def test_regular_expressions_in_a_path_take_linear_time(path: str, found: list[int]) -> None:
    data = [{"n": 1, "a": "bb"}, {"n": 2, "a": "cbc"}, {"n": 3, "a": "a" * 3_000 + "!", "pattern": "(a+)+!"}]
    start = time.process_time()
    assert compile_path(path).find(data) == found
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(("start", "step"), [("$", ".a"), ("$", ".*"), ("$.a", "[?@.a]"), ("", "/a"), ("/a", "[b]")])
def test_a_path_has_a_hundred_steps_at_most(start, step):
    compile_path(start + step * 40)
    with pytest.raises(PathProblem, match="nested too deeply: a path has at most 100 steps"):
        compile_path(start + step * 20_000)
