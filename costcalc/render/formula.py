"""Formulas for reading (text, LaTeX), as programs, and as the JSON document `costcalc/formula/1`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from costcalc.explore.conditions import Relation
from costcalc.explore.formula import Derivative, Formula, Formulas
from costcalc.network import plain
from costcalc.number.polynomial import Polynomial
from costcalc.render import program
from costcalc.render.escape import latex as latex_text
from costcalc.render.escape import terminal
from costcalc.render.expression import LATEX, PYTHON, TEXT, Dialect, atom_text, term, written
from costcalc.units import percent
from costcalc.units import written as number_text
from costcalc.version import VERSION

FORMATS = ("text", "latex", "python", "javascript", "json")
NAMES = {"madds": "MAdds", "count": "count"}
MOST = 8  # relations that are listed


def formula_text(f: Formulas, exact: bool, derivatives: Sequence[Derivative] = ()) -> str:
    """What the formulas are in, the formulas with their terms by size, and where they hold."""
    symbols = ", ".join(f"{name} = {_value(v)}" for name, v in f.symbols.items())
    fixed = ", ".join(f"{name} = {_value(v)}" for name, v in f.fixed.items())
    network, convention = f.report.network, f.report.convention
    lines = [terminal(network.name)]
    lines += [f"symbols  {terminal(symbols) or 'none: everything is set'}"]
    lines += [f"set      {terminal(fixed)}"] if fixed else []
    lines += [f"counted  {terminal(convention.name)}: {terminal(convention.about)}"]
    reading = "exact: equal to the count" if exact else "ideal: widths and sizes continuous, nothing rounded"
    lines += [f"reading  {reading}", ""]
    lines += _formulas(f, f.total, exact)
    for row in f.rows:
        lines += [terminal(row.path), *(f"  {line}" for line in _formulas(f, row, exact))]
    lines += [*_derivatives(f, derivatives)]
    if not f.rows and not derivatives:
        lines += [line for metric in f.metrics for line in _terms(f, metric, exact)]
    return "\n".join([*lines, *_where(f, exact)]) + "\n"


def _formulas(f: Formulas, formula: Formula, exact: bool) -> list[str]:
    polynomials = formula.exact if exact else formula.ideal
    width = max(len(_name(metric)) for metric in polynomials)
    lines = []
    for metric, polynomial in polynomials.items():
        text = written(polynomial, TEXT, f.symbols)
        lines += _folded(f"{_name(metric):<{width}} = ", text)
    return lines


def _folded(head: str, text: str, width: int = 100) -> list[str]:
    """The formula in lines that break before an operator."""
    lines, current = [], head
    for i, piece in enumerate(text.replace(" + ", "\n+ ").replace(" - ", "\n- ").split("\n")):
        if i and len(current) + 1 + len(piece) > width:
            lines.append(current)
            current = " " * (len(head) - 2) + piece
        else:
            current += (" " if i else "") + piece
    return [*lines, current]


def _terms(f: Formulas, metric: str, exact: bool) -> list[str]:
    """The terms of one total by size, with their values and shares."""
    polynomial = (f.total.exact if exact else f.total.ideal)[metric]
    if len(polynomial.terms) < 2:
        return []
    whole = polynomial.at(f.symbols)
    rows = [
        (term(polynomial, m, c, TEXT), _rounded(value), percent(value, whole))  # type: ignore[arg-type]
        for m, c, value in polynomial.sizes(f.symbols)
    ]
    rows.append(("total", _rounded(whole), percent(1, 1)))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    here = ", ".join(f"{name} = {_value(v)}" for name, v in f.symbols.items())
    lines = ["", f"{_name(metric)} at {here}, term by term" if here else f"{_name(metric)}, term by term"]
    return lines + [f"  {a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]


def _derivatives(f: Formulas, derivatives: Sequence[Derivative]) -> list[str]:
    lines = []
    for d in derivatives:
        lines += ["", *_folded(f"d {_name(d.metric)} / d {d.symbol} = ", written(d.polynomial, TEXT, f.symbols))]
        if d.elasticity is not None:
            about = _decimal(d.elasticity, 3)
            lines.append(f"  elasticity {about}: one per cent more {d.symbol} costs {about} per cent more here")
    return lines


def _where(f: Formulas, exact: bool) -> list[str]:
    """Where the formulas equal the count, and where that was tried."""
    lines = [""]
    if exact:  # where the formulas hold, or what must be so that the ideal ones are exact
        listed = [f"{name} >= {least}" for name, least in f.bounds.items()]
        listed += [relation_text(r, TEXT) for r in f.relations]
        head = "holds     "
        if len(listed) > MOST:
            listed[MOST:] = [f"... and {len(listed) - MOST} more: `--format json` lists all"]
    else:
        steps, others = f.granted
        listed = [f"{name} a multiple of {step}" for name, step in steps.items()]
        listed += [relation_text(r, TEXT) for r in others]
        head = "exact     "
    lines += [f"{head if not i else ' ' * len(head)}{text}" for i, text in enumerate(listed or ["everywhere"])]
    met = sum(c.exact for c in f.checked)
    other, wrong = len(f.checked) - met, sum(not c.equal for c in f.checked)
    lines.append(f"checked   the exact formulas give the counted integers at {met} of {len(f.checked)} settings")
    if other:
        tail = f"they differ at {wrong} of them" if wrong else "they are right there too"
        lines[-1] += f"; at the other {other} a condition is not met, and {tail}"
    return lines if exact else [*lines, "          `--exact` shows them"]


def relation_text(relation: Relation, dialect: Dialect) -> str:
    """`left >= right`, in the dialect."""
    left, sign, right = written(relation.left, dialect), relation.relation, written(relation.right, dialect)
    if sign == "multiple of":
        return f"({left}) % {right} == 0" if dialect is PYTHON else f"{left} a multiple of {right}"
    return f"{left} {'=' if sign == '==' and dialect is TEXT else sign} {right}"


def formula_latex(f: Formulas, exact: bool, derivatives: Sequence[Derivative] = ()) -> str:
    """An `align*` of amsmath, a line for each formula, long ones over several lines."""
    lines = []
    for row in (f.total, *f.rows):
        for metric, polynomial in (row.exact if exact else row.ideal).items():
            index = "" if row is f.total else rf"_{{\text{{{latex_text(row.path)}}}}}"
            lines += _aligned(rf"\text{{{latex_text(_name(metric))}}}{index}", polynomial, f.symbols)
    for d in derivatives:
        name = rf"\frac{{\partial\,\text{{{latex_text(_name(d.metric))}}}}}{{\partial {_latex_name(d)}}}"
        lines += _aligned(name, d.polynomial, f.symbols)
    comment = f"% {terminal(f.report.network.name)}; needs amsmath"
    return "\n".join([comment, r"\begin{align*}", " \\\\\n".join(lines), r"\end{align*}"]) + "\n"


def _latex_name(d: Derivative) -> str:
    from costcalc.number.polynomial import Atom

    return atom_text(Atom("symbol", d.symbol, ()), LATEX)


def _aligned(name: str, polynomial: Polynomial, point: Mapping[str, Any], per_line: int = 3) -> list[str]:
    terms = [term(polynomial, m, c, LATEX) for m, c, _ in polynomial.sizes(point)] or ["0"]
    signed = [terms[0], *(t if t.startswith("-") else f"+ {t}" for t in terms[1:])]
    chunks = [" ".join(signed[i : i + per_line]) for i in range(0, len(signed), per_line)]
    return [f"{name} &= {chunks[0]}", *(rf"&\quad {chunk}" for chunk in chunks[1:])]


def formula_program(f: Formulas, language: str) -> str:
    """The exact totals as a program in Python or JavaScript."""
    fixed = ", ".join(f"{name} = {_value(v)}" for name, v in f.fixed.items())
    about = [f"{f.report.network.name}, counted as `{f.report.convention.name}`" + (f"; {fixed}" if fixed else "")]
    conditions = [f"{name} >= {_value(v)}" for name, v in f.bounds.items()]
    conditions += [relation_text(r, PYTHON) for r in f.relations]
    about += ["exact for " + ", ".join(conditions)] if conditions else []
    write = {"python": program.python, "javascript": program.javascript}[language]
    return write(about, f.symbols, f.total.exact)


def formula_json(f: Formulas, derivatives: Sequence[Derivative] = ()) -> dict[str, Any]:
    """The `costcalc/formula/1` document: expressions in Python's syntax, of exact numbers."""
    network, convention = f.report.network, f.report.convention
    steps, others = f.granted
    document: dict[str, Any] = {
        "schema": "costcalc/formula/1",
        "version": VERSION,
        "network": {"name": network.name, "source": network.source, "spec": network.origin, "sha256": network.sha256},
        "convention": {"name": convention.name, "unit": convention.unit},
        "symbols": {name: plain(v) for name, v in f.symbols.items()},
        "hyperparameters": {name: plain(v) for name, v in f.fixed.items()},
        **_readings(f.total),
        "ideal_equals_exact": {
            "multiples_of": {name: plain(step) for name, step in steps.items()},
            "conditions": [relation_text(r, PYTHON) for r in others],
        },
        "exact_holds": {
            "at_least": {name: plain(v) for name, v in f.bounds.items()},
            "conditions": [relation_text(r, PYTHON) for r in f.relations],
        },
        "checked_at": [{name: plain(v) for name, v in c.setting.items()} for c in f.checked if c.exact],
    }
    if f.rows:
        document["rows"] = [{"path": row.path, **_readings(row)} for row in f.rows]
    if derivatives:
        document["derivatives"] = [
            {
                "of": d.metric,
                "by": d.symbol,
                "ideal": written(d.polynomial, PYTHON),
                "elasticity": None if d.elasticity is None else plain(d.elasticity),
            }
            for d in derivatives
        ]
    return document


def _readings(formula: Formula) -> dict[str, dict[str, str]]:
    return {
        "ideal": {metric: written(p, PYTHON) for metric, p in formula.ideal.items()},
        "exact": {metric: written(p, PYTHON) for metric, p in formula.exact.items()},
    }


def _name(metric: str) -> str:
    return NAMES.get(metric, metric)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return number_text(value) if isinstance(value, int | Fraction) else str(value)


def _decimal(value: Fraction | int, places: int) -> str:
    """Rounded half up to so many places."""
    scaled = (2 * Fraction(value) * 10**places + 1) // 2
    sign, scaled = ("-" if scaled < 0 else ""), abs(scaled)
    return f"{sign}{scaled // 10**places}.{scaled % 10**places:0{places}d}"


def _rounded(value: Fraction | int) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{(2 * value + 1) // 2:,}"
