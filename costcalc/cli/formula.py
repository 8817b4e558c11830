"""`costcalc formula`: parameters and multiply-adds in closed form."""

from typing import Annotated, Any, Optional

import typer

from costcalc.budgets import read_total
from costcalc.cli.common import (
    Batch,
    Dtype,
    Output,
    Settings,
    Spec,
    chosen_format,
    command_app,
    format_option,
    one_of,
)
from costcalc.cli.files import write
from costcalc.cli.settings import SpecCommand, document_for, given
from costcalc.cost import DTYPES
from costcalc.cost.report import BY
from costcalc.errors import Problem, UsageError, unknown
from costcalc.explore.formula import Formulas
from costcalc.explore.tracing import Way
from costcalc.render.formula import FORMATS, PROGRAMS, render_formula
from costcalc.spec import Document

app = command_app()


@app.command("formula", cls=SpecCommand)
def formula(
    ctx: typer.Context,
    spec: Spec,
    settings: Settings = [],  # noqa: B006 - typer wants a list
    exact: Annotated[
        bool, typer.Option("--exact", help="With floor, ceil and make_divisible, equal to the count; else ideal.")
    ] = False,
    vary: Annotated[
        Optional[str],
        typer.Option(
            "--vary", metavar="NAME,...", help="The symbols; by default what the input uses and multipliers of 1."
        ),
    ] = None,
    by: Annotated[
        Optional[str], typer.Option("--by", metavar="|".join(BY), help="Also a formula for each row of the report.")
    ] = None,
    depth: Annotated[
        Optional[int],
        typer.Option("--depth", "--path-depth", min=1, metavar="N", help="Rows are what shares N parts of a path."),
    ] = None,
    layer: Annotated[
        Optional[str], typer.Option("--layer", metavar="PATH", help="Only the row of this path, a layer by default.")
    ] = None,
    derivative: Annotated[
        Optional[str], typer.Option("--derivative", metavar="NAME", help="Of the ideal formulas, with elasticities.")
    ] = None,
    totals: Annotated[
        str, typer.Option("--totals", metavar="NAME,...", help="Which totals, as in the JSON report.")
    ] = "params,madds",
    convention: Annotated[
        str, typer.Option("--convention", metavar="NAME|FILE", help="How to count; adds `count` to the totals.")
    ] = "paper",
    batch: Batch = 1,
    dtype: Dtype = "float32",
    latex: Annotated[bool, typer.Option("--latex", help="The same as `--format latex`.")] = False,
    format: Annotated[Optional[str], format_option(FORMATS, " Programs are of exact formulas.")] = None,
    output: Output = None,
) -> None:
    """What a network costs, as formulas in its hyper-parameters: ideal polynomials, or exact with every rounding.

    \b
      costcalc formula mobilenet_v1
      costcalc formula mobilenet_v1 --exact
      costcalc formula mobilenet_v1 --derivative alpha
      costcalc formula mobilenet_v2 --by stage --format latex
      costcalc formula mobilenet_v3_large -o v3.js

    Formulas are compared with counted integers, at the given setting and at up to 20 random ones, before they are
    printed; the output says at how many.
    """
    asked = {"exact": exact, "by": by, "depth": depth, "layer": layer, "derivative": derivative, "latex": latex}
    format = _format(format, latex, output)
    _refuse(asked, format)
    one_of("dtype", dtype, DTYPES)
    metrics = _metrics(totals, convention)
    values = given(settings)
    document = document_for(ctx, spec, values)
    rows = one_of("grouping", by, BY) if by else "layer" if layer else None
    way = Way(convention, batch, dtype)
    found = Formulas(document, values, _free(document, vary), metrics, way, rows, depth)  # type: ignore[arg-type]
    if layer:
        found.keep(layer)
    derivatives = found.derivatives(derivative) if derivative else ()
    write(render_formula(found.formulated(derivatives), format, exact), output, [spec, convention])


def _format(format: str | None, latex: bool, output: str | None) -> str:
    if format is not None and chosen_format(format, None, FORMATS) != "latex" and latex:
        raise UsageError(Problem(f"`--latex` beside `--format {format}`", None, "keep one of them"))
    return "latex" if latex else chosen_format(format, output, FORMATS)


def _refuse(asked: dict[str, Any], format: str) -> None:
    """Raises UsageError for options that do not go together."""
    if asked["derivative"] and asked["exact"]:
        help_ = "leave out `--exact`: the derivative is that of the ideal formulas"
        raise UsageError(Problem("an exact count moves in steps and has no derivative", None, help_))
    if asked["depth"] and (asked["by"] or asked["layer"]):
        raise UsageError(Problem("`--depth` beside `--by` or `--layer`", None, "keep one of them"))
    for option in ("by", "depth", "derivative"):
        if format in PROGRAMS and asked[option] and not (option == "by" and asked["layer"]):
            help_ = "a program has the exact totals, or with `--layer` those of a row"
            raise UsageError(Problem(f"`--{option}` beside `--format {format}`", None, help_))


def _metrics(totals: str, convention: str) -> list[str]:
    """The totals that are asked for, each once."""
    metrics = list(dict.fromkeys(read_total(name.strip()) for name in totals.split(",") if name.strip()))
    if not metrics:
        raise UsageError(Problem("`--totals` names none", None, "as in `--totals params,madds`"))
    return [*metrics, "count"] if convention != "paper" and "count" not in metrics else metrics


def _free(document: Document, vary: str | None) -> list[str] | None:
    """The names of `--vary`; None where the usual ones are meant."""
    if vary is None:
        return None
    names = list(dict.fromkeys(name.strip().replace("-", "_") for name in vary.split(",") if name.strip()))
    declared = [parameter.name for parameter in document.hyperparameters]
    if not names:
        raise UsageError(Problem("`--vary` names no hyper-parameter", None, "as in `--vary alpha,resolution`"))
    for name in names:
        if name not in declared:
            raise UsageError(unknown("hyper-parameter", name, declared))
    return names
