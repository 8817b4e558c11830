"""Sweeps: one spec counted at every point of a grid, chunk by chunk, so that the memory is that of one chunk.

What can be known to be wrong before counting is an error before counting: names, values that a declaration excludes,
totals, the convention. What only shows when a network is laid out is the fault of its point alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from costcalc.budgets import read_total
from costcalc.cost import DTYPES, Convention, count, load_convention
from costcalc.cost.count import MAX_BATCH
from costcalc.errors import Problem, UsageError, unknown
from costcalc.explore.counter import Counter
from costcalc.explore.grid import Axis, Grid, Points, axis_of, read_axis
from costcalc.explore.swept import Chunk, Outline, Point
from costcalc.spec import Document, build_network
from costcalc.spec.hyperparameters import settings, shown
from costcalc.spec.items import BranchItem, LayerItem, RowsItem

CHUNK = 16_384  # points that are counted at once
FIRST = 64  # in the first chunk; each is twice the one before, so that something is seen soon
TOLD = 3  # values of an axis that do not fit, told each
NO_CENSUS = frozenset({"opaque"})  # the kinds that may have none


class Sweep:
    """A document at every point of a grid; its points are counted while one goes through them.

    `axes` are the hyper-parameters that are set, those with one value too; the others have their defaults.
    Raises UsageError where a name, a value, a total, the convention or another option does not fit.
    """

    def __init__(
        self,
        document: Document,
        axes: Sequence[Axis],
        totals: Sequence[str] | str = (),
        convention: str | Convention = "paper",
        batch: int = 1,
        dtype: str = "float32",
    ) -> None:
        _check_values(document, axes)
        if dtype not in DTYPES:
            raise UsageError(unknown("dtype", dtype, DTYPES))
        if type(batch) is not int or not 1 <= batch <= MAX_BATCH:
            raise UsageError(Problem(f"the batch cannot be {batch}", None, f"a whole number from 1 to {MAX_BATCH:,}"))
        if isinstance(convention, str):
            convention = load_convention(convention)
        swept = tuple(axis for axis in axes if len(axis.values) > 1) or tuple(axes)
        given = {axis.name: axis.values[0] for axis in axes if axis not in swept}
        fixed, following = _others(document, swept, given)
        names = totals.split(",") if isinstance(totals, str) else totals
        metrics = read_totals(names) if names else default_totals(convention)
        self.document = document
        self.grid = Grid(swept)
        self.outline = Outline(
            document.name, document.citation, document.source.name, hashlib.sha256(document.data).hexdigest(),
            swept, self.grid.size, fixed, following, metrics, convention, batch, dtype,
        )  # fmt: skip
        self._given = given
        self._counter = Counter(document, metrics, given, convention, batch, dtype)
        self._may_be_partial = _may_be_partial(document, convention)

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis.name} ({len(axis.values)})" for axis in self.grid.axes)
        return f"<Sweep of {self.document.name}: {self.size:,} points, {axes}>"

    def __iter__(self) -> Iterator[Point]:
        """The points one by one, the last axis moving fastest."""
        for chunk in self.chunks():
            yield from self.points(chunk)

    @property
    def size(self) -> int:
        """How many points there are."""
        return self.grid.size

    def chunks(self) -> Iterator[Chunk]:
        """The points in columns: first few, then CHUNK at a time."""
        start, length = 0, FIRST
        while start < self.size:
            points = self.grid.points(start, start + length)
            counted = self._counter.count(points)
            yield Chunk(points, counted.totals, counted.faults, self._partial(points, counted.faults))
            start, length = start + length, min(2 * length, CHUNK)

    def points(self, chunk: Chunk) -> Iterator[Point]:
        """The points of a chunk, each with all of its hyper-parameters."""
        columns = {metric: values.tolist() for metric, values in chunk.totals.items()}
        for i in range(len(chunk.points)):
            setting, fault = self._setting(chunk.points.setting(i)), chunk.faults.get(i, "")
            totals = {} if fault else {metric: values[i] for metric, values in columns.items()}
            yield Point(setting, totals, fault, i in chunk.partial)

    def first_network(self) -> None:
        """Lays out the first point, for the whole message of its fault. Raises SpecError and UsageError."""
        network = build_network(self.document, self._given | self.grid.points(0, 1).setting(0))
        count(network, self.outline.convention, self.outline.batch, self.outline.dtype)

    def _setting(self, swept: dict[str, Any]) -> dict[str, Any]:
        """Every hyper-parameter at these values of the axes, in the order in which they are declared."""
        if self.outline.following:
            try:
                return settings(self.document.hyperparameters, self._given | swept)
            except UsageError:  # a default cannot be had here, which is the fault of this point
                pass
        known = {**self.outline.fixed, **swept}
        return {p.name: known[p.name] for p in self.document.hyperparameters if p.name in known}

    def _partial(self, points: Points, faults: Mapping[int, str]) -> frozenset[int]:
        """Which of the points have layers that are not counted. Their totals are lower bounds."""
        if not self._may_be_partial:
            return frozenset()
        outline = self.outline
        found = set()
        for i in range(len(points)):
            if i not in faults:
                network = build_network(self.document, self._given | points.setting(i))
                if count(network, outline.convention, outline.batch, outline.dtype).status == "partial":
                    found.add(i)
        return frozenset(found)


def axes_of(given: Mapping[str, Any], exact: Callable[[str, Any], Any]) -> list[Axis]:
    """The axes of values as Python has them: a text as on the command line, several values, or one.

    `exact` makes a value exact. Raises UsageError.
    """
    axes = []
    for name, value in given.items():
        if isinstance(value, str):
            axes.append(read_axis(name, value))
        else:
            several = value if isinstance(value, Iterable) else [value]
            axes.append(axis_of(name, (exact(name, one) for one in several)))
    return axes


def default_totals(convention: Convention) -> tuple[str, ...]:
    """What is counted where nobody says: parameters, MAdds, and the convention's own count where that is another."""
    return ("params", "madds") if convention.name == "paper" else ("params", "madds", "count")


