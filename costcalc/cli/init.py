"""`costcalc init`: a commented first spec."""

from pathlib import Path
from typing import Annotated

import typer

from costcalc import spec
from costcalc.cli.common import command_app
from costcalc.cli.files import write
from costcalc.errors import Problem, UsageError, visible

app = command_app()


@app.command("init")
def init(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The file to write, or - for standard output.")
    ] = "network.yaml",
) -> None:
    """A commented first spec, ready to be reported and changed. A file that is there already is left alone.

    \b
      costcalc init network.yaml
      costcalc report network.yaml
    """
    text = (Path(spec.__file__).parent / "first_spec.yaml").read_text(encoding="utf-8")
    if file != "-" and (Path(file).exists() or Path(file).is_symlink()):
        raise UsageError(Problem(f"`{file}` is there already", None, "choose another name"))
    write(text.replace("FILE", file if file != "-" else "FILE"), file)
    if file != "-":
        typer.echo(visible(f"wrote {file}; try `costcalc report {file}`"), err=True)
        typer.echo("for editors: `costcalc schema -o costcalc.schema.json` in the same folder", err=True)
