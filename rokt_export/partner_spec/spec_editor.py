"""Adds entries to `diff: varies:`, or a response rule, to a spec file without changing any other character."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any

from rokt_export.atomic_write import write_draft
from rokt_export.errors import SpecError
from rokt_export.partner_spec.document import parse, read_text
from rokt_export.partner_spec.loading import read_spec
from rokt_export.partner_spec.model import PartnerSpec

_PLAIN = re.compile(r"[$/A-Za-z][\w$./@\[\]*-]*", re.ASCII)
_PLAIN_IN_FLOW = re.compile(r"[$/A-Za-z][\w$./@-]*", re.ASCII)
_PLAIN_FORM = re.compile(r"[A-Za-z][\w-]*(?: [\w-]+)*", re.ASCII)
_YAML_WORDS = frozenset({"true", "false", "null"})
_REMEDY = "Write it by hand: `diff:` with a mapping `varies:` of body paths and headers to forms."


def declare_in_diff(path: Path, entries: Mapping[str, str]) -> dict[str, str]:
    """Add entries to `diff: varies:` of a spec file; return those that are new.

    Comments, order and layout are kept. The new text is parsed and must equal the old spec apart from these entries;
    then the file is replaced atomically.

    Args:
        path: the spec file.
        entries: body path or header to the form of its values.

    Raises:
        SpecError: the file is not a spec, has a form that cannot be extended (an alias, a list), or cannot be written.
    """
    text = _text(path)
    spec = _spec(path, text)
    new = {entry: form for entry, form in entries.items() if entry not in spec.diff.varies}
    if not new:
        return {}
    amended = _amended(path, text, new)
    wanted = spec.model_copy(update={"diff": spec.diff.model_copy(update={"varies": {**spec.diff.varies, **new}})})
    if _spec(path, amended) != wanted:
        raise SpecError("what was learned cannot be written into this spec", where=str(path), remedy=_REMEDY)
    _replace(path, amended)
    return new


def with_rule(path: Path, place: int, lines: Sequence[str], flow: str) -> str:
    """Return the text of a spec file with one more response rule; the file is left as it is.

    Comments, order and layout stay. The text was read back, and is the old spec but for the rule.

    Args:
        path: the spec file.
        place: how many of its rules are before the new one.
        lines: the rule as an item of a block list, without indentation.
        flow: the rule as one value in brackets, valid JSON.

    Raises:
        SpecError: the file is no spec, or its rules have a form that cannot be added to.
    """
    text = _text(path)
    spec = _spec(path, text)
    mark, newline, root = _composed(text)
    node = _child(path, root, "responses")
    if node is None or node.id != "sequence":
        raise SpecError("the rules of this spec are no list", where=str(path), remedy="Add the rule by hand.")
    plain = text.removeprefix(mark)
    at, addition = _rule_addition(plain, node, place, lines, flow)
    amended = mark + plain[:at] + addition.replace("\n", newline) + plain[at:]
    found = _spec(path, amended)
    kept = (*found.responses[:place], *found.responses[place + 1 :])
    if found.model_copy(update={"responses": kept}) != spec:
        raise SpecError("the rule cannot be written into this spec", where=str(path), remedy="Add it by hand.")
    return amended


def _rule_addition(text: str, node: Any, place: int, lines: Sequence[str], flow: str) -> tuple[int, str]:
    """Return where in the text to put what."""
    if node.flow_style:
        return (node.value[place].start_mark.index, f"{flow}, ") if place < len(node.value) else _in_flow(node, flow)
    indent = " " * node.start_mark.column
    if place == len(node.value):
        return _block_end(text, node), _written([indent + line for line in lines])
    # A comment right above a rule belongs to it.
    at = text.rfind("\n", 0, node.value[place].start_mark.index) + 1
    while place and at and text[text.rfind("\n", 0, at - 1) + 1 : at].lstrip().startswith("#"):
        at = text.rfind("\n", 0, at - 1) + 1
    return at, "".join(f"{indent}{line}\n" for line in lines)


def replace_spec(path: Path, text: str) -> None:
    """Write a spec file whole or not at all; it keeps its permissions.

    Raises:
        SpecError: it cannot be written.
    """
    _replace(path, text)


def _text(path: Path) -> str:
    read_text(path)  # reports the file's errors; the text itself is read without translating line ends
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def _spec(path: Path, text: str) -> PartnerSpec:
    loaded = read_spec(parse(str(path), text.removeprefix("\ufeff")))
    if loaded.findings:
        first = loaded.findings[0]
        raise SpecError(
            f"this spec has errors: {first.message}",
            where=f"{path}:{first.line}:{first.column}",
            remedy=f"Fix them first: `rokt-export validate {quote(str(path))}`.",
        )
    return loaded.spec


def _amended(path: Path, text: str, entries: Mapping[str, str]) -> str:
    mark, newline, root = _composed(text)
    text = text.removeprefix(mark)
    at, addition = _addition(path, text, root, entries)
    return mark + text[:at] + addition.replace("\n", newline) + text[at:]


def _composed(text: str) -> tuple[str, str, Any]:
    """Return a file's byte order mark or nothing, its line end, and its mapping as ruamel.yaml's node."""
    from ruamel.yaml import YAML

    loader = YAML(typ="safe", pure=True)
    loader.version = (1, 2)
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    newline = "\r\n" if "\r\n" in text else "\n"
    return mark, newline, loader.compose(text.removeprefix(mark))


def _addition(path: Path, text: str, root: Any, entries: Mapping[str, str]) -> tuple[int, str]:
    """Return the offset in the text and the text to insert there.

    Args:
        path: the file, for messages.
        text: its text.
        root: its top-level mapping, an (untyped) node of ruamel.yaml.
        entries: what to add.
    """
    quoted = bool(root.flow_style)
    diff = _child(path, root, "diff")
    if diff is None:
        flow = f"{{{_scalar('varies', quoted)}: {{{_listed(entries, quoted)}}}}}"
        return _key(text, root, "diff", ["varies:", *("  " + line for line in _items(entries))], flow, quoted)
    varies = _child(path, diff, "varies")
    if varies is None:
        return _key(text, diff, "varies", _items(entries), f"{{{_listed(entries, quoted)}}}", quoted)
    if varies.id != "mapping":
        raise SpecError("`varies:` is a list, which has no forms", where=str(path), remedy=_REMEDY)
    if varies.flow_style:
        return _in_flow(varies, _listed(entries, quoted))
    indent = " " * varies.value[0][0].start_mark.column
    return _block_end(text, varies), _written([indent + item for item in _items(entries)])


def _child(path: Path, node: Any, key: str) -> Any:
    """Return the value of a mapping's key; None if it is missing.

    Raises:
        SpecError: the value is an alias, whose target other keys may share.
    """
    for name, value in node.value:
        if name.value == key:
            if not node.start_mark.index <= value.start_mark.index < node.end_mark.index:
                raise SpecError(f"`{key}:` is an alias, which cannot be added to", where=str(path), remedy=_REMEDY)
            return value
    return None


def _key(text: str, node: Any, key: str, block: list[str], flow: str, quoted: bool) -> tuple[int, str]:
    """Add a key with its value, in the style of the mapping."""
    if node.flow_style:
        return _in_flow(node, f"{_scalar(key, quoted)}: {flow}")
    indent = node.value[0][0].start_mark.column
    lines = [" " * indent + f"{key}:", *(" " * (indent + 2) + line for line in block)]
    return _block_end(text, node), _written(lines)


def _listed(entries: Mapping[str, str], quoted: bool) -> str:
    return ", ".join(f"{_scalar(entry, quoted)}: {_form(form, quoted)}" for entry, form in entries.items())


def _form(form: str, quoted: bool = False) -> str:
    plain = _PLAIN_FORM.fullmatch(form) is not None and form.lower() not in _YAML_WORDS
    return form if plain and not quoted else json.dumps(form, ensure_ascii=False)


def _scalar(text: str, quoted: bool) -> str:
    """Return a scalar for a flow mapping; quoted if the file is JSON."""
    return text if not quoted and _PLAIN_IN_FLOW.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _items(entries: Mapping[str, str]) -> list[str]:
    return [
        f"{entry if _PLAIN.fullmatch(entry) else json.dumps(entry, ensure_ascii=False)}: {_form(form)}"
        for entry, form in entries.items()
    ]


def _written(lines: list[str]) -> str:
    """Return lines as the text to insert at the end of a line."""
    return "".join("\n" + line for line in lines)


def _in_flow(node: Any, addition: str) -> tuple[int, str]:
    """Return the insertion at the end of a flow collection: after its last item, or after the opening bracket."""
    if not node.value:
        return node.start_mark.index + 1, addition
    last = node.value[-1]
    end: int = (last[1] if isinstance(last, tuple) else last).end_mark.index
    return end, f", {addition}"


def _block_end(text: str, node: Any) -> int:
    """Return the end of a block's last line; only blank lines and comments follow."""
    while node.id != "scalar" and node.value and not node.flow_style:
        node = node.value[-1][1] if node.id == "mapping" else node.value[-1]
    end: int = node.end_mark.index
    while end > 0 and text[end - 1] in " \t\r\n":
        end -= 1
    return _line_end(text, end)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    if end < 0:
        return len(text)
    return end - 1 if text[end - 1 : end] == "\r" else end


def _replace(path: Path, text: str) -> None:
    target = path.resolve()
    try:
        mode = target.stat().st_mode & 0o777
        draft = write_draft(target, lambda stream: stream.write(text))
        with suppress(OSError):
            draft.chmod(mode)
        draft.replace(target)
    except OSError as error:
        raise SpecError(
            f"this file cannot be written: {error.strerror}",
            where=str(path),
            remedy="Allow writing to the file and its folder; it was left as it is.",
        ) from error
