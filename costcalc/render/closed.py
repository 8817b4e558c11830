"""Formulas for Python: the totals of a network as expressions of sympy, made when they are asked for."""

from __future__ import annotations

from typing import Any

from costcalc.explore.formulated import Formulated, Polynomials
from costcalc.render.formula import render_formula


class Expressions:
    """The totals in one reading: `.madds`, `.params` and what else was asked for."""

    def __init__(self, polynomials: Polynomials, signed: frozenset[str]) -> None:
        self._polynomials, self._signed = polynomials, signed

    def __getattr__(self, metric: str) -> Any:
        if metric.startswith("_") or metric not in self._polynomials:
            known = ", ".join(self._polynomials) or "none"
            raise AttributeError(f"no formula of `{metric}` here: ask for it with `totals`; known: {known}")
        from costcalc.number.algebra import expression  # sympy is loaded only here

        return expression(self._polynomials[metric], self._signed)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._polynomials]


class ClosedForm(Expressions):
    """The totals as ideal formulas, nothing rounded; `exact` has those with every rounding.

    Symbols are positive, and integers where they are whole numbers: sympy knows them only with that, so `symbols` has
    them for `.subs`.
    """

    def __init__(self, formulated: Formulated) -> None:
        lowest = {bound.name: bound.value for bound in formulated.exact_where.bounds if "<" not in bound.relation}
        signed = frozenset(n for n, v in formulated.symbols.items() if v <= 0 or lowest.get(n, -1) < 0)
        super().__init__(formulated.total.ideal, signed)
        self.formulated = formulated
        self.exact = Expressions(formulated.total.exact, signed)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.formulated.report.network.name}: {', '.join(self.formulated.symbols)}>"

    @property
    def symbols(self) -> dict[str, Any]:
        """The symbols by name, as they are in the expressions."""
        found = {
            str(symbol): symbol
            for polynomials, reading in ((self._polynomials, self), (self.formulated.total.exact, self.exact))
            for metric in polynomials
            for symbol in getattr(reading, metric).free_symbols
        }
        return {name: found[name] for name in self.formulated.symbols if name in found}

    def text(self, exact: bool = False, format: str = "text") -> str:
        """What `costcalc formula` prints, in one of its formats. Raises UsageError where it is too long."""
        return render_formula(self.formulated, format, exact)
