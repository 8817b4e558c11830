"""What a search came to: plain values, which those who render it may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from costcalc.budgets import Budget
from costcalc.cost.convention import Convention


class Solution(NamedTuple):
    """A point on the front: its number in the space, every choice of it, and how many points had its objectives."""

    point: int
    choices: Mapping[str, Any]
    totals: Mapping[str, int]
    same: int


class Standing(NamedTuple):
    """A choice of several values that takes the same one all along a front.

    `unmoved` are the totals to be made large, where another value of this choice alone moves none of them: it was tried
    with every value at the first point of the front, and only there.
    """

    name: str
    value: Any
    unmoved: tuple[str, ...] = ()
    larger: bool = False  # it is a number, and could be larger


class Found(NamedTuple):
    """A front, best first objective first, and what it was searched in and for."""

    name: str
    citation: str
    origin: str
    sha256: str
    space: str
    space_origin: str
    space_sha256: str
    size: int
    axes: Mapping[str, tuple[Any, ...]]  # by name, the values of each choice
    own: Mapping[str, Any]  # by name, what the spec itself has there
    fixed: Mapping[str, Any]
    convention: Convention
    batch: int
    dtype: str
    objectives: tuple[tuple[str, bool], ...]  # a total or a choice, and whether it is to be large
    budgets: tuple[Budget, ...]
    way: str
    asked: int  # points of a sample or an evolution
    seed: int
    visited: int
    built: int
    kept: int
    fault: tuple[int, str] | None  # a point that cannot be built, and why
    least: Mapping[str, int]
    most: Mapping[str, int]
    solutions: tuple[Solution, ...]
    uncounted: tuple[str, ...] = ()  # layers without a count, for whose sake the totals are lower bounds
    standing: tuple[Standing, ...] = ()  # of a front of two points or more

    def changed(self, solution: Solution) -> dict[str, Any]:
        """The choices that are not what the spec itself has."""
        missing = object()
        own = {name: self.own.get(name, missing) for name in solution.choices}
        return {
            name: value
            for name, value in solution.choices.items()
            if (type(own[name]) is bool, own[name]) != (type(value) is bool, value)
        }
