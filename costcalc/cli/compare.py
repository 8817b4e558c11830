"""`costcalc compare`: networks, or settings of one network, side by side."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, Optional

import typer

from costcalc.api import Model, compare, exact
from costcalc.cli.common import (
    Batch,
    ConventionName,
    Dtype,
    Output,
    Settings,
    can_show_bars,
    chosen_format,
    command_app,
    format_option,
    one_of,
    terminal_width,
    wants_color,
)
from costcalc.cli.files import write
from costcalc.cli.report import BASELINES
from costcalc.cli.settings import SpecCommand, as_written, refuse_misspelt_options, split_settings
from costcalc.cost import DTYPES
from costcalc.cost.report import BY
from costcalc.errors import Problem, UsageError
from costcalc.explore.comparison import OF_A_ROW
from costcalc.render import FORMATS
from costcalc.spec import Document, read_document

MOST = 100  # networks; more of one spec are a sweep

app = command_app()


@app.command("compare", cls=SpecCommand)
def compare_command(
    ctx: typer.Context,
    specs: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="SPEC[:NAME=VALUE,...]...",
            help="Files, names of bundled specs, or -; each with settings of its own, if you like.",
            show_default=False,
        ),
    ] = None,
    settings: Settings = [],  # noqa: B006 - typer wants a list
    baseline: Annotated[
        Optional[str],
        typer.Option(
            "--baseline",
            metavar="|".join(BASELINES),
            help="Begin with the first network rewritten with standard convolutions; ratios are to that.",
        ),
    ] = None,
    by: Annotated[
        Optional[str], typer.Option("--by", metavar="|".join(BY), help="Row by row; by default the totals.")
    ] = None,
    total: Annotated[
        Optional[str],
        typer.Option(
            "--total",
            metavar="|".join(OF_A_ROW),
            help="What `--by` shows of each row; by default the count under the convention.",
        ),
    ] = None,
    convention: ConventionName = "paper",
    batch: Batch = 1,
    dtype: Dtype = "float32",
    format: Annotated[Optional[str], format_option(FORMATS)] = None,
    output: Output = None,
) -> None:
    """Networks side by side, with the ratios of their totals to the first.

    \b
      costcalc compare mobilenet_v1 mobilenet_v2 shufflenet_v1
      costcalc compare mobilenet_v1 --alpha 1,0.75,0.5
      costcalc compare mobilenet_v1:alpha=0.75 mobilenet_v2:alpha=1.4,resolution=192
      costcalc compare mobilenet_v1 --baseline standard --by stage

    A setting such as `--alpha 0.5` is for each SPEC that declares it and does not set it itself. A list such as
    `1,0.75` or a range such as `0.25:1:0.25` (from, to, step) makes a network of each value.
    """
    format = chosen_format(format, output, FORMATS)
    one_of("dtype", dtype, DTYPES)
    for what, value, known in (("baseline", baseline, BASELINES), ("grouping", by, BY), ("total", total, OF_A_ROW)):
        if value is not None:
            one_of(what, value, known)
    if total is not None and by is None:
        raise UsageError(Problem("`--total` chooses what `--by` shows", None, "without `--by` all totals are there"))
    requests = [_Request(*split_settings(spec)) for spec in specs or []]
    models, notes = _models(ctx, requests, as_written(settings))
    if baseline is not None:
        models.insert(0, models[0].standard())
    if len(models) < 2:
        help_ = "name another, give several values as in `--alpha 1,0.75`, or use `--baseline standard`"
        raise UsageError(Problem("there is nothing to compare it with", None, help_))
    found = compare(*models, convention=convention, batch=batch, dtype=dtype)._replace(notes=notes)
    from costcalc.render.comparison import render_comparison

    width = terminal_width() if output is None and format == "table" else None
    text = render_comparison(found, format, by, total or "count", width, wants_color(), can_show_bars())  # type: ignore[arg-type]
    write(text, output, [convention, *(request.spec for request in requests)])


class _Request(NamedTuple):
    """A spec as it is named, and the text of its own settings."""

    spec: str
    settings: Mapping[str, str]


def _models(
    ctx: typer.Context, requests: list[_Request], common: Mapping[str, str]
) -> tuple[list[Model], tuple[str, ...]]:
    """The networks that are asked for, in order, and notes on settings that not all of them have."""
    if not requests:
        raise UsageError(Problem("no spec to compare", None, "name two, or one with several values of a setting"))
    documents: dict[str, Document] = {}
    for request in requests:
        if request.spec not in documents:
            documents[request.spec] = read_document(request.spec)
    declared = {spec: {p.name for p in document.hyperparameters} for spec, document in documents.items()}
    anywhere = set().union(*declared.values())
    models: list[Model] = []
    for request in requests:
        fitting = {n: text for n, text in common.items() if n in declared[request.spec] or n not in anywhere}
        for values in _combinations({**fitting, **request.settings}):
            refuse_misspelt_options(ctx, documents[request.spec], values)
            models.append(Model(documents[request.spec], values))
            if len(models) > MOST:
                help_ = "use fewer values, or `costcalc sweep`, which is made for many settings of one spec"
                raise UsageError(Problem(f"more than {MOST} networks would stand side by side", None, help_))
    notes = (
        f"`{name}` is no hyper-parameter of {documents[spec].name}"
        for name in common
        for spec in documents
        if name not in declared[spec]
    )
    return models, tuple(notes)


def _combinations(settings: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Every combination of the values that these texts stand for, the last setting moving fastest."""
    axes = [_values(name, text) for name, text in settings.items()]
    for values in itertools.product(*axes):
        yield dict(zip(settings, values, strict=True))


def _values(name: str, text: str) -> Iterable[Any]:
    if "," not in text and ":" not in text:
        return (exact(name, text),)
    from costcalc.explore.grid import read_axis  # lists and ranges are columns of numpy's elsewhere

    return read_axis(name, text).values
