"""Counts one spec at many settings: the totals of every point, and why some points cannot be built.

A spec is counted once with symbols, and the expressions are evaluated at all points that meet the same conditions. The
conditions form a tree: where points disagree on one, each side goes its own way, and a way that nobody went yet is
counted with symbols at its first point. So structure that depends on a hyper-parameter needs no special case.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from costcalc.cost import Convention, count, load_convention
from costcalc.errors import CostcalcError
from costcalc.explore.faults import Fault, Faults
from costcalc.explore.grid import Axis, Points
from costcalc.explore.tracing import Way, must_be_whole, trace
from costcalc.expression import Expression
from costcalc.number import is_number
from costcalc.number.graph import Affine, Graph
from costcalc.number.lowering import Lowering, factored
from costcalc.number.ranges import Ranges
from costcalc.number.tape import Buffers, Tape
from costcalc.number.traced import Condition
from costcalc.spec import Document, build_network
from costcalc.spec.hyperparameters import settings

CHUNK = 16_384  # points evaluated at once: their columns fit into a cache
RARE = 8  # points that are counted one by one before their way is worth an expression


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
        self.windows = "count" in self.metrics and _by_taps(convention)
        self.buffers = Buffers()
        self._trees: dict[Any, _Tree] = {}
        self._whole: dict[Any, frozenset[str]] = {}
        self._views: dict[Any, _View] = {}
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
        told = Faults(lambda i: self.plainly(points, i), faults)
        return Counted({metric: _narrowed(values) for metric, values in totals.items()}, told)

    def plainly(self, points: Points, i: int) -> list[int]:
        """The metrics of one point, counted in plain integers. Raises UsageError and SpecError."""
        totals = count(build_network(self.document, self.fixed | points.setting(i)), *self.way).totals
        return [getattr(totals, metric) for metric in self.metrics]

    def _look_at(self, axes: tuple[Axis, ...]) -> _Look:
        """Prepares for points on these axes, which may be many calls."""
        if self._look is not None and axes is self._look.axes:
            return self._look
        declared = {p.name for p in self.document.hyperparameters}
        unknown = {a.name: 1 for a in axes if a.name not in declared} | {n: 1 for n in self.fixed if n not in declared}
        if unknown:
            settings(self.document.hyperparameters, unknown)  # raises
        self._look, self._views = _Look.of(axes), {}
        return self._look

    def _views_of(self, look: _Look, points: Points) -> Iterator[tuple[_View, Any]]:
        """The points in groups that agree on words, truth values, and on what is a fraction where it must be whole."""
        axes, named, free, _ = look
        groups: list[tuple[tuple[int, ...], Any]] = [((), None)]
        if named:
            keys = np.stack([points.codes[i] for i in named])
            kinds, inverse = np.unique(keys, axis=1, return_inverse=True)
            groups = [(tuple(kinds[:, k].tolist()), np.nonzero(inverse.ravel() == k)[0]) for k in range(kinds.shape[1])]
        for key, indices in groups:
            words = {axes[i].name: axes[i].values[code] for i, code in zip(named, key, strict=True)}
            first = points.setting(0 if indices is None else int(indices[0]))
            whole = self._whole_names(free, words, first)
            for fractional, where in look.parted(points, indices, whole):
                yield self._view(axes, key, words, free, whole - fractional), where

    def _whole_names(self, free: tuple[str, ...], words: dict[str, Any], point: dict[str, Any]) -> frozenset[str]:
        """The hyper-parameters that must be whole numbers, as seen at a point, or where it fails at the defaults too.

        Whether all of them are found matters for speed alone: what else must be whole is asked as a condition.
        """
        key = free, str(words)
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
                    break
            self._whole[key] = names
        return self._whole[key]

    def _view(
        self, axes: tuple[Axis, ...], key: Any, words: dict[str, Any], free: tuple[str, ...], whole: frozenset[str]
    ) -> _View:
        if (key, whole) not in self._views:
            identity = str((sorted(words.items()), free, sorted(whole)))
            tree = self._trees.setdefault(identity, _Tree(self, words, free, whole))
            self._views[key, whole] = _View(tree, axes)
        return self._views[key, whole]


class _Look(NamedTuple):
    """What is to know of some axes: which have words or truth values, the others, and where these have fractions."""

    axes: tuple[Axis, ...]
    named: tuple[int, ...]
    free: tuple[str, ...]
    fractions: Mapping[int, Any]  # axis: for each of its values whether it is one; no axis that has none

    @classmethod
    def of(cls, axes: tuple[Axis, ...]) -> _Look:
        named = tuple(i for i, axis in enumerate(axes) if not all(map(is_number, axis.values)))
        numeric = [(i, axis) for i, axis in enumerate(axes) if i not in named]
        tables = {i: np.array([value.denominator != 1 for value in axis.values]) for i, axis in numeric}
        fractions = {i: table for i, table in tables.items() if table.any()}
        return cls(axes, named, tuple(axis.name for _, axis in numeric), fractions)

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


class _Branch:
    """A condition, and the two ways on from it; or a leaf: expressions for the metrics, or a fault; or nothing yet."""

    __slots__ = ("condition", "found", "visits", "ways")

    def __init__(self) -> None:
        self.visits = 0  # points that came here while it was nothing
        self.condition: Condition | None = None
        self.found: list[Affine] | str | None = None
        self.ways: dict[bool, _Branch] = {}


class _Tree:
    """What is known of the document at given words: the expressions, by the conditions under which they hold."""

    def __init__(self, counter: Counter, words: dict[str, Any], free: tuple[str, ...], whole: frozenset[str]) -> None:
        self.counter, self.words, self.free, self.whole = counter, words, free, whole
        self.graph = Graph()
        self.lowering = Lowering(self.graph)
        self.root = _Branch()

    def grow(self, setting: dict[str, Any]) -> None:
        """Counts with symbols at a point whose way is not known."""
        counter = self.counter
        given = counter.fixed | self.words | setting
        found = trace(counter.document, given, self.free, self.whole, counter.way, self.graph, windows=counter.windows)
        branch = self.root
        for condition in found.trace.conditions:
            asked = condition._replace(outcome=True)
            if branch.found is not None or branch.condition not in (None, asked):
                raise RuntimeError(f"two ways to {setting} that part without a condition")
            branch.condition = asked
            branch = branch.ways.setdefault(condition.outcome, _Branch())
        if branch.condition is not None:
            raise RuntimeError(f"the way to {setting} ends before another that it begins")
        if found.report is None:
            branch.found = Fault(found.fault, setting)
            return
        numbers = [getattr(found.report.totals, metric) for metric in counter.metrics]
        forms = [Affine(x) if isinstance(x, int) else x.form for x in numbers]
        branch.found = factored(self.graph, [self.lowering.whole(form) for form in forms])


class _View:
    """A tree seen from some axes: their values bound every expression, and decide most conditions for all points."""

    def __init__(self, tree: _Tree, axes: Sequence[Axis]) -> None:
        self.tree = tree
        self.free = [(i, axis) for i, axis in enumerate(axes) if axis.name in tree.free]
        self.denominators = {
            axis.name: 1 if axis.name in tree.whole else math.lcm(*(v.denominator for v in axis.values))
            for _, axis in self.free
        }
        self.numerators = [  # where they must be whole, the points of this view have no others
            _column([int(v * self.denominators[axis.name]) for v in axis.values]) for _, axis in self.free
        ]
        spans = {axis.name: (min(axis.values), max(axis.values)) for _, axis in self.free}
        self.ranges = Ranges(tree.graph, spans)
        self._decided: dict[int, bool | None] = {}
        self._tables: dict[int, tuple[int, Any] | None] = {}
        self._tapes: dict[int, tuple[Tape, list[int]]] = {}

    def evaluate(self, points: Points, indices: Any) -> Iterator[tuple[Any, Any]]:
        """For each leaf that points come to: their totals or their fault, and their indices (None for all)."""
        columns = [table[points.codes[i]] for (i, _), table in zip(self.free, self.numerators, strict=True)]
        pending = [(self.tree.root, indices)]
        while pending:
            branch, where = pending.pop()
            count_ = len(points) if where is None else len(where)
            condition = branch.condition
            if condition is not None:
                decided = self._decision(branch, condition)
                if decided is not None:
                    pending.append((branch.ways.setdefault(decided, _Branch()), where))
                    continue
                mask = self._mask(branch, condition, columns, points, where)
                where = np.arange(len(points)) if where is None else where
                for outcome, part in ((False, where[~mask]), (True, where[mask])):
                    if len(part):
                        pending.append((branch.ways.setdefault(outcome, _Branch()), part))
            elif branch.found is None and branch.visits + count_ <= RARE:
                branch.visits += count_
                yield from self._one_by_one(points, range(count_) if where is None else where)
            elif branch.found is None:
                first = points.setting(0 if where is None else int(where[0]))
                self.tree.grow({axis.name: first[axis.name] for _, axis in self.free})
                pending.append((branch, where))
            elif isinstance(branch.found, str):
                yield branch.found, np.arange(count_) if where is None else where
            else:
                yield self._run(branch, branch.found, columns, where, count_), where

    def _decision(self, branch: _Branch, condition: Condition) -> bool | None:
        """Whether the condition holds at all points of these axes, or at none; None where it depends on the point."""
        key = id(branch)
        if key not in self._decided:
            self._decided[key] = self.ranges.decided(condition)
        return self._decided[key]

    def _mask(self, branch: _Branch, condition: Condition, columns: list[Any], points: Points, where: Any) -> Any:
        """At which points the condition of a branch holds."""
        if id(branch) not in self._tables:
            self._tables[id(branch)] = self._table(branch, condition)
        if (table := self._tables[id(branch)]) is not None:
            axis, holds = table
            return holds[points.codes[axis] if where is None else points.codes[axis][where]]
        return self._holds(branch, condition, columns, where, len(points) if where is None else len(where))

    def _table(self, branch: _Branch, condition: Condition) -> tuple[int, Any] | None:
        """Of a condition on one hyper-parameter alone its axis, and for each value on it whether the condition holds."""
        names = self.tree.graph.symbols([condition.difference])
        axes = [(i, k, len(axis.values)) for k, (i, axis) in enumerate(self.free) if axis.name in names]
        if len(axes) != 1 or axes[0][2] > CHUNK:
            return None
        ((i, k, length),) = axes
        try:
            columns = [self.numerators[k] if j == k else None for j in range(len(self.free))]
            return i, self._holds(branch, condition, columns, None, length)
        except ZeroDivisionError:  # at a value that does not come here
            return None

    def _holds(self, branch: _Branch, condition: Condition, columns: list[Any], where: Any, points: int) -> Any:
        forms = [] if id(branch) in self._tapes else [self.tree.lowering.sign(condition.difference)]
        (values,) = self._run(branch, forms, columns, where, points, signs=True)
        compare = {"<": np.less, "<=": np.less_equal, "==": np.equal}[condition.relation]
        return compare(values, 0).astype(bool)

    def _one_by_one(self, points: Points, where: Any) -> Iterator[tuple[Any, Any]]:
        for i in map(int, where):
            try:
                yield [_column([value]) for value in self.tree.counter.plainly(points, i)], np.array([i])
            except CostcalcError as error:
                yield error.problems[0].message, np.array([i])

    def _run(
        self, branch: _Branch, forms: list[Affine], columns: list[Any], where: Any, points: int, signs: bool = False
    ) -> list[Any]:
        """What the tape of a branch gives, made of these expressions where it is not there yet."""
        graph = self.tree.graph
        if id(branch) not in self._tapes:
            symbols = {graph.nodes[n].parts[0]: n for n in graph.needed(forms) if graph.nodes[n].op == "symbol"}
            inputs = {symbols[axis.name]: self.denominators[axis.name] for _, axis in self.free if axis.name in symbols}
            used = [k for k, (_, axis) in enumerate(self.free) if axis.name in symbols]
            tape = Tape(graph, forms, self.ranges, inputs, signs, self.tree.counter.buffers)
            self._tapes[id(branch)] = tape, used
        tape, used = self._tapes[id(branch)]
        return tape.run([columns[k] if where is None else columns[k][where] for k in used], points)


def _by_taps(convention: str | Convention) -> bool:
    """Whether the count depends on which taps of a window lie on its input."""
    try:
        rules = (load_convention(convention) if isinstance(convention, str) else convention).rules
    except CostcalcError:
        return False  # every count will say what is wrong with it
    expressions = [rule for rule in rules.values() if isinstance(rule, Expression)]
    return any(name == "valid_macs" for rule in expressions for name, _, _ in rule.names())


def _column(values: list[int]) -> Any:
    """An array of whole numbers, in 64 bits where they fit."""
    wide = any(abs(v) >= 2**62 for v in values)
    return np.array(values, dtype=object if wide else np.int64)


def _narrowed(values: Any) -> Any:
    """Python's integers as 64 bits, where all of them fit."""
    if values.dtype == object and len(values) and max(map(abs, values)) < 2**63:
        return values.astype(np.int64)
    return values
