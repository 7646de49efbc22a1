"""XML documents, from parameters whose names are paths as xmltodict names nodes, and back."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final
from xml.parsers.expat import ExpatError

from rokt_export.errors import SpecError
from rokt_export.request.encodings import BodyEncoding, Encode
from rokt_export.request.nested_body import ArrayNode, BodyNode, Leaf, Members, anything_in, build_tree, in_order
from rokt_export.request.parameter_values import OMIT, CompiledParameter, ParameterValues, RefusedError
from rokt_export.response.body_limits import xml_refusal
from rokt_export.response.charset import decode
from rokt_export.spec_language.filters import text_of

_Write = Callable[[ParameterValues], str]
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[^\W\d][\w.\-]*(:[^\W\d][\w.\-]*)?")
_ATTRIBUTE_ESCAPES = str.maketrans({'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def xml_encoder(fields: Sequence[CompiledParameter]) -> Callable[[ParameterValues], bytes]:
    """Return the encoder of an XML element: `a.@id` is an attribute, `a.#text` an element's text.

    A list repeats its element. Null is an empty element (`<a/>`), as is empty text.

    Raises:
        SpecError: the names contradict each other, are no XML names, or do not share one root.
    """
    tree = build_tree(fields)
    if isinstance(tree, ArrayNode) or len(tree.children) != 1:
        names = [field.name for field in fields] if isinstance(tree, ArrayNode) else tree.children
        roots = ", ".join(f"`{name}`" for name in names) or "none"
        raise SpecError(
            f"an XML body has one root element, here: {roots}",
            remedy="Start each body parameter's name with the root's: `lead.email`.",
        )
    ((name, root),) = tree.children.items()
    write = _element(name, root)
    empty = f"<{name}/>"
    return lambda values: (write(values) or empty).encode()


def _element(name: str, node: BodyNode) -> _Write:
    if not _NAME.fullmatch(name):
        raise SpecError(f"`{name}` is not an XML name", remedy="Names start with a letter and contain no spaces.")
    match node:
        case Leaf(field=field):
            return _leaf(name, field)
        case ArrayNode():
            return _repeated([(_element(name, _named(child, by)), anything_in(child)) for child, by in in_order(node)])
        case Members():
            return _members(name, node)


def _repeated(parts: list[tuple[_Write, Callable[[ParameterValues], bool]]]) -> _Write:
    return lambda values: "".join([write(values) for write, anything in parts if anything(values)])


def _named(node: BodyNode, by: tuple[str, str] | None) -> BodyNode:
    if by is not None:
        raise SpecError(
            f"`[{by[0]}={by[1]}]` places an element in a JSON array, not in XML",
            remedy="Number the elements: `field[0].name` with a constant value, `field[0].value` with the attribute.",
        )
    return node


def _leaf(name: str, field: CompiledParameter) -> _Write:
    plain: Any = field.plain
    take, content = field.take, _content(field)
    start, end, empty = f"<{name}>", f"</{name}>", f"<{name}/>"

    def write(values: ParameterValues) -> str:
        value = values.get(plain) or take(values)
        if value is OMIT:
            return ""
        items = value if isinstance(value, list) else (value,)
        return "".join([start + content(item) + end if item not in ("", None) else empty for item in items])

    return _once(write, field)


def _once(write: _Write, field: CompiledParameter) -> _Write:
    """Write a constant once, at compile time; a constant that XML cannot hold is refused for each row."""
    if field.fixed:
        with suppress(RefusedError):
            text = write({})
            return lambda _values: text
    return write


def _content(field: CompiledParameter) -> Callable[[Any], str]:
    name = field.name

    def cdata(value: Any) -> str:
        return "<![CDATA[" + _legal(text_of(value), name).replace("]]>", "]]]]><![CDATA[>") + "]]>"

    def escaped(value: Any) -> str:
        return html.escape(_legal(text_of(value), name), quote=False).replace("\r", "&#13;")

    return cdata if field.parameter.cdata else escaped


def _legal(text: str, name: str) -> str:
    if not text.isprintable() and (found := _ILLEGAL.search(text)):
        raise RefusedError(f"{name}: XML cannot contain the control character U+{ord(found[0]):04X}")
    return text


def _members(name: str, node: Members) -> _Write:
    leaves = [(child, part.field) for child, part in node.children.items() if isinstance(part, Leaf)]
    attributes = [_attribute(child[1:], field) for child, field in leaves if child.startswith("@")]
    texts = [_text(field) for child, field in leaves if child == "#text"]
    elements = [_element(child, part) for child, part in node.children.items() if not child.startswith(("@", "#text"))]
    inside = texts + elements

    def write(values: ParameterValues) -> str:
        head = "".join([part(values) for part in attributes])
        body = "".join([part(values) for part in inside])
        if body:
            return f"<{name}{head}>{body}</{name}>"
        return f"<{name}{head}/>" if head else ""

    return write


def _attribute(key: str, field: CompiledParameter) -> _Write:
    plain: Any = field.plain
    take, name = field.take, field.name

    def write(values: ParameterValues) -> str:
        value = values.get(plain) or take(values)
        if value is OMIT:
            return ""
        text = html.escape(_legal(text_of(value), name), quote=False).translate(_ATTRIBUTE_ESCAPES)
        return f' {key}="{text}"'

    return _once(write, field)


def _text(field: CompiledParameter) -> _Write:
    plain: Any = field.plain
    take, content = field.take, _content(field)

    def write(values: ParameterValues) -> str:
        value = values.get(plain) or take(values)
        return "" if value is OMIT else content(value)

    return _once(write, field)


class XmlEncoding(BodyEncoding):
    """`application/xml`, in UTF-8."""

    declaration = b'<?xml version="1.0" encoding="UTF-8"?>\n'

    def encoder(self, parameters: Sequence[CompiledParameter]) -> Encode:
        """Return the function that encodes an XML element."""
        return xml_encoder(parameters)

    def shell_escape(self, before: str) -> str:
        """Return a filter that escapes signs of markup; in an attribute, quotes too."""
        signs = r"s/&/\&amp;/g;s/</\&lt;/g;s/>/\&gt;/g"
        return f"sed '{signs};s/\"/\\&quot;/g'" if before.endswith('="') else f"sed '{signs}'"

    def read(self, body: bytes | str) -> Any:
        """Return the mapping that xmltodict makes of the document; blanks are kept, so that ` Jane ` comes back."""
        import xmltodict  # only a sandbox needs it

        if refusal := xml_refusal(body if isinstance(body, str) else decode(body, None)):
            raise ValueError(refusal)
        try:
            return xmltodict.parse(body, strip_whitespace=False, disable_entities=True)
        except ExpatError as error:
            raise ValueError(str(error)) from error


ENCODING: Final = XmlEncoding()
