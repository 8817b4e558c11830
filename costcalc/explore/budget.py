"""Budgets: an upper limit on a total, as people write it (`300M`, `4 MiB`), and whether counts keep it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.errors import Problem, UsageError, unknown
from costcalc.units import read_number, read_size

METRICS = {  # total: what it counts; the names are those of a report's JSON document
    "params": "parameters",
    "madds": "MAdds",
    "count": "the count under the convention",
    "activations": "elements written",
    "weight_bytes": "bytes",
    "peak_activation_bytes": "bytes",
    "memory_access_bytes": "bytes",
}
SHORT = {name.removesuffix("_bytes"): name for name in METRICS if name.endswith("_bytes")} | {"weights": "weight_bytes"}


class Budget(NamedTuple):
    """`metric` may be at most `limit`."""

    metric: str
    limit: int
    text: str  # the limit as it was written

    def headroom(self, totals: Mapping[str, Any]) -> Any:
        """What is left of it; negative where it is exceeded."""
        return self.limit - totals[self.metric]


def read_metric(name: str) -> str:
    """The name of a total; `weights`, `peak_activation` and `memory_access` are those in bytes. Raises UsageError."""
    known = name.replace("-", "_")
    if known not in METRICS and known not in SHORT:
        raise UsageError(unknown("total", name, METRICS))
    return SHORT.get(known, known)


def read_budget(pair: str) -> Budget:
    """The budget of `madds=300M` or `weight_bytes=4 MiB`. Raises UsageError."""
    name, equals, text = pair.partition("=")
    if not equals or not text.strip():
        raise UsageError(
            Problem(f"the budget `{pair}` has no limit", None, "as in `--max-madds 300M` or `--max madds=300M`")
        )
    metric, text = read_metric(name), text.strip()
    in_bytes = METRICS[metric] == "bytes"
    form = (
        "a size needs its unit: 4MB is 4,000,000 bytes, 4MiB 4,194,304" if in_bytes else "write it as 300M or 300000000"
    )
    if text.startswith("-"):
        raise UsageError(Problem(f"the budget `{metric}` cannot be {text}: it is below zero", None, form))
    try:
        value = read_size(text) if in_bytes else read_number(text)
    except ValueError as error:
        raise UsageError(Problem(f"the budget `{metric}` cannot be `{text}`: {error}", None, form)) from None
    if value is None or isinstance(value, Fraction):
        unit = " without a unit" if in_bytes and read_number(text) is not None else ""
        raise UsageError(Problem(f"the budget `{metric}` cannot be `{text}`{unit}", None, form))
    return Budget(metric, value, text)


def read_budgets(pairs: Iterable[str]) -> tuple[Budget, ...]:
    """The budgets, one for each total. Raises UsageError where two limit the same."""
    budgets = [read_budget(pair) for pair in pairs]
    names = [b.metric for b in budgets]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(Problem(f"`{name}` has two budgets", None, "keep the smaller one"))
    return tuple(budgets)