def read_totals(names: Iterable[str]) -> tuple[str, ...]:
    """The totals of these names, as budgets have them. Raises UsageError for an unknown one, or one twice."""
    metrics = [read_total(name.strip()) for name in names]
    for metric in metrics:
        if metrics.count(metric) > 1:
            raise UsageError(Problem(f"the total `{metric}` is there twice", None, "keep one of them"))
    return tuple(metrics)


def _check_values(document: Document, axes: Sequence[Axis]) -> None:
    """Raises UsageError for a name that is not declared, and for every value that its declaration excludes."""
    declared = {p.name: p for p in document.hyperparameters}
    unknown_names = {axis.name: axis.values[0] for axis in axes if axis.name not in declared}
    if unknown_names:
        settings(document.hyperparameters, unknown_names)
    if not axes:
        raise UsageError(_nothing_swept(document))
    problems: list[Problem] = []
    for axis in axes:
        parameter = declared[axis.name]
        wrong = [(value, fault) for value in axis.values if (fault := parameter.fault(value))]
        problems += [Problem(f"`{axis.name}` cannot be {shown(value)}", None, fault) for value, fault in wrong[:TOLD]]
        if len(wrong) > TOLD:
            problems.append(Problem(f"`{axis.name}` has {len(wrong) - TOLD:,} more values that do not fit"))
    if problems:
        raise UsageError(*problems)


def _nothing_swept(document: Document) -> Problem:
    names = [f"`{p.name}` (default {shown(p.default.content)})" for p in document.hyperparameters]
    listed = f"the spec declares {', '.join(names)}" if names else "the spec declares no hyper-parameter"
    return Problem("nothing is swept", None, f"give values, as in `--alpha 0.25:1:0.25`; {listed}")


def _others(
    document: Document, swept: Sequence[Axis], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The hyper-parameters without an axis: those with one value, and those whose default depends on an axis."""
    dependent = {axis.name for axis in swept}
    following: dict[str, str] = {}
    for parameter in document.hyperparameters:
        if parameter.name not in dependent | set(given) and dependent & set(parameter.default.names()):
            dependent.add(parameter.name)
            following[parameter.name] = shown(parameter.default.content)
    return settings(tuple(p for p in document.hyperparameters if p.name not in dependent), given), following


def _may_be_partial(document: Document, convention: Convention) -> bool:
    """Whether a point may have layers that are not counted; where not, nobody needs to look at each of them."""
    pending = [*document.layers, *(item for block in document.blocks.values() for item in block.layers)]
    while pending:
        item = pending.pop()
        if isinstance(item, LayerItem) and item.kind.name in NO_CENSUS:
            return True
        if isinstance(item, BranchItem):
            pending += [inner for branch in item.branches for inner in branch]
        elif isinstance(item, RowsItem):
            pending += item.layers
    return "default" not in convention.rules


def gathered(chunks: Iterable[Chunk], by: str = "") -> Chunk:
    """All points of some chunks in one, if `by` names a total with the largest first and those without any last."""
    parts = list(chunks)
    sizes = [len(part.points) for part in parts]
    starts = np.cumsum([0, *sizes])[:-1].tolist()
    codes = [np.concatenate(column) for column in zip(*(part.points.codes for part in parts), strict=True)]
    totals = {name: np.concatenate([part.totals[name] for part in parts]) for name in parts[0].totals}
    faults = {start + i: text for start, part in zip(starts, parts, strict=True) for i, text in part.faults.items()}
    partial = {start + i for start, part in zip(starts, parts, strict=True) for i in part.partial}
    whole = Chunk(Points(parts[0].points.axes, codes), totals, faults, partial)
    if not by:
        return whole
    values = totals[by].tolist()
    order = sorted(range(len(values)), key=lambda i: (i in faults, -values[i]))
    places = {i: place for place, i in enumerate(order)}
    return Chunk(
        whole.points.take(order),
        {name: column[order] for name, column in totals.items()},
        {places[i]: text for i, text in faults.items()},
        {places[i] for i in partial},
    )
