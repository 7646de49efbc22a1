"""Turn a recorded request into a curl command for sh, bash or zsh that sends the same bytes again."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator, Sequence

from rokt_export.journal.recording import RecordedBody, Recording, RedactedText
from rokt_export.redaction import Piece, SecretEncoding
from rokt_export.redaction.display_text import STEERING
from rokt_export.request.encodings import body_encoding, document_of
from rokt_export.request.encodings.form import shell_percent
from rokt_export.spec_language.encodings import ENCODINGS, media_type_of, subtype

LONGEST_ARGUMENT = 100_000
"""Characters of a body passed as an argument; Linux refuses one of 128 KiB (MAX_ARG_STRLEN), so more is piped."""

_OF_CURL = ("Accept", "User-Agent", "Content-Type", "Expect")
"""Headers that curl adds by itself."""
_BODY_METHODS = ("POST", "PUT", "PATCH")
_STEERING_OR_TAB = re.compile(f"{STEERING.pattern}|\t")
"""What a terminal would act on or drop when it is pasted."""
_HIDDEN = "[redacted]"
_PERCENT_PATH = shell_percent("%20")
_PERCENT_FORM = shell_percent("+")
_BASE64 = "base64 | tr -d '\\n'"
_HEX = "od -An -v -tx1 | tr -d ' \\n'"


def curl_command(recording: Recording) -> str:
    """Return the command; the empty text where nothing was rendered.

    Secrets are written as `"$NAME"`, to be set in the shell; where the request had one encoded, the command
    encodes it. What curl would add by itself is switched off.
    """
    if recording.method is None:
        return ""
    body = recording.request_body
    if body is None and recording.method in _BODY_METHODS:
        body = RecordedBody(RedactedText())  # a request that may have a body states its length, also of none
    flags = ["-sS --include --path-as-is --globoff", *_version(recording)]
    flags += _method(recording.method, body)
    options = [f"--url {_quoted(recording.url, _url_encoders(recording.url))}", *_headers(recording)]
    feed = ""
    if body is not None:
        feed, option = _data(recording, body)
        options.append(option)
    command = " \\\n  ".join([f"{feed}curl {' '.join(flags)}", *options])
    return "\n".join([*_remarks(recording), command])


def _remarks(recording: Recording) -> Iterator[str]:
    if recording.personal:
        yield f"# {recording.personal}"
    if recording.sharing:
        yield f"# {recording.sharing}"
    body = recording.request_body
    if body is not None and body.truncated:
        yield f"# the body is cut: it had {body.size} bytes"
    shown = [recording.url, *(value for _, value in recording.request_headers), *([body.text] if body else [])]
    if any(_HIDDEN in str(each) for each in shown):
        yield f"# {_HIDDEN} replaces a credential that was not recorded"
    if any("[signed at send]" in str(each) for each in shown):
        yield "# [signed at send] replaces what is computed when the request is sent"


def _method(method: str, body: RecordedBody | None) -> list[str]:
    if method == "HEAD":
        return ["--head"]
    return [] if method == ("GET" if body is None else "POST") else [f"--request {shlex.quote(method)}"]


def _version(recording: Recording) -> list[str]:
    if recording.http_version == "2":
        return ["--http2" if str(recording.url).startswith("https:") else "--http2-prior-knowledge"]
    return ["--http1.1"] if recording.http_version in ("1.0", "1.1") else []


def _headers(recording: Recording) -> Iterator[str]:
    given = {name.lower() for name, _ in recording.request_headers}
    for name, value in recording.request_headers:
        credentials = _basic_credentials(name, value)
        if credentials is not None:
            yield f"--user {_quoted(RedactedText(credentials))}"
        elif name.lower() == "content-length":
            continue  # curl states the length of what it sends
        elif str(value):
            yield f"--header {_quoted(_after(f'{name}: ', value))}"
        else:
            yield f"--header {shlex.quote(f'{name};')}"
    if "accept-encoding" in given:
        yield "--compressed"
    for name in _OF_CURL:
        if name.lower() not in given:
            yield f"--header {shlex.quote(f'{name}:')}"


def _after(text: str, value: RedactedText) -> RedactedText:
    first, *others = value.pieces
    if first.name is None:
        return RedactedText((Piece(text + first.text), *others))
    return RedactedText((Piece(text), first, *others))


def _basic_credentials(name: str, value: RedactedText) -> tuple[Piece, ...] | None:
    """The `user:password` of an Authorization header that consists of nothing else."""
    if name.lower() != "authorization" or len(value.pieces) != 2:
        return None
    scheme, secret = value.pieces
    whole = scheme.text == "Basic " and secret.encoding is SecretEncoding.BASIC
    return secret.credentials if whole and secret.credentials else None


def _data(recording: Recording, body: RecordedBody) -> tuple[str, str]:
    """What feeds curl the body, and the option that takes it."""
    if body.binary:
        return f"printf %s {shlex.quote(str(body.text))} | base64 -d | ", "--data-binary @-"
    encoders = _body_encoders(recording, body.text)
    if any(_STEERING_OR_TAB.search(piece.text) for piece in body.text.pieces):
        parts = "; ".join(_printed(piece, *encoder) for piece, *encoder in zip(body.text.pieces, encoders, strict=True))
        return f"{{ {parts}; }} | ", "--data-binary @-"
    quoted = _quoted(body.text, encoders)
    if len(quoted) > LONGEST_ARGUMENT:
        return f"printf %s {quoted} | ", "--data-binary @-"
    return "", f"--data-raw {quoted}"


def _printed(piece: Piece, encoder: str) -> str:
    if piece.name is None and _STEERING_OR_TAB.search(piece.text):
        return f"printf %s {base64.b64encode(piece.text.encode()).decode()} | base64 -d"
    return f"printf %s {_word(piece, encoder)}"


def _quoted(shown: RedactedText, encoders: Sequence[str] = ()) -> str:
    pieces = shown.pieces
    words = [_word(piece, encoder) for piece, encoder in zip(pieces, encoders or [""] * len(pieces), strict=True)]
    return "".join(words) or "''"


def _word(piece: Piece, encoder: str) -> str:
    """A piece as a part of a shell word: literal in quotes, a secret as its variable, encoded as it stood."""
    if piece.name is None:
        if STEERING.search(piece.text):
            return f'"$({_printed(piece, "")})"'
        return "'" + piece.text.replace("'", "'\\''") + "'" if piece.text else ""
    if piece.encoding is SecretEncoding.BASIC:
        return f'"$(printf %s {_quoted(RedactedText(piece.credentials))} | {_BASE64})"'
    variable = f'"${variable_name(piece.name)}"'
    match piece.encoding:
        case SecretEncoding.BASE64:
            encoder = _BASE64
        case SecretEncoding.HEX:
            encoder = _HEX
        case SecretEncoding.RAW | None:
            return variable
    return f'"$(printf %s {variable} | {encoder})"' if encoder else variable


def variable_name(name: str) -> str:
    """Return a secret's name as a shell variable can have it."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{plain}" if plain[:1].isdigit() else plain


def _url_encoders(url: RedactedText) -> list[str]:
    """For each piece what encodes a secret there: a blank is `%20` in a path and `+` in a query."""
    encoders, before = [], ""
    for piece in url.pieces:
        encoders.append(_PERCENT_FORM if "?" in before else _PERCENT_PATH)
        before += piece.text
    return encoders


def _body_encoders(recording: Recording, body: RedactedText) -> list[str]:
    """For each piece what encodes a secret there, as the encoding says that the Content-Type names."""
    kind = next((str(value) for name, value in recording.request_headers if name.lower() == "content-type"), "")
    named = subtype(media_type_of(kind))
    owner = next((name for name, facts in ENCODINGS.items() if named in facts.subtypes), None)
    encoding = body_encoding(owner or document_of(body.pieces[0].text if body.pieces else ""))
    percent = _PERCENT_FORM if owner == "form" else _PERCENT_PATH
    encoders, before = [], ""
    for piece in body.pieces:
        encoders.append(percent if piece.encoding is SecretEncoding.URLENCODED else encoding.shell_escape(before))
        before += piece.text
    return encoders
