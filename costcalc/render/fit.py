"""A fit as text: the answer first, then the settings in a table."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from costcalc.budgets import Budget
from costcalc.cost.report import Report
from costcalc.explore.fitted import ClosedForm, Fit, Miss, Solution, Step, Threshold
from costcalc.render import to_text
from costcalc.render.sheet import Column, Sheet
from costcalc.units import written

NAMES = {
    "params": "parameters",
    "madds": "MAdds",
    "activations": "activations",
    "weight_bytes": "bytes of weights",
    "peak_activation_bytes": "bytes of live activations",
    "memory_access_bytes": "bytes of memory access",
    "stored_bytes": "bytes stored",
}
HEADS = {
    "params": "Params",
    "madds": "MAdds",
    "activations": "Activations",
    "weight_bytes": "Weight bytes",
    "peak_activation_bytes": "Peak bytes",
    "memory_access_bytes": "Memory bytes",
    "stored_bytes": "Stored bytes",
}
DIGITS = 4  # of a bound after the point
IDEAL_DIGITS = 6
LISTED = 8  # values of an axis that are no range
SHORT = 8  # characters of a bound that is written as a decimal


def fit_text(fit: Fit, format: str, width: int | None = None, color: bool = False, unicode: bool = True) -> str:
    """The fit as `table` or `md`."""
    return to_text(lay_out(fit), format, width, color, unicode)


def said(value: Any) -> str:
    """A value as a command line has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return written(value) if isinstance(value, int | Fraction) else str(value)


