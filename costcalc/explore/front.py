"""Pareto fronts of exact integers: the points that no other point betters, one for each vector of objectives.

Fronts merge in any order and any grouping to the same front, ties included: of points with equal objectives the one
with the lowest number stands for all, and how many there were is added up. That is what lets a search be cut into
shards, spread over processes and machines, and taken up again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from costcalc.errors import Problem, UsageError

MAX_FRONT = 1_000_000  # points; more than that says nothing to anybody
SCOUTS = 32  # points of a front of several objectives that a new point is compared with at first
BLOCK = 4096  # points that are compared with the points before them at once


class Front(NamedTuple):
    """Points that do not better each other, sorted by their keys. Each column is an array with an entry a point.

    `keys` are the objectives, all to be made small; `numbers` are the points' own; `same` is how many points had these
    objectives; `carried` are further values of the point.
    """

    keys: tuple[Any, ...]
    numbers: Any
    same: Any
    carried: tuple[Any, ...] = ()

    @property
    def size(self) -> int:
        return len(self.numbers)

    def columns(self) -> tuple[Any, ...]:
        return (*self.keys, self.numbers, self.same, *self.carried)

    def take(self, which: Any) -> Front:
        return Front(
            tuple(key[which] for key in self.keys), self.numbers[which], self.same[which],
            tuple(values[which] for values in self.carried),
        )  # fmt: skip


def integers(values: Iterable[int]) -> Any:
    """The array of these integers: 64 bits where all fit, else Python's own."""
    listed = list(values)
    wide = any(not -(2**63) <= value < 2**63 for value in listed)
    return np.array(listed, dtype=object if wide else np.int64)


def merge(fronts: Sequence[Front]) -> Front:
    """The front of all points of these. Raises UsageError where it is too large."""
    if len(fronts) == 1:
        return fronts[0]
    columns = [_joined(parts) for parts in zip(*(front.columns() for front in fronts), strict=True)]
    k = len(fronts[0].keys)
    return front_of(Front(tuple(columns[:k]), columns[k], columns[k + 1], tuple(columns[k + 2 :])))


def _joined(parts: Sequence[Any]) -> Any:
    wide = any(part.dtype == object for part in parts)
    joined = np.concatenate([part.astype(object) if wide else part for part in parts])
    return integers(joined.tolist()) if wide else joined


def undecided(front: Front, keys: Sequence[Any]) -> Any:
    """Which of these vectors may be on a front with the points of this one; the others are surely bettered by some.

    It costs far less than a merge, and most points of a large space end here.
    """
    if len(front.keys) != 2 or any(key.dtype == object for key in (*front.keys, *keys)):
        alive = np.ones(len(keys[0]), dtype=bool)
        for i in range(0, front.size, front.size // SCOUTS + 1):
            notworse = np.logical_and.reduce([ours[i] <= key for ours, key in zip(front.keys, keys, strict=True)])
            equal = np.logical_and.reduce([ours[i] == key for ours, key in zip(front.keys, keys, strict=True)])
            alive &= ~notworse | equal
        return alive
    if not front.size:
        return np.ones(len(keys[0]), dtype=bool)
    before = np.searchsorted(front.keys[0], keys[0], side="right") - 1  # the last whose first key is not larger
    first, second = (key[np.maximum(before, 0)] for key in front.keys)
    bettered = (second < keys[1]) | ((second == keys[1]) & (first < keys[0]))
    return (before < 0) | ~bettered


def front_of(points: Front) -> Front:
    """Of any points, those that are on their front. Raises UsageError where they are too many."""
    if not points.size:
        return points
    ranks = [_ranked(key) for key in points.keys]
    order = np.lexsort([_ranked(points.numbers), *reversed(ranks)])
    ranks = [rank[order] for rank in ranks]
    new = np.ones(len(order), dtype=bool)  # where a vector of objectives is met first
    new[1:] = False
    for rank in ranks:
        new[1:] |= rank[1:] != rank[:-1]
    starts = np.flatnonzero(new)
    same = np.add.reduceat(points.same[order], starts)
    best = _undominated([rank[starts] for rank in ranks])
    if np.count_nonzero(best) > MAX_FRONT:
        help_ = "choose fewer objectives, or smaller budgets"
        raise UsageError(Problem(f"the front has more than {MAX_FRONT:,} points", None, help_))
    return points.take(order[starts[best]])._replace(same=same[best])


def _ranked(values: Any) -> Any:
    """Integers of 64 bits in the same order."""
    return np.unique(values, return_inverse=True)[1].ravel() if values.dtype == object else values


def _undominated(keys: Sequence[Any]) -> Any:
    """Which of these distinct vectors, sorted by their first, second, ... key, no other betters in any key."""
    if len(keys) == 1:
        return np.arange(len(keys[0])) == 0
    if len(keys) == 2:  # with the first key rising, the second must be a new minimum
        lowest = np.minimum.accumulate(keys[1])
        best = np.ones(len(lowest), dtype=bool)
        best[1:] = keys[1][1:] < lowest[:-1]
        return best
    if len(keys) == 3:
        return _undominated_steps(keys[1].tolist(), keys[2].tolist())
    return _undominated_blocks(np.stack(keys[1:], axis=1))


def _undominated_steps(second: list[int], third: list[int]) -> Any:
    """The same for three keys: the second and third keys seen so far bound a staircase, and a point must lie below."""
    best = np.zeros(len(second), dtype=bool)
    rises: list[int] = []  # the second keys of the steps, rising; their third keys fall
    heights: list[int] = []
    for i, (x, y) in enumerate(zip(second, third, strict=True)):
        place = bisect_right(rises, x)
        if place and heights[place - 1] <= y:
            continue
        best[i] = True
        place -= bool(place and rises[place - 1] == x)
        end = place
        while end < len(heights) and heights[end] >= y:
            end += 1
        rises[place:end], heights[place:end] = [x], [y]
    return best


def _undominated_blocks(keys: Any) -> Any:
    """The same for more keys: only what stands before a vector can better it."""
    best = np.zeros(len(keys), dtype=bool)
    front = keys[:0]
    for start in range(0, len(keys), BLOCK):
        block = keys[start : start + BLOCK]
        alive = np.arange(len(block))
        for known in front:  # what the blocks before it better
            alive = alive[~(known <= block[alive]).all(axis=1)]
            if not len(alive):
                break
        found = []
        while len(alive):  # the first that is left is on the front; out goes what it betters
            first = block[alive[0]]
            found.append(alive[0])
            alive = alive[1:][~(first <= block[alive[1:]]).all(axis=1)]
        best[start + np.array(found, dtype=np.int64)] = True
        front = np.concatenate([front, block[found]]) if found else front
    return best
