"""Evolution for spaces that are too large to visit whole: NSGA-II on islands, in exact integers throughout.

Source: Deb et al. 2002, A fast and elitist multiobjective genetic algorithm: NSGA-II. A point within the budgets is
better than any that is not, and of two that are not, the one that exceeds them less. An island is one shard: it knows
nothing of the others, and its random numbers come from the seed and its own number alone, so the result does not
depend on where or when it is evaluated. What is kept is the front of all that was visited, not the last generation.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np

from costcalc.explore.grid import Points
from costcalc.explore.search import Outcome, Search, Tally

ISLAND = 32_768  # points that an island visits
POPULATION = 256
TRIES = 8  # times that offspring which were all visited before are bred anew
FINE = 2**20  # parts of the whole range in which the gaps between neighbours are measured


class Dice:
    """Random integers that are the same on every machine: a bit stream, not a distribution of a library."""

    def __init__(self, seed: int, island: int) -> None:
        self.stream = np.random.Philox(key=seed + (island << 64))

    def below(self, sizes: Any, count: int) -> Any:
        """`count` rows of integers, in each column below the size given for it."""
        limits = np.asarray(sizes, dtype=np.uint64)
        drawn = self.stream.random_raw(count * len(limits)).reshape(count, len(limits))
        return (drawn % limits).astype(np.int64)


class Island:
    """A population and everything it has visited."""

    def __init__(self, search: Search, start: int, stop: int) -> None:
        self.search, self.position, self.stop = search, start, stop
        self.dice = Dice(search.task.seed, start // ISLAND)
        self.sizes = [len(axis.values) for axis in search.grid.axes]
        self.tally = Tally(search)
        self.seen: set[int] = set()
        self.codes = np.zeros((0, len(self.sizes)), dtype=np.int64)
        self.rows: list[tuple[Any, ...]] = []  # of each member: what it exceeds the budgets by, then its keys

    def new(self, codes: Any) -> Any:
        """Those of the points that were not visited yet, each once, as many as may still be."""
        chosen: list[int] = []
        points = Points(self.search.grid.axes, list(codes.T))
        for i, number in enumerate(self.search.numbers(points).tolist()):
            if number not in self.seen and len(chosen) < self.stop - self.position:
                self.seen.add(number)
                chosen.append(i)
        return codes[chosen]

    def visit(self, codes: Any) -> None:
        """Counts points and lets them compete with the population."""
        points = Points(self.search.grid.axes, list(codes.T))
        counted, keys, _ = self.tally.add(points, self.position)
        self.position += len(codes)
        product = 1
        for budget in self.search.task.budgets:
            product *= max(budget.limit, 1)
        excess = np.zeros(len(codes), dtype=object)
        for metric, limit, _ in self.search.task.budgets:
            over = counted.totals[metric].astype(object) - limit
            excess += np.where(over > 0, over, 0) * (product // max(limit, 1))
        columns = [excess.tolist(), *(key.tolist() for key in keys)]
        built = [i for i in range(len(codes)) if i not in counted.faults]
        self.codes = np.concatenate([self.codes, codes[built]])
        self.rows += [tuple(column[i] for column in columns) for i in built]
        self.select()

    def select(self) -> None:
        """Keeps the best of the population, front by front, of the last one those with the widest gaps around them."""
        order: list[int] = []
        for front in fronts(self.rows):
            gaps = crowding([self.rows[i][1:] for i in front])
            order += [i for _, i in sorted(zip(gaps, front, strict=True), key=lambda pair: (-pair[0], pair[1]))]
        order = order[:POPULATION]
        self.codes = self.codes[order]
        self.rows = [self.rows[i] for i in order]

    def offspring(self) -> Any:
        """Children of parents that won a duel: each choice from either, and one or a few of them changed."""
        count, width = len(self.rows), len(self.sizes)
        if count == 0:
            return self.dice.below(self.sizes, POPULATION)
        duels = self.dice.below([count, count], 2 * POPULATION).min(axis=1)  # the population is sorted, best first
        mothers, fathers = self.codes[duels[:POPULATION]], self.codes[duels[POPULATION:]]
        children = np.where(self.dice.below([2] * width, POPULATION) == 0, mothers, fathers)
        changed = self.dice.below([width] * width, POPULATION) == 0
        return np.where(changed, self.dice.below(self.sizes, POPULATION), children)


def evolve(search: Search, start: int, stop: int, step: Callable[[int], None]) -> Outcome:
    """The outcome of the island that visits points `start` to `stop`, or fewer where there are no more."""
    island = Island(search, start, stop)
    codes = island.new(island.dice.below(island.sizes, POPULATION))
    while len(codes):
        island.visit(codes)
        step(len(codes))
        codes = island.new(island.offspring())
        for _ in range(TRIES):
            if not len(codes):
                codes = island.new(island.dice.below(island.sizes, POPULATION))
    return island.tally.outcome()


def fronts(rows: list[tuple[Any, ...]]) -> list[list[int]]:
    """The indices of the best, of the best of the others, and so on, until a population is full."""
    kept = [i for i, row in enumerate(rows) if not row[0]]
    exceeding = sorted((row[0], i) for i, row in enumerate(rows) if row[0])
    found = _peeled(kept, rows)
    taken = len(kept)
    for _, group in groupby(exceeding, key=lambda pair: pair[0]):
        if taken >= POPULATION:
            break
        found.append([i for _, i in group])
        taken += len(found[-1])
    return found


def _peeled(kept: list[int], rows: list[tuple[Any, ...]]) -> list[list[int]]:
    """The fronts of the points within the budgets, until a population is full."""
    if not kept:
        return []
    keys = [np.unique(np.array(column, dtype=object), return_inverse=True)[1].ravel() for column in zip(
        *(rows[i][1:] for i in kept), strict=True)]  # fmt: skip
    notworse = np.logical_and.reduce([key[:, None] <= key[None, :] for key in keys])
    better = notworse & ~notworse.T
    over = better.sum(axis=0)  # how many better each
    found: list[list[int]] = []
    taken = 0
    while taken < min(POPULATION, len(kept)):
        best = np.flatnonzero(over == 0)
        found.append([kept[i] for i in best.tolist()])
        taken += len(best)
        over -= better[best].sum(axis=0)
        over[best] = -1
    return found


def crowding(rows: list[tuple[int, ...]]) -> list[int]:
    """For each vector the sum of the gaps between its neighbours in each objective; the ends have the widest."""
    gaps = [0] * len(rows)
    for column in zip(*rows, strict=True):
        order = sorted(range(len(rows)), key=column.__getitem__)
        span = max(column[order[-1]] - column[order[0]], 1)
        for before, i, after in zip(order, order[1:], order[2:], strict=False):
            gaps[i] += (column[after] - column[before]) * FINE // span
        for end in (order[0], order[-1]):
            gaps[end] += len(column) * FINE
    return gaps
