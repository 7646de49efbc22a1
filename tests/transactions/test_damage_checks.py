"""Cells that spreadsheets, databases and wrong encodings have damaged are found, and healthy ones are left alone."""

import pytest

from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.damage_checks import mojibake
from rokt_export.transactions.sources import open_transactions
from transactions.samples import HEADER, ROW, damaged


@pytest.mark.parametrize(
    ("before", "after", "kind", "column"),
    [
        ("2125550123", "1.23E+10", DamageKind.EXPONENT, "mobile"),
        ("2125550123", '"1,23E+10"', DamageKind.EXPONENT, "mobile"),
        ("T1", "9.0072E+15", DamageKind.EXPONENT, "transactionid"),
        ("NY", "1.2E+07", DamageKind.EXPONENT, "state"),
        ("T1", "9007.0", DamageKind.FLOAT_ID, "transactionid"),
        ("10001", "501", DamageKind.SHORT_ZIP, "zipcode"),
        ("10001", "2108", DamageKind.SHORT_ZIP, "zipcode"),
        ("10001", "501-1234", DamageKind.SHORT_ZIP, "zipcode"),
        ("10001", "2108-1234", DamageKind.SHORT_ZIP, "zipcode"),
        ("10001,NY", "7102,New Jersey", DamageKind.SHORT_ZIP, "zipcode"),
        ("19831215", "30665", DamageKind.SERIAL_DATE, "dob"),
        ("19831215", "43765.07083", DamageKind.SERIAL_DATE, "dob"),
        ("NY", "#N/A", DamageKind.LEFTOVER, "state"),
        ("NY", "#REF!", DamageKind.LEFTOVER, "state"),
        ("2125550123", "########", DamageKind.LEFTOVER, "mobile"),
        ("NY", r"\N", DamageKind.LEFTOVER, "state"),
        ("NY", "(null)", DamageKind.LEFTOVER, "state"),
        ("NY", "NULL", DamageKind.LEFTOVER, "state"),
        ("NY", "None", DamageKind.LEFTOVER, "state"),
        ("NY", "undefined", DamageKind.LEFTOVER, "state"),
        ("NY", "[object Object]", DamageKind.LEFTOVER, "state"),
        ("NY", "<NA>", DamageKind.LEFTOVER, "state"),
        ("T1", "none", DamageKind.LEFTOVER, "transactionid"),
        ("2125550123", "N/A", DamageKind.LEFTOVER, "mobile"),
        ("jane@example.com", "Null", DamageKind.LEFTOVER, "email"),
        ("NY", "=A2&B2", DamageKind.LEFTOVER, "state"),
        ("NY", '"=VLOOKUP(A2,B:C,2)"', DamageKind.LEFTOVER, "state"),
        ("T1", '"=""0012"""', DamageKind.CLEANED, "transactionid"),
        ("T1", '="0012"', DamageKind.CLEANED, "transactionid"),
        ("2125550123", "'+12125550100", DamageKind.CLEANED, "mobile"),
        ("T1", "\x1f00123", DamageKind.CLEANED, "transactionid"),
        ("T1", "\t00123", DamageKind.CLEANED, "transactionid"),
        ("jane", "\u200ejane", DamageKind.CLEANED, "email"),
        ("NY", "NY\u00a0", DamageKind.CLEANED, "state"),
        ("jane", "ja\u200bne", DamageKind.INVISIBLE, "email"),
        ("NY", "N\x07Y", DamageKind.INVISIBLE, "state"),
        ("T1", "00123\t", DamageKind.CLEANED, "transactionid"),
        ("NY", "O&#39;Neil", DamageKind.LEFTOVER, "state"),
        ("2125550123", "''0012345", DamageKind.CLEANED, "mobile"),
        ("2125550123", "\u20190012345", DamageKind.CLEANED, "mobile"),
        ("jane", "'jane", DamageKind.LEFTOVER, "email"),
        ("jane", "j\u0430ne", DamageKind.INVISIBLE, "email"),
        ("jane", "JosÃ©", DamageKind.MOJIBAKE, "email"),
        ("jane", "Jos\ufffd", DamageKind.MOJIBAKE, "email"),
        ("NY", "Mar√≠a", DamageKind.MOJIBAKE, "state"),
        ("NY", "√âric", DamageKind.MOJIBAKE, "state"),
        ("NY", "Ren\x92e", DamageKind.MOJIBAKE, "state"),
        ("NY", "\x9aafa", DamageKind.MOJIBAKE, "state"),
        ("2125550123", "'1.73276E+10", DamageKind.EXPONENT, "mobile"),
        ("NY", "'1.73276E+10", DamageKind.EXPONENT, "state"),
        ("2125550123", "\u20191.7e10", DamageKind.EXPONENT, "mobile"),
        ("NY", "#WERT!", DamageKind.LEFTOVER, "state"),
        ("NY", "#NV", DamageKind.LEFTOVER, "state"),
        ("NY", "#¡VALOR!", DamageKind.LEFTOVER, "state"),
        ("NY", "#¿NOMBRE?", DamageKind.LEFTOVER, "state"),
        ("NY", "#N/D", DamageKind.LEFTOVER, "state"),
        ("NY", "#N/B", DamageKind.LEFTOVER, "state"),
        ("NY", "#NÚM!", DamageKind.LEFTOVER, "state"),
        ("NY", "#ÜBERLAUF!", DamageKind.LEFTOVER, "state"),
    ],
)
def test_a_damaged_cell_is_named_with_row_and_column(write, before, after, kind, column):
    path = write(HEADER + ROW + ROW.replace(before, after))
    assert damaged(path) == ([(kind, 2, column)], [])


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("\u00a0NY", "(U+00A0) at its start"),
        ("NY\u00a0", "(U+00A0) at its end"),
        ("\u200eNY\u00a0", "(U+200E) at either end"),
        ("\tNY", "(U+0009) at its start"),
        ("NY\t", "(U+0009) at its end"),
        ("\x1fNY\u00a0", "(U+001F) at either end"),
    ],
)
def test_an_invisible_character_is_told_with_the_end_at_which_it_is(write, cell, told):
    source = open_transactions([write(HEADER + ROW.replace("NY", cell))])
    assert [each.values["state"] for each in source] == ["NY"]
    (damage,) = source.findings
    assert damage.message == f"the cell contained an invisible character {told}, which is left out"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("10001,NY", "2000,NSW"),
        ("10001,NY", "1010,"),
        ("10001", "10001-1234"),
        ("jane@example.com", "#1 Main St"),
        ("jane@example.com", "Apt ##"),
        ("T1", "T1=2"),
        ("NY", "https://example.com/?a=B1&b=C"),
        ("NY", "O'Hara"),
        ("NY", "'s-Hertogenbosch"),
        ("NY", "5'10"),
        ("NY", "AT&T; R&D"),
        ("NY", "\u2019s-Hertogenbosch"),
        ("jane", "\u043e\u043b\u044c\u0433\u0430"),
        ("NY", "Nonetheless"),
        ("NY", "Nan"),
        ("NY", "none"),
        ("NY", "N/A"),
        ("NY", "\U0001f468\u200d\U0001f469"),
        ("10001", "SW1A 1AA"),
        ("2125550123", "+12125550123"),
        ("2125550123", "212.555.0123"),
        ("jane", "Zoë"),
        ("jane", "ÅÄÖ"),
        ("NY", "√2 ≈ 1"),
        ("NY", "ƒ 5"),
        ("NY", "≈±10"),
        ("NY", "#NVIDIA"),
        ("NY", "#PARTY!!"),
        ("T1", "ABE+10"),
        ("T1", "2E10"),
        ("NY", ""),
    ],
)
def test_healthy_cells_are_left_in_peace(write, before, after):
    assert damaged(write(HEADER + ROW.replace(before, after))) == ([], [])


def test_a_zip_of_another_country_may_be_short(write):
    header, row = HEADER.replace("state", "country"), ROW.replace("10001,NY", "2000,{}")
    assert damaged(write(header + row.format("au"))) == ([], [])
    assert damaged(write(header + row.format("US"))) == ([(DamageKind.SHORT_ZIP, 1, "zipcode")], [])


@pytest.mark.parametrize("word", ["Ã", "Âne", "São Paulo", "Ærø", "Ðóra", "naïve", "GROẞ", "Ångström–Öl"])
def test_real_words_are_no_mojibake(word):
    assert mojibake(word) is None


@pytest.mark.parametrize("word", ["Jürgen", "José", "Łukasz", "Ольга", "太郎", "😀", "–"])
@pytest.mark.parametrize("codec", ["latin-1", "cp1252"])
def test_utf_8_read_as_another_encoding_is_mojibake(word, codec):
    try:
        broken = word.encode().decode(codec)
    except UnicodeDecodeError:
        pytest.skip("these bytes are no text in this encoding")
    assert mojibake(broken) is not None
