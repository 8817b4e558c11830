"""`costcalc convert`: a spec as the flat layer IR."""

from typing import Annotated

import typer

from costcalc.api import Model
from costcalc.cli.common import Settings, Spec, command_app
from costcalc.cli.files import write
from costcalc.cli.settings import SpecCommand, document_for, given
from costcalc.render.data import to_json

app = command_app()


@app.command("convert", cls=SpecCommand)
def convert(
    ctx: typer.Context,
    spec: Spec,
    out: Annotated[str, typer.Argument(metavar="OUT", help="A file to write, or - for standard output.")] = "-",
    settings: Settings = [],  # noqa: B006 - typer wants a list
) -> None:
    """The layers of a network, flat, in the order in which they run: the layer IR, as JSON.

    \b
      costcalc convert mobilenet_v1.yaml -
      costcalc convert mobilenet_v1.yaml v1-0.75.json --alpha 0.75
    """
    values = given(settings)
    model = Model(document_for(ctx, spec, values), values)
    write(to_json(model.network.as_json()), out, [spec])
