"""`costcalc schema`: the JSON Schema of specs."""

import json

from costcalc.cli.common import Output, command_app
from costcalc.cli.files import write
from costcalc.spec.schema import schema as spec_schema

app = command_app()


@app.command("schema")
def schema(
    output: Output = None,
) -> None:
    """The JSON Schema of specs, draft-07, for editors.

    \b
      costcalc schema -o costcalc.schema.json

    An editor with the YAML language server reads it where the first line of a spec is
    `# yaml-language-server: $schema=./costcalc.schema.json`.
    """
    write(json.dumps(spec_schema(), indent=2) + "\n", output)
