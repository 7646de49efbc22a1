"""Finds placeholders of other tools and leftovers of documentation, which would be sent literally."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from rokt_export.partner_spec.attributes import canonical
from rokt_export.partner_spec.document import DataPath, Finding
from rokt_export.partner_spec.lint.context import Subject, TemplateUse, uses
from rokt_export.spec_language.formats import foreign_letter
from rokt_export.spec_language.template_places import EXPRESSION
from rokt_export.spec_language.urls import PLACEHOLDER, parse_url


class _Mark(Struct, frozen=True):
    """A form of placeholder.

    Attributes:
        pattern: its group `name` is the name in it.
        certain: whether nothing else has this form. Others count if the name is a known attribute's, or, with
            `whole`, only as the whole value.
        whole: whether it is a placeholder only as the whole value and with a known attribute.
    """

    pattern: re.Pattern[str]
    certain: bool = False
    whole: bool = False


_VALUE_MARKS = (
    _Mark(re.compile(r"\$\{\s*(?P<name>\w+)\s*\}")),
    _Mark(re.compile(r"%%(?P<name>\w+)%%")),
    _Mark(re.compile(r"\[\[\s*(?P<name>\w+)\s*\]\]")),
    _Mark(re.compile(r"(?<![{$#])\{\s*(?P<name>\w+)\s*\}(?!\})")),
    _Mark(re.compile(r"#\{\s*(?P<name>\w+)\s*\}")),
    _Mark(re.compile(r"(?<!%)%(?P<name>\w+)%(?!%)")),
    _Mark(re.compile(r"\*\|(?P<name>\w+)\|\*"), certain=True),
    _Mark(re.compile(r"<%=?\s*(?P<name>[\w.]+)\s*%>"), certain=True),
    _Mark(re.compile(r"\{!(?:\w+\.)?(?P<name>\w+)\}"), certain=True),
    _Mark(re.compile(r"\bYOUR[_-](?P<name>[A-Z0-9_-]+)\b"), certain=True),
    _Mark(re.compile(r"[:$](?P<name>[A-Za-z]\w*)"), whole=True),
    _Mark(re.compile(r"<(?P<name>[A-Za-z]\w*)>"), whole=True),
    _Mark(re.compile(r"\[(?P<name>[A-Za-z]\w*)\]"), whole=True),
)


_URL_MARKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"<[^<>]*>"), "is a placeholder that has to be replaced"),
    (re.compile(r"\bYOUR[_-][A-Z0-9_-]+\b|(?<=[/.])your-?(?:sub)?(?:domain|company|instance|account|shop)(?=\.)"),
     "is a placeholder that has to be replaced"),
    (re.compile(r"(?<=/)(?::[A-Za-z_]\w*|\[[A-Za-z_]\w*\])(?=[/?]|$)"), "is a placeholder of another tool"),
    (re.compile(r"%(?![0-9A-Fa-f]{2})\w+%|%[A-Za-z]\w*%(?![0-9A-Fa-f]{2})"), "is a placeholder of another tool"),
    (re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}"), "is not a percent-encoded character"),
    (re.compile(r"&amp;"), "is how HTML writes `&`"),
    (re.compile(r"(?<=/)https?:/+"), "begins a second address"),
    (re.compile(r"[\u2018-\u201f\u00ab\u00bb]"), "is a quotation mark"),
)  # fmt: skip
"""What belongs to no URL, with words for it; the first that is found is told."""


def unusable_urls(subject: Subject) -> Iterator[Finding]:
    """RX170: a URL that nothing can be sent to. RX171: a URL with text that does not belong in one."""
    urls: list[tuple[DataPath, str]] = [
        (("endpoint", name, "url"), place.url) for name, place in subject.spec.endpoint.items()
    ]
    for found in subject.credentials():
        urls += [((*found.path, field), url) for field, url in found.authentication.own_urls()]
    for path, url in urls:
        text = PLACEHOLDER.sub("x", EXPRESSION.sub("x", url))
        strange = next(((hit[0], words) for mark, words in _URL_MARKS if (hit := mark.search(text))), None)
        try:
            host = parse_url(_sample(url)).host
        except ValueError as error:
            yield subject.error(
                "RX170",
                path,
                f"nothing can be sent to this URL: {error}",
                f"Replace `{strange[0]}` by the partner's own value, or by `{{{{ env.NAME }}}}`."
                if strange is not None and "replaced" in strange[1]
                else "Write `https://host/path`; check for characters that were copied with it.",
            )
            continue
        if strange is not None:
            yield subject.warning(
                "RX171",
                path,
                f"`{strange[0]}` in this URL {strange[1]}, and is sent literally",
                "Write `{{ env.NAME }}` for a setting, `{{ attribute }}` for a row's value."
                if "placeholder" in strange[1]
                else "Write the URL as it is called.",
            )
        elif (letter := foreign_letter(re.split("[/?]", text.partition("://")[2])[0])) is not None:
            yield subject.warning(
                "RX171",
                path,
                f"the host of this URL has the {letter[0]} letter `{letter[1]}` among Latin ones: it is {host}",
                "Type the name again; letters that look alike lead to another host.",
            )
        elif text != text.strip():
            yield subject.warning(
                "RX171", path, "this URL begins or ends with a blank, which is not sent", "Remove it."
            )


def _sample(url: str) -> str:
    """Return a URL with a sample value for each expression."""
    text = PLACEHOLDER.sub("x", EXPRESSION.sub("x", re.sub(r":\{\{.*?\}\}", ":1", url.strip())))
    if not url.lstrip().startswith("{"):
        return text
    return "https" + text[1:] if text.startswith("x://") else f"https://{text}"


def foreign_placeholders(subject: Subject) -> Iterator[Finding]:
    """RX117: placeholders of other tools in values and bodies."""
    for use in uses(subject):
        if not use.attribute and not use.url and (found := _placeholder(subject, use)) is not None:
            written, name = found
            yield subject.warning(
                "RX117",
                use.path,
                f"`{written}` is sent literally: templates do not name attributes this way",
                f"Write `{{{{ {name} }}}}`."
                if canonical(name) is not None or name in subject.spec.attributes
                else "Write `{{ attribute }}` for a row's value, `{{ env.NAME }}` for a setting, or the value itself.",
            )


def _placeholder(subject: Subject, use: TemplateUse) -> tuple[str, str] | None:
    """Return (text, attribute or name) of the first placeholder of another tool in a value or body."""
    text = EXPRESSION.sub("", use.source)
    for mark in _VALUE_MARKS:
        for match in mark.pattern.finditer(text):
            name = match["name"]
            known = canonical(name) is not None or name in subject.spec.attributes
            alone = match[0] == use.source.strip()
            if (known and alone) if mark.whole else (known or alone or mark.certain):
                return match[0], canonical(name) or name
    return None
