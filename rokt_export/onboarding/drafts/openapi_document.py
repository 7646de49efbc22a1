"""Read an OpenAPI or Swagger document, from a file or a URL, and follow its references."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from rokt_export.errors import NO_FILE, DocumentError, near_file, nearest
from rokt_export.redaction.display_text import cut

if TYPE_CHECKING:
    import requests
    from referencing import Resource
    from referencing._core import Resolver

MAX_JSON = 64_000_000
"""Largest JSON document that is read; GitHub's has 13 MB."""
MAX_YAML = 12_000_000
"""Largest YAML document that is read: YAML takes thirty times as long as JSON, about 5 s here."""
TIMEOUT = 30.0
"""Seconds between two pieces of a remote document."""

LONGEST = 60.0
"""Seconds for a remote document and all that it refers to, look-ups of hosts included."""

DocumentNode: TypeAlias = Mapping[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A node of the document, and where its references start from.

    Attributes:
        node: a mapping; empty where the document has something else there.
        resolver: resolves references in it.
        seen: the references that led here, outermost first: one that comes again is a circle.
    """

    node: DocumentNode
    resolver: Resolver[Any]
    seen: tuple[str, ...] = ()

    def child(self, *keys: str) -> Cursor:
        """Return the node under some keys, its own reference followed.

        Raises:
            DocumentError: the reference leads nowhere.
        """
        node: Any = self.node
        for key in keys:
            node = node.get(key) if isinstance(node, Mapping) else None
        return self.at(node)

    def at(self, node: Any) -> Cursor:
        """Return a node within this one, its own reference followed."""
        found = Cursor(node if isinstance(node, Mapping) else {}, self.resolver, self.seen)
        while isinstance(reference := found.node.get("$ref"), str):
            found = found.follow(reference)
        return found

    def follow(self, reference: str) -> Cursor:
        """Return what a reference leads to; an empty node where it leads in a circle."""
        import referencing.exceptions

        target = urljoin(str(self.resolver._base_uri), reference)
        if target in self.seen:
            return Cursor({}, self.resolver, (*self.seen, target))
        try:
            found = self.resolver.lookup(reference)
        except referencing.exceptions.Unresolvable as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, DocumentError):
                cause = cause.__cause__ or cause.__context__
            if isinstance(cause, DocumentError):
                raise cause from error
            raise DocumentError(
                f"the reference `{cut(reference, 120)}` leads nowhere",
                where=urldefrag(target).url or None,
                remedy="Ask the partner for the whole document, or correct the reference.",
            ) from error
        # Members beside `$ref` count in OpenAPI 3.1 (a description, say); older documents have none.
        beside = {key: value for key, value in self.node.items() if key != "$ref"}
        node = found.contents if isinstance(found.contents, Mapping) else {}
        return Cursor({**node, **beside} if beside else node, found.resolver, (*self.seen, target))

    @property
    def circular(self) -> bool:
        """Whether the last reference led back to where it came from."""
        return not self.node and len(self.seen) != len(set(self.seen))

    def items(self, key: str) -> Iterator[Cursor]:
        """Yield the nodes of a list."""
        listed = self.node.get(key)
        for node in listed if isinstance(listed, list) else ():
            yield self.at(node)

    def members(self, key: str) -> Iterator[tuple[str, Cursor]]:
        """Yield the nodes of a mapping with their names."""
        mapping = self.node.get(key)
        for name, node in mapping.items() if isinstance(mapping, Mapping) else ():
            yield str(name), self.at(node)

    def text(self, key: str) -> str:
        """Return a text; empty where there is none."""
        value = self.node.get(key)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class OpenApiDocument:
    """A document.

    Attributes:
        source: the file or URL as the user named it.
        root: its root.
        version: `2.0`, `3.0.1`, `3.1.0`.
    """

    source: str
    root: Cursor
    version: str

    @property
    def is_swagger(self) -> bool:
        """Whether it is Swagger 2."""
        return self.version.startswith("2")

    def operations(self) -> Iterator[tuple[str, str, Cursor]]:
        """Yield method, path and node of each operation; a path item that cannot be read is left out."""
        paths = self.root.node.get("paths")
        for path, item in paths.items() if isinstance(paths, Mapping) else ():
            found = self.root.at(item)
            for method in METHODS:
                if isinstance(found.node.get(method), Mapping):
                    yield method.upper(), str(path), found


def read_document(source: str, *, allow_remote: bool = False) -> OpenApiDocument:
    """Return the document of a file or URL.

    Args:
        source: a file, or an http(s) URL, which the user named and which may be on this network.
        allow_remote: whether references may lead to public hosts.

    Raises:
        DocumentError: it cannot be read, is too large, or is no OpenAPI document.
    """
    from referencing import Registry

    remote = re.match(r"https?://", source, re.IGNORECASE) is not None
    base = source if remote else Path(source).resolve().as_uri()
    fetcher = _Fetcher(source)
    contents = _contents(fetcher.fetch(source, own=True) if remote else _file(Path(source), source), source)

    def retrieve(uri: str) -> Resource[Any]:
        return _opaque(_referenced(uri, base, fetcher, allow_remote=allow_remote))

    registry: Any = Registry(retrieve=retrieve).with_resource(base, _opaque(contents))  # type: ignore[call-arg]
    root = Cursor(contents, registry.resolver(base))
    return OpenApiDocument(source, root, _version(contents, source))


def _opaque(contents: Any) -> Resource[Any]:
    """Return a resource in which references are found by JSON pointer alone, as OpenAPI documents use them."""
    from referencing import Specification

    resource: Resource[Any] = Specification.OPAQUE.create_resource(contents)
    return resource


def _version(contents: DocumentNode, source: str) -> str:
    for key in ("openapi", "swagger"):
        if key in contents:
            version = str(contents[key])
            if not re.match(r"2\.0|3\.[0-2]", version):
                raise DocumentError(
                    f"`{key}: {cut(version, 20)}` is not a version that init reads",
                    where=source,
                    remedy="It reads Swagger 2.0 and OpenAPI 3.0 to 3.2; ask the partner for one of these.",
                )
            return version
    kinds = {"item": "a Postman collection: use --postman", "log": "a HAR: use --har", "spec_version": "a partner spec"}
    kind = next((text for key, text in kinds.items() if key in contents), None)
    near = nearest("openapi", map(str, contents))
    hint = f"; the key `{near[0]}` is near" if near else ""
    raise DocumentError(
        f"this is {kind}" if kind else f"this is not an OpenAPI document: it has no key `openapi` or `swagger`{hint}",
        where=source,
        remedy="An OpenAPI document begins with `openapi: 3.…` or `swagger: '2.0'`.",
    )


def _file(path: Path, source: str) -> bytes:
    try:
        if path.is_dir():
            raise DocumentError("this is a directory", where=source, remedy="Name the document inside it.")
        size = path.stat().st_size
        if not path.is_file():  # reading a device or a pipe may never end
            raise DocumentError(NO_FILE, where=source, remedy="Name a file, or save what it gives in one.")
        if size > MAX_JSON:
            raise _too_large(source, size)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DocumentError("no such file", where=source, remedy=near_file(path) or "Check the path.") from error
    except OSError as error:
        raise DocumentError(
            f"this file cannot be read: {error.strerror}", where=source, remedy="Check its owner and its permissions."
        ) from error


def _too_large(source: str, size: int, *, most: int = MAX_JSON, form: str = "document") -> DocumentError:
    remedy = "Ask the partner for a document of this operation alone"
    return DocumentError(
        f"this {form} has {size:,} bytes; at most {most:,} are read",
        where=source,
        remedy=f"{remedy}, or convert it to JSON, which is read up to {MAX_JSON:,} bytes."
        if form == "YAML document"
        else f"{remedy}.",
    )


def _contents(raw: bytes, source: str) -> DocumentNode:
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError("this document is not UTF-8 text", where=source, remedy="Save it as UTF-8.") from error
    start = text.lstrip()[:200].lower()
    if not start:
        raise DocumentError("this document is empty", where=source, remedy="Download it again.")
    if start.startswith("<"):
        page = "an HTML page" if "<html" in start or "<!doctype html" in start else "XML"
        raise DocumentError(
            f"this is {page}, not an OpenAPI document",
            where=source,
            remedy="Look on that page for a link to `openapi.json`, `openapi.yaml` or `swagger.json`, and give that.",
        )
    found = _json(text, source) if start[0] in "{[" else _yaml(text, source)
    if not isinstance(found, Mapping):
        raise DocumentError(
            "this is not an OpenAPI document: it is not a mapping", where=source, remedy="Check which file you gave."
        )
    return found


def _json(text: str, source: str) -> Any:
    import orjson

    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if len(text) <= MAX_YAML and (found := _yaml_or_none(text)) is not None:
            return found  # YAML that begins with a bracket, or JSON with comments and last commas
        raise DocumentError(
            f"this is not JSON: {error.msg}",
            where=f"{source}:{error.lineno}:{error.colno}",
            remedy="Download it again, or correct that place.",
        ) from error


def _yaml_or_none(text: str) -> Any:
    try:
        return _yaml(text, "")
    except DocumentError:
        return None


def _yaml(text: str, source: str) -> Any:
    import yaml

    if len(text) > MAX_YAML:
        raise _too_large(source, len(text), most=MAX_YAML, form="YAML document")
    try:
        return yaml.load(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise DocumentError(
            f"this is not YAML: {error.problem or error.context or 'unreadable'}",
            where=f"{source}{place}",
            remedy="Check the indentation and quotes of that line.",
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DocumentError(
            f"this is not YAML: {str(error).splitlines()[0]}", where=source, remedy="Download it again."
        ) from error


def _loader() -> Any:
    """Return a safe loader that reads `NO` and dates as text, as YAML 1.2 does, and each key as text."""
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc, valid-type]
        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
            sign: [(tag, form) for tag, form in pairs if not tag.endswith((":timestamp", ":bool"))]
            for sign, pairs in base.yaml_implicit_resolvers.items()
        }

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            return {str(key): value for key, value in super().construct_mapping(node, deep=deep).items()}

    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$", re.I), list("tTfF"))
    return Loader


def _referenced(uri: str, base: str, fetcher: _Fetcher, *, allow_remote: bool) -> Any:
    """Return the document that a reference leads to.

    Raises:
        DocumentError: it may not be read, or cannot.
    """
    source, parts = fetcher.source, urlsplit(uri)
    if parts.scheme == "file":
        path, root = Path(unquote(parts.path)), Path(unquote(urlsplit(base).path)).parent
        if not base.startswith("file:") or not path.resolve().is_relative_to(root.resolve()):
            raise DocumentError(
                f"a reference leads out of the document's folder: `{cut(uri, 120)}`",
                where=source,
                remedy="Put the referenced file beside the document, and correct the reference.",
            )
        return _contents(_file(path, str(path)), str(path))
    if parts.scheme not in ("http", "https"):
        raise DocumentError(f"a reference is neither a file nor a web address: `{cut(uri, 120)}`", where=source)
    if not allow_remote:
        raise DocumentError(
            f"a reference leads to another host: `{cut(uri, 120)}`",
            where=source,
            remedy="--allow-remote lets init fetch it, from public addresses only.",
        )
    return _contents(fetcher.fetch(uri, own=urlsplit(base).netloc == parts.netloc), uri)


class _Fetcher:
    """Fetches a document and what it refers to, in `LONGEST` seconds together; the time between two fetches is free.

    Args:
        source: what the user named, for messages.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._left = LONGEST

    def fetch(self, url: str, *, own: bool) -> bytes:
        """Return what a URL gives.

        It is fetched in a thread, because neither the look-up of a host nor a server that sends byte after byte ends
        at a time limit, and a look-up does not hear of Ctrl-C.

        Args:
            url: of a document.
            own: whether it is on the host that the user named, which may be on this network.

        Raises:
            DocumentError: the host may not be asked, does not answer with a document, or no time is left for it.
        """
        fetched: Future[bytes] = Future()

        def fetch() -> None:
            try:
                fetched.set_result(_downloaded(url, self.source, own=own))
            except BaseException as error:  # noqa: BLE001 - raised again by `result`
                fetched.set_exception(error)

        began = time.monotonic()
        threading.Thread(target=fetch, daemon=True).start()
        done, _ = wait((fetched,), max(0.0, self._left))
        self._left -= time.monotonic() - began
        if not done:
            what = "this document takes" if url == self.source else "the document and what it refers to take"
            raise DocumentError(
                f"{what} more than {LONGEST:.0f} s", where=url, remedy="Download it, and give the file."
            )
        return fetched.result()


def _downloaded(url: str, source: str, *, own: bool) -> bytes:
    import requests

    host = urlsplit(url).hostname or ""
    for address in _addresses(host, source):
        _check_address(address, host, source, own=own)
    try:
        with requests.get(url, timeout=TIMEOUT, stream=True, allow_redirects=False) as response:
            _check_peer(response, host, source, own=own)
            if response.status_code != 200:
                raise _no_document(url, response)
            raw = bytearray()
            for piece in response.iter_content(1 << 16):
                raw += piece
                if len(raw) > MAX_JSON:
                    raise _too_large(url, len(raw))
            return bytes(raw)
    except OSError as error:  # requests' own errors are of this class
        raise DocumentError(
            f"this document cannot be fetched: {type(error).__name__}",
            where=url,
            remedy="Check the address; or download the document in a browser and give the file.",
        ) from error


def _no_document(url: str, response: requests.Response) -> DocumentError:
    location = response.headers.get("Location", "")
    return DocumentError(
        f"the host answered with status {response.status_code}" + (f", to `{cut(location, 120)}`" if location else ""),
        where=url,
        remedy="Redirects are not followed: give that address." if location else "Give the document's own address.",
    )


def _addresses(host: str, source: str) -> list[str]:
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except OSError as error:
        raise DocumentError(f"the host `{host}` is not known here", where=source, remedy="Check its name.") from error


def _check_address(text: str, host: str, source: str, *, own: bool) -> None:
    address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_link_local or (not own and not address.is_global):
        raise DocumentError(
            f"the host `{host}` has the address {address}, which is not public",
            where=source,
            remedy="A document may not point into this network; download that part and reference the file.",
        )


def _check_peer(response: requests.Response, host: str, source: str, *, own: bool) -> None:
    """Check the address that was connected to, before its body is read: names may change between two look-ups."""
    connection = getattr(response.raw, "_connection", None)
    peer = getattr(connection, "sock", None)
    if peer is not None and not getattr(connection, "proxy", None):
        _check_address(peer.getpeername()[0], host, source, own=own)
