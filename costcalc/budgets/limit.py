"""An upper limit on a total as people write it: `300M`, `4 MiB`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.errors import Problem, UsageError, unknown
from costcalc.units import SIZES, read_number, read_size

METRICS = {  # total: what it counts; the names are those of a report's JSON document
    "params": "parameters",
    "madds": "MAdds",
    "count": "the count under the convention",
    "activations": "elements written",
    "weight_bytes": "bytes",
    "peak_activation_bytes": "bytes",
    "memory_access_bytes": "bytes",
}
STORED = ("stored_bytes",)  # of the second account, that of `compress`; no layer has it alone
SHORT = {name.removesuffix("_bytes"): name for name in METRICS if name.endswith("_bytes")} | {"weights": "weight_bytes"}
TOTALS = ("params", "madds", "count", "activations", "weights", "peak_activation", "memory_access", "stored")

MAX_PERCENT = 24  # characters
KNOWN = ", ".join(SIZES)


class Budget(NamedTuple):
    """`metric` may be at most `limit`."""

    metric: str
    limit: int
    text: str  # the limit as it was written

    def headroom(self, totals: Mapping[str, Any]) -> Any:
        """What is left of it; negative where it is exceeded."""
        return self.limit - totals[self.metric]


def read_metric(name: str) -> str:
    """The name of a total of the counts; `weights`, `peak_activation` and `memory_access` are those in bytes.

    Raises UsageError.
    """
    known = name.replace("-", "_")
    if known in STORED:
        help_ = "what is stored is not known for fewer filters; `sweep`, `fit`, `search` and `formula` know it"
        raise UsageError(Problem(f"`{name}` is no total here", None, help_))
    if known not in METRICS and known not in SHORT:
        raise UsageError(unknown("total", name, METRICS))
    return SHORT.get(known, known)


def read_total(name: str) -> str:
    """The name of a total, what is stored among them. Raises UsageError."""
    known = name.replace("-", "_").removesuffix("_bytes") + "_bytes"
    return known if known in STORED else read_metric(name)


def read_budget(pair: str) -> Budget:
    """The budget of `madds=300M` or `weight_bytes=4 MiB`. Raises UsageError."""
    name, equals, text = pair.partition("=")
    if not equals or not text.strip():
        raise UsageError(
            Problem(f"the budget `{pair}` has no limit", None, "as in `--max-madds 300M` or `--max madds=300M`")
        )
    typed = name.strip()
    metric = read_total(typed)
    return Budget(metric, amount_of(metric, text.strip(), f"the budget `{typed}`"), text.strip())


def read_budgets(pairs: Iterable[str]) -> tuple[Budget, ...]:
    """The budgets, one for each total. Raises UsageError where two limit the same."""
    return each_once(read_budget(pair) for pair in pairs)


def budgets_of(limits: Mapping[str, int | str]) -> tuple[Budget, ...]:
    """The budgets of limits by total, each a text as people write it or an exact number. Raises UsageError."""
    found = []
    for name, limit in limits.items():
        metric = read_total(name)
        if isinstance(limit, str):
            found.append(read_budget(f"{name}={limit}"))
        elif type(limit) is int and limit >= 0:
            found.append(Budget(metric, limit, str(limit)))
        else:
            help_ = "a whole number from 0, or a text such as `300M` or `4MiB`"
            raise UsageError(Problem(f"the budget `{name}` cannot be {limit!r}", None, help_))
    return each_once(found)


def reduced(name: str, amount: str, totals: Mapping[str, Any]) -> Budget:
    """The budget that a total meets once it has fallen by `5%` or `10M`. Raises UsageError."""
    metric = read_metric(name)
    now, text, what = totals[metric], amount.strip(), f"the amount by which `{name}` is to fall"
    share = read_number(text[:-1]) if text.endswith("%") and len(text) <= MAX_PERCENT else None
    less = Fraction(share) * now / 100 if share is not None else Fraction(amount_of(metric, text, what, "5% or "))
    if less <= 0 or less >= now:
        wrong = "a wanted reduction is above 0" if less <= 0 else f"it is {now:,} now"
        raise UsageError(Problem(f"`{name}` cannot fall by {text}: {wrong}", None, "as in `--reduce madds=5%`"))
    return Budget(metric, math.floor(now - less), f"{text} less than {now:,}")


def percent_of(text: str, what: str) -> Fraction:
    """The share that `2%` or `0.5 %` says, exact. Raises UsageError."""
    digits = text.removesuffix("%").strip()
    number = read_number(digits) if len(text) <= MAX_PERCENT else None
    if number is None:
        below = ": it is below zero" if digits.startswith("-") else ""
        raise UsageError(Problem(f"{what} cannot be `{text}`{below}", None, "as in 2% or 0.5%"))
    return Fraction(number) / 100


def amount_of(metric: str, text: str, what: str, example: str = "") -> int:
    """The whole number that a text says, of a size in bytes with its unit. Raises UsageError."""
    in_bytes = METRICS.get(metric, "bytes") == "bytes"
    size = "a size needs its unit: 4MB is 4,000,000 bytes, 4MiB 4,194,304"
    form = f"write it as {example}300M or 300000000"
    if in_bytes:
        form = f"write {example}4MiB; {size}" if example else size
    if text.startswith("-"):
        raise UsageError(Problem(f"{what} cannot be {text}: it is below zero", None, form))
    try:
        number = read_number(text)
        value = read_size(text) if in_bytes else number
    except ValueError as error:
        raise UsageError(Problem(f"{what} cannot be `{text}`: {error}", None, form)) from None
    unit = text.lstrip("0123456789. ")
    if in_bytes and value is None and unit and number is None:
        near = next((known for known in SIZES if known.lower() == unit.lower()), None)
        help_ = f"did you mean `{near}`? " if near else ""
        raise UsageError(Problem(f"{what} cannot be `{text}`: `{unit}` is no unit", None, f"{help_}known are {KNOWN}"))
    if value is None or isinstance(value, Fraction):
        why = "" if number is None else " without a unit" if in_bytes else ": it is no whole number"
        raise UsageError(Problem(f"{what} cannot be `{text}`{why}", None, form))
    return value


def each_once(budgets: Iterable[Budget]) -> tuple[Budget, ...]:
    """The budgets, of which no two may limit the same total. Raises UsageError."""
    found = tuple(budgets)
    names = [b.metric for b in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(Problem(f"`{name}` has two budgets", None, "keep the smaller one"))
    return found
