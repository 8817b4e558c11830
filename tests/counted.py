"""Many settings counted at once, held against each of them counted by itself in plain integers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from costcalc.budgets import METRICS
from costcalc.cost import count
from costcalc.errors import CostcalcError, Source
from costcalc.explore.counter import Counted, Counter
from costcalc.explore.grid import Axis, Grid, Points
from costcalc.spec import Document, build_network
from costcalc.spec.document import parse_document

ALL = tuple(METRICS)


def spec(hyperparameters: str, layers: str, input: str = "[3, 12, 10]") -> Document:  # noqa: A002
    text = f"costcalc: 1\nname: t\nhyperparameters: {{{hyperparameters}}}\ninput: {input}\nlayers:\n{layers}"
    return parse_document(Source("t.yaml", text), text.encode())


def plainly(counter: Counter, setting: dict[str, Any]) -> list[int] | str:
    """The totals of one point, or why there are none, in plain integers."""
    try:
        totals = count(build_network(counter.document, {**counter.fixed, **setting}), *counter.way).totals
    except CostcalcError as error:
        return error.problems[0].message
    return [getattr(totals, metric) for metric in counter.metrics]


def kind_of(message: str) -> str:
    """A message without the numbers in it, which are those of another point with the same fault."""
    return re.sub(r"-?\d[\d.,/x]*", "#", message)


def agree(counter: Counter, at: Points, sample: Sequence[int] | None = None) -> Counted:
    """Counts all points, and compares some or all of them with plain counting."""
    found = counter.count(at)
    assert list(found.totals) == list(counter.metrics)
    assert all(len(column) == len(at) for column in found.totals.values())
    assert list(found.faults) == sorted(found.faults)
    for i in range(len(at)) if sample is None else sample:
        expected = plainly(counter, at.setting(i))
        if isinstance(expected, str):
            fault = found.faults[i]  # its own, or after many of them quoting another point
            quoted = fault.partition(": ")[2] if fault.startswith("as at ") else ""
            assert fault == expected or kind_of(quoted) == kind_of(expected)
            expected = [0] * len(counter.metrics)
        else:
            assert i not in found.faults, (at.setting(i), found.faults[i])
        assert [int(found.totals[metric][i]) for metric in counter.metrics] == expected, at.setting(i)
    return found


def some(axes: Sequence[Axis], most: int, seed: int = 0) -> Points:
    """All points of a grid, or so many random ones."""
    grid = Grid(axes)
    if grid.size <= most:
        return grid.points()
    return grid.at(np.random.default_rng(seed).integers(0, grid.size, most))
