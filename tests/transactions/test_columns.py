"""Columns of a file are mapped to attributes: by name, by the spec, or by the command line."""

import pytest

from rokt_export.errors import TransactionsError, UsageError
from rokt_export.transactions.columns import ColumnMapper, parse_map
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions


@pytest.mark.parametrize(
    ("column", "attribute"),
    [
        ("email", "email"),
        ("E-Mail", "email"),
        ("EMAIL_ADDRESS", "email"),
        (" First Name ", "firstname"),
        ("\ufeffSurname", "lastname"),
        ("Date of Birth", "dob"),
        ("postcode", "zipcode"),
        ("Billing Zip Code", "zipcode"),
        ("favourite_colour", "favourite_colour"),
        ("", "(column 1)"),
    ],
)
def test_headers_are_forgiven(column, attribute):
    assert ColumnMapper().plan([column], "x.csv").names == (attribute,)


def test_what_the_spec_wants_comes_first():
    mapper = ColumnMapper(wanted=["billingzipcode", "Colour"])
    plan = mapper.plan(["zip", "colour", "email"], "x.csv")
    assert plan.names == ("billingzipcode", "Colour", "email")
    assert plan.report.unused == ("email",)
    assert plan.report.missing == ()
    assert plan.report.guessed == {"zip": "billingzipcode", "colour": "Colour"}


@pytest.mark.parametrize("given", ["email", "#2"])
def test_what_is_given_wins_over_another_column_that_the_spec_means(given):
    mapper = ColumnMapper(wanted=["email"], given={given: "email"}, spec={"Mail": "email"})
    plan = mapper.plan(["Mail", "email"], "x.csv")
    assert plan.names == ("Mail", "email")
    mapper.check_given(["Mail", "email"])


@pytest.mark.parametrize("of", ["given", "spec"])
def test_one_column_is_not_mapped_twice_in_another_spelling(of):
    pairs = {"Kunde": "lastname", "KUNDE": "firstname"}
    with pytest.raises(TransactionsError, match="“Kunde” and “KUNDE” both mean the column “Kunde”"):
        ColumnMapper(**{of: pairs}).plan(["Kunde"], "x.csv")
    assert ColumnMapper(**{of: pairs}).plan(["KUNDE", "Kunde"], "x.csv").names == ("firstname", "lastname")


def test_the_report_tells_unmapped_unused_and_missing():
    report = ColumnMapper(wanted=["email", "dob"]).plan(["email", "city", "shoe size"], "x.csv").report
    assert report.mapped == {"email": "email", "city": "city"}
    assert report.unmapped == ("shoe size",)
    assert report.unused == ("city", "shoe size")
    assert report.missing == ("dob",)


def test_told_columns_win_over_guesses():
    mapper = ColumnMapper(given={"Other mail": "email", "#3": "firstname"}, spec={"Other mail": "x", "absent": "y"})
    plan = mapper.plan(["email", "other-mail", "z"], "x.csv")
    assert plan.names == ("email#1", "email", "firstname")


def test_a_told_column_that_is_nowhere_is_an_error(write):
    options = SourceOptions(columns={"E-mial": "email"})
    with pytest.raises(TransactionsError, match="no file has a column “E-mial”") as caught:
        open_transactions([write("E-Mail,x\na,b\n")], options=options)
    assert "E-Mail" in caught.value.remedy


def test_pairs_are_parsed_from_the_last_equals_sign():
    assert parse_map(["E-mail=email", "a=b=c", " x = y "]) == {"E-mail": "email", "a=b": "c", "x": "y"}


@pytest.mark.parametrize("pairs", [["email"], ["=email"], ["email="], ["a=b", "a=c"]])
def test_pairs_that_map_nothing_are_usage_errors(pairs):
    with pytest.raises(UsageError):
        parse_map(pairs)
