"""Counts one spec at many settings: the totals of every point, and why some points cannot be built.

A spec is counted once with symbols, and the expressions are evaluated at all points that meet the same conditions (see
`ways`). So structure that depends on a hyper-parameter needs no special case.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from costcalc.cost import Convention, load_convention
from costcalc.errors import CostcalcError
from costcalc.explore.faults import Faults
from costcalc.explore.grid import WIDE, Axis, Points
from costcalc.explore.tracing import Way, must_be_whole, trace
from costcalc.explore.ways import Job, Tree, View
from costcalc.expression import Expression
from costcalc.number import is_number
from costcalc.number.tape import Buffers
from costcalc.spec import Document
from costcalc.spec.hyperparameters import HyperParameter, settings

CHUNK = 16_384  # points evaluated at once: their columns fit into a cache
FEW = 8  # combinations of choices that are each worth an expression of its own


class Counted(NamedTuple):
    """The totals of some points, each metric an array of exact integers; `faults` says which have none, and why."""

    totals: Mapping[str, Any]
    faults: Mapping[int, str]


class Counter:
    """Counts `metrics` of a document at any settings; hyper-parameters that a point does not set are as in `fixed`."""

    def __init__(
        self,
        document: Document,
        metrics: Sequence[str] = ("params", "madds"),
        fixed: Mapping[str, Any] | None = None,
        convention: str | Convention = "paper",
        batch: int = 1,
        dtype: str = "float32",
    ) -> None:
        self.document, self.metrics, self.fixed = document, tuple(metrics), dict(fixed or {})
        self.way = Way(convention, batch, dtype)
        windows = "count" in self.metrics and _by_taps(convention)
        self.job = Job(document, self.metrics, self.fixed, self.way, windows, Buffers())
        self._trees: dict[Any, Tree] = {}
        self._whole: dict[Any, frozenset[str]] = {}
        self._views: dict[Any, View] = {}
        self._look: _Look | None = None

    def count(self, points: Points) -> Counted:
        """The totals at these points; 0 where a point has a fault. Raises UsageError for an unknown hyper-parameter."""
        look = self._look_at(points.axes)
        totals = {metric: np.zeros(len(points), dtype=np.int64) for metric in self.metrics}
        faults: dict[int, str] = {}
        for start in range(0, len(points), CHUNK):
            chunk = points.take(slice(start, start + CHUNK)) if len(points) > CHUNK else points
            for view, indices in self._views_of(look, chunk):
                for found, where in view.evaluate(chunk, indices):
                    if isinstance(found, str):
                        faults.update(dict.fromkeys((start + where).tolist(), found))
                        continue
                    place = slice(start, start + len(chunk)) if where is None else start + where
                    for metric, values in zip(self.metrics, found, strict=True):
                        if values.dtype == object and totals[metric].dtype != object:
                            totals[metric] = totals[metric].astype(object)
                        totals[metric][place] = values
        told = Faults(lambda i: self.job.plainly(points, i), faults)
        return Counted({metric: _narrowed(values) for metric, values in totals.items()}, told)

    def _look_at(self, axes: tuple[Axis, ...]) -> _Look:
        """Prepares for points on these axes, which may be many calls."""
        if self._look is not None and axes is self._look.axes:
            return self._look
        declared = {p.name: p for p in self.document.hyperparameters}
        unknown = {a.name: 1 for a in axes if a.name not in declared} | {n: 1 for n in self.fixed if n not in declared}
        if unknown:
            settings(self.document.hyperparameters, unknown)  # raises
        self._look, self._views = _Look.of(axes, declared), {}
        return self._look

    def _views_of(self, look: _Look, points: Points) -> Iterator[tuple[View, Any]]:
        """The points in groups that agree on words, truth values, and on what is a fraction where it must be whole."""
        for key, indices in look.groups(points):
            first = points.setting(0 if indices is None else int(indices[0]))
            words = {look.axes[i].name: first[look.axes[i].name] for i in look.named}
            whole = self._whole_names(look.free, words, first)
            for fractional, where in look.parted(points, indices, whole):
                yield self._view(look, key, words, whole - fractional), where

    def _whole_names(self, free: tuple[str, ...], words: dict[str, Any], point: dict[str, Any]) -> frozenset[str]:
        """The hyper-parameters that must be whole numbers, as seen at a point, or where it fails at the defaults too.

        Whether all of them are found matters for speed alone: what else must be whole is asked as a condition.
        """
        key: Any = free if free in self._whole else (free, str(words))
        if key not in self._whole:
            names: frozenset[str] = frozenset()
            for setting in (self.fixed | point, {n: v for n, v in (self.fixed | words).items() if n not in free}):
                try:
                    full = settings(self.document.hyperparameters, setting)
                except CostcalcError:
                    continue
                given = {n: value for n, value in full.items() if n in free or n in setting}
                found = trace(self.document, given, free, way=self.way)
                names |= must_be_whole(found.trace.conditions, found.trace.graph)
                if found.report is not None:
                    key = free  # seen for all words
                    break
            self._whole[key] = names
        return self._whole[key]

    def _view(self, look: _Look, key: int, words: dict[str, Any], whole: frozenset[str]) -> View:
        if (key, whole) not in self._views:
            identity = str((sorted(words.items()), look.free, sorted(whole)))
            tree = self._trees.setdefault(identity, Tree(self.job, words, look.free, whole))
            self._views[key, whole] = View(tree, look.axes)
        return self._views[key, whole]


class _Look(NamedTuple):
    """What is to know of some axes: those with words, truth values or choices, the others, and which have fractions."""

    axes: tuple[Axis, ...]
    named: tuple[int, ...]
    free: tuple[str, ...]
    fractions: Mapping[int, Any]  # axis: for each of its values whether it is one; no axis that has none

    @classmethod
    def of(cls, axes: tuple[Axis, ...], declared: Mapping[str, HyperParameter]) -> _Look:
        named, combinations = [], 1
        for i, axis in enumerate(axes):
            if not all(map(is_number, axis.values)):
                named.append(i)
            elif declared[axis.name].choices and combinations * len(axis.values) <= FEW:
                named.append(i)
                combinations *= len(axis.values)
        numeric = [(i, axis) for i, axis in enumerate(axes) if i not in named]
        tables = {i: np.array([value.denominator != 1 for value in axis.values]) for i, axis in numeric}
        fractions = {i: table for i, table in tables.items() if table.any()}
        return cls(axes, tuple(named), tuple(axis.name for _, axis in numeric), fractions)

    def groups(self, points: Points) -> Iterator[tuple[int, Any]]:
        """The points (None: all) that agree on all named axes, with a key of the values they have there."""
        if not self.named:
            yield 0, None
            return
        size = math.prod(len(self.axes[i].values) for i in self.named)
        keys: Any = 0
        for i in self.named:
            keys = keys * len(self.axes[i].values) + points.codes[i].astype(np.int64 if size < WIDE else object)
        for key in np.flatnonzero(np.bincount(keys)) if size <= CHUNK else np.unique(keys):
            yield int(key), np.flatnonzero(keys == key)

    def parted(self, points: Points, indices: Any, whole: frozenset[str]) -> list[tuple[frozenset[str], Any]]:
        """The points (None: all) by which of the hyper-parameters that must be whole are fractions."""
        pending = [(frozenset[str](), indices)]
        for i, table in self.fractions.items():
            if self.axes[i].name not in whole:
                continue
            fraction, split = table[points.codes[i]], []
            for names, where in pending:
                where = np.arange(len(points)) if where is None else where
                mask = fraction[where]
                split += [(names, where[~mask]), (names | {self.axes[i].name}, where[mask])]
            pending = [(names, where) for names, where in split if len(where)]
        return pending


def _by_taps(convention: str | Convention) -> bool:
    """Whether the count depends on which taps of a window lie on its input."""
    try:
        rules = (load_convention(convention) if isinstance(convention, str) else convention).rules
    except CostcalcError:
        return False  # every count will say what is wrong with it
    expressions = [rule for rule in rules.values() if isinstance(rule, Expression)]
    return any(name == "valid_macs" for rule in expressions for name, _, _ in rule.names())


def _narrowed(values: Any) -> Any:
    """Python's integers as 64 bits, where all of them fit."""
    if values.dtype == object and len(values) and max(map(abs, values)) < 2**63:
        return values.astype(np.int64)
    return values
