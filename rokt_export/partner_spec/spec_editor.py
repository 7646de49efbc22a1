"""Add entries to `diff: ignore:` of a spec file, and leave every other character of it as it is."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rokt_export.errors import SpecError
from rokt_export.partner_spec.document import parse, read_text
from rokt_export.partner_spec.loading import read_spec
from rokt_export.partner_spec.model import PartnerSpec

_PLAIN = re.compile(r"[$/A-Za-z][\w$./@\[\]*-]*", re.ASCII)
_PLAIN_IN_FLOW = re.compile(r"[$/A-Za-z][\w$./@-]*", re.ASCII)
_REMEDY = "Write it by hand: `diff:` with a list `ignore:` of body paths and headers."


def ignore_in_diff(path: Path, entries: Sequence[str]) -> tuple[str, ...]:
    """Add entries to what a spec file ignores in comparisons; return those that were not there before.

    The file's comments, order and layout stay: only the new lines are put in. It is replaced at once or not at all,
    and only after the result was read back and found to be the same spec but for these entries.

    Raises:
        SpecError: the file is no spec, has a form that cannot be added to (an alias), or cannot be written.
    """
    text = _text(path)
    spec = _spec(path, text)
    new = tuple(entry for entry in dict.fromkeys(entries) if entry not in spec.diff.ignore)
    if not new:
        return ()
    amended = _amended(path, text, new)
    wanted = spec.model_copy(update={"diff": spec.diff.model_copy(update={"ignore": (*spec.diff.ignore, *new)})})
    if _spec(path, amended) != wanted:
        raise SpecError("what was learned cannot be written into this spec", where=str(path), remedy=_REMEDY)
    _replace(path, amended)
    return new


def _text(path: Path) -> str:
    read_text(path)  # with its errors; the text itself is read without touching line ends
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def _spec(path: Path, text: str) -> PartnerSpec:
    loaded = read_spec(parse(str(path), text.removeprefix("\ufeff")))
    if loaded.findings:
        first = loaded.findings[0]
        raise SpecError(
            f"this spec has errors: {first.message}",
            where=f"{path}:{first.line}:{first.column}",
            remedy=f"Mend them first: `rokt-export validate {path}`.",
        )
    return loaded.spec


def _amended(path: Path, text: str, entries: Sequence[str]) -> str:
    from ruamel.yaml import YAML

    loader = YAML(typ="safe", pure=True)
    loader.version = (1, 2)
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark)
    newline = "\r\n" if "\r\n" in text else "\n"
    at, addition = _addition(path, text, loader.compose(text), entries)
    return mark + text[:at] + addition.replace("\n", newline) + text[at:]


def _addition(path: Path, text: str, root: Any, entries: Sequence[str]) -> tuple[int, str]:
    """Return where in the text to put what.

    Args:
        path: the file, for messages.
        text: its text.
        root: its mapping, as ruamel.yaml's node (which is untyped).
        entries: what to add.
    """
    quoted = bool(root.flow_style)
    diff = _child(path, root, "diff")
    if diff is None:
        return _key(text, root, "diff", _block("ignore:", entries), f"{{{_pair('ignore', entries, quoted)}}}", quoted)
    ignore = _child(path, diff, "ignore")
    if ignore is None:
        return _key(text, diff, "ignore", _items(entries), f"[{_listed(entries, quoted)}]", quoted)
    if ignore.flow_style:
        return _in_flow(ignore, _listed(entries, quoted))
    line = text[text.rfind("\n", 0, ignore.value[0].start_mark.index) + 1 :]
    indent = line[: len(line) - len(line.lstrip(" "))]
    return _block_end(text, ignore), _written([indent + item for item in _items(entries)])


def _child(path: Path, node: Any, key: str) -> Any:
    """The value of a mapping's key, None where there is no such key.

    Raises:
        SpecError: it is an alias: what stands elsewhere may mean other things too.
    """
    for name, value in node.value:
        if name.value == key:
            if not node.start_mark.index <= value.start_mark.index < node.end_mark.index:
                raise SpecError(f"`{key}:` is an alias, which cannot be added to", where=str(path), remedy=_REMEDY)
            return value
    return None


def _key(text: str, node: Any, key: str, block: list[str], flow: str, quoted: bool) -> tuple[int, str]:
    """Add a key with its value, in whichever style the mapping has."""
    if node.flow_style:
        return _in_flow(node, f"{_scalar(key, quoted)}: {flow}")
    indent = node.value[0][0].start_mark.column
    lines = [" " * indent + f"{key}:", *(" " * (indent + 2) + line for line in block)]
    return _block_end(text, node), _written(lines)


def _pair(key: str, entries: Sequence[str], quoted: bool) -> str:
    return f"{_scalar(key, quoted)}: [{_listed(entries, quoted)}]"


def _listed(entries: Sequence[str], quoted: bool) -> str:
    return ", ".join(_scalar(entry, quoted) for entry in entries)


def _scalar(text: str, quoted: bool) -> str:
    """A text as it is written within brackets; always quoted where the file is JSON."""
    return text if not quoted and _PLAIN_IN_FLOW.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _block(head: str, entries: Sequence[str]) -> list[str]:
    return [head, *("  " + line for line in _items(entries))]


def _items(entries: Sequence[str]) -> list[str]:
    return [f"- {entry if _PLAIN.fullmatch(entry) else json.dumps(entry, ensure_ascii=False)}" for entry in entries]


def _written(lines: list[str]) -> str:
    """Lines as they are put behind the end of a line."""
    return "".join("\n" + line for line in lines)


def _in_flow(node: Any, addition: str) -> tuple[int, str]:
    """Behind the last item of a collection in brackets, or behind its opening bracket where it is empty."""
    if not node.value:
        return node.start_mark.index + 1, addition
    last = node.value[-1]
    end: int = (last[1] if isinstance(last, tuple) else last).end_mark.index
    return end, f", {addition}"


def _block_end(text: str, node: Any) -> int:
    """The end of the last line that belongs to a block: behind it there are blank lines and comments at most."""
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
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(target.stat().st_mode & 0o777)
        Path(temporary).replace(target)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()
        raise SpecError(
            f"this file cannot be written: {error.strerror}",
            where=str(path),
            remedy="Allow writing to the file and its folder; it was left as it is.",
        ) from error
