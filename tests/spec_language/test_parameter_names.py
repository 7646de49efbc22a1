"""Parameter names: what each form of the grammar means, and what is none."""

from __future__ import annotations

import pytest

from rokt_export.spec_language.parameter_names import Append, ElementMatch, Index, Key, steps


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("email", (Key("email"),)),
        ("3", (Key("3"),)),
        ("first name", (Key("first name"),)),
        ("merge_fields.FNAME", (Key("merge_fields"), Key("FNAME"))),
        ("a.b[0].c", (Key("a"), Key("b"), Index(0), Key("c"))),
        ("a[12]", (Key("a"), Index(12))),
        ("tags[]", (Key("tags"), Append())),
        ("a[].b", (Key("a"), Append(), Key("b"))),
        ("fields[name=email].value", (Key("fields"), ElementMatch("name", "email"), Key("value"))),
        ("FL[@val=First Name].#text", (Key("FL"), ElementMatch("@val", "First Name"), Key("#text"))),
        ("a[b='c']", (Key("a"), ElementMatch("b", "c"))),
        ("['a.b']", (Key("a.b"),)),
        ('lists["Rokt [new]"].on', (Key("lists"), Key("Rokt [new]"), Key("on"))),
        ("Leads.row.@no", (Key("Leads"), Key("row"), Key("@no"))),
        ("s:Envelope.s:Body", (Key("s:Envelope"), Key("s:Body"))),
        ("grüße.naïve", (Key("grüße"), Key("naïve"))),
    ],
)
def test_a_name_becomes_steps(name, expected):
    assert steps(name) == expected


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("a..b", "..b"),
        (".a", ".a"),
        ("a.", "."),
        ("a[", "["),
        ("a]", "]"),
        ("a[x]", "[x]"),
        ("a[-1]", "[-1]"),
        ("a['b'", "['b'"),
        ("a[b=c]d", "d"),
        ("a[0]b", "b"),
    ],
)
def test_what_cannot_be_read_is_named_from_where_it_cannot(name, place):
    with pytest.raises(ValueError, match="is not a parameter name") as caught:
        steps(name)
    assert str(caught.value).endswith(f"cannot be read from `{place}` on")


def test_a_name_is_not_empty():
    with pytest.raises(ValueError, match="cannot be empty"):
        steps("")


def test_a_name_in_an_array_at_the_root():
    assert steps("[0].a") == (Index(0), Key("a"))
    assert steps("[]") == (Append(),)


@pytest.mark.parametrize("name", ["a" + ".a" * 99, "a" + "[0]" * 99, "['a']" * 100])
def test_a_name_has_a_hundred_steps_at_most(name):
    assert len(steps(name)) == 100
    with pytest.raises(ValueError, match="nested too deeply: a name has at most 100 steps"):
        steps(name + "[0]" * 20_000)


def test_an_index_has_fifteen_digits_at_most():
    assert steps("a[" + "9" * 15 + "]")[1] == Index(10**15 - 1)
    with pytest.raises(ValueError, match="an index has at most 15 digits, not 5,000"):
        steps("a[" + "9" * 5000 + "]")
