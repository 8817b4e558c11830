"""`costcalc explain`: why a layer costs what it costs."""

from typing import Annotated, Optional

import typer

from costcalc.api import Model
from costcalc.cli.common import (
    Batch,
    ConventionName,
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
from costcalc.render.explanation import FORMATS, render_explanation

app = command_app()


@app.command("explain", cls=SpecCommand)
def explain(
    ctx: typer.Context,
    spec: Spec,
    layer: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[LAYER]",
            help="A path as in the report, its end, or a stage; without it, those that cost most.",
            show_default=False,
        ),
    ] = None,
    settings: Settings = [],  # noqa: B006 - typer wants a list
    top: Annotated[
        Optional[int],
        typer.Option("--top", min=1, metavar="N", help="The N that cost most; 5 where no LAYER is named."),
    ] = None,
    convention: ConventionName = "paper",
    batch: Batch = 1,
    dtype: Dtype = "float32",
    format: Annotated[Optional[str], format_option(FORMATS)] = None,
    output: Output = None,
) -> None:
    """Why a layer costs what it costs: formula, numbers, result, and the ratio to a standard convolution.

    \b
      costcalc explain mobilenet_v1 stage7/1/depthwise
      costcalc explain mobilenet_v1 stage2 --alpha 0.5
      costcalc explain network.yaml --top 3 --convention flops
      costcalc explain shufflenet_v1 stage1/2/expand --format latex
    """
    format = chosen_format(format, output, FORMATS)
    one_of("dtype", dtype, DTYPES)
    values = given(settings)
    model = Model(document_for(ctx, spec, values), values)
    found = model.explain(layer, top, convention, batch, dtype)
    write(render_explanation(found, format), output, [spec, convention])
