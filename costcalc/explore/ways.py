"""The ways that counting a spec can go: expressions by the conditions under which they hold, and points led along them.

The conditions form a tree: where points disagree on one, each side goes its own way, and a way that nobody went yet is
counted with symbols at its first point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from costcalc.cost import count
from costcalc.errors import CostcalcError
from costcalc.explore.faults import Fault
from costcalc.explore.grid import Axis, Points
from costcalc.explore.tracing import Way, trace
from costcalc.number.graph import Affine, Graph
from costcalc.number.lowering import Lowering, factored
from costcalc.number.ranges import Ranges
from costcalc.number.tape import Buffers, Tape
from costcalc.number.traced import Condition
from costcalc.spec import Document, build_network

RARE = 8  # points that are counted one by one before their way is worth an expression
LONG = 16_384  # values of one axis, for each of which a condition on it alone is decided beforehand


class Job(NamedTuple):
    """What is counted of every point."""

    document: Document
    metrics: tuple[str, ...]
    fixed: Mapping[str, Any]
    way: Way
    windows: bool  # whether sizes of windows are held to what they are: see `Trace`
    buffers: Buffers

    def plainly(self, points: Points, i: int) -> list[int]:
        """The metrics of one point, counted in plain integers. Raises UsageError and SpecError."""
        totals = count(build_network(self.document, {**self.fixed, **points.setting(i)}), *self.way).totals
        return [getattr(totals, metric) for metric in self.metrics]


class Branch:
    """A condition, and the two ways on from it; or a leaf: expressions for the metrics, or a fault; or nothing yet."""

    __slots__ = ("condition", "found", "visits", "ways")

    def __init__(self) -> None:
        self.visits = 0  # points that came here while it was nothing
        self.condition: Condition | None = None
        self.found: list[Affine] | str | None = None
        self.ways: dict[bool, Branch] = {}


class Tree:
    """What is known of the document at given words: the expressions, by the conditions under which they hold."""

    def __init__(self, job: Job, words: dict[str, Any], free: tuple[str, ...], whole: frozenset[str]) -> None:
        self.job, self.words, self.free, self.whole = job, words, free, whole
        self.graph = Graph()
        self.lowering = Lowering(self.graph)
        self.root = Branch()

    def grow(self, setting: dict[str, Any]) -> None:
        """Counts with symbols at a point whose way is not known."""
        job = self.job
        given = {**job.fixed, **self.words, **setting}
        found = trace(job.document, given, self.free, self.whole, job.way, self.graph, windows=job.windows)
        branch = self.root
        for condition in found.trace.conditions:
            asked = condition._replace(outcome=True)
            if branch.found is not None or branch.condition not in (None, asked):
                raise RuntimeError(f"two ways to {setting} that part without a condition")
            branch.condition = asked
            branch = branch.ways.setdefault(condition.outcome, Branch())
        if branch.condition is not None:
            raise RuntimeError(f"the way to {setting} ends before another that it begins")
        if found.report is None:
            branch.found = Fault(found.fault, setting)
            return
        numbers = [getattr(found.report.totals, metric) for metric in job.metrics]
        forms = [Affine(x) if isinstance(x, int) else x.form for x in numbers]
        branch.found = factored(self.graph, [self.lowering.whole(form) for form in forms])


class View:
    """A tree seen from some axes: their values bound every expression, and decide most conditions for all points."""

    def __init__(self, tree: Tree, axes: Sequence[Axis]) -> None:
        self.tree = tree
        self.free = [(i, axis) for i, axis in enumerate(axes) if axis.name in tree.free]
        known = [_known(axis.values, axis.name in tree.whole) for _, axis in self.free]
        self.numerators, self.denominators = [k.numerators for k in known], [k.denominator for k in known]
        spans = {axis.name: k.span for (_, axis), k in zip(self.free, known, strict=True)}
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
                    pending.append((branch.ways.setdefault(decided, Branch()), where))
                    continue
                mask = self._mask(branch, condition, columns, points, where)
                where = np.arange(len(points)) if where is None else where
                for outcome, part in ((False, where[~mask]), (True, where[mask])):
                    if len(part):
                        pending.append((branch.ways.setdefault(outcome, Branch()), part))
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

    def _decision(self, branch: Branch, condition: Condition) -> bool | None:
        """Whether the condition holds at all points of these axes, or at none; None where it depends on the point."""
        key = id(branch)
        if key not in self._decided:
            self._decided[key] = self.ranges.decided(condition)
        return self._decided[key]

    def _mask(self, branch: Branch, condition: Condition, columns: list[Any], points: Points, where: Any) -> Any:
        """At which points the condition of a branch holds."""
        if id(branch) not in self._tables:
            self._tables[id(branch)] = self._table(branch, condition)
        if (table := self._tables[id(branch)]) is not None:
            axis, holds = table
            return holds[points.codes[axis] if where is None else points.codes[axis][where]]
        return self._holds(branch, condition, columns, where, len(points) if where is None else len(where))

    def _table(self, branch: Branch, condition: Condition) -> tuple[int, Any] | None:
        """Of a condition on one hyper-parameter alone its axis, and for each value there whether it holds."""
        names = self.tree.graph.symbols([condition.difference])
        axes = [(i, k, len(axis.values)) for k, (i, axis) in enumerate(self.free) if axis.name in names]
        if len(axes) != 1 or axes[0][2] > LONG:
            return None
        ((i, k, length),) = axes
        try:
            columns = [self.numerators[k] if j == k else None for j in range(len(self.free))]
            return i, self._holds(branch, condition, columns, None, length)
        except ZeroDivisionError:  # at a value that does not come here
            return None

    def _holds(self, branch: Branch, condition: Condition, columns: list[Any], where: Any, points: int) -> Any:
        forms = [] if id(branch) in self._tapes else [self.tree.lowering.sign(condition.difference)]
        (values,) = self._run(branch, forms, columns, where, points, signs=True)
        compare = {"<": np.less, "<=": np.less_equal, "==": np.equal}[condition.relation]
        return compare(values, 0).astype(bool)

    def _one_by_one(self, points: Points, where: Any) -> Iterator[tuple[Any, Any]]:
        for i in map(int, where):
            try:
                yield [column([value]) for value in self.tree.job.plainly(points, i)], np.array([i])
            except CostcalcError as error:
                yield error.problems[0].message, np.array([i])

    def _run(
        self, branch: Branch, forms: list[Affine], columns: list[Any], where: Any, points: int, signs: bool = False
    ) -> list[Any]:
        """What the tape of a branch gives, made of these expressions where it is not there yet."""
        graph = self.tree.graph
        if id(branch) not in self._tapes:
            symbols = {graph.nodes[n].parts[0]: n for n in graph.needed(forms) if graph.nodes[n].op == "symbol"}
            used = [k for k, (_, axis) in enumerate(self.free) if axis.name in symbols]
            inputs = {symbols[self.free[k][1].name]: self.denominators[k] for k in used}
            tape = Tape(graph, forms, self.ranges, inputs, signs, self.tree.job.buffers)
            self._tapes[id(branch)] = tape, used
        tape, used = self._tapes[id(branch)]
        return tape.run([columns[k] if where is None else columns[k][where] for k in used], points)


class _Known(NamedTuple):
    """The values along an axis as whole numbers over one denominator, and between which two they lie."""

    numerators: Any
    denominator: int
    span: tuple[Any, Any]


def _known(values: Sequence[Any], whole: bool) -> _Known:
    """With `whole` no point has one of the fractions among the values, and any number stands for them."""
    usable = [v for v in values if v.denominator == 1] if whole else values
    denominator = math.lcm(*(v.denominator for v in usable))
    numerators = [int((usable[0] if whole and v.denominator != 1 else v) * denominator) for v in values]
    return _Known(column(numerators), denominator, (min(usable), max(usable)))


def column(values: list[int]) -> Any:
    """An array of whole numbers, in 64 bits where they fit."""
    wide = any(abs(v) >= 2**62 for v in values)
    return np.array(values, dtype=object if wide else np.int64)
