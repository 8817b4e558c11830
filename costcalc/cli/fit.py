"""`costcalc fit`: the largest settings within budgets; with `--by layer`, what each layer would have to lose."""

from typing import Annotated, Any, Optional

import typer

from costcalc.api import Model
from costcalc.budgets import read_budgets
from costcalc.cli.common import (
    EXCEEDED,
    Batch,
    Dtype,
    Limits,
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
from costcalc.errors import Problem, UsageError, visible

FORMATS = ("table", "md", "csv", "json")
SORTS = ("order", "removed", "filters")

app = command_app()


@app.command("fit", cls=SpecCommand)
def fit(
    ctx: typer.Context,
    spec: Spec,
    settings: Settings = [],  # noqa: B006 - typer wants a list
    limits: Limits = [],  # noqa: B006
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="NAME[=VALUES],...",
            help="What may vary; VALUES as in `128:224:32` (from, to, step) or `128,160`.",
        ),
    ] = [],  # noqa: B006
    by: Annotated[
        Optional[str], typer.Option("--by", metavar="layer", help="What each layer alone would have to lose.")
    ] = None,
    reduce: Annotated[
        Optional[str],
        typer.Option(
            "--reduce", metavar="TOTAL=AMOUNT", help="With `--by layer`: by how much a total is to fall, as `madds=5%`."
        ),
    ] = None,
    sort: Annotated[
        Optional[str],
        typer.Option(
            "--sort",
            metavar="|".join(SORTS),
            help="With `--by layer`: as in the network, fewest removed first, or most filters first.",
        ),
    ] = None,
    top: Annotated[
        Optional[int], typer.Option("--top", min=1, metavar="N", help="With `--by layer`: the first N layers alone.")
    ] = None,
    convention: Annotated[
        str,
        typer.Option(
            "--convention",
            metavar="NAME|FILE",
            help="How `count` is counted; `costcalc list conventions` has the names.",
        ),
    ] = "paper",
    batch: Batch = 1,
    dtype: Dtype = "float32",
    format: Annotated[Optional[str], format_option(FORMATS)] = None,
    output: Output = None,
) -> None:
    """The largest settings that stay within budgets, exactly.

    \b
      costcalc fit mobilenet_v1 --max-madds 300M --vary alpha
      costcalc fit mobilenet_v1 --max-madds 300M --max-params 4M --vary alpha,resolution=128:224:32
      costcalc fit mobilenet_v2 --max-peak-activation 4MiB --vary resolution
      costcalc fit mobilenet_v1 --by layer --reduce madds=5%

    One hyper-parameter gives the exact threshold, several all settings of which none can be increased. Totals:
    params, madds, count, activations, weights, peak-activation, memory-access; sizes take a unit, as in 4MiB.
    Exit code 1 where nothing fits.
    """
    format = chosen_format(format, output, FORMATS)
    one_of("dtype", dtype, DTYPES)
    values = given(settings)
    model = Model(document_for(ctx, spec, values), values)
    if by is not None:
        one_of("grouping", by, ("layer",))
        if vary:
            raise UsageError(Problem("`--by layer` and `--vary` are two questions", None, "keep one of them"))
        order = one_of("order", sort, SORTS) if sort else "order"
        way = convention, batch, dtype
        text, complaint = _by_layer(model, limits, reduce, way, (order, top), format, output)
    elif reduce is not None:
        raise UsageError(Problem("`--reduce` goes with `--by layer`", None, "for a limit write `--max-madds 300M`"))
    elif sort is not None or top is not None:
        option = "--top" if sort is None else "--sort"
        raise UsageError(Problem(f"`{option}` goes with `--by layer`", None, "leave it out, or ask layer by layer"))
    else:
        text, complaint = _settings(model, limits, vary, (convention, batch, dtype), format, output)
    if text:
        write(text, output, [spec, convention])
    if complaint:
        typer.echo(visible(complaint), err=True)
        raise typer.Exit(EXCEEDED)


def _settings(
    model: Model, limits: list[str], vary: list[str], way: Any, format: str, output: str | None
) -> tuple[str, str]:
    """The result as text, and what is to be said where nothing fits."""
    from costcalc.explore.fit import fit as fitted
    from costcalc.render import fit as page
    from costcalc.render.data import to_json
    from costcalc.render.fitdata import fit_csv, fit_json

    found = fitted(model.document, read_budgets(limits), vary, model.given, *way)
    complaint = "" if found.solutions else page.nothing_fits(found)
    if format in ("csv", "json"):
        return fit_csv(found) if format == "csv" else to_json(fit_json(found)), complaint
    return "" if complaint else page.fit_text(found, format, *_screen(format, output)), complaint


def _by_layer(
    model: Model,
    limits: list[str],
    reduce: str | None,
    way: Any,
    shown: tuple[str, int | None],
    format: str,
    output: str | None,
) -> tuple[str, str]:
    """The layers as text, in the order and number that is `shown`, and what is to be said where none will do."""
    from costcalc.explore.narrowing import chosen
    from costcalc.render.data import to_json
    from costcalc.render.narrowing import narrowing_csv, narrowing_json, narrowing_text, out_of_reach

    found = model.narrow({} if reduce is None else dict([_pair(reduce)]), dict(map(_pair, limits)), *way)
    complaint = out_of_reach(found)
    found = chosen(found, *shown)
    if format in ("csv", "json"):
        return narrowing_csv(found) if format == "csv" else to_json(narrowing_json(found)), complaint
    return narrowing_text(found, format, *_screen(format, output)), complaint


def _pair(text: str) -> tuple[str, str]:
    """The total and the amount of `madds=5%`. Raises UsageError."""
    name, equals, amount = text.partition("=")
    if not equals or not amount.strip():
        raise UsageError(Problem(f"`{text}` says no amount", None, "as in `--reduce madds=5%` or `--max madds=300M`"))
    return name.strip(), amount


def _screen(format: str, output: str | None) -> tuple[int | None, bool, bool]:
    width = terminal_width() if output is None and format == "table" else None
    return width, wants_color(), can_show_bars()
