"""Why points cannot be built: many share the reason and differ in the numbers, so each is told when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from costcalc.errors import CostcalcError
from costcalc.spec.hyperparameters import shown

TOLD = 16  # of one set of points, told in words of their own; each takes a plain count


class Fault(str):
    """Why the points of a leaf cannot be built, in the words of the one that was tried: `setting`."""

    __slots__ = ("setting",)
    setting: dict[str, Any]

    def __new__(cls, text: str, setting: dict[str, Any]) -> Self:
        fault = super().__new__(cls, text)
        fault.setting = setting
        return fault


class Faults(Mapping[int, str]):
    """The faults of some points by index, in order; `count` counts a point plainly, and so raises what it is told.

    After the first TOLD the point that was tried is quoted.
    """

    def __init__(self, count: Callable[[int], object], found: Mapping[int, str]) -> None:
        self._count, self._told = count, 0
        self._found = {i: found[i] for i in sorted(found)}

    def __getitem__(self, i: int) -> str:
        fault = self._found[i]
        if not isinstance(fault, Fault):
            return fault
        if self._told >= TOLD:
            where = ", ".join(f"{name} {shown(value)}" for name, value in fault.setting.items())
            return f"as at {where}: {fault}"
        self._told += 1
        try:
            self._count(i)
        except CostcalcError as error:
            self._found[i] = error.problems[0].message
        return self._found[i]

    def __contains__(self, i: object) -> bool:
        return i in self._found

    def __iter__(self) -> Iterator[int]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
