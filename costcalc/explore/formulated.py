"""Formulas of a network as values: what `explore.formula` found and checked, and what renderers show."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.cost import Report
from costcalc.explore.conditions import Where
from costcalc.number.polynomial import Polynomial

Polynomials = Mapping[str, Polynomial]


WHOLE = "total"  # the path of the network in its formulas


class Formula(NamedTuple):
    """The network, a stage or a layer: for each metric its polynomial in both readings, and its count."""

    path: str
    ideal: Polynomials
    exact: Polynomials
    counted: Mapping[str, int]  # at the values of the symbols
    uncounted: tuple[str, ...] = ()  # what of it is not counted, and is in no formula


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


class Formulated(NamedTuple):
    """The formulas of a network in some of its hyper-parameters, where they hold, and how they were checked."""

    report: Report  # at the values of the symbols
    symbols: Mapping[str, Any]
    fixed: Mapping[str, Any]  # the other hyper-parameters
    derived: Mapping[str, Polynomial]  # those that follow from the symbols
    total: Formula
    rows: tuple[Formula, ...]
    grouping: str  # what a row is
    exact_where: Where
    ideal_where: Where
    checked: tuple[Checked, ...]
    derivatives: tuple[Derivative, ...] = ()
    no_ideal: str = ""  # why there are no ideal formulas
