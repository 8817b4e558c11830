"""`costcalc schema`: the JSON Schema of specs."""

import json
from typing import Annotated, Optional

import typer

from costcalc.cli.common import command_app, write
from costcalc.spec.schema import schema as spec_schema

app = command_app()


@app.command("schema")
def schema(
    output: Annotated[
        Optional[str], typer.Option("--output", "-o", metavar="FILE", help="Write to a file instead of stdout.")
    ] = None,
) -> None:
    """The JSON Schema of specs, draft-07, for editors.

    \b
      costcalc schema -o costcalc.schema.json

    An editor with the YAML language server reads it where the first line of a spec is
    `# yaml-language-server: $schema=./costcalc.schema.json`.
    """
    write(json.dumps(spec_schema(), indent=2) + "\n", output)
