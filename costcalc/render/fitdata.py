"""A fit for machines: CSV, and the `costcalc/fit/1` document; every count an exact integer."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from costcalc.budgets import Budget
from costcalc.cost.report import Report
from costcalc.explore.fitted import Fit, Solution, Step, Threshold
from costcalc.network import plain
from costcalc.render import escape
from costcalc.render.data import TOTALS
from costcalc.render.fit import said
from costcalc.version import VERSION


def fit_csv(fit: Fit) -> str:
    """A line for each setting; totals and what is left of each budget are exact integers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    exact = ["bound", "included"] if fit.exact else []
    headroom = [f"headroom_{b.metric}" for b in fit.budgets]
    writer.writerow([*fit.vary, *exact, *TOTALS, *headroom, "convention", "unit"])
    for s in fit.solutions:
        values = [escape.csv(said(value)) for value in s.varied.values()]
        if fit.exact and s.threshold is not None:
            t = s.threshold
            values += ["" if t.bound is None else said(t.bound), said(t.included)]
        totals = s.report.totals._asdict()
        numbers = [*(totals[name] for name in TOTALS), *(b.headroom(totals) for b in fit.budgets)]
        writer.writerow(
            [*values, *numbers, *(escape.csv(x) for x in (fit.base.convention.name, fit.base.convention.unit))]
        )
    return out.getvalue()


def fit_json(fit: Fit) -> dict[str, Any]:
    """The `costcalc/fit/1` document."""
    document = {
        "schema": "costcalc/fit/1",
        "version": VERSION,
        **counted_json(fit.base),
        "budget": {b.metric: b.limit for b in fit.budgets},
        "vary": list(fit.vary),
        "status": "partial" if fit.uncounted else "complete",
        "solutions": [_solution(s, fit.budgets) for s in fit.solutions],
    }
    if fit.uncounted:
        document["uncounted"] = list(fit.uncounted)
    if not fit.solutions and fit.closest is not None:
        miss = fit.closest
        document["closest"] = {
            "hyperparameters": _plain(miss.varied),
            "totals": dict(miss.totals),
            "over": dict(miss.over),
        }
    ideal = fit.closed_form
    forms = {form.metric: {form.name: form.text} for form in fit.closed_forms}
    return document | {"closed_form": {} if ideal is None else {ideal.name: ideal.text}, "closed_forms": forms}


def counted_json(report: Report) -> dict[str, Any]:
    """What was counted, and how."""
    network = report.network
    return {
        "network": {"name": network.name, "source": network.source, "spec": network.origin, "sha256": network.sha256},
        "hyperparameters": _plain(network.hyperparameters),
        "batch": report.batch,
        "dtype": report.dtype,
        "convention": {"name": report.convention.name, "unit": report.convention.unit},
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in values.items()}


def _solution(s: Solution, budgets: Sequence[Budget]) -> dict[str, Any]:
    totals = s.report.totals._asdict()
    record = {
        "hyperparameters": _plain(s.report.network.hyperparameters),
        "totals": {name: totals[name] for name in TOTALS},
        "headroom": {b.metric: b.headroom(totals) for b in budgets},
    }
    return record | ({} if s.threshold is None else {"threshold": _threshold(s.threshold)})


def _threshold(t: Threshold) -> dict[str, Any]:
    low, high, count = t.looked
    return {
        "hyperparameter": t.name,
        "bound": plain(t.bound),
        "included": t.included,
        "exact": t.exact,
        "from": plain(t.start),
        "from_included": t.start_included,
        "next": _step(t.next),
        "later": _step(t.later),
        "rising": t.rising,
        "sure_below": plain(t.sure),
        "gaps": t.gaps,
        "looked_at": {"from": plain(low), "to": plain(high), "values": count},
    }


def _step(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    record = {"at": plain(step.value), "after": step.after}
    return record | ({"fault": step.fault} if step.fault else {"totals": dict(step.totals), "over": dict(step.over)})
