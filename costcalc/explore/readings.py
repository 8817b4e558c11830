"""The two readings of a network's counts as traced numbers, *exact* and *ideal*, and where each of them holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from costcalc.cost import Report
from costcalc.explore.conditions import Where, exact_where, outcome
from costcalc.explore.formulated import Formula, Polynomials
from costcalc.explore.granted import ideal_where
from costcalc.explore.tracing import Found, Way, trace, whole_names
from costcalc.number import is_number
from costcalc.number.graph import Affine
from costcalc.number.polynomial import Polynomial, Values, expanded, ideal_at
from costcalc.spec import Document

NEAR = 32  # how far from a value a setting is looked for that is exact


class WrongFormula(Exception):  # noqa: N818 - a bug of ours, which nobody is to take for a count
    """A formula that does not give the counted integer."""


class Reading(NamedTuple):
    """One of the two traces, and its report, whose numbers are traced."""

    found: Found
    report: Report

    def polynomials(self, source: Any, metrics: Iterable[str]) -> Polynomials:
        """The totals of a part of the report, multiplied out."""
        graph = self.found.trace.graph
        return {metric: expanded(graph, form_of(getattr(source, metric))) for metric in metrics}


class Readings:
    """The counts of a document at a setting, with some of its hyper-parameters as symbols."""

    def __init__(
        self, document: Document, setting: Mapping[str, Any], symbols: Sequence[str], metrics: Sequence[str], way: Way
    ) -> None:
        """Raises WrongFormula where only symbols find a fault, and TooManyTerms."""
        self.symbols, self.metrics = list(symbols), metrics
        self._traced = _without_choices(document, symbols), setting, way
        self._point = {name: setting[name] for name in symbols}
        self.whole = whole_names(self._traced[0], setting, symbols)
        self.exact = self._reading(ideal=False)
        self.ideal, self.no_ideal = self._ideal_reading()

    def _reading(self, ideal: bool) -> Reading:
        document, setting, way = self._traced
        found = trace(document, setting, self.symbols, self.whole, way, ideal=ideal)
        if found.report is None:
            raise WrongFormula(f"only symbols find a fault: {found.fault}")
        return Reading(found, found.report)

    def _ideal_reading(self) -> tuple[Reading | None, str]:
        """The ideal reading, or why there is none: a divisor that is 0 where it is not rounded."""
        try:
            reading = self._reading(ideal=True)
            for polynomial in reading.polynomials(reading.report.totals, self.metrics).values():
                polynomial.at(self._point)
        except (WrongFormula, ZeroDivisionError) as error:
            if "division by zero" in str(error) or isinstance(error, ZeroDivisionError):
                return None, "a divisor is zero where it is not rounded"
            raise
        return reading, ""

    @property
    def reports(self) -> list[Report]:
        """The traced reports: the exact one, and the ideal one where there is one."""
        return [self.exact.report, *([self.ideal.report] if self.ideal else [])]

    def formula(self, path: str, metrics: Sequence[str], counts: Sequence[Any]) -> Formula:
        """The formulas of the network or a row of it: what was counted, and the same in each of `reports`."""
        counted, exactly, *ideally = counts
        ideal = self.ideal.polynomials(ideally[0], metrics) if self.ideal else {}
        exact = self.exact.polynomials(exactly, metrics)
        return Formula(path, ideal, exact, {metric: getattr(counted, metric) for metric in metrics})

    def hyperparameters(self) -> dict[str, Polynomial]:
        """Those that vary: the symbols, and those whose defaults are computed from them."""
        values = self.exact.report.network.hyperparameters.items()
        forms = {name: form_of(value) for name, value in values if is_number(value)}
        return {name: expanded(self.exact.found.trace.graph, form) for name, form in forms.items() if form.terms}

    # -- where they hold ----------------------------------------------------------------------------------------------

    @cached_property
    def exact_where(self) -> Where:
        """Where the exact formulas hold."""
        traced = self.exact.found.trace
        return exact_where(traced.graph, traced.conditions, self.symbols)

    @cached_property
    def ideal_where(self) -> Where:
        """Where the ideal formulas equal the count; it may be elsewhere too."""
        if self.ideal is None:
            return Where()
        traced = self.ideal.found.trace
        where = ideal_where(traced.graph, self._ideal_forms, traced.conditions, self.symbols, self.exact_where)
        varying = tuple(r for r in where.relations if r.left.constant is None or r.right.constant is None)
        if len(varying) < len(where.relations) and any(map(self._exact_at, self._nearby(where))):
            return where._replace(relations=varying)  # what is rounded of constants makes no difference
        return where

    def _exact_at(self, point: Mapping[str, Any]) -> bool:
        return self.holds(point) and self.unrounded(point)

    def _nearby(self, where: Where) -> Iterator[dict[str, Any]]:
        """Points to try: the given one, one on all steps, and whole numbers around each of its values."""
        here = {name: self._point[name] for name in self.symbols}
        yield here
        yield here | dict(where.steps)
        for name, value in here.items():
            yield from ({**here, name: int(value) + i} for i in range(-NEAR, NEAR + 1) if int(value) + i > 0)

    def holds(self, point: Mapping[str, Any]) -> bool:
        """Whether the exact formulas hold at a point: whether all conditions come out as they did."""
        traced, values = self.exact.found.trace, Values(point)
        try:
            return all(outcome(traced.graph, c, values) == c.outcome for c in traced.conditions)
        except ZeroDivisionError:  # what is never divided by where they hold
            return False

    def unrounded(self, point: Mapping[str, Any]) -> bool:
        """Whether the ideal formulas give the count at a point: nothing is rounded there, and no condition differs."""
        if self.ideal is None:
            return False
        traced, values = self.ideal.found.trace, Values(point)
        try:
            met = all(outcome(traced.graph, c, values) == c.outcome for c in traced.conditions)
            return met and ideal_at(traced.graph, self._ideal_forms, point)
        except ZeroDivisionError:
            return False

    @property
    def _ideal_forms(self) -> list[Affine]:
        return [] if self.ideal is None else [form_of(getattr(self.ideal.report.totals, m)) for m in self.metrics]


def _without_choices(document: Document, names: Sequence[str]) -> Document:
    """The document with symbols free to take any number: a choice of one would be a condition on every formula."""
    opened = tuple(p._replace(choices=()) if p.name in names else p for p in document.hyperparameters)
    return document._replace(hyperparameters=opened)


def form_of(x: Any) -> Affine:
    """The expression of a number of any kind."""
    return x.form if hasattr(x, "form") else Affine(x)
