"""A search of a design space: what is asked (`Task`), and the outcome of any part of it, a pure function of both.

A task is text and plain values, so it can be sent to any process on any machine. The points of a search are numbered;
the outcomes of parts that do not overlap merge to the outcome of the whole, whatever the parts and their order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from costcalc.budgets import METRICS, SHORT, STORED, Budget, read_total
from costcalc.cost import Convention
from costcalc.errors import Problem, Source, UsageError, unknown
from costcalc.explore.counter import Counted, Counter
from costcalc.explore.front import Front, front_of, integers, merge, undecided
from costcalc.explore.grid import WIDE, Points
from costcalc.explore.space import Space, read_space
from costcalc.expression import Expression
from costcalc.number import is_number
from costcalc.spec import parse_document
from costcalc.spec.hyperparameters import shown
from costcalc.version import VERSION

WORDS = 4  # 64-bit words in a block of the random numbers
EVERY, SAMPLE, EVOLVE = "every", "sample", "evolve"  # the ways to search


class Objective(NamedTuple):
    """A total, or a hyper-parameter or cell that takes numbers, to be made large or small."""

    name: str
    maximize: bool

    def __str__(self) -> str:
        return f"{'most' if self.maximize else 'least'} {self.name}"


class Task(NamedTuple):
    """All that an outcome depends on."""

    spec: Source
    space: Source
    fixed: Mapping[str, Any]
    convention: Convention
    batch: int
    dtype: str
    objectives: tuple[Objective, ...]
    budgets: tuple[Budget, ...]
    way: str = EVERY
    points: int = 0  # of a sample or an evolution
    seed: int = 0
    version: str = VERSION

    @property
    def described(self) -> dict[str, str]:
        """Every part as text; two tasks with the same texts have the same outcome."""
        rules = {k: r.text if isinstance(r, Expression) else str(r) for k, r in self.convention.rules.items()}
        return {
            "version": self.version,
            "spec": hashlib.sha256(self.spec.text.encode()).hexdigest(),
            "space": hashlib.sha256(self.space.text.encode()).hexdigest(),
            "settings": ", ".join(f"{name}={shown(value)}" for name, value in self.fixed.items()) or "none",
            "convention": f"{self.convention.name} {json.dumps(rules, sort_keys=True)}",
            "batch": str(self.batch),
            "dtype": self.dtype,
            "objectives": ", ".join(map(str, self.objectives)),
            "budgets": ", ".join(f"{b.metric}={b.limit}" for b in self.budgets) or "none",
            "way": self.way if self.way == EVERY else f"{self.way} {self.points}, seed {self.seed}",
        }

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.described).encode()).hexdigest()


class Outcome(NamedTuple):
    """What was found in some points; `least` and `most` of each total are over all that could be built."""

    visited: int
    built: int
    kept: int  # within the budgets
    fault: tuple[int, int] | None  # the first that cannot be built: where it came up, and the number of the point
    least: Mapping[str, int]
    most: Mapping[str, int]
    front: Front


def merged(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of all the points of these."""
    parts = list(outcomes)
    return Outcome(
        sum(part.visited for part in parts),
        sum(part.built for part in parts),
        sum(part.kept for part in parts),
        min((part.fault for part in parts if part.fault is not None), default=None),
        {m: min(p.least[m] for p in parts if m in p.least) for m in dict.fromkeys(m for p in parts for m in p.least)},
        {m: max(p.most[m] for p in parts if m in p.most) for m in dict.fromkeys(m for p in parts for m in p.most)},
        merge([part.front for part in parts]),
    )


