"""Formulas for programs: the JSON document `costcalc/formula/1`, and modules in Python and JavaScript."""

from __future__ import annotations

from typing import Any

from costcalc.explore.conditions import Where
from costcalc.explore.formulated import WHOLE, Formula, Formulated
from costcalc.network import plain
from costcalc.render import program
from costcalc.render.expression import PYTHON, Names, Writer
from costcalc.render.formula_page import shown
from costcalc.render.prelude import PYTHON_WORDS
from costcalc.render.where import where_texts
from costcalc.version import VERSION


def formula_json(f: Formulated) -> dict[str, Any]:
    """The `costcalc/formula/1` document: expressions in Python's syntax, of exact numbers."""
    network, convention = f.report.network, f.report.convention
    renamed = {name: safe for name, safe in program.safe_names(f.symbols, PYTHON_WORDS).items() if name != safe}
    writer = Writer(PYTHON, Names(renamed))
    document: dict[str, Any] = {
        "schema": "costcalc/formula/1",
        "version": VERSION,
        "network": {"name": network.name, "source": network.source, "spec": network.origin, "sha256": network.sha256},
        "convention": {"name": convention.name, "unit": convention.unit},
        "batch": f.report.batch,
        "dtype": f.report.dtype,
        "status": "partial" if f.total.uncounted else "complete",
        "symbols": {name: plain(value) for name, value in f.symbols.items()},
        "hyperparameters": {name: plain(value) for name, value in f.fixed.items()},
        "derived": {name: writer.written(p) for name, p in f.derived.items()},
        **_readings(f.total, writer),
        "counted": dict(f.total.counted),
        "ideal_equals_exact": {
            "multiples_of": {name: plain(step) for name, step in f.ideal_where.steps},
            **_conditions(f.ideal_where, writer),
        },
        "exact_holds": _conditions(f.exact_where, writer),
        "checked_at": [{name: plain(v) for name, v in c.setting.items()} for c in f.checked if c.exact],
    }
    if f.total.path != WHOLE:
        document["part"] = f.total.path
    if f.no_ideal:
        document["no_ideal"] = f.no_ideal
    if renamed:
        document["written_as"] = renamed
    if f.total.uncounted:
        document["uncounted"] = list(f.total.uncounted)
    if f.rows:
        document["rows"] = [{"path": r.path, **_readings(r, writer), "counted": dict(r.counted)} for r in f.rows]
    if f.derivatives:
        document["derivatives"] = [
            {
                "of": d.metric,
                "by": d.symbol,
                "ideal": writer.written(d.polynomial),
                "elasticity": None if d.elasticity is None else plain(d.elasticity),
            }
            for d in f.derivatives
        ]
    return document


def _readings(formula: Formula, writer: Writer) -> dict[str, dict[str, str]]:
    """Writers are of one graph, and each reading has its own."""
    ideal, exact = Writer(PYTHON, writer.names), Writer(PYTHON, writer.names)
    return {
        "ideal": {metric: ideal.written(p) for metric, p in formula.ideal.items()},
        "exact": {metric: exact.written(p) for metric, p in formula.exact.items()},
    }


def _conditions(where: Where, writer: Writer) -> dict[str, Any]:
    """Lower bounds by symbol, everything else as expressions that are true or false."""
    least = {name: value for name, relation, value in where.bounds if relation == ">="}
    others = where._replace(bounds=tuple(b for b in where.bounds if b.relation != ">="), steps=())
    return {
        "at_least": {name: plain(value) for name, value in least.items()},
        "conditions": where_texts(others, Writer(PYTHON, writer.names)),
    }


def formula_program(f: Formulated, language: str) -> str:
    """The exact totals as a program in Python or JavaScript."""
    fixed = ", ".join(f"{name} = {shown(v)}" for name, v in f.fixed.items())
    about = [f"{f.report.network.name}, counted as `{f.report.convention.name}`" + (f"; {fixed}" if fixed else "")]
    about += [f"part: {f.total.path}"] if f.total.path != WHOLE else []
    if f.total.uncounted:
        about.append(f"partial, not counted: {', '.join(f.total.uncounted)}")
    write = {"python": program.python, "javascript": program.javascript}[language]
    return write(about, f.symbols, f.total.exact, f.exact_where)
