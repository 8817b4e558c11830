"""`costcalc explain`: why a layer costs what it costs."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from costcalc.api import Model
from costcalc.cli.common import Output, Settings, Spec, SpecCommand, command_app, document_for, given, one_of, write
from costcalc.cost import DTYPES
from costcalc.render.explanation import FORMATS, render_explanation

SUFFIXES = {".md": "md", ".json": "json", ".tex": "latex"}

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
    convention: Annotated[
        str,
        typer.Option(
            "--convention", metavar="NAME|FILE", help="How to count; `costcalc list conventions` has the names."
        ),
    ] = "paper",
    batch: Annotated[
        int, typer.Option("--batch", min=1, max=10**9, metavar="N", help="Samples in a forward pass.")
    ] = 1,
    dtype: Annotated[
        str, typer.Option("--dtype", metavar="|".join(DTYPES), help="How weights and activations are stored.")
    ] = "float32",
    format: Annotated[
        Optional[str],
        typer.Option(
            "--format", metavar="|".join(FORMATS), help="How to write it; by default as the name of FILE ends, or text."
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Why a layer costs what it costs: formula, numbers, result, and the ratio to a standard convolution.

    \b
      costcalc explain mobilenet_v1 stage7/1/depthwise
      costcalc explain mobilenet_v1 stage2 --alpha 0.5
      costcalc explain network.yaml --top 3 --convention flops
      costcalc explain shufflenet_v1 stage1/2/expand --format latex
    """
    format = one_of("format", format, FORMATS) if format else SUFFIXES.get(Path(output or "").suffix, "text")
    one_of("dtype", dtype, DTYPES)
    values = given(settings)
    model = Model(document_for(ctx, spec, values), values)
    found = model.explain(layer, top, convention, batch, dtype)
    write(render_explanation(found, format), output, [spec, convention])
