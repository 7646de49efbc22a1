"""Mask what may be a literal secret in the lines of a spec, or of a file that was taken for one."""

from __future__ import annotations

import re

from rokt_export.redaction.sensitive_names import is_sensitive

MASK = "\u2022"
"""Stands for each character that may be of a secret."""
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|\[[^\]]*\]?|[^\s,{}\[\]"'#][^,{}\[\]#\r\n]*)"""
_PAIR = re.compile(rf"(?P<key>[A-Za-z_$][\w.-]*)[\"']?\s*(?P<sign>[:=])\s*(?P<value>{_VALUE})")
_TOKEN = re.compile(r"(?<![\w+~=-])(?=[\w+~=-]*[0-9])(?=[\w+~=-]*[A-Za-z])[\w+~=-]{16,}")
_EXPRESSION = re.compile(r"\{[{%](?P<inside>.*?)(?:[}%]\}|$)", re.MULTILINE)
_VARIABLE = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<![\w.])env\.(?P<name>[^\W\d]\w*)""")
_WORD = re.compile(r"[^\W\d]\w*")
_URL_PARTS = re.compile(r"(?<=://)[^/?#@\s\"'<>]+(?:@[^/?#@\s\"'<>]+)*(?=@)|(?<=[?&#;])[^=&#?;\s\"'<>]+=[^&#\s\"'<>]*")
_SCHEME = re.compile(r"\b(?:basic|bearer|token|apikey)\s+(?P<value>[^\s\"',}\]{]{6,})", re.IGNORECASE)
_AUTHENTICATION = re.compile(r"^(?P<indent>\s*(?:- )?)authentication\s*:")
_STEP = re.compile(r"(?:'[^']{0,15}'|[\w.-]{0,15})\]")
_DATE_FORM = re.compile(r"""(['"]?)(?:[-/.: T]|%[a-zA-Z])+\1""")
_NO_SLUG = re.compile(
    r"""^partner\s*:\s*(?P<value>(?P<quote>["']?)(?=\S*[0-9])(?=\S*[A-Za-z])(?=\S*[^a-z0-9_."'\s-])[^\s"']{8,}(?P=quote))\s*$"""
)
"""A partner's name that is rather a password: a word of letters, digits and signs that no slug has."""
_KINDS = frozenset(
    {"type", "authentication", "token_url", "token_field", "expires_field", "expires_after", "secret_in", "auth",
     "secret_encoding", "name", "header", "timestamp_header", "id_header", "parameter"}
)  # fmt: skip
"""Keys whose values are words of the language, or the place of something."""
_CHOICES = frozenset(
    {"header", "query", "body", "POST", "GET", "form", "json", "s", "ms", "m", "sailthru", "text", "base64", "hex",
     "hex_base64", "sha256", "sha1", "sha512", "md5"}
)  # fmt: skip
"""Values that an authentication may choose from: a run's copy of its spec must stay one."""
_OPTIONS = frozenset({"charset", "utc", "tz", "given", "form", "region", "case", "normalize", "decimals"})
"""Options of filters, and of a content type."""
_MARKED = re.compile(r"\bsecret\s*:\s*true\b")


def variables_in(text: str) -> frozenset[str]:
    """Return the names of environment variables in the templates of a spec's text."""
    insides = (expression["inside"] for expression in _EXPRESSION.finditer(text))
    return frozenset(match["name"] for inside in insides for match in _VARIABLE.finditer(inside) if match["name"])


def masked_line(line: str, *, credentials: bool = False, variables: frozenset[str] = frozenset()) -> str:
    """Return a line with everything that may be a secret masked; its length and its columns stay.

    Masked are values of keys that name a credential, what a URL names as one, and long words of letters and digits.
    Templates stay: `{{ env.NAME }}` says where a secret is, not what it is.

    Args:
        credentials: whether it belongs to an authentication, where every value may be a secret.
        variables: names of environment variables, which stay; those in templates of the line do, too.
    """
    credentials = credentials or _AUTHENTICATION.match(line) is not None
    spans = [match.span() for match in _TOKEN.finditer(_without_words(line, variables | variables_in(line)))]
    spans += [match.span("value") for match in _SCHEME.finditer(line)]
    spans += [match.span("value") for match in _NO_SLUG.finditer(line)]
    for match in _URL_PARTS.finditer(line):
        name, sign, value = match[0].partition("=")
        if not sign or is_sensitive(name):
            spans.append((match.end() - len(value), match.end()) if sign else match.span())
    marked = _MARKED.search(line) is not None
    for match in _pairs(line):
        key = match["key"]
        if key in _KINDS:
            continue
        if credentials or is_sensitive(key) or _is_assignment(match) or (marked and key == "value"):
            spans.append(match.span("value"))
    return _masked(line, [span for span in spans if "{{" not in line[slice(*span)]])


def masked_spec(text: str) -> str:
    """Return a spec's text with what may be a literal secret masked, each line and column in its place."""
    lines = []
    variables = variables_in(text)
    inside: int | None = None
    for line in text.splitlines(keepends=True):
        indent = len(line) - len(line.lstrip(" "))
        if inside is not None and line.strip() and indent <= inside and not line.lstrip().startswith("- "):
            inside = None
        if (found := _AUTHENTICATION.match(line)) is not None:
            inside = len(found["indent"])
        lines.append(masked_line(line, credentials=inside is not None, variables=variables))
    return "".join(lines)


def _without_words(line: str, words: frozenset[str]) -> str:
    """Return a line with blanks in place of words; what is beside them keeps its place."""
    if not words:
        return line
    return _WORD.sub(lambda match: " " * len(match[0]) if match[0] in words else match[0], line)


def _is_assignment(match: re.Match[str]) -> bool:
    """Return whether a pair is `NAME=value`, and neither a step of a path (`[name=email]`) nor a form of dates."""
    if match["sign"] != "=" or match["key"].lower() in _OPTIONS:
        return False
    step = match.string[: match.start()].endswith(("[", "[@")) and _STEP.match(match.string, match.start("value"))
    return not (step or _DATE_FORM.fullmatch(match["value"]))


def _pairs(line: str) -> list[re.Match[str]]:
    """Each key with its value; of nested mappings the inner ones."""
    found = []
    at = 0
    while (match := _PAIR.search(line, at)) is not None:
        nested = match["value"].startswith("[") and ":" in match["value"]
        at = match.start("value") if nested else match.end()
        if not nested:
            found.append(match)
    return found


def _masked(line: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        value = line[start:end]
        stripped = value.strip("\"' \t\r\n").rstrip("\\")  # a backslash before a quote belongs to the quote
        if stripped in _CHOICES:
            continue
        at = start + value.find(stripped)
        line = line[:at] + MASK * len(stripped) + line[at + len(stripped) :]
    return line
