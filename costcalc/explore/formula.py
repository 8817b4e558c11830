"""Counts in closed form: polynomials in the hyper-parameters, exact with their rounding, or ideal without.

The *exact* formula equals the count at every setting that meets its conditions. The *ideal* one treats widths and
sizes as continuous, which makes it a polynomial; it equals the count where nothing was rounded, and says where that is.
Both are compared with counted integers before anybody sees them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from costcalc.cost import Report, count
from costcalc.cost.report import By, Row
from costcalc.errors import CostcalcError, Problem, UsageError, unknown
from costcalc.explore.formulated import WHOLE, Checked, Derivative, Formula, Formulated
from costcalc.explore.readings import Readings, WrongFormula
from costcalc.explore.tracing import Way
from costcalc.number import is_number, tidy
from costcalc.number.graph import Rational
from costcalc.number.polynomial import Polynomial, TooManyTerms, Values
from costcalc.spec import Document, build_network
from costcalc.spec.hyperparameters import settings

CHECKS = 20  # random settings at which a formula is compared with the count
TRIES = 5  # settings that are tried for each of them, where many are none of a network
NOT_OF_ROWS = ("weight_bytes", "peak_activation_bytes", "stored_bytes")  # totals that single rows do not have


class Formulas:
    """The formulas of a document in some of its hyper-parameters, the others as given or at their defaults."""

    def __init__(
        self,
        document: Document,
        given: Mapping[str, Any],
        free: Sequence[str] | None = None,
        metrics: Sequence[str] = ("params", "madds"),
        way: Way = Way(),  # noqa: B008 - immutable
        by: By | None = None,
        depth: int | None = None,
    ) -> None:
        """Raises UsageError and SpecError, and WrongFormula where a formula is not what is counted."""
        self.document, self.metrics, self.way, self._by, self._depth = document, tuple(metrics), way, by, depth
        values = settings(document.hyperparameters, given)
        scaling = [p.name for p in document.hyperparameters if p.name in (*document.sizes, *document.multipliers)]
        names = [n for n in scaling if n not in given and is_number(values[n])] if free is None else list(free)
        self.symbols = {name: _number(name, values) for name in names}
        self.given = {**given, **self.symbols}
        self.report = count(build_network(document, self.given), *way)
        try:
            self.readings = Readings(document, self.given, names, self.metrics, way)
            self.total, self.rows = self._formulas()
            self.checked = self._check()
        except TooManyTerms as error:
            help_ = "take fewer symbols with `--vary`, and set the others"
            raise UsageError(Problem(f"the formula is too long: {error}", None, help_)) from None

    def _formulas(self) -> tuple[Formula, list[Formula]]:
        """The formulas of the network, and of the rows that are asked for."""
        readings, report = self.readings, self.report
        partial = [row.path for row in report.layers if self._partial(row)]
        total = readings.formula(WHOLE, self.metrics, [report.totals, *(r.totals for r in readings.reports)])
        if self._by is None and self._depth is None:
            return total._replace(uncounted=tuple(partial)), []
        metrics = [metric for metric in self.metrics if metric not in NOT_OF_ROWS]
        if not metrics:
            help_ = "rows have params, madds, count, activations and memory_access_bytes"
            raise UsageError(Problem(f"rows have no {' or '.join(self.metrics)}", None, help_))
        rows = []
        for same in zip(*map(self._rows, (report, *readings.reports)), strict=True):
            counted = [metric for metric in metrics if not _not_counted(same[0], metric)]
            formula = readings.formula(same[0].path, counted, same)
            rows.append(formula._replace(uncounted=(same[0].path,) if self._partial(same[0]) else ()))
        return total._replace(uncounted=tuple(partial)), rows

    def _partial(self, row: Row) -> bool:
        """Whether the totals that are asked for miss something of a row."""
        return bool(row.uncounted if "count" in self.metrics else row.unknown)

    def _rows(self, report: Report) -> list[Row]:
        """The rows of a report of the same structure; what is of one kind here, such as `conv 3x3`, stays together."""
        if self._by == "kind":
            named = zip(report.layers, self.report.layers, strict=True)
            report = report._replace(layers=tuple(row._replace(kind=here.kind) for row, here in named))
        return report.rows(self._by or "layer", self._depth)

    def keep(self, path: str) -> None:
        """Shows the row of this path in place of the network. Raises UsageError."""
        rows = {row.path: row for row in self.rows}
        if path not in rows:
            raise UsageError(unknown("layer", path, rows))
        self.total, self.rows = rows[path], []

    def derivatives(self, symbol: str) -> list[Derivative]:
        """Of every ideal total by a symbol. Raises UsageError where there is no such symbol, or no derivative."""
        if symbol not in self.symbols:
            raise UsageError(unknown("symbol", symbol, self.symbols))
        found = []
        for metric, polynomial in self.total.ideal.items():
            derived = polynomial.derivative(symbol)
            if derived is None:
                help_ = f"`{symbol}` is in a quotient, a remainder or an extreme of its formula"
                raise UsageError(Problem(f"{metric} has no derivative by `{symbol}` here", None, help_))
            total = Fraction(polynomial.at(self.symbols))
            slope = derived.at(self.symbols) * Fraction(self.symbols[symbol])
            found.append(Derivative(metric, symbol, derived, tidy(slope / total) if total else None))
        return found

    def formulated(self, derivatives: Sequence[Derivative] = ()) -> Formulated:
        """All of it as one value."""
        varying = {n: p for n, p in self.readings.hyperparameters().items() if n not in self.symbols}
        values = self.report.network.hyperparameters
        fixed = {n: v for n, v in values.items() if n not in self.symbols and n not in varying}
        grouping = f"depth {self._depth}" if self._depth else self._by or ""
        return Formulated(
            self.report, self.symbols, fixed, varying, self.total, tuple(self.rows), grouping,
            self.readings.exact_where, self.readings.ideal_where, tuple(self.checked), tuple(derivatives),
            self.readings.no_ideal,
        )  # fmt: skip

    def holds(self, point: Mapping[str, Any]) -> bool:
        """Whether the exact formulas hold at a point, so that they must give the count."""
        return self.readings.holds(point)

    def claims(self, point: Mapping[str, Any]) -> bool:
        """Whether the ideal formulas claim to give the count at a point."""
        return self.readings.holds(point) and self.readings.unrounded(point)

    # -- the proof ----------------------------------------------------------------------------------------------------

    def _check(self) -> list[Checked]:
        """Compares every formula with counted integers at the given setting and at random ones. Raises WrongFormula."""
        checked = [self._compared(self.symbols, self.report)]
        if not checked[0].exact:
            raise WrongFormula("the formula does not hold where it was made")
        source, seen, tries = random.Random(0), [self.symbols], 0  # noqa: S311 - no secret
        while len(checked) <= CHECKS and self.symbols and tries < TRIES * CHECKS:
            tries += 1
            point = {name: tidy(self._random(name, source, on_step=tries % 2 == 0)) for name in self.symbols}
            if point in seen:
                continue
            seen.append(point)
            try:
                report = count(build_network(self.document, {**self.given, **point}), *self.way)
            except CostcalcError:
                continue  # no network at this setting
            checked.append(self._compared(point, report))
        return checked

    def _random(self, name: str, source: random.Random, on_step: bool) -> int | Fraction:
        """A value from a quarter to twice the given one; on a step, one at which the ideal formulas are exact."""
        value = Fraction(self.symbols[name])
        choices = next(p.choices for p in self.document.hyperparameters if p.name == name)
        if choices:
            chosen: Rational = source.choice([choice for choice in choices if is_number(choice)])
            return chosen
        if value <= 0:
            whole = on_step or name in self.readings.whole
            return source.randint(-8, 8) if whole else Fraction(source.randint(-100, 200), 100)
        step = Fraction(dict(self.readings.ideal_where.steps).get(name, 1 if name in self.readings.whole else 0))
        if on_step and step:
            least = max(1, math.ceil(value / 4 / step))
            return step * source.randint(least, max(least, math.floor(2 * value / step)))
        if name in self.readings.whole:
            return source.randint(max(1, int(value) // 4), max(2, 2 * int(value)))
        return value * Fraction(source.randint(25, 200), 100)

    def _compared(self, point: Mapping[str, Any], report: Report) -> Checked:
        exact = self.readings.holds(point)
        ideal = exact and self.readings.unrounded(point)
        counted: list[tuple[Formula, Any]] = [(self.total, report.totals)]
        if self.rows and exact:
            counted += zip(self.rows, self._rows(report), strict=True)
        equal = True
        of_exact, of_ideal = Values(point), Values(point)
        for formula, counts in counted:
            for metric, polynomial in formula.exact.items():
                equal = self._equal(metric, formula, polynomial, of_exact, counts, exact) and equal
            for metric, polynomial in formula.ideal.items() if ideal else ():
                self._equal(metric, formula, polynomial, of_ideal, counts, ideal)
        return Checked(dict(point), exact, equal, ideal)

    def _equal(
        self, metric: str, formula: Formula, polynomial: Polynomial, values: Values, counts: Any, claimed: bool
    ) -> bool:
        """Whether the polynomial gives the count. Raises WrongFormula where it claims to, and does not."""
        wanted = getattr(counts, metric)
        try:
            value = values.of(polynomial)
        except ZeroDivisionError:
            value = None
        if claimed and value != wanted:
            message = f"the formula of {metric} of {formula.path} gives {value} at {dict(values.point)}"
            raise WrongFormula(f"{message}, counted are {wanted}")
        return bool(value == wanted)


def _not_counted(row: Row, metric: str) -> bool:
    """Whether nothing of the row is known; a census that is not known has no parameters and no operations."""
    if metric == "count":
        return row.count is None
    return metric in ("params", "madds") and row.census is None


def _number(name: str, values: Mapping[str, Any]) -> Rational:
    if name not in values:
        raise UsageError(unknown("hyper-parameter", name, values))
    if not is_number(values[name]):
        raise UsageError(Problem(f"`{name}` is no number, and no formula is in it", None, "it is set, as with `--set`"))
    value: Rational = values[name]
    return value
