"""The page of formulas, part by part: what they are of, the formulas, their terms by size, where they hold."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.explore.formulated import WHOLE, Derivative, Formula, Formulated, Polynomials
from costcalc.number.polynomial import Polynomial, Values
from costcalc.render import escape
from costcalc.render.expression import TEXT, Names, TooLong, Writer, named_roundings
from costcalc.render.where import where_texts
from costcalc.units import percent
from costcalc.units import written as decimal

WIDTH = 92  # columns; folded before operators
MOST = 8  # conditions that are listed
SUMS = ("total", "counted")  # below the terms; what was counted only where it is something else
IDEAL = "ideal: widths and sizes continuous, nothing rounded"
EXACT = "exact: with every rounding, equal to the count"

Rows = list[tuple[str, str, str]]


def reading(formula: Formula, exact: bool) -> Polynomials:
    """The polynomials of one reading."""
    return formula.exact if exact else formula.ideal


def unit(f: Formulated, metric: str) -> str:
    """What a total is called."""
    return {"madds": "MAdds", "count": escape.terminal(f.report.convention.unit)}.get(metric, metric)


class Page(NamedTuple):
    """The formulas as text, part by part."""

    title: str
    facts: Sequence[tuple[str, str]]
    formulas: Sequence[str]  # lines
    tables: Sequence[tuple[str, Rows]]  # of a total, term by term: heading, and the rows with the total last
    notes: Sequence[tuple[str, Sequence[str]]]


def lay_out(f: Formulated, exact: bool) -> Page:
    """The page of one reading."""
    writer = Writer(TEXT, Names({}, _names(f) if exact else {}))
    blocks = [_equations(f, f.total, exact, writer), *_rows(f, exact, writer), _derived(f, writer), _named(f, writer)]
    lines = [line for block in blocks if block for line in ("", *block)][1:]
    tables = [] if f.rows or f.derivatives else list(_tables(f, exact, writer))
    return Page(f.report.network.name, _facts(f, exact), lines, tables, _notes(f, exact, writer))


# -- what it is of ----------------------------------------------------------------------------------------------------


def _facts(f: Formulated, exact: bool) -> list[tuple[str, str]]:
    report, writer = f.report, Writer(TEXT)
    derived = ", ".join(f"{name} = {writer.written(p)}" for name, p in f.derived.items())
    facts = [
        ("source", report.network.source),
        ("spec", report.network.origin),
        ("part", f.total.path if f.total.path != WHOLE else ""),
        ("symbols", ", ".join(f"{name} (here {shown(v)})" for name, v in f.symbols.items()) or "none"),
        ("settings", ", ".join(f"{name} {shown(v)}" for name, v in f.fixed.items())),
        ("derived", derived),
        ("counted", f"{report.convention.name}: {report.convention.about or report.convention.unit}"),
        ("batch", f"{report.batch}, stored as {report.dtype}" if _depends_on_batch(f) else ""),
        ("formulas", EXACT if exact else IDEAL),
    ]
    return [(name, text) for name, text in facts if text]


def _depends_on_batch(f: Formulated) -> bool:
    return f.report.batch != 1 or any(metric.endswith("_bytes") for metric in f.total.exact)


# -- the formulas -----------------------------------------------------------------------------------------------------


def _names(f: Formulated) -> Mapping[int, str]:
    """Names for the roundings, where a formula would take more than a line without."""
    polynomials = [p for formula in (f.total, *f.rows) for p in formula.exact.values()]
    try:
        if all(len(Writer(TEXT).written(p)) <= WIDTH - 10 for p in polynomials):
            return {}
    except TooLong:
        pass
    return named_roundings(polynomials, list(f.symbols))


def _ordered(f: Formulated, polynomial: Polynomial, exact: bool, writer: Writer) -> list[str]:
    """The terms: of an ideal formula by degree, of an exact one by size."""
    return [text for text, _ in writer.terms(polynomial, f.symbols if exact else None)]


def _equations(f: Formulated, formula: Formula, exact: bool, writer: Writer) -> list[str]:
    polynomials = reading(formula, exact)
    width = max((len(unit(f, metric)) for metric in polynomials), default=0)
    lines = []
    for metric, polynomial in polynomials.items():
        lines += folded(f"{unit(f, metric):<{width}} = ", _ordered(f, polynomial, exact, writer))
    return lines


def _rows(f: Formulated, exact: bool, writer: Writer) -> Iterator[list[str]]:
    """For each total the formula of every row."""
    width = max((len(escape.terminal(row.path)) for row in f.rows), default=0)
    for metric in dict.fromkeys(metric for row in f.rows for metric in row.exact):
        lines = [f"{unit(f, metric)} by {f.grouping}"]
        for row in f.rows:
            head = f"  {escape.terminal(row.path):<{width}}  "
            polynomial = reading(row, exact).get(metric)
            lines += [head + "not counted"] if polynomial is None else []
            lines += [] if polynomial is None else folded(head, _ordered(f, polynomial, exact, writer))
        yield lines


def _derived(f: Formulated, writer: Writer) -> list[str]:
    lines = []
    for d in f.derivatives:
        lines += folded(f"d {unit(f, d.metric)} / d {d.symbol} = ", _ordered(f, d.polynomial, False, writer))
        lines += [f"  {elasticity(f, d)}"] if d.elasticity is not None else []
    return lines


def elasticity(f: Formulated, d: Derivative) -> str:
    """The elasticity in words."""
    about = rounded(d.elasticity or 0, 3)
    return f"elasticity {about}: 1% more {d.symbol} is about {about}% more {unit(f, d.metric)} here"


def _named(f: Formulated, writer: Writer) -> list[str]:
    """What the names stand for, with their values here."""
    if not writer.names.roundings:
        return []
    polynomial = next(iter(f.total.exact.values()))
    values = Values(f.symbols)
    rows = []
    for node, name in writer.names.roundings.items():
        value = values.of(Polynomial(polynomial.graph, {((node, 1),): 1}))
        rows.append((name, writer.definition(polynomial, node), f"{value:,}"))
    a, b, c = (max(len(row[i]) for row in rows) for i in range(3))
    return ["where", *(f"  {name:<{a}} = {text:<{b}}  {value:>{c}}" for name, text, value in rows)]


# -- term by term -----------------------------------------------------------------------------------------------------


def _tables(f: Formulated, exact: bool, writer: Writer) -> Iterator[tuple[str, Rows]]:
    here = ", ".join(f"{name} {shown(v)}" for name, v in f.symbols.items())
    for metric, polynomial in reading(f.total, exact).items():
        whole, counted = polynomial.at(f.symbols), f.total.counted[metric]
        if len(polynomial.terms) < 2 and whole == counted:
            continue  # the formula says it all
        rows = [(text, rounded(v), _share(v, whole)) for text, v in writer.terms(polynomial, f.symbols)]
        rows.append((SUMS[0], rounded(whole), _share(whole, whole)))
        if whole != counted:
            rows.append((SUMS[1], rounded(counted), _share(counted, whole)))
        yield f"{unit(f, metric)} at {here}" if here else unit(f, metric), rows


def _share(part: Any, whole: Any) -> str:
    if part < 0 <= whole:
        return f"-{percent(-part, whole)}"
    return percent(part, whole) if whole > 0 else "-"


# -- where they hold --------------------------------------------------------------------------------------------------


def _notes(f: Formulated, exact: bool, writer: Writer) -> list[tuple[str, list[str]]]:
    where = where_texts(f.exact_where if exact else f.ideal_where, writer)
    if len(where) > MOST:
        where[MOST:] = [f"... and {len(where) - MOST} more: `--format json` lists all"]
    notes = []
    if f.total.uncounted:
        names = ", ".join(f.total.uncounted[:MOST]) + (", ..." if len(f.total.uncounted) > MOST else "")
        notes.append(("partial", [f"not counted, and in no formula: {names}"]))
    everywhere = ["wherever there is a network"]
    notes.append(("holds" if exact else "exact for", where or everywhere))
    notes.append(("checked", [checks(f, exact)]))
    return notes


def checks(f: Formulated, exact: bool) -> str:
    """Where the formulas were compared with the count, and what came out."""
    tried, met, ideal = len(f.checked), sum(c.exact for c in f.checked), sum(c.ideal for c in f.checked)
    if not exact and not ideal:
        return f"none of the {tried} settings that were tried is one it is exact for; `--exact` is checked"
    if not exact:
        settings = "the 1 setting" if ideal == 1 else f"all {ideal} settings"
        return f"against counted integers: equal at {settings} it is exact for, of {tried} that were tried"
    if met == tried:
        return f"against counted integers: equal at all {tried} settings that were tried"
    wrong = sum(not c.equal for c in f.checked)
    rest = f"different at {wrong} of {tried - met} elsewhere" if wrong else f"and at {tried - met} elsewhere, too"
    return f"against counted integers: equal at all {met} settings it holds for, {rest}"


# -- text -------------------------------------------------------------------------------------------------------------


def folded(head: str, terms: Sequence[str]) -> list[str]:
    """A sum after its head, in lines that break before an operator."""
    first, *rest = terms or ["0"]
    pieces = [first, *(f"- {term[1:]}" if term.startswith("-") else f"+ {term}" for term in rest)]
    lines, current = [], head
    for i, piece in enumerate(pieces):
        if i and len(current) + 1 + len(piece) > WIDTH:
            lines.append(current)
            current = " " * max(len(head) - 2, 4) + piece
        else:
            current += (" " if i else "") + piece
    margin = " " * (len(head) + 2)
    return [part for line in [*lines, current] for part in _shortened(line, margin)]


def _shortened(line: str, margin: str) -> list[str]:
    """A line, one with a single term that is too long folded at its spaces."""
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(line) - len(line.lstrip(" ")))
    return textwrap.wrap(
        line.lstrip(" "), WIDTH, initial_indent=indent, subsequent_indent=margin,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def shown(value: Any) -> str:
    """A value as text: 0.35, 6/7, true, a word."""
    if isinstance(value, bool):
        return str(value).lower()
    return decimal(value) if isinstance(value, int | Fraction) else str(value)


def rounded(value: Fraction | int, places: int = 0) -> str:
    """With separators, rounded half up to so many places."""
    scaled = (2 * Fraction(value) * 10**places + 1) // 2
    sign, scaled = ("-" if scaled < 0 else ""), abs(scaled)
    decimals = f".{scaled % 10**places:0{places}d}" if places else ""
    return f"{sign}{scaled // 10**places:,}{decimals}"
