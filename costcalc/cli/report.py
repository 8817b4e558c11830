"""`costcalc report`: what a network costs."""

from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from costcalc.api import Model
from costcalc.cli.common import (
    Batch,
    ConventionName,
    Dtype,
    Output,
    Settings,
    Spec,
    can_show_bars,
    chosen_format,
    command_app,
    format_option,
    one_of,
    terminal_width,
    wants_color,
)
from costcalc.cli.files import write
from costcalc.cli.settings import SpecCommand, document_for, given
from costcalc.cost import DTYPES
from costcalc.cost.report import BY, SORTS
from costcalc.errors import Problem, UsageError
from costcalc.render import FORMATS, View, render

if TYPE_CHECKING:
    from costcalc.explore.contrast import Contrast

BASELINES = ("standard",)

app = command_app()


@app.command("report", cls=SpecCommand)
def report(
    ctx: typer.Context,
    spec: Spec,
    settings: Settings = [],  # noqa: B006 - typer wants a list
    by: Annotated[
        Optional[str],
        typer.Option(
            "--by",
            metavar="|".join(BY),
            help="What a row is; by default a layer with its norm and activation.",
        ),
    ] = None,
    depth: Annotated[
        Optional[int],
        typer.Option(
            "--depth",
            "--path-depth",
            min=1,
            metavar="N",
            help="Add up what shares the first N parts of its path; 1 shows stages.",
        ),
    ] = None,
    sort: Annotated[
        str, typer.Option("--sort", metavar="|".join(SORTS), help="The order of the rows; numbers fall.")
    ] = "order",
    top: Annotated[
        Optional[int], typer.Option("--top", min=1, metavar="N", help="Show the first N rows, the others as one.")
    ] = None,
    baseline: Annotated[
        Optional[str],
        typer.Option(
            "--baseline", metavar="|".join(BASELINES), help="Lay it beside the network with standard convolutions."
        ),
    ] = None,
    convention: ConventionName = "paper",
    batch: Batch = 1,
    dtype: Dtype = "float32",
    format: Annotated[Optional[str], format_option(FORMATS)] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Run the network, and report only if every node agrees.")
    ] = False,
    output: Output = None,
) -> None:
    """What a network costs: parameters, multiply-adds and memory, layer by layer.

    \b
      costcalc report mobilenet_v1.yaml --alpha 0.75
      costcalc report mobilenet_v1 --by kind
      costcalc report mobilenet_v1 --by stage --baseline standard
      costcalc report network.yaml --convention flops --format json -o report.json
      costcalc report network.yaml --sort params --top 5
    """
    format = chosen_format(format, output, FORMATS)
    one_of("sort", sort, SORTS)
    one_of("dtype", dtype, DTYPES)
    if baseline is not None:
        one_of("baseline", baseline, BASELINES)
    if by is not None and depth is not None:
        raise UsageError(
            Problem(
                "`--by` and `--depth` both say what a row is", None, "keep one of them; `--depth 1` is `--by stage`"
            )
        )
    view = View(one_of("grouping", by or "layer", BY), depth, sort, top)  # type: ignore[arg-type]  # checked just here
    values = given(settings)
    model = Model(document_for(ctx, spec, values), values)
    chosen = view if format != "json" or (by, depth, sort, top) != (None, None, "order", None) else None
    width = terminal_width() if output is None and format == "table" else None
    how: tuple[Any, ...] = (format, chosen, width, wants_color(), can_show_bars())
    if baseline is None:
        counted = model.report(convention, batch, dtype)
        text = render(counted._replace(verified=verify and _agreed(model, batch)), *how)
    else:
        text = _beside(model, model.contrast(convention, batch, dtype), verify, how)
    write(text, output, [spec, convention])


def _beside(model: Model, contrast: "Contrast", verify: bool, how: tuple[Any, ...]) -> str:
    """The report beside that of the standard form."""
    from costcalc.render.contrast import render_contrast

    if verify:
        of_both = [
            report._replace(verified=_agreed(m, report.batch))
            for m, report in ((model, contrast.report), (model.standard(), contrast.standard))
        ]
        contrast = contrast._replace(report=of_both[0], standard=of_both[1])
    return render_contrast(contrast, *how)


def _agreed(model: Model, batch: int) -> bool:
    """Runs the network. Where a node disagrees, says so and ends with the exit code of `verify`."""
    found = model.verify(batch)
    if not found.agreed:
        from costcalc.render.verification import verification_text
        from costcalc.verify import DISAGREED

        typer.echo(verification_text(found), err=True, nl=False)
        raise typer.Exit(DISAGREED)
    return True