def setting(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {said(value)}" for name, value in values.items())


def named(metric: str, report: Report) -> str:
    """A total in words; the count is in the convention's unit."""
    return f"{report.convention.unit} ({report.convention.name})" if metric == "count" else NAMES[metric]


def limited(budgets: Sequence[Budget], report: Report) -> str:
    """The budgets in words: `at most 300,000,000 MAdds (300M)`."""
    texts = []
    for b in budgets:
        amount = "" if b.text in (str(b.limit), f"{b.limit:,}") else f" ({b.text})"
        texts.append(f"at most {b.limit:,} {named(b.metric, report)}{amount}")
    return ", ".join(texts)


def nothing_fits(fit: Fit) -> str:
    """Why there is no solution, and how near one comes."""
    if fit.uncounted:
        names = ", ".join(f"`{name}`" for name in fit.uncounted[:8]) + ", ..." * (len(fit.uncounted) > 8)
        return f"nothing can be said to fit: {names} cannot be counted, so every total is a lower bound"
    if fit.closest is None:
        return "nothing fits: the network can be built at none of the settings that were tried"
    return f"nothing fits; the closest that was tried is {setting(fit.closest.varied)}: {_over(fit.closest, fit.base)}"


def _over(found: Miss | Step, report: Report) -> str:
    """What exceeds which budget by how much: `300,711,737 MAdds, 711,737 too many`."""
    return "; ".join(f"{found.totals[m]:,} {named(m, report)}, {n:,} too many" for m, n in found.over.items())


# -- the answer -----------------------------------------------------------------------------------------------------


def exactly(value: Any) -> str:
    """A value in full: as a decimal where that is short, else as a fraction."""
    text = written(value)
    return text if len(text) <= SHORT or value == value // 1 else f"{value.numerator}/{value.denominator}"


def bound(t: Threshold) -> str:
    """What the values that fit are below: `< 369/512 = 0.7207...`, the decimal rounded down."""
    text = f"{'<=' if t.included else '<'} {exactly(t.bound)}"
    return f"{text} = {said(_cut(t.bound))}..." if "/" in text else text


def answer(fit: Fit) -> str:
    """The result in a line."""
    name, t = fit.base.network.name or fit.base.network.origin, fit.solutions[0].threshold
    if t is None or len(fit.vary) > 1:
        many = len(fit.solutions)
        if many == 1:
            return f"{name}: the largest is {setting(fit.solutions[0].varied)}"
        return f"{name}: {many:,} settings fit, and none of them can be larger in anything"
    if t.bound is None:
        return f"{name}: every {t.name} fits" + ("" if not t.moves else f" up to {said(t.value)}")
    if not t.exact:
        return f"{name}: {t.name} <= {said(t.value)}, closely"
    return f"{name}: {t.name} {bound(t)}"


def lay_out(fit: Fit) -> Sheet:
    """The sheet: what was asked, the settings, and what there is to say of a single threshold."""
    unit, alone = fit.base.convention.unit, len(fit.vary) == 1
    metrics = list(dict.fromkeys((*(b.metric for b in fit.budgets), "madds", "params")))
    columns = [Column(name, numeric=_numeric(fit, name)) for name in fit.vary]
    if fit.exact and not alone:
        columns.append(Column(f"{fit.exact} exactly", False))
    for metric in metrics:
        columns.append(Column(unit if metric == "count" else HEADS[metric]))
        if any(b.metric == metric for b in fit.budgets):
            columns.append(Column("Headroom"))
    rows = tuple(_row(fit, s, metrics, alone) for s in fit.solutions)
    b = fit.budgets[0]
    bars = tuple((getattr(s.report.totals, b.metric), b.limit) for s in fit.solutions)
    return Sheet(answer(fit), _facts(fit, metrics), tuple(columns), rows, (), tuple(_notes(fit)), bars)


def _facts(fit: Fit, metrics: Sequence[str]) -> tuple[tuple[str, str], ...]:
    base, varied = fit.base, fit.solutions[0].varied
    others = {n: v for n, v in base.network.hyperparameters.items() if n not in fit.vary and _same(fit, n, v)}
    options = " ".join(f"--{name.replace('_', '-')} {said(value)}" for name, value in varied.items())
    stated = (
        ("use", options if len(fit.solutions) == 1 else ""),
        ("budget", limited(fit.budgets, base)),
        ("spec", base.network.origin),
        ("settings", setting(others)),
        ("batch", f"{base.batch:,}" if base.batch != 1 else ""),
        ("stored as", base.dtype if any(m.endswith("_bytes") for m in metrics) else ""),
        ("counted", f"{base.convention.name}: {base.convention.about or base.convention.unit}"),
    )
    return tuple((label, text) for label, text in stated if text)


def _same(fit: Fit, name: str, value: Any) -> bool:
    return all(s.report.network.hyperparameters.get(name) == value for s in fit.solutions)


def _numeric(fit: Fit, name: str) -> bool:
    values = [s.varied[name] for s in fit.solutions]
    return all(isinstance(value, int | Fraction) and not isinstance(value, bool) for value in values)


def _row(fit: Fit, solution: Solution, metrics: Sequence[str], alone: bool) -> tuple[str, ...]:
    cells = [said(value) for value in solution.varied.values()]
    t = solution.threshold
    if fit.exact and not alone:
        cells.append("any" if t is None or t.bound is None else bound(t).partition(" =")[0])
    totals = solution.report.totals._asdict()
    for metric in metrics:
        cells.append(f"{totals[metric]:,}")
        cells += [f"{b.headroom(totals):,}" for b in fit.budgets if b.metric == metric]
    return tuple(cells)


def _notes(fit: Fit) -> list[tuple[str, str]]:
    t = fit.solutions[0].threshold
    if t is None or len(fit.vary) > 1:
        doubts = {setting(s.varied): _doubt(s.threshold) for s in fit.solutions if s.threshold is not None}
        told = [("note", f"{values}: {doubt}") for values, doubt in doubts.items() if doubt]
        return [*told, ("tried", _tried(fit))]
    notes = []
    if t.next is not None:
        at = exactly(t.next.value) if t.exact else said(t.value)
        where = f"{'just above ' if t.next.after or not t.exact else ''}{t.name} {at}"
        what = f"cannot be built: {t.next.fault}" if t.next.fault else _over(t.next, fit.base)
        notes.append(("next step", f"{where}: {what}"))
    if t.later is not None:
        where = f"{'just above ' if t.later.after else ''}{t.name} {exactly(t.later.value)}"
        notes.append(("after it", f"{where}: {_over(t.later, fit.base)}"))
    if t.start not in (None, t.bound) and not t.whole and t.exact:
        start = f"{'from' if t.start_included else 'above'} {exactly(t.start)}"
        end = f"{'up to' if t.included else 'to below'} {exactly(t.bound)}"
        notes.append(("this step", f"every {t.name} {start} {end} is this network"))
    if t.bound is None:
        end = "is not reached where the search, or the spec, ends" if t.moves else "does not depend on it"
        notes.append(("budget", end))
    for ideal in fit.closed_forms:
        label = f"unrounded ({ideal.metric})" if len(fit.budgets) > 1 else "unrounded"
        notes.append((label, f"{ideal.name} = {_ideal(ideal)}, if nothing were rounded"))
    if _doubt(t):
        notes.append(("note", _doubt(t)))
    return [*notes, ("looked at", _looked(t))]


def _ideal(form: ClosedForm) -> str:
    cut = said(_cut(form.value, IDEAL_DIGITS))
    return form.text if form.text == cut else f"{form.text} = {cut}..."


def _looked(t: Threshold) -> str:
    low, high, count = t.looked
    text = f"{count:,} value{'s' * (count != 1)} from {said(_cut(low))} to {said(_cut(high))}"
    if not t.rising or t.gaps:
        return text
    return f"{text}: all below fit" + (", none above does" if t.bound is not None else "")


def _doubt(t: Threshold) -> str:
    """What is to be known of a threshold that is not the plain end of what fits."""
    told = []
    if not t.exact:
        told.append("the step ends at no short fraction; this value fits, and the step ends just above it")
    if not t.rising and t.sure is None:
        told.append("the smallest values do not fit: a total falls where it rises")
    elif not t.rising:
        told.append(f"not all smaller values fit: of those that were looked at, all below {exactly(t.sure)} do")
    if t.gaps:
        told.append("at some smaller values the network cannot be built")
    return "; ".join(told)


def _cut(value: Any, digits: int = DIGITS) -> Any:
    """A value rounded down."""
    scaled = value * 10**digits // 1
    return value if value == value // 1 else Fraction(scaled, 10**digits) if scaled else 0


def _tried(fit: Fit) -> str:
    text = f"{fit.tried:,} combination{'s' * (fit.tried != 1)}"
    text = f"{text}, {fit.exact} solved for in each" if fit.exact else text
    return "; ".join([text, *(f"{name} {_values(values)}" for name, values in fit.axes.items())])


def _values(values: Sequence[Any]) -> str:
    """The values of an axis: as a range where they are one, else the first of them."""
    if len(values) > 2 and all(isinstance(v, int | Fraction) and not isinstance(v, bool) for v in values):
        step = values[1] - values[0]
        if all(after - before == step for before, after in itertools.pairwise(values)):
            return f"{said(values[0])} to {said(values[-1])} by {said(step)}"
    more = f" and {len(values) - LISTED:,} more" if len(values) > LISTED else ""
    return ", ".join(map(said, values[:LISTED])) + more
