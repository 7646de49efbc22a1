"""Hold a value against a schema of an OpenAPI document, and say in words what the schema asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rokt_export.errors import DocumentError
from rokt_export.onboarding.drafts.observed import nested
from rokt_export.onboarding.drafts.openapi_document import Cursor, OpenApiDocument
from rokt_export.redaction.display_text import cut
from rokt_export.spec_language.regexes import RegexProblem, compile_regex

if TYPE_CHECKING:
    from jsonschema import ValidationError


_MOST_STEPS = 50_000
"""Words of schemas that are looked at for one value; a usual body takes some hundreds, and these a second or two."""


class _TooMuchWork(Exception):
    """A schema asks for more work than a document may."""


_STEPS: ContextVar[list[int]] = ContextVar("steps that are left")


def broken(
    document: OpenApiDocument, schema: Cursor, value: Any, *, reading: bool = False
) -> list[ValidationError] | str:
    """Return what a value breaks, the deepest error of each; or why the schema cannot be used, in a clause.

    Args:
        document: the document, whose version says which JSON Schema holds.
        schema: of the value.
        value: JSON data.
        reading: whether it is a response: what is only written need not be there; in a request, what is only read.

    Raises:
        DocumentError: a reference of the schema leads nowhere.
    """
    from jsonschema.exceptions import UndefinedTypeCheck, UnknownType, best_match
    from referencing.exceptions import Unresolvable

    newer = document.version.startswith(("3.1", "3.2"))
    validator = _kind(newer=newer, left_out="writeOnly" if reading else "readOnly")
    steps = _STEPS.set([_MOST_STEPS])
    try:
        errors = list(validator(schema.node, _resolver=schema.resolver).iter_errors(value))
    except _TooMuchWork:
        return f"judging its schema takes more than {_MOST_STEPS:,} steps"
    except RecursionError:
        return "its schema has no end"
    except (UnknownType, UndefinedTypeCheck, TypeError, ValueError, AttributeError, KeyError):
        return "its schema is not one that JSON Schema knows"
    except Unresolvable as error:
        cause = error.__cause__ or error.__context__
        if isinstance(cause, DocumentError):
            raise cause from error
        raise DocumentError(
            f"the reference `{'#' * error.ref.startswith('/')}{cut(error.ref, 120)}` leads nowhere",
            where=document.source,
            remedy="Ask the partner for the whole document, or correct the reference.",
        ) from error
    finally:
        _STEPS.reset(steps)
    deepest = [best_match([error]) if error.context else error for error in errors]
    # Where several alternatives of `oneOf` match, the fault is the document's own.
    return [each for each in deepest if not (each.validator == "oneOf" and not each.context)]


@lru_cache(maxsize=4)
def _kind(*, newer: bool, left_out: str) -> Any:
    """Return the class of validators for a version of OpenAPI: with `nullable`, `readOnly` and `writeOnly`."""
    from jsonschema import Draft4Validator, Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    base: Any = Draft202012Validator if newer else Draft4Validator

    def required(validator: Any, names: Any, instance: Any, node: Any) -> Iterator[Any]:
        members = node.get("properties") or {}
        needed = [each for each in names if not _is(members.get(each), left_out)] if isinstance(names, list) else []
        yield from base.VALIDATORS["required"](validator, needed, instance, node)

    def nullable(word: str) -> Any:
        def check(validator: Any, value: Any, instance: Any, node: Any) -> Iterator[Any]:
            if not (instance is None and node.get("nullable") is True):
                yield from base.VALIDATORS[word](validator, value, instance, node)

        return check

    def pattern(_: Any, expression: Any, instance: Any, __: Any) -> Iterator[Any]:
        """Match in linear time, as a document is not to be trusted; an expression that cannot be is left out."""
        try:
            holds = not isinstance(instance, str) or compile_regex(str(expression)).found(instance)
        except RegexProblem:
            return
        if not holds:
            yield ValidationError("does not match")

    own = {"required": required, "type": nullable("type"), "enum": nullable("enum"), "pattern": pattern}
    words = {**base.VALIDATORS, **own, "patternProperties": lambda *_: ()}
    return extend(base, {word: _counted(check) for word, check in words.items()})


def _counted(check: Any) -> Any:
    """Return a check that counts as a step: parts that each name another part twice double them at each level."""

    def counted(validator: Any, asked: Any, instance: Any, node: Any) -> Any:
        left = _STEPS.get()
        left[0] -= 1
        if left[0] < 0:
            raise _TooMuchWork
        return check(validator, asked, instance, node) or ()

    return counted


def _is(node: Any, word: str) -> bool:
    return isinstance(node, Mapping) and node.get(word) is True


def asks(error: ValidationError, name: str) -> str:
    """Return in words what a schema asks of a place; never the value there, which may be a secret or a person's."""
    shown = f"`{cut(name, 60)}`" if name else "the body"
    wanted = error.validator_value
    match error.validator:
        case "required":
            missing = [each for each in wanted if each not in (error.instance or {})]
            return f"{', '.join(f'`{nested(name, str(each))}`' for each in missing[:5])} is missing"
        case "type":
            return f"{shown} is of the type {' or '.join(wanted) if isinstance(wanted, list) else wanted}"
        case "enum":
            return f"{shown} is one of {cut(', '.join(map(str, wanted)), 80)}"
        case "const":
            return f"{shown} is `{cut(str(wanted), 60)}`"
        case word:
            return f"{shown} breaks `{word}: {cut(str(wanted), 60)}`"


def path_name(path: Iterable[Any]) -> str:
    """Return a path of names and positions as a spec writes it: `a.b[0].c`."""
    name = ""
    for part in path:
        name = f"{name}[{part}]" if isinstance(part, int) else nested(name, str(part))
    return name
