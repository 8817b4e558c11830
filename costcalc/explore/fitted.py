"""What a fit came to: plain values, which those who render it may see."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.budgets import Budget
from costcalc.cost.report import Report


class Step(NamedTuple):
    """The step after the last that fits: its first value, or where it only begins after that, `after`."""

    value: Any
    after: bool
    totals: Mapping[str, int]
    over: Mapping[str, int]  # by how much each budget that it exceeds
    fault: str = ""  # why the network cannot be built there


class Threshold(NamedTuple):
    """The largest value of a hyper-parameter that fits, the others staying as they are.

    `value` fits; for a fraction it is `bound` rounded down to few decimals, and the network is the same from `start` to
    `bound`. Without a `bound` everything up to `value` fits, which is where the search ended.
    """

    name: str
    whole: bool
    value: Any
    bound: Any
    included: bool  # whether `bound` itself fits
    start: Any = None
    start_included: bool = False
    next: Step | None = None
    later: Step | None = (
        None  # where the network cannot be built on that one: the first on which it can, and does not fit
    )
    exact: bool = True  # whether `bound` is the very end of the step; else it fits, and the end is a little above
    moves: bool = True  # whether any total that a budget limits depends on it
    rising: bool = True  # whether all smaller values that were looked at fit, and no larger one
    gaps: bool = False  # whether the network cannot be built at some value between others
    sure: Any = None  # where not `rising`: all values looked at below this fit; None where the smallest do not
    looked: tuple[Any, Any, int] = (0, 0, 0)  # from where to where, and how many


class Solution(NamedTuple):
    """A setting that fits and cannot be increased; `threshold` is that of the value that was solved for exactly."""

    report: Report
    varied: Mapping[str, Any]
    threshold: Threshold | None = None


class Miss(NamedTuple):
    """A setting that does not fit: the budgets that it exceeds, by how much, and the largest total / limit."""

    varied: Mapping[str, Any]
    totals: Mapping[str, int]
    over: Mapping[str, int]
    ratio: Fraction


class ClosedForm(NamedTuple):
    """Where a total would meet its budget if nothing were rounded: an expression, and its value rounded down."""

    name: str
    metric: str
    text: str
    value: Any


class Fit(NamedTuple):
    """The settings of a network within budgets; `closest` is there where none is."""

    base: Report  # at the settings given, the varied ones at their defaults
    budgets: tuple[Budget, ...]
    vary: tuple[str, ...]
    exact: str | None  # the hyper-parameter that was solved for
    tried: int  # combinations of the values of the others
    solutions: tuple[Solution, ...]
    closest: Miss | None = None
    closed_forms: tuple[ClosedForm, ...] = ()  # of the only hyper-parameter, for each budget that has one
    uncounted: tuple[str, ...] = ()  # layers without a count, for whose sake nothing fits
    axes: Mapping[str, tuple[Any, ...]] = {}  # the values that were tried, of all but the one that was solved for

    @property
    def closed_form(self) -> ClosedForm | None:
        """The tightest of them."""
        return min(self.closed_forms, key=lambda form: form.value, default=None)


class Narrowed(NamedTuple):
    """Layers that lose filters together. `removed` of the shared filters reach the budgets, or are all that can go."""

    layers: tuple[str, ...]
    before: Mapping[str, int]  # the width of each layer
    filters: int  # that they share
    step: int = 1  # how many go at once
    removed: int = 0
    left: Mapping[str, int] = {}  # the width of each layer afterwards
    saved: Mapping[str, int] = {}  # by total
    reached: bool = False
    reason: str = ""  # why they cannot be narrowed


class Narrowing(NamedTuple):
    """A network, what its totals are to come down to, and what each of its layers must lose for that."""

    report: Report
    budgets: tuple[Budget, ...]
    layers: tuple[Narrowed, ...]
    uncounted: tuple[str, ...] = ()  # layers without a count, for whose sake nothing is promised
    left_out: int = 0  # layers that could be narrowed, and were not asked for
