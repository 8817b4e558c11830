"""Budgets: limits on totals as people write them, on the command line, in a spec, in a file beside the code."""

from costcalc.budgets.limit import (
    METRICS,
    SHORT,
    STORED,
    Budget,
    budgets_of,
    each_once,
    read_budget,
    read_budgets,
    read_metric,
    read_total,
    reduced,
)
from costcalc.budgets.rule import Increase, Limit, Policy, Rule

__all__ = [
    "METRICS",
    "SHORT",
    "STORED",
    "Budget",
    "Increase",
    "Limit",
    "Policy",
    "Rule",
    "budgets_of",
    "each_once",
    "read_budget",
    "read_budgets",
    "read_metric",
    "read_total",
    "reduced",
]
