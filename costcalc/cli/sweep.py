"""`costcalc sweep`: a network at every point of a grid of settings."""

from __future__ import annotations

import gc
import shutil
import sys
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, Annotated, NamedTuple, Optional

import typer

from costcalc.budgets import METRICS, STORED, read_total
from costcalc.cli.common import (
    Batch,
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
from costcalc.cli.files import opened, write
from costcalc.cli.settings import SpecCommand, as_written, document_for
from costcalc.cli.watch import Watch
from costcalc.cost import DTYPES, Convention, load_convention
from costcalc.errors import Problem, UsageError
from costcalc.explore.grid import Grid, read_axis
from costcalc.explore.sweep import Sweep, default_totals, gathered, read_totals
from costcalc.explore.swept import Chunk, Outline, Point
from costcalc.render import parquet, plot, to_text
from costcalc.render.chart import chart, choose_x
from costcalc.render.sketch import sketch
from costcalc.render.sweep import csv_text, lay_out, sweep_json

FORMATS = ("table", "md", "csv", "json", "latex", "html", "parquet")
STREAMED = ("csv", "parquet")
MAX_HELD = 100_000  # points that are held in memory: of a table, a plot, a sorted sweep
MAX_STREAMED = 10**9
MAX_LAID_OUT = 2_000  # rows that are laid out for a terminal; more are written plainly

app = command_app()


@app.command("sweep", cls=SpecCommand)
def sweep(
    ctx: typer.Context,
    spec: Spec,
    settings: Settings = [],  # noqa: B006 - typer wants a list
    totals: Annotated[
        Optional[str],
        typer.Option(
            "--totals",
            metavar="TOTAL,...",
            help=f"What to show, of {', '.join((*METRICS, *STORED))}; by default params,madds.",
        ),
    ] = None,
    sort: Annotated[
        Optional[str], typer.Option("--sort", metavar="TOTAL", help="The order of the rows: the largest first.")
    ] = None,
    convention: Annotated[
        str,
        typer.Option(
            "--convention", metavar="NAME|FILE", help="How to count; another than paper adds its count to the totals."
        ),
    ] = "paper",
    batch: Batch = 1,
    dtype: Dtype = "float32",
    plots: Annotated[
        list[str],
        typer.Option("--plot", metavar="FILE", help="Draw it: FILE ends in .svg or .png; - draws in the terminal."),
    ] = [],  # noqa: B006
    x: Annotated[
        Optional[str],
        typer.Option("--x", metavar="NAME", help="The plot's hyper-parameter; by default the one with most numbers."),
    ] = None,
    y: Annotated[
        Optional[str], typer.Option("--y", metavar="TOTAL", help="The plot's total; by default the count.")
    ] = None,
    format: Annotated[Optional[str], format_option(FORMATS)] = None,
    output: Output = None,
) -> None:
    """A network at every point of a grid of settings: lists, ranges FROM:TO:STEP, words.

    \b
      costcalc sweep mobilenet_v1 --alpha 1:0.25:-0.25
      costcalc sweep mobilenet_v1 --alpha 0.25:1:0.25 --resolution 128,160,192,224
      costcalc sweep mobilenet_v1 --resolution 32:512:32 --totals madds,peak_activation
      costcalc sweep mobilenet_v1 --alpha 0.01:1:0.01 --resolution 32:512:1 -o grid.csv
      costcalc sweep mobilenet_v1 --alpha 0.25:1:0.25 --resolution 128:224:32 --plot cost.svg
    """
    one_of("dtype", dtype, DTYPES)
    job = _job(plots, x, y, format, output, [spec, convention])
    counting = load_convention(convention)
    shown = read_totals(totals.split(",")) if totals is not None else default_totals(counting)
    drawn, ordered = _drawn(y, shown, counting), read_total(sort) if sort else ""
    wanted = [*(shown if job.format else ()), *([drawn] if job.picture else ()), *([ordered] if ordered else ())]
    axes = [read_axis(name, text) for name, text in as_written(settings).items()]
    held = bool(job.picture or ordered or job.format not in STREAMED)
    _check_size(Grid(axes).size, MAX_HELD if held else MAX_STREAMED)
    document = document_for(ctx, spec, {axis.name: axis.values[0] for axis in axes})
    swept = Sweep(document, axes, tuple(dict.fromkeys(wanted)), counting, batch, dtype)
    along = choose_x(swept.outline, x) if job.picture else None
    gc.enable()  # a sweep may run for hours, so nothing may be left lying about
    _run(swept, job, along, drawn, ordered, held)


class _Job(NamedTuple):
    """What is to be written, and where."""

    format: str | None  # None where only a picture is wanted
    output: str | None  # None for stdout
    picture: str | None  # a file, or - for the terminal
    inputs: list[str]  # files that must not be overwritten


def _job(
    plots: list[str], x: str | None, y: str | None, format: str | None, output: str | None, inputs: list[str]
) -> _Job:
    """The outputs of these options. Raises UsageError where they contradict each other, or an extra is missing."""
    output = None if output == "-" else output
    picture = _picture(plots, x, y)
    if format is not None:
        format = chosen_format(format, output, FORMATS)
    elif output is not None or picture is None:
        format = chosen_format(None, output, FORMATS)
    if format == "parquet":
        if output is None:
            raise UsageError(
                Problem("Parquet is no text", None, "name a file to write it to, as in `-o sweep.parquet`")
            )
        parquet.library()
    if picture == "-" and format is not None and output is None:
        raise UsageError(Problem("the plot and the points cannot both go to stdout", None, "write one to a file"))
    if picture is not None and output is not None and Path(picture).resolve() == Path(output).resolve():
        raise UsageError(Problem(f"`{output}` is named for the plot and for the points", None, "choose two files"))
    return _Job(format, output, picture, inputs)


def _picture(plots: list[str], x: str | None, y: str | None) -> str | None:
    """Where the plot goes, if there is to be one. Raises UsageError."""
    if not plots:
        for option, value in (("--x", x), ("--y", y)):
            if value is not None:
                raise UsageError(Problem(f"`{option}` is of a plot, and there is none", None, "add `--plot FILE`"))
        return None
    if len(plots) > 1:
        raise UsageError(Problem("`--plot` is there twice", None, "one run draws one plot"))
    if plots[0] != "-":
        if Path(plots[0]).suffix.removeprefix(".") not in plot.FORMATS:
            help_ = "name a file that ends in .svg or .png, or - to draw in the terminal"
            raise UsageError(Problem(f"`{plots[0]}` is no plot that can be drawn", None, help_))
        plot.library()
    return plots[0]


def _drawn(y: str | None, shown: tuple[str, ...], convention: Convention) -> str:
    """The total of the plot: the one asked for, else the count, else the first that is shown."""
    if y is not None:
        return read_total(y)
    count = "madds" if convention.name == "paper" else "count"
    return count if count in shown else shown[0]


def _check_size(size: int, most: int) -> None:
    """Raises UsageError for more points than can be had, before any is counted."""
    if size <= most:
        return
    if size <= MAX_STREAMED:
        help_ = f"at most {most:,} in a table, a document or a plot; take larger steps, or only write `-o FILE.csv`"
    else:
        help_ = f"at most {MAX_STREAMED:,} as csv or parquet; take larger steps, or search it with `costcalc search`"
    raise UsageError(Problem(f"the grid has {size:,} points", None, help_))


def _run(swept: Sweep, job: _Job, along: str | None, drawn: str, ordered: str, held: bool) -> None:
    """Opens the files, counts, and writes: chunk by chunk, unless the points must be held."""
    drawing, wide = None, 0
    watch = Watch(swept, shown=held or job.output is not None or not sys.stdout.isatty())
    with ExitStack() as files:
        picture = files.enter_context(opened(job.picture, job.inputs)) if job.picture not in (None, "-") else None
        data = files.enter_context(opened(job.output, job.inputs)) if job.output is not None and job.format else None
        chunks: Iterable[Chunk] = files.enter_context(closing(watch.through(swept.chunks())))
        if held:
            chunks = [gathered(chunks, ordered)]
            watch.check()
        if along is not None:
            drawing = chart(swept.outline, [p for part in chunks for p in swept.points(part)], along, drawn)
        if picture is not None and drawing is not None:
            plot.write_plot(drawing, picture, Path(str(job.picture)).suffix.removeprefix("."))
        if job.format is not None and (data is not None or not held):
            wide = _pour(swept, chunks, job.format, data)
        watch.check()
    if held and job.format is not None and data is None:
        _pour(swept, chunks, job.format, None)
    if drawing is not None and job.picture == "-":
        width = terminal_width() or shutil.get_terminal_size((80, 24)).columns
        write(sketch(drawing, width, can_show_bars("⣿│└─…")), None)
    watch.tell(wide)


def _pour(swept: Sweep, chunks: Iterable[Chunk], format: str, file: IO[bytes] | None) -> int:
    """Writes the points to a file, or to stdout; says how many have a total that Parquet cannot hold."""
    if format == "parquet" and file is not None:
        return parquet.write_parquet(swept.outline, chunks, file)
    if format == "csv":
        pieces: Iterable[str] = csv_text(swept.outline, chunks)
    else:
        pieces = [_text(swept.outline, [point for chunk in chunks for point in swept.points(chunk)], format, file)]
    for piece in pieces:
        if file is None:
            sys.stdout.write(piece)
        else:
            file.write(piece.encode())
    return 0


def _text(outline: Outline, points: list[Point], format: str, file: IO[bytes] | None) -> str:
    if format == "json":
        return sweep_json(outline, points)
    width = terminal_width() if file is None and format == "table" and len(points) <= MAX_LAID_OUT else None
    return to_text(lay_out(outline, points), format, width, wants_color(), can_show_bars())
