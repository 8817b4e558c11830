"""Formulas of a network in every format."""

from __future__ import annotations

from costcalc.errors import Problem, UsageError
from costcalc.explore.formulated import Formulated
from costcalc.render.expression import TooLong

FORMATS = ("text", "md", "latex", "json", "python", "javascript")
PROGRAMS = ("python", "javascript")


def render_formula(f: Formulated, format: str, exact: bool = False) -> str:
    """The formulas in one of FORMATS. Raises UsageError where there are none, or they are too long."""
    try:
        if format == "json":
            from costcalc.render.data import to_json
            from costcalc.render.formula_data import formula_json

            return to_json(formula_json(f))
        if format in PROGRAMS:
            from costcalc.render.formula_data import formula_program

            return formula_program(f, format)
        if f.no_ideal and not exact:
            help_ = "there are exact ones: `--exact`"
            raise UsageError(Problem(f"there are no ideal formulas: {f.no_ideal}", None, help_))
        if format == "latex":
            from costcalc.render.formula_latex import formula_latex

            return formula_latex(f, exact)
        from costcalc.render.formula_text import formula_markdown, formula_text

        return (formula_markdown if format == "md" else formula_text)(f, exact)
    except TooLong as error:
        help_ = "`--format python` names what repeats, and is short"
        raise UsageError(Problem(f"the formula is too long: {error}", None, help_)) from None