class Search:
    """A task made ready: its space read, its spec compiled by the counter as far as points have asked for."""

    def __init__(self, task: Task, space: Space | None = None) -> None:
        self.task = task
        self.space = space or read_space(parse_document(task.spec), task.space)
        self.grid = self.space.grid
        self.metrics = metrics_of(task)
        self.counter = Counter(
            self.space.document, self.metrics, task.fixed, task.convention, task.batch, task.dtype
        )  # fmt: skip

    @property
    def total(self) -> int:
        """How many points are to be visited."""
        return self.grid.size if self.task.way == EVERY else self.task.points

    def points(self, start: int, stop: int) -> Points:
        """The points that are visited as number `start` to `stop`; those of a sample are drawn with replacement."""
        if self.task.way == EVERY:
            return self.grid.points(start, stop)
        width = -(-len(self.grid.axes) // WORDS) * WORDS
        stream = np.random.Philox(key=self.task.seed)
        stream.advance(start * width // WORDS)
        drawn = stream.random_raw((stop - start) * width).reshape(-1, width)
        sizes = [np.uint64(len(axis.values)) for axis in self.grid.axes]
        codes = [(column % size).astype(np.int64) for column, size in zip(drawn.T, sizes, strict=False)]
        return Points(self.grid.axes, codes)

    @cached_property
    def strides(self) -> list[int]:
        """How far apart in the grid the neighbours on each axis are."""
        strides = [1]
        for axis in reversed(self.grid.axes[1:]):
            strides.append(strides[-1] * len(axis.values))
        return strides[::-1]

    def numbers(self, points: Points) -> Any:
        """The numbers of these points in the grid."""
        kind: Any = object if self.grid.size >= WIDE else np.int64
        return sum(codes.astype(kind) * stride for codes, stride in zip(points.codes, self.strides, strict=True))

    @cached_property
    def ranks(self) -> dict[str, Any]:
        """For each objective that is an axis: by code, the place of its value among the others, from the smallest."""
        values = {axis.name: axis.values for axis in self.grid.axes}
        ranks = {}
        for name in (o.name for o in self.task.objectives if o.name in values):
            order = sorted(range(len(values[name])), key=values[name].__getitem__)
            ranks[name] = np.argsort(np.array(order, dtype=np.int64))
        return ranks

    def keys(self, points: Points, counted: Counted) -> tuple[Any, ...]:
        """The objectives as numbers to be made small."""
        codes = {axis.name: column for axis, column in zip(points.axes, points.codes, strict=True)}
        keys = []
        for name, maximize in self.task.objectives:
            key = self.ranks[name][codes[name]] if name in self.ranks else counted.totals[name]
            keys.append(-key if maximize else key)
        return tuple(keys)


class Tally:
    """The outcome so far of one part, as its points are counted chunk by chunk."""

    def __init__(self, search: Search) -> None:
        self.search = search
        none = np.zeros(0, dtype=np.int64)
        self.front = Front(tuple(none for _ in search.task.objectives), none, none, tuple(none for _ in search.metrics))
        self.visited = self.built = self.kept = 0
        self.fault: tuple[int, int] | None = None
        self.least: dict[str, int] = {}
        self.most: dict[str, int] = {}

    def add(self, points: Points, position: int) -> tuple[Counted, tuple[Any, ...], Any]:
        """Counts points that come up from `position` on; returns what was counted, the keys and which were kept."""
        search = self.search
        counted = search.counter.count(points)
        keep = np.ones(len(points), dtype=bool)
        if counted.faults:
            keep[list(counted.faults)] = False
            first = min(counted.faults)
            if self.fault is None:
                self.fault = position + first, int(search.numbers(points.take(slice(first, first + 1)))[0])
        built = int(np.count_nonzero(keep))
        self.visited += len(points)
        self.built += built
        if built:
            self.widen(counted, keep if built < len(points) else slice(None))
        for budget in search.task.budgets:
            keep &= np.asarray(counted.totals[budget.metric] <= budget.limit, dtype=bool)
        self.kept += int(np.count_nonzero(keep))
        keys = search.keys(points, counted)
        self.offer(points, counted, keys, keep)
        return counted, keys, keep

    def widen(self, counted: Counted, which: Any) -> None:
        for metric, values in counted.totals.items():
            low, high = int(values[which].min()), int(values[which].max())
            self.least[metric] = min(low, self.least.get(metric, low))
            self.most[metric] = max(high, self.most.get(metric, high))

    def offer(self, points: Points, counted: Counted, keys: tuple[Any, ...], keep: Any) -> None:
        """Puts on the front what belongs there."""
        chosen = np.flatnonzero(keep)
        chosen = chosen[undecided(self.front, [key[chosen] for key in keys])]
        if len(chosen):
            carried = tuple(counted.totals[metric][chosen] for metric in self.search.metrics)
            numbers = self.search.numbers(points.take(chosen))
            new = Front(tuple(key[chosen] for key in keys), numbers, np.ones(len(chosen), dtype=np.int64), carried)
            self.front = merge([self.front, front_of(new)])

    def outcome(self) -> Outcome:
        return Outcome(self.visited, self.built, self.kept, self.fault, self.least, self.most, self.front)


def metrics_of(task: Task) -> tuple[str, ...]:
    """The totals that are counted: parameters, MAdds, the convention's count, and what objectives and budgets ask."""
    asked = [o.name for o in task.objectives if o.name in (*METRICS, *STORED)] + [b.metric for b in task.budgets]
    count = ["count"] if task.convention.name != "paper" else []
    return tuple(metric for metric in (*METRICS, *STORED) if metric in {"params", "madds", *count, *asked})


def read_objectives(large: Iterable[str], small: Iterable[str], space: Space) -> tuple[Objective, ...]:
    """The objectives of `--maximize` and `--minimize`; the most parameters for the least MAdds if there are none.

    Raises UsageError for what is no total and no number of the space, and for a name given twice.
    """
    axes = {axis.name: axis for axis in space.grid.axes}
    numeric = [name for name, axis in axes.items() if all(map(is_number, axis.values))]
    found: list[Objective] = []
    for name, maximize in [*((n, True) for n in large), *((n, False) for n in small)]:
        if name in axes and name not in numeric:
            help_ = "an objective is a number; these are words or truth values"
            raise UsageError(Problem(f"`{name}` has no largest and smallest value", None, help_))
        if name not in axes and name.replace("-", "_") not in (*METRICS, *SHORT, *STORED):
            raise UsageError(unknown("objective", name, [*METRICS, *numeric]))
        found.append(Objective(name if name in axes else read_total(name), maximize))
    names = [objective.name for objective in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(Problem(f"`{name}` is an objective twice", None, "keep one direction"))
    return tuple(found) or (Objective("params", True), Objective("madds", False))


def as_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as plain lists and integers."""
    columns = {name: column.tolist() for name, column in zip(("numbers", "same"), outcome.front[1:3], strict=True)}
    front = {"keys": [k.tolist() for k in outcome.front.keys], **columns}
    return {**outcome._asdict(), "front": {**front, "carried": [c.tolist() for c in outcome.front.carried]}}


def from_json(record: Mapping[str, Any]) -> Outcome:
    """The outcome of `as_json`."""
    front = record["front"]
    keys, carried = (tuple(map(integers, front[part])) for part in ("keys", "carried"))
    fault = tuple(record["fault"]) if record["fault"] else None
    return Outcome(**{**record, "fault": fault,
                      "front": Front(keys, integers(front["numbers"]), integers(front["same"]), carried)})  # fmt: skip
