"""`costcalc verify`: runs networks and compares every node with its prediction."""

import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Optional, Self

import typer

from costcalc.api import Model, exact
from costcalc.cli.common import Output, Settings, chosen_format, command_app
from costcalc.cli.files import write
from costcalc.cli.settings import SpecCommand, document_for, given
from costcalc.errors import Problem, UsageError
from costcalc.network import Node
from costcalc.number import is_number
from costcalc.render.escape import terminal
from costcalc.spec import bundled, read_document
from costcalc.verify import DISAGREED

app = command_app()


@app.command("verify", cls=SpecCommand)
def verify(
    ctx: typer.Context,
    specs: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="SPEC...", help="Files, names of bundled specs, or -.", show_default=False),
    ] = None,
    settings: Settings = [],  # noqa: B006 - typer wants a list
    every: Annotated[bool, typer.Option("--all", help="All bundled specs.")] = False,
    batch: Annotated[int, typer.Option("--batch", min=1, max=10**6, metavar="N", help="Samples in the run.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of the random weights and inputs.")] = 0,
    literal: Annotated[
        bool,
        typer.Option("--literal", help="Also run on scalars that count each of their operations; for small networks."),
    ] = False,
    scale: Annotated[
        Optional[str],
        typer.Option(
            "--scale", "--shrink", metavar="F", help="Shrink the input and the multipliers by a factor such as 1/8."
        ),
    ] = None,
    format: Annotated[str, typer.Option("--format", metavar="text|json", help="How to write it.")] = "text",
    output: Output = None,
) -> None:
    """Runs networks on real arrays and compares what each node really did with what was counted.

    \b
      costcalc verify mobilenet_v1.yaml --alpha 0.75
      costcalc verify --all --resolution 97 --batch 3
      costcalc verify mobilenet_v1 --literal --shrink 1/16
      costcalc verify network.yaml --format json

    Compared at every node: the output shape, the parameters by role, every class of operations; for the network the
    peak of live activations and the published figures of the spec. Exit code 3 where anything disagrees.
    """
    format = chosen_format(format, None, ("text", "json"))
    names = [*(specs or []), *(bundled() if every else [])]
    if not names:
        raise UsageError(Problem("no spec to verify", None, "name one, or use `--all` for the bundled ones"))
    models = [_model(ctx, name, settings, scale, lenient=every) for name in names]
    found = []
    for model in models:
        with _Progress(model) as progress:
            found.append(model.verify(batch, seed, progress.step, literal))
    from costcalc.render.data import to_json
    from costcalc.render.verification import verification_json, verification_text

    text = to_json(verification_json(found)) if format == "json" else "".join(map(verification_text, found))
    write(text, output, names)
    if not all(v.agreed for v in found):
        raise typer.Exit(DISAGREED)


def _model(ctx: typer.Context, spec: str, settings: Iterable[str], scale: Optional[str], lenient: bool) -> Model:
    """One spec; of all specs, each takes the settings that it declares."""
    values = given(settings)
    if lenient:
        declared = {p.name for p in read_document(spec).hyperparameters}
        values = {name: value for name, value in values.items() if name in declared}
    model = Model(document_for(ctx, spec, values), values)
    if scale is None:
        return model
    factor = exact("--shrink", scale)
    if not is_number(factor) or not 0 < factor <= 1:
        raise UsageError(Problem(f"`--shrink` cannot be {scale}", None, "a number above 0, at most 1, such as 1/8"))
    return model.scaled(factor)


class _Progress:
    """A line on a terminal's stderr that says which node runs; nothing elsewhere."""

    def __init__(self, model: Model) -> None:
        self.spec, self.nodes, self.done = terminal(model.network.name), len(model.network.nodes), 0
        self.shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    @property
    def step(self) -> Callable[[Node], None]:
        return self._step if self.shown else lambda _: None

    def _step(self, node: Node) -> None:
        self.done += 1
        sys.stderr.write(f"\r\x1b[K{self.spec}: {self.done}/{self.nodes} {node.path}"[:78])
        sys.stderr.flush()
