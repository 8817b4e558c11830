"""Budgets turned into settings: the largest that stay within them, exactly, and none that could be larger.

One hyper-parameter gives a threshold. Several give a frontier: all settings that fit and that no other one that fits
surpasses, each hyper-parameter taken as it is written: larger is larger. Each solution is counted once more, in plain
integers, before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from costcalc.budgets import Budget
from costcalc.cost import Convention, Report, count
from costcalc.errors import CostcalcError, Problem, UsageError
from costcalc.explore.counter import Counter
from costcalc.explore.fitted import ClosedForm, Fit, Miss, Solution, Threshold
from costcalc.explore.grid import Grid
from costcalc.explore.ideal import closed_form
from costcalc.explore.line import Line
from costcalc.explore.threshold import Search
from costcalc.explore.vary import Varied, read_vary, varied
from costcalc.spec import Document, build_network

MAX_SETTINGS = 2_000_000  # on a grid
MAX_LINES = 1_000  # combinations for each of which a hyper-parameter is solved for
MAX_SOLUTIONS = 2_000
CHUNK = 65_536


def fit(
    document: Document,
    budgets: Sequence[Budget],
    vary: Iterable[str],
    given: Mapping[str, Any] | None = None,
    convention: str | Convention = "paper",
    batch: int = 1,
    dtype: str = "float32",
) -> Fit:
    """The largest settings of a document within budgets; `vary` names what may vary, with ranges (see `read_vary`).

    Raises UsageError and SpecError.
    """
    if not budgets:
        raise UsageError(Problem("there is no budget", None, "as in `--max-madds 300M`"))
    counter = Counter(document, [b.metric for b in budgets], given, convention, batch, dtype)
    free = varied(counter, read_vary(vary, document.hyperparameters))
    return _Fitting(counter, tuple(budgets), free).fit()


class _Fitting:
    """One fit: what is counted, within what, and what varies."""

    def __init__(self, counter: Counter, budgets: tuple[Budget, ...], free: Varied) -> None:
        self.counter, self.budgets, self.free = counter, budgets, free
        self.grid = Grid(free.axes)
        self.misses: list[Miss] = []
        largest = MAX_LINES if free.exact else MAX_SETTINGS
        if self.grid.size > largest:
            message = f"{self.grid.size:,} combinations of {', '.join(f'`{axis.name}`' for axis in free.axes)}"
            help_ = f"at most {largest:,}" + (f" when `{free.exact.name}` is solved for" if free.exact else "")
            raise UsageError(Problem(message, None, f"{help_}; use larger steps"))

    def fit(self) -> Fit:
        thresholds = self.thresholds() if self.free.exact else {}
        ranks = self.ranked(thresholds) if self.free.exact else self.fitting()
        kept = maximal(ranks, [len(axis.values) for axis in self.free.axes], self.free.ordered())
        if len(kept) > MAX_SOLUTIONS:
            message = f"{len(kept):,} settings fit that none surpasses"
            raise UsageError(Problem(message, None, f"at most {MAX_SOLUTIONS:,}; use larger steps"))
        solutions = [self.solution(i, thresholds.get(i)) for i in reversed(kept)]
        uncounted = dict.fromkeys(name for s in solutions for name in s.report.lacking(b.metric for b in self.budgets))
        if uncounted:
            solutions = []
        if not solutions and not self.misses and not uncounted:
            self.report(self.grid.points(0, 1).setting(0))  # raises, and says what is wrong there
        closest = min(self.misses, key=lambda miss: miss.ratio, default=None)
        return Fit(
            self.base(solutions), self.budgets, self.free.names, self.free.exact.name if self.free.exact else None,
            self.grid.size, tuple(solutions), closest, self.ideals(solutions), tuple(uncounted),
            {axis.name: axis.values for axis in self.free.axes},
        )  # fmt: skip

    # -- all settings of a grid --------------------------------------------------------------------------------------

    def fitting(self) -> Any:
        """1 for each setting of the grid that fits, 0 for the others."""
        ranks = np.zeros(self.grid.size, dtype=np.int64)
        for start in range(0, self.grid.size, CHUNK):
            points = self.grid.points(start, start + CHUNK)
            counted = self.counter.count(points)
            fits = np.ones(len(points), dtype=bool)
            fits[list(counted.faults)] = False
            built = np.flatnonzero(fits)
            for budget in self.budgets:
                fits &= counted.totals[budget.metric] <= budget.limit
            ranks[start : start + len(points)] = fits
            if not ranks.any() and len(built):
                self.misses.append(self.closest(points, counted.totals, built))
        return ranks

    def closest(self, points: Any, totals: Mapping[str, Any], built: Any) -> Miss:
        """Of these points, none of which fits, the one that exceeds the budgets least."""
        common = int(np.prod([max(b.limit, 1) for b in self.budgets], dtype=object))
        worst = np.zeros(len(built), dtype=object)
        for b in self.budgets:
            worst = np.maximum(worst, totals[b.metric][built].astype(object) * (common // max(b.limit, 1)))
        i = int(built[int(np.argmin(worst))])
        found = {b.metric: int(totals[b.metric][i]) for b in self.budgets}
        over = {b.metric: -b.headroom(found) for b in self.budgets if b.headroom(found) < 0}
        return Miss(points.setting(i), found, over, Fraction(int(worst.min()), common))

    # -- one hyper-parameter solved for ------------------------------------------------------------------------------

    def thresholds(self) -> dict[int, Threshold]:
        """The threshold for each combination of the others for which there is one."""
        found = {}
        for i in range(self.grid.size):
            try:
                line = Line(self.counter, self.free.exact, self.grid.points(i, i + 1).setting(0))  # type: ignore[arg-type]
            except UsageError:  # its default cannot be had here
                if self.grid.size == 1:
                    raise
                continue
            search = Search(line, self.budgets)
            threshold = search.largest()
            if threshold is not None:
                found[i] = threshold
            elif (miss := search.closest()) is not None:
                self.misses.append(miss)
        return found

    def ranked(self, thresholds: Mapping[int, Threshold]) -> Any:
        """For each combination the rank of its threshold among all of them; 0 where it has none."""
        keys = {
            i: (t.bound is None, t.value if t.bound is None else t.bound, t.included) for i, t in thresholds.items()
        }
        order = {key: rank for rank, key in enumerate(sorted(set(keys.values())), 1)}
        return np.array([order[keys[i]] if i in keys else 0 for i in range(self.grid.size)], dtype=np.int64)

    # -- what is told ------------------------------------------------------------------------------------------------

    def solution(self, i: int, threshold: Threshold | None) -> Solution:
        """The setting of a combination, counted again. A difference is a bug of ours, and nobody is to build on it."""
        setting = self.grid.points(i, i + 1).setting(0)
        if threshold is not None:
            setting[threshold.name] = threshold.value
        report = self.report(setting)
        if any(b.headroom(report.totals._asdict()) < 0 for b in self.budgets):
            raise ArithmeticError(f"the setting {setting} does not fit when it is counted again")
        return Solution(report, {name: setting[name] for name in self.free.names}, threshold)

    def report(self, setting: Mapping[str, Any]) -> Report:
        counter = self.counter
        return count(build_network(counter.document, {**counter.fixed, **setting}), *counter.way)

    def ideals(self, solutions: Sequence[Solution]) -> tuple[ClosedForm, ...]:
        """The closed forms beside the only threshold, in the order of the budgets."""
        if len(self.free.names) > 1 or not solutions or (t := solutions[0].threshold) is None or t.bound is None:
            return ()
        counter, setting = self.counter, self.counter.fixed | {t.name: t.value}
        forms = (closed_form(counter.document, setting, t.name, budget, counter.way) for budget in self.budgets)
        return tuple(ClosedForm(f.name, f.budget.metric, f.text, f.value) for f in forms if f is not None)

    def base(self, solutions: Sequence[Solution]) -> Report:
        """The network as it is given; where it cannot be built so, that of a solution or a miss. Raises UsageError."""
        try:
            return self.report({})
        except CostcalcError:
            if solutions:
                return solutions[0].report
            if self.misses:
                return self.report(self.misses[0].varied)
            raise


def maximal(ranks: Any, sizes: Sequence[int], ordered: Sequence[bool]) -> list[int]:
    """Which combinations no other one surpasses: one that is nowhere smaller and somewhere larger, or of higher rank.

    Combinations of rank 0 do not count. Axes that are not ordered are compared among equals alone.
    """
    table = ranks.reshape(sizes)
    best = table
    axes = [axis for axis, rising in enumerate(ordered) if rising]
    for axis in axes:  # the highest rank at or above each combination
        best = np.flip(np.maximum.accumulate(np.flip(best, axis), axis), axis)
    surpassed = np.zeros(table.shape, dtype=bool)
    for axis in axes:
        above = np.zeros_like(best)
        if best.shape[axis] > 1:
            stop = [slice(None)] * best.ndim
            start = list(stop)
            stop[axis], start[axis] = slice(None, -1), slice(1, None)
            above[tuple(stop)] = best[tuple(start)]
        surpassed |= above >= np.maximum(table, 1)
    return [int(i) for i in np.flatnonzero((table > 0) & ~surpassed)]
