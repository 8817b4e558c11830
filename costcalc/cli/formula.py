"""`costcalc formula`: parameters and multiply-adds in closed form."""

from typing import Annotated, Optional

import typer

from costcalc.cli.common import Output, Settings, Spec, SpecCommand, command_app, document_for, given, one_of, write
from costcalc.cost.report import BY
from costcalc.errors import Problem, UsageError, unknown
from costcalc.explore.budget import read_metric
from costcalc.explore.formula import Formulas
from costcalc.explore.tracing import Way
from costcalc.render.formula import FORMATS, formula_json, formula_latex, formula_program, formula_text

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
        Optional[int], typer.Option("--depth", min=1, metavar="N", help="Rows are what shares N parts of a path.")
    ] = None,
    layer: Annotated[Optional[str], typer.Option("--layer", metavar="PATH", help="Only the row of this path.")] = None,
    derivative: Annotated[
        Optional[str], typer.Option("--derivative", metavar="NAME", help="Of the ideal formulas, with elasticities.")
    ] = None,
    totals: Annotated[
        str, typer.Option("--totals", metavar="NAME,...", help="Which totals, as in the JSON report.")
    ] = "params,madds",
    convention: Annotated[
        str, typer.Option("--convention", metavar="NAME|FILE", help="How to count; adds `count` to the totals.")
    ] = "paper",
    latex: Annotated[bool, typer.Option("--latex", help="The same as `--format latex`.")] = False,
    format: Annotated[
        str,
        typer.Option("--format", metavar="|".join(FORMATS), help="How to write it; programs are of the exact ones."),
    ] = "text",
    output: Output = None,
) -> None:
    """What a network costs, as formulas in its hyper-parameters: ideal polynomials, or exact with every rounding.

    \b
      costcalc formula mobilenet_v1
      costcalc formula mobilenet_v1 --exact
      costcalc formula mobilenet_v1 --derivative alpha
      costcalc formula mobilenet_v2 --by stage --format latex
      costcalc formula mobilenet_v3_large --format javascript -o v3.js

    Every formula is compared with counted integers, at the given settings and at 20 random ones, before it is printed.
    """
    format = "latex" if latex else one_of("format", format, FORMATS)
    if derivative and exact:
        help_ = "leave out `--exact`: the derivative is that of the ideal formulas"
        raise UsageError(Problem("an exact count moves in steps and has no derivative", None, help_))
    if (by or layer) and depth:
        raise UsageError(Problem("`--depth` beside `--by` or `--layer`", None, "keep one of them"))
    metrics = list(dict.fromkeys(read_metric(name) for name in totals.split(",") if name.strip()))
    if convention != "paper" and "count" not in metrics:
        metrics.append("count")
    if not metrics:
        raise UsageError(Problem("`--totals` names none", None, "as in `--totals params,madds`"))
    values = given(settings)
    document = document_for(ctx, spec, values)
    free = [name.strip() for name in vary.split(",") if name.strip()] if vary is not None else None
    for name in free or ():
        if name not in {p.name for p in document.hyperparameters}:
            raise UsageError(unknown("hyper-parameter", name, [p.name for p in document.hyperparameters]))
    rows = one_of("grouping", by, BY) if by else "layer" if layer and not depth else None
    found = Formulas(document, values, free, metrics, Way(convention), rows, depth)  # type: ignore[arg-type]
    if layer:
        found.keep(layer)
    derivatives = found.derivatives(derivative) if derivative else []
    if format == "json":
        from costcalc.render.data import to_json

        text = to_json(formula_json(found, derivatives))
    elif format in ("python", "javascript"):
        text = formula_program(found, format)
    else:
        text = (formula_latex if format == "latex" else formula_text)(found, exact, derivatives)
    write(text, output, [spec, convention])
