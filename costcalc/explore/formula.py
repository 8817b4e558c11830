"""Counts in closed form: polynomials in the hyper-parameters, exact with their rounding, or ideal without.

The *exact* formula equals the count at every setting that meets its conditions. The *ideal* one treats widths and
sizes as continuous, which makes it a polynomial; it equals the count where nothing was rounded, and says where that is.
Both are compared with counted integers before anybody sees them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from costcalc.cost import Report, count
from costcalc.cost.report import By
from costcalc.errors import CostcalcError, Problem, UsageError, unknown
from costcalc.explore.conditions import Relation, bounds, outcome, relations, taken_for_granted
from costcalc.explore.tracing import Found, Way, trace, whole_names
from costcalc.number import is_number, tidy
from costcalc.number.graph import Affine, Rational
from costcalc.number.polynomial import Polynomial, expanded, ideal_at
from costcalc.spec import Document, build_network
from costcalc.spec.hyperparameters import settings

CHECKS = 20  # random settings at which a formula is compared with the count
NOT_OF_ROWS = ("weight_bytes", "peak_activation_bytes")  # totals that single rows do not have


class WrongFormula(Exception):  # noqa: N818 - a bug of ours, which nobody is to take for a count
    """A formula that does not give the counted integer."""


class Formula(NamedTuple):
    """The network, a stage or a layer: for each metric its polynomial in both readings."""

    path: str
    ideal: Mapping[str, Polynomial]
    exact: Mapping[str, Polynomial]


class Checked(NamedTuple):
    """A setting at which the formulas were compared with the count: which of them apply there."""

    setting: Mapping[str, Any]
    exact: bool  # whether all conditions of the exact formulas are met
    equal: bool  # whether they give the count, as they must where the conditions are met
    ideal: bool  # whether nothing is rounded there, so that the ideal formulas must give the count


class Derivative(NamedTuple):
    """The derivative of an ideal total, and its elasticity: per cent more of the total for one per cent more."""

    metric: str
    symbol: str
    polynomial: Polynomial
    elasticity: Fraction | int | None  # at the values of the symbols; None where the total is 0


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
        self.document, self.metrics, self.way = document, tuple(metrics), way
        values = settings(document.hyperparameters, given)
        names = scaling_names(document) if free is None else list(free)
        if free is None:
            names = [name for name in names if name not in given]
        self.symbols = {name: _number(name, values) for name in names}
        self._given = {**given, **self.symbols}
        self.whole = whole_names(document, self._given, names)
        self._rows = by, depth
        self._exact, self._ideal = (self._traced(self._given, ideal) for ideal in (False, True))
        self.report = count(build_network(document, self._given), *way)
        self.total, self.rows = self._formulas()
        self.checked = self._check()

    @property
    def fixed(self) -> dict[str, Any]:
        """The other hyper-parameters and their values."""
        return {n: v for n, v in self.report.network.hyperparameters.items() if n not in self.symbols}

    def _traced(self, given: Mapping[str, Any], ideal: bool = False) -> tuple[Found, Report]:
        found = trace(self.document, given, list(self.symbols), self.whole, self.way, ideal=ideal)
        if found.report is None:
            build_network(self.document, given)  # raises with every problem and its place
            raise WrongFormula(f"only symbols find a fault: {found.fault}")
        return found, found.report

    def _formulas(self) -> tuple[Formula, list[Formula]]:
        (ideal, ideally), (exact, exactly) = self._ideal, self._exact
        graphs = ideal.trace.graph, exact.trace.graph

        def formula(path: str, sources: Sequence[Any], metrics: Sequence[str]) -> Formula:
            readings = (
                {metric: expanded(graph, _form(getattr(source, metric))) for metric in metrics}
                for graph, source in zip(graphs, sources, strict=True)
            )
            return Formula(path, *readings)

        total = formula("total", (ideally.totals, exactly.totals), self.metrics)
        by, depth = self._rows
        if by is None and depth is None:
            return total, []
        both = zip(ideally.rows(by or "layer", depth), exactly.rows(by or "layer", depth), strict=True)
        per_row = [metric for metric in self.metrics if metric not in NOT_OF_ROWS]
        return total, [formula(rows[0].path, rows, per_row) for rows in both]

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
                raise UsageError(Problem(f"{metric} has no derivative by `{symbol}`: it is in a max, mod or gcd"))
            total = Fraction(polynomial.at(self.symbols))
            slope = derived.at(self.symbols) * Fraction(self.symbols[symbol])
            found.append(Derivative(metric, symbol, derived, tidy(slope / total) if total else None))
        return found

    # -- where they hold ----------------------------------------------------------------------------------------------

    @cached_property
    def bounds(self) -> dict[str, Rational]:
        """The least value of each symbol at which the exact formulas hold, as far as single conditions tell."""
        found, _ = self._exact
        least = bounds(found.trace.graph, found.trace.conditions)
        return {name: least[name] for name in self.symbols if name in least}

    @cached_property
    def relations(self) -> list[Relation]:
        """What else must hold for the exact formulas: which widths agree, for one."""
        found, _ = self._exact
        return relations(found.trace.graph, found.trace.conditions, self.symbols)

    @cached_property
    def granted(self) -> tuple[dict[str, Rational], list[Relation]]:
        """Where the ideal formulas equal the count: steps of the symbols, and what else must hold."""
        steps, others = taken_for_granted(self._ideal[0].trace.graph, self._ideal_forms)
        return {name: steps[name] for name in self.symbols if name in steps}, others

    def holds(self, point: Mapping[str, Any]) -> bool:
        """Whether the exact formulas hold at a point: whether all conditions come out as they did."""
        found, _ = self._exact
        return all(outcome(found.trace.graph, c, point) == c.outcome for c in found.trace.conditions)

    def claims(self, point: Mapping[str, Any]) -> bool:
        """Whether the ideal formulas claim to equal the count at a point: whether nothing is rounded there."""
        found, _ = self._ideal
        graph = found.trace.graph
        fine = all(outcome(graph, c, point) == c.outcome for c in found.trace.conditions)
        return fine and ideal_at(graph, self._ideal_forms, point)

    @property
    def _ideal_forms(self) -> list[Affine]:
        _, report = self._ideal
        return [_form(getattr(report.totals, metric)) for metric in self.metrics]

    # -- the proof ----------------------------------------------------------------------------------------------------

    def _check(self) -> list[Checked]:
        """Compares every formula with counted integers at the given setting and at random ones. Raises WrongFormula."""
        checked = [self._compared(self.symbols, self.report)]
        if not checked[0].exact:
            raise WrongFormula("the formula does not hold where it was made")
        source, tries = random.Random(0), 0  # noqa: S311 - no secret
        while len(checked) <= CHECKS and self.symbols and tries < 10 * CHECKS:
            tries += 1
            point = {name: self._random(name, source) for name in self.symbols}
            try:
                report = count(build_network(self.document, {**self._given, **point}), *self.way)
            except CostcalcError:
                continue  # no network at this setting
            checked.append(self._compared(point, report))
        return checked

    def _random(self, name: str, source: random.Random) -> int | Fraction:
        value = self.symbols[name]
        if name in self.whole:
            return source.randint(max(1, int(value) // 4), max(2, 2 * int(value)))
        return tidy(Fraction(value) * Fraction(source.randint(25, 200), 100))

    def _compared(self, point: Mapping[str, Any], report: Report) -> Checked:
        exact, ideal = self.holds(point), self.claims(point)
        by, depth = self._rows
        counted: list[tuple[Formula, Any]] = [(self.total, report.totals)]
        if self.rows and exact:
            counted += zip(self.rows, report.rows(by or "layer", depth), strict=True)
        equal = True
        for formula, counts in counted:
            for claimed, polynomials in ((exact, formula.exact), (ideal, formula.ideal)):
                for metric, polynomial in polynomials.items():
                    value, wanted = polynomial.at(point), getattr(counts, metric)
                    if claimed and value != wanted:
                        message = f"the formula of {metric} of {formula.path} gives {value} at {dict(point)}"
                        raise WrongFormula(f"{message}, counted are {wanted}")
                    equal = equal and (value == wanted or polynomials is formula.ideal)
        return Checked(dict(point), exact, equal, ideal)


def scaling_names(document: Document) -> list[str]:
    """The hyper-parameters that scale a network: multipliers (default 1), and what its input is computed from."""
    entry = document.input
    values = entry.values() if isinstance(entry, dict) else [entry]
    sizes = {name for value in values for name in value.names()}
    return [
        p.name
        for p in document.hyperparameters
        if p.name in sizes or (type(p.default.content) is int and p.default.content == 1 and not p.choices)
    ]


def _number(name: str, values: Mapping[str, Any]) -> Rational:
    if name not in values:
        raise UsageError(unknown("hyper-parameter", name, values))
    if not is_number(values[name]):
        raise UsageError(Problem(f"`{name}` is no number, and no formula is in it", None, "it is set, as with `--set`"))
    value: Rational = values[name]
    return value


def _form(x: Any) -> Affine:
    return x.form if hasattr(x, "form") else Affine(x)
