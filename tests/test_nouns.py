"""A noun is a frozen, slotted dataclass in every respect but the time it takes to make one."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from rokt_export.nouns import noun

NOTHING: tuple[int, ...] = ()


@noun
@dataclass(frozen=True, slots=True)
class Parcel:
    number: int
    label: str = "none"
    contents: tuple[int, ...] = NOTHING

    @property
    def size(self) -> int:
        return len(self.contents)


def test_it_is_made_like_any_other() -> None:
    assert Parcel(1) == Parcel(1, "none", ())
    assert Parcel(1, contents=(1, 2)).size == 2
    assert repr(Parcel(1, "a")) == "Parcel(number=1, label='a', contents=())"
    assert hash(Parcel(1)) == hash(Parcel(1))
    assert type(Parcel(1)) is Parcel
    assert Parcel(1) != Parcel(2)


def test_it_cannot_be_changed() -> None:
    parcel = Parcel(1)
    with pytest.raises(FrozenInstanceError):
        parcel.number = 2  # type: ignore[misc]
    with pytest.raises((FrozenInstanceError, TypeError)):  # TypeError: CPython's own slip with slots, before 3.12
        parcel.other = 2  # type: ignore[attr-defined]
    assert not hasattr(parcel, "__dict__")


def test_it_is_copied_replaced_pickled_and_matched() -> None:
    parcel = Parcel(1, "a", (3,))
    assert replace(parcel, label="b") == Parcel(1, "b", (3,))
    assert pickle.loads(pickle.dumps(parcel)) == copy.copy(parcel) == copy.deepcopy(parcel) == parcel
    match parcel:
        case Parcel(number, label):
            assert (number, label) == (1, "a")


@pytest.mark.parametrize("arguments", [(), (1, "a", (), 4)])
def test_the_wrong_number_of_fields_is_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError, match="Parcel"):
        Parcel(*arguments)  # type: ignore[arg-type]


def test_what_cannot_be_one_is_refused_when_it_is_declared() -> None:
    with pytest.raises(TypeError, match="frozen"):
        noun(dataclass(slots=True)(type("Loose", (), {"__annotations__": {"a": int}})))
    with pytest.raises(TypeError, match="frozen"):
        noun(dataclass(frozen=True, slots=True)(type("Child", (Parcel,), {"__annotations__": {"a": int}, "a": 1})))

    class Checked:
        a: int

        def __post_init__(self) -> None: ...

    with pytest.raises(TypeError, match="post_init"):
        noun(dataclass(frozen=True, slots=True)(Checked))

    class Lazy:
        a: list[int] = field(default_factory=list)

    with pytest.raises(TypeError, match="plain defaults"):
        noun(dataclass(frozen=True, slots=True)(Lazy))
