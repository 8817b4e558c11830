"""`costcalc check`: budgets in CI and in a review."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Annotated, Optional

import typer

from costcalc.budgets.rule import LEVELS
from costcalc.cli.asking import asks_of, check_question, compared, grouped, rule_of
from costcalc.cli.common import (
    EXCEEDED,
    Limits,
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
from costcalc.cli.files import is_stdout, write
from costcalc.cli.settings import SpecCommand
from costcalc.cost import DTYPES, load_convention
from costcalc.errors import Problem, Problems, SpecError, UsageError
from costcalc.review.check import check
from costcalc.review.places import relative
from costcalc.review.review import Review, joined
from costcalc.review.shelf import Shelf
from costcalc.review.since import Changed, Counting, since

FORMATS = ("table", "json", "md", "github", "sarif", "junit", "gitlab")
INVALID = 2
MANY = 50  # networks from which on a bar is shown

app = command_app()


@app.command("check", cls=SpecCommand)
def check_command(
    files: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="[FILE]...", help="Check these specs alone; by default all that the budget file names."),
    ] = None,
    config: Annotated[
        Optional[str],
        typer.Option("--config", metavar="FILE", help="The budget file; by default the nearest upwards from here."),
    ] = None,
    limits: Limits = [],  # noqa: B006 - typer wants a list
    increases: Annotated[
        list[str],
        typer.Option("--max-increase", metavar="TOTAL=AMOUNT", help="A limit against the baseline, as `madds=2%`."),
    ] = [],  # noqa: B006
    settings: Settings = [],  # noqa: B006
    base: Annotated[
        Optional[str],
        typer.Option("--base", metavar="REV", help="Compare with a git revision instead of the lock."),
    ] = None,
    locked: Annotated[
        bool, typer.Option("--locked", help="Fail where the lock is not what the networks cost now.")
    ] = False,
    fail_on: Annotated[
        str, typer.Option("--fail-on", metavar="|".join(LEVELS), help="The lowest level that fails.")
    ] = "error",
    convention: Annotated[
        str, typer.Option("--convention", metavar="NAME|FILE", help="With `--max`: how `count` is counted.")
    ] = "paper",
    batch: Annotated[
        int, typer.Option("--batch", min=1, max=10**9, metavar="N", help="With `--max`: samples in a forward pass.")
    ] = 1,
    dtype: Annotated[
        str, typer.Option("--dtype", metavar="|".join(DTYPES), help="With `--max`: how elements are stored.")
    ] = "float32",
    format: Annotated[Optional[str], format_option(FORMATS)] = None,
    output: Output = None,
    save: Annotated[
        list[str],
        typer.Option("--save", metavar="FORMAT=FILE", help="Write it in another format besides; may be repeated."),
    ] = [],  # noqa: B006
) -> None:
    """Holds networks to their budgets, in CI and in a review.

    \b
      costcalc check
      costcalc check net.yaml --alpha 0.75 --max-madds 300M --max-weights 4MiB
      costcalc check --base main --format md --save sarif=costcalc.sarif
      costcalc check --locked

    Budgets stand in `costcalc.toml` or `[tool.costcalc]` of pyproject.toml, and under `budget:` of a spec. With `--max`
    the limits of the command line are checked instead. Exit code 1 where a limit is exceeded, a count is partial or the
    lock is stale, 2 where an input is invalid.
    """
    one_of("level", fail_on, LEVELS)
    one_of("dtype", dtype, DTYPES)
    format = chosen_format(format, output, FORMATS)
    saved = [_save(text) for text in save]
    _each_once([path for _, path in saved] + [output or "-"])
    problems, shelf = Problems(), Shelf()
    way = (convention, batch, dtype)
    here = rule_of(limits, increases, settings, way)
    named = files or []
    try:
        groups = grouped(config, named, here)
        for group in groups:
            check_question(here, group, settings, way, locked, shelf)
        against = [compared(base, group, here, locked, problems) for group in groups]
    except SpecError as error:  # of a budget file: what machines read tells of it too
        broken = Review((), (), (), tuple(error.problems), "", ())
        for kind, path in [*saved, *([] if format in ("table", "json") else [(format, output or "-")])]:
            write(rendered(broken, False, kind, fail_on), path, named)
        raise
    asks = [asks_of(group, here, shelf, problems) for group in groups]
    with _bar(sum(map(len, asks))) as step:
        review = joined([
            check(own, shelf, baseline, problems, group.specs, lock, lambda _: step(1))
            for group, own, (baseline, lock) in zip(groups, asks, against, strict=True)
        ])  # fmt: skip
    found = None
    if base is not None and "md" in (format, *(kind for kind, _ in saved)):
        found = since(base, [], Counting(load_convention("paper")), Problems(), [])
    passed = not review.failed("warn" if fail_on == "warn" else "error")
    inputs = [*named, *(ask.spec for own in asks for ask in own)]
    inputs += [file for g in groups if g.root for file in (g.root.policy.source.name, str(g.root.lock))]
    results: list[tuple[str, str | None]] = [*saved, (format, output)]
    for kind, target in results:
        with suppress(BrokenPipeError):  # whether anybody reads it decides nothing
            write(rendered(review, passed, kind, fail_on, found), target, inputs)
    if format == "table":
        from costcalc.render.check import complaints

        with suppress(BrokenPipeError):
            typer.echo(complaints(review), err=True, nl=bool(complaints(review)))
    if review.faults or not passed:
        raise typer.Exit(INVALID if review.faults else EXCEEDED)


def _bar(asks: int) -> AbstractContextManager[Callable[[int], None]]:
    """Shows how far it is on a terminal, where there is much to check."""
    if asks <= MANY or not sys.stderr.isatty():
        return nullcontext(lambda _: None)
    from costcalc.render.terminal import progress

    return progress("checking", asks, 0, sys.stderr)


def rendered(review: Review, passed: bool, format: str, fail_on: str, found: Sequence[Changed] | None = None) -> str:
    """The review in one of FORMATS."""
    if format == "json":
        from costcalc.render.check_data import check_json

        return check_json(review, passed, relative)
    if format == "md":
        from costcalc.render.comment import comment

        return comment(review, passed, relative, found)
    if format == "github":
        from costcalc.render.annotations import workflow_commands
        from costcalc.render.check import verdict

        return workflow_commands(review, verdict(review, passed), relative)
    if format == "sarif":
        from costcalc.render.sarif import sarif

        return sarif(review, relative)
    if format == "junit":
        from costcalc.render.junit import junit

        return junit(review, relative, fail_on)
    if format == "gitlab":
        from costcalc.render.codequality import codequality

        return codequality(review, relative)
    from costcalc.render.check import check_text

    return check_text(review, passed, terminal_width(), wants_color(), can_show_bars())


def _each_once(outputs: Sequence[str]) -> None:
    """Raises UsageError where two results would be written to one file."""
    places = ["-" if is_stdout(output) else os.path.realpath(output) for output in outputs]
    for output, place in zip(outputs, places, strict=True):
        if places.count(place) > 1:
            raise UsageError(Problem(f"two results would be written to `{output}`", None, "name a file for each"))


def _save(text: str) -> tuple[str, str]:
    format, equals, path = text.partition("=")
    if not equals or not path:
        raise UsageError(Problem(f"`--save {text}` names no file", None, "as in `--save sarif=costcalc.sarif`"))
    return chosen_format(format, None, FORMATS), path
