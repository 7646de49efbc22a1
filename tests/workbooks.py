"""Excel workbooks, written part by part, so that a test can have each oddity that programs write."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STYLES = ["General", "0%", "yyyy-mm-dd", "m/d/yy h:mm", "00000", "[h]:mm:ss", "000-00-0000", '[Red]0.00" d"', "h:mm"]
"""The formats of a workbook; a style's number is its place here."""


def cell(place: str, value: object, style: int | None = None) -> str:
    """Return the XML of a cell; bytes are its attributes and its content, divided by `|`."""
    styled = "" if style is None else f' s="{style}"'
    match value:
        case None:
            return f'<c r="{place}"{styled}/>'
        case bytes():
            attributes, _, content = value.decode().partition("|")
            return f'<c r="{place}"{styled} {attributes}>{content}</c>'
        case bool():
            return f'<c r="{place}"{styled} t="b"><v>{int(value)}</v></c>'
        case int() | float():
            return f'<c r="{place}"{styled}><v>{value}</v></c>'
        case _:
            text = escape(str(value))
            return f'<c r="{place}"{styled} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def row_of(number: int, values: Sequence[object], attributes: str = "") -> str:
    """Return the XML of a row; a value may be a pair of itself and its style."""
    cells = []
    for at, value in enumerate(values):
        value, style = value if isinstance(value, tuple) else (value, None)
        if value is not None or style is not None:
            cells.append(cell(f"{chr(65 + at)}{number}", value, style))
    return f'<row r="{number}" {attributes}>{"".join(cells)}</row>'


def sheet(rows: Sequence[Sequence[object]], *, before: str = "", after: str = "") -> str:
    """Return the XML of a sheet."""
    data = "".join(row_of(number, values) for number, values in enumerate(rows, start=1) if values)
    return f'<worksheet xmlns="{MAIN}">{before}<sheetData>{data}</sheetData>{after}</worksheet>'


def workbook(
    sheets: Mapping[str, str],
    *,
    states: Mapping[str, str] | None = None,
    strings: str | None = None,
    epoch_1904: bool = False,
    more: Mapping[str, str | bytes] | None = None,
) -> bytes:
    """Return a workbook of sheets, given by name as XML."""
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{at}" r:id="rId{at}" state="{(states or {}).get(name, "visible")}"/>'
        for at, name in enumerate(sheets, start=1)
    )
    related = "".join(
        f'<Relationship Id="rId{at}" Type="{RELATED}/worksheet" Target="worksheets/sheet{at}.xml"/>'
        for at in range(1, len(sheets) + 1)
    )
    related += f'<Relationship Id="styles" Type="{RELATED}/styles" Target="/xl/styles.xml"/>'
    if strings is not None:
        related += f'<Relationship Id="strings" Type="{RELATED}/sharedStrings" Target="sharedStrings.xml"/>'
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    quotes = {'"': "&quot;"}
    formats = "".join(
        f'<numFmt numFmtId="{164 + at}" formatCode="{escape(code, quotes)}"/>' for at, code in enumerate(STYLES)
    )
    styles = "".join(f'<xf numFmtId="{164 + at}"><alignment/></xf>' for at in range(len(STYLES)))
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r" Type="{RELATED}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATED}"><workbookPr date1904="{int(epoch_1904)}"/>'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">{related}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>{formats}</numFmts><cellStyleXfs><xf numFmtId="14"/>'
        f"</cellStyleXfs><cellXfs>{styles}</cellXfs><cellStyles/></styleSheet>",
        **{f"xl/worksheets/sheet{at}.xml": text for at, text in enumerate(sheets.values(), start=1)},
        **({} if strings is None else {"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>'}),
        **(more or {}),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()
