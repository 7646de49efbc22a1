"""Makes a frozen, slotted dataclass as quick to create as one that can be changed: each row needs half a dozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

T = TypeVar("T")


def noun(cls: type[T]) -> type[T]:
    """Return a frozen, slotted dataclass that is created in a third of the time; nothing else about it changes.

    The `__init__` of a frozen dataclass sets each field through `object.__setattr__` (0.66 us for six fields). Here an
    instance is filled while it is of a class that can be changed and has the same slots, and then becomes what it is
    (0.26 us).

    Raises:
        TypeError: it is no frozen and slotted dataclass with `object` as its only base, or it has a `__post_init__`.
    """
    parameters = getattr(cls, "__dataclass_params__", None)
    slots = cls.__dict__.get("__slots__")
    if parameters is None or not parameters.frozen or slots is None or cls.__bases__ != (object,):
        raise TypeError(f"{cls.__name__} is no frozen and slotted dataclass of its own")
    if hasattr(cls, "__post_init__"):
        raise TypeError(f"{cls.__name__} has a __post_init__, which would not run")
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    if names != list(slots):
        raise TypeError(f"{cls.__name__} has fields that are not its slots")
    maker = _maker(cls, names)
    del cls.__init__
    cls.__new__ = maker  # type: ignore[method-assign]
    cls.__reduce__ = _reducer(cls, names)  # type: ignore[assignment, method-assign]
    return cls


def _maker(cls: type, names: list[str]) -> Callable[..., Any]:
    draft = type(f"{cls.__name__}Draft", (), {"__slots__": tuple(names)})
    known: dict[str, Any] = {"_new": object.__new__, "_draft": draft}
    signature, lines = ["cls"], []
    for field in fields(cls):
        default = _default(field, known)
        signature.append(f"{field.name}{default}")
        lines.append(f"    self.{field.name} = {field.name}")
    begin = [f"def __new__({', '.join(signature)}):", "    self = _new(_draft)"]
    end = ["    self.__class__ = cls", "    return self"]
    exec("\n".join(begin + lines + end), known)  # as dataclasses makes its own methods; nothing comes from outside
    maker: Callable[..., Any] = known["__new__"]
    maker.__qualname__ = f"{cls.__qualname__}.__new__"
    return maker


def _reducer(cls: type[T], names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda self: (cls, tuple(getattr(self, name) for name in names))


def _default(field: Field[Any], known: dict[str, Any]) -> str:
    if field.default_factory is not MISSING or field.kw_only or not field.init:
        raise TypeError(f"{field.name}: a noun's fields are given in order, and have plain defaults")
    if field.default is MISSING:
        return ""
    known[f"_{field.name}"] = field.default
    return f"=_{field.name}"
