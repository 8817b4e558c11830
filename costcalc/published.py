"""Published figures beside exact counts: a figure is met at the precision it was printed with, or it is an erratum."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from costcalc.cost.report import Published, Report, Row
from costcalc.spec.document import Document
from costcalc.spec.hyperparameters import settings
from costcalc.spec.published import Expectation, Figure


def check(report: Report, document: Document) -> tuple[Published, ...]:
    """Every figure under `expect` that is for this report's settings and convention, compared with the count."""
    found: list[Published] = []
    if report.status == "partial":  # a lower bound can neither meet a figure nor miss it
        return ()
    parts: dict[str, Mapping[str, Row]] = {}
    for expected in document.expectations:
        same = settings(document.hyperparameters, expected.settings) == report.network.hyperparameters
        if not same or report.batch != 1:
            continue
        by: Literal["kind", "stage"] = "kind" if expected.kind else "stage"
        if expected.kind or expected.stages:
            parts[by] = parts.get(by) or {row.path: row for row in report.rows(by)}
        for quantity, figure in expected.figures.items():
            if quantity != "count" or expected.convention == report.convention.name:
                found.append(_compared(report, parts.get(by, {}), expected, quantity, figure))
    return tuple(found)


def _compared(
    report: Report, rows: Mapping[str, Row], expected: Expectation, quantity: str, figure: Figure
) -> Published:
    whole = part = getattr(report.totals, quantity)
    names = (expected.kind,) if expected.kind else expected.stages
    name = f"{quantity} of {', '.join(names)}" if names else quantity
    missing = [f"`{n}`" for n in names if n not in rows]
    if missing:
        what = "kind" if expected.kind else "stage"
        why = f"there is no {what} {' or '.join(missing)} here, only {', '.join(rows)}"
        return Published(expected.place, name, figure.text, 0, "missed", why)
    if names:
        part = sum(getattr(rows[n], quantity) or 0 for n in names)
    exact = Fraction(100 * part, whole or 1) if figure.share else Fraction(part)
    erratum = expected.errata.get(quantity)
    met = figure.matches(exact)
    status: Literal["met", "erratum", "missed"] = "met" if met and erratum is None else "missed"
    if erratum is not None and erratum.matches(exact) and not met:
        status = "erratum"
    return Published(expected.place, name, figure.text, (part, whole) if figure.share else part, status, expected.why)
