"""`costcalc search`: the Pareto front of a large design space."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Optional

import typer

from costcalc.budgets import read_budgets
from costcalc.cli.common import (
    EXCEEDED,
    Batch,
    ConventionName,
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
from costcalc.cli.files import opened, write
from costcalc.cli.settings import SpecCommand, document_for, given
from costcalc.cost import DTYPES, load_convention
from costcalc.errors import Problem, Source, UsageError, visible
from costcalc.explore.found import Found, Solution
from costcalc.explore.search import EVERY, EVOLVE, SAMPLE, Task, read_objectives
from costcalc.explore.searching import Searching
from costcalc.explore.space import Space, find_space, read_space
from costcalc.render.search import many, render_search, search_parquet
from costcalc.spec import Document, build_network, bundled, parse_document
from costcalc.spec.hyperparameters import settings as settled
from costcalc.units import read_number

FORMATS = ("table", "md", "csv", "json", "latex", "html", "parquet")
READ = ("table", "md", "latex", "html")  # formats for people: they show the best alone
MAX_DRAWN = 10**10
SHOWN = 20

app = command_app()


@app.command("search", cls=SpecCommand)
def search(
    ctx: typer.Context,
    spec: Spec,
    space: Annotated[
        str, typer.Option("--space", metavar="SPACE", help="A file of choices, or the name of a bundled space.")
    ],
    settings: Settings = [],  # noqa: B006 - typer wants a list
    limits: Limits = [],  # noqa: B006 - typer wants a list
    maximize: Annotated[
        list[str],
        typer.Option("--maximize", metavar="TOTAL|CHOICE", help="An objective that is to be large; may be repeated."),
    ] = [],  # noqa: B006 - typer wants a list
    minimize: Annotated[
        list[str],
        typer.Option("--minimize", metavar="TOTAL|CHOICE", help="An objective that is to be small; may be repeated."),
    ] = [],  # noqa: B006 - typer wants a list
    limit: Annotated[
        str, typer.Option("--limit", metavar="N", help="Visit every point of a space that has at most N.")
    ] = "1G",
    sample: Annotated[
        Optional[str], typer.Option("--sample", metavar="N", help="Visit N points drawn at random instead.")
    ] = None,
    evolve: Annotated[
        Optional[str], typer.Option("--evolve", metavar="N", help="Visit at most N points by evolution instead.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**63 - 1, metavar="N", help="Of a sample or an evolution.")
    ] = 0,
    jobs: Annotated[
        Optional[int],
        typer.Option(
            "--jobs", min=1, max=1024, metavar="N", help="Processes; by default one a core where it is worth it."
        ),
    ] = None,
    scheduler: Annotated[
        Optional[str],
        typer.Option("--scheduler", metavar="ADDRESS", help="Search on a Dask cluster, as tcp://127.0.0.1:8786."),
    ] = None,
    state: Annotated[
        Optional[str],
        typer.Option("--state", metavar="DIR", help="Keep what is finished there, so that it can be resumed."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search in `--state`.")] = False,
    best: Annotated[
        Optional[int],
        typer.Option(
            "--best", min=1, metavar="N", help=f"Show the first N of the front; a table shows {SHOWN}, data all."
        ),
    ] = None,
    pick: Annotated[
        int, typer.Option("--pick", min=1, metavar="N", help="Whose choices are listed, and written by `--write`.")
    ] = 1,
    write_spec: Annotated[
        Optional[str], typer.Option("--write", metavar="FILE", help="Write the spec with the picked choices in it.")
    ] = None,
    convention: ConventionName = "paper",
    batch: Batch = 1,
    dtype: Dtype = "float32",
    format: Annotated[Optional[str], format_option(FORMATS)] = None,
    output: Output = None,
) -> None:
    """The networks of a design space that no other betters: by default the most parameters for the least MAdds.

    \b
      costcalc search mobilenet_v3_large --space mobilenet_v3_large --max-madds 150M --evolve 200k
      costcalc search net.yaml --space space.yaml --max-madds 300M --max-params 4M -o front.parquet
      costcalc search net.yaml --space space.yaml --maximize params --minimize peak_activation --state run
      costcalc search net.yaml --space space.yaml --max-madds 300M --write best.yaml

    SPACE says which values hyper-parameters and cells of `rows` may take. Exit code 1 where nothing keeps the budgets.
    """
    format = chosen_format(format, output, FORMATS)
    one_of("dtype", dtype, DTYPES)
    if resume and state is None:
        raise UsageError(Problem("`--resume` without a state", None, "say where it is: `--state DIR --resume`"))
    gc.enable()  # a search takes long, and what it leaves behind should not pile up
    _check_outputs(format, output, write_spec)
    _check_name(write_spec)
    values = given(settings)
    document = document_for(ctx, spec, values)
    chosen = read_space(document, find_space(space))
    _check_settings(chosen, values)
    way = _way(chosen, limit, sample, evolve)
    task = Task(
        document.source, chosen.source, values, load_convention(convention), batch, dtype,
        read_objectives(maximize, minimize, chosen), read_budgets(limits), *way, seed if way[0] != EVERY else 0,
    )  # fmt: skip
    searching = Searching(task, chosen, jobs, scheduler, state, resume)
    _run(searching)
    found = searching.found()
    shown = found.solutions[: best or (SHOWN if format in READ else None)]
    _write(found, shown, pick, format, output, [spec, space, convention])
    if pick > max(len(found.solutions), 1):
        help_ = f"the front, which is as shown, has {many(len(found.solutions), 'point')}: `--pick` one of them"
        unwritten = f", and `{write_spec}` is not written" if write_spec is not None else ""
        raise UsageError(Problem(f"there is no point {pick:,} to pick{unwritten}", None, help_))
    if write_spec is not None and found.solutions:
        _write_spec(chosen, found, pick, write_spec, [spec, space, convention, *([output] if output else [])])
    if not found.solutions or (found.uncounted and found.budgets):
        typer.echo(_why_nothing(found), err=True)
        raise typer.Exit(EXCEEDED)


class _Way(NamedTuple):
    """How the space is searched, and how many points are drawn."""

    way: str
    points: int


def _way(space: Space, limit: str, sample: str | None, evolve: str | None) -> _Way:
    """Every point where there are few enough, else what was asked for. Raises UsageError."""
    if sample is not None and evolve is not None:
        raise UsageError(Problem("`--sample` and `--evolve` are two ways to search", None, "keep one of them"))
    if sample is not None:
        return _Way(SAMPLE, _number("--sample", sample))
    if evolve is not None:
        return _Way(EVOLVE, _number("--evolve", evolve))
    most = _number("--limit", limit, None)
    if space.grid.size > most:
        help_ = "visit a part with `--evolve 200k` or `--sample 1M`, or raise `--limit`"
        raise UsageError(Problem(f"the space has {many(space.grid.size, 'point')}, more than {most:,}", None, help_))
    return _Way(EVERY, 0)


def _number(option: str, text: str, most: int | None = MAX_DRAWN) -> int:
    """The count of points of an option. Raises UsageError."""
    try:
        value = read_number(text)
    except ValueError:
        value = None
    if not isinstance(value, int) or value < 1 or (most is not None and value > most):
        up_to = f" to {most:,}" if most is not None else ""
        raise UsageError(Problem(f"`{option}` cannot be `{text}`", None, f"a whole number from 1{up_to}, such as 200k"))
    return value


def _check_settings(space: Space, values: Mapping[str, Any]) -> None:
    """Raises UsageError for a setting that the spec does not have, or the space varies."""
    settled(space.original.hyperparameters, values)
    for axis in space.grid.axes:
        if axis.name in values:
            help_ = f"take `{axis.name}` out of {space.source.name}, or do not set it"
            raise UsageError(Problem(f"`{axis.name}` is set, and the space varies it", None, help_))


def _run(searching: Searching) -> None:
    """Searches, with a bar on a terminal. An interrupt says what is kept."""
    from costcalc.render.terminal import progress

    total, left = searching.plan.pieces, len(searching.left)
    if searching.state and left < total:
        typer.echo(f"{total - left:,} of {total:,} shards were finished before", err=True)
    try:
        with progress("searching", searching.plan.total, searching.done, sys.stderr) as step:
            searching.run(step)
    except KeyboardInterrupt:
        if searching.state:
            kept = f"{searching.state.kept(searching.plan):,} of {total:,} shards are kept"
            typer.echo(f"{kept} in {searching.state.directory}; the same with `--resume` goes on", err=True)
        else:
            lost = f"{total - len(searching.left):,} of {total:,} shards were finished and are lost"
            typer.echo(f"{lost}; `--state DIR` would keep them", err=True)
        raise


def _check_outputs(format: str, *outputs: str | None) -> None:
    """Raises UsageError before anything is searched where what is found could not be written."""
    for path in outputs:
        if path not in (None, "-") and not Path(str(path)).absolute().parent.is_dir():
            raise UsageError(Problem(f"cannot write `{path}`: there is no such directory", None, "create it first"))
    if format == "parquet":
        from costcalc.render.parquet import library

        library()
        if outputs[0] in (None, "-"):
            raise UsageError(Problem("Parquet is no text for a terminal", None, "name a file: `-o front.parquet`"))


def _check_name(path: str | None) -> None:
    """Raises UsageError for a spec that would be read from then on in place of a bundled one."""
    there = Path(path) if path not in (None, "-") else None
    if there is None or there.absolute().parent != Path.cwd():
        return
    name = there.name.removesuffix(".yaml").removesuffix(".yml")
    if name in bundled():
        help_ = "choose another name, or write it to another directory"
        raise UsageError(Problem(f"`{path}` would hide the bundled spec `{name}` here", None, help_))


def _write(
    found: Found, shown: tuple[Solution, ...], pick: int, format: str, output: str | None, inputs: Iterable[str]
) -> None:
    if format == "parquet":
        with opened(str(output), inputs) as file:
            search_parquet(found, shown, file)
        return
    width = terminal_width() if output is None and format == "table" else None
    write(render_search(found, format, shown, pick, width, wants_color(), can_show_bars()), output, inputs)


def _write_spec(space: Space, found: Found, pick: int, path: str, inputs: Iterable[str]) -> None:
    """Writes the spec of a solution, once it has been read back and counts what the search found."""
    from costcalc.cost import count
    from costcalc.spec.rewritten import rewritten

    solution = found.solutions[pick - 1]
    name = f"{found.name}, point {solution.point} of {found.space}"
    text = rewritten(space.original, {**found.fixed, **solution.choices}, name)
    document: Document = parse_document(Source(path, text))
    totals = count(build_network(document, {}), found.convention, found.batch, found.dtype).totals
    if {metric: getattr(totals, metric) for metric in solution.totals} != dict(solution.totals):
        help_ = "a value that the space replaces may stand for something else too"
        raise UsageError(Problem(f"the spec of point {solution.point} would count otherwise", None, help_))
    replaced = path != "-" and Path(path).is_file()
    write(text, path, inputs)
    if replaced:
        typer.echo(f"replaced {visible(path)}", err=True)


def _why_nothing(found: Found) -> str:
    if found.uncounted:
        return f"budgets cannot be kept for sure: {', '.join(found.uncounted[:8])} have no count"
    told = [f"{b.metric} is at least {found.least[b.metric]:,}" for b in found.budgets if b.metric in found.least]
    return f"no point keeps the budgets: among those visited {', '.join(told)}"
