"""`costcalc check`: budgets in CI and in a review."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, NamedTuple, Optional

import typer

from costcalc.budgets import Limit, Rule, read_budgets
from costcalc.budgets.rules import LEVELS, Text, read_increase
from costcalc.cli.common import (
    EXCEEDED,
    Limits,
    Output,
    Settings,
    SpecCommand,
    as_written,
    can_show_bars,
    chosen_format,
    command_app,
    format_option,
    one_of,
    split_settings,
    terminal_width,
    wants_color,
)
from costcalc.cli.files import write
from costcalc.cost import DTYPES, load_convention
from costcalc.errors import Problem, Problems, SpecError, UsageError
from costcalc.review.baseline import Baseline, Revision, locked
from costcalc.review.check import Ask, asked, check, name_of
from costcalc.review.lock import read_lock
from costcalc.review.places import is_file, relative, seen
from costcalc.review.policy import HELP, Root, find_policy
from costcalc.review.review import Review, joined
from costcalc.review.shelf import Shelf
from costcalc.review.since import Changed, Counting, since

FORMATS = ("table", "json", "md", "github", "sarif", "junit", "gitlab")
INVALID = 2
USUAL = ("paper", 1, "float32")
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
    locked_: Annotated[
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
    problems, shelf = Problems(), Shelf()
    way = (convention, batch, dtype)
    here = _limits(limits, increases, settings, way)
    named = files or []
    try:
        groups = _groups(config, named)
        for group in groups:
            _check_question(here, group, settings, way, locked_, shelf)
        baselines = [_baseline(base, group.root, here) for group in groups]
        locks = [read_lock(g.root.lock, seen(g.root.lock)) if g.root and locked_ else None for g in groups]
    except SpecError as error:  # of a budget file or a lock: what machines read tells of it too
        broken = Review((), (), (), tuple(error.problems), "", ())
        for kind, path in [*saved, *([] if format in ("table", "json") else [(format, output or "-")])]:
            write(rendered(broken, False, kind, fail_on), path, named)
        raise
    asks = [_asks(group, here, shelf, problems) for group in groups]
    with _bar(sum(map(len, asks))) as step:
        review = joined([
            check(own, shelf, baseline, problems, group.specs, lock, lambda _: step(1),
                  seen(group.root.lock) if group.root else "", whole=group.whole)
            for group, own, baseline, lock in zip(groups, asks, baselines, locks, strict=True)
        ])  # fmt: skip
    found = None
    if base is not None and "md" in (format, *(kind for kind, _ in saved)):
        found = since(base, [], Counting(load_convention("paper")), Problems(), [])
    passed = not review.failed("warn" if fail_on == "warn" else "error")
    inputs = [*named, *(ask.spec for own in asks for ask in own)]
    inputs += [file for g in groups if g.root for file in (g.root.policy.source.name, str(g.root.lock))]
    for kind, path in saved:
        write(rendered(review, passed, kind, fail_on, found), path, inputs)
    write(rendered(review, passed, format, fail_on, found), output, inputs)
    if format == "table":
        from costcalc.render.check import complaints

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

        return comment(review, passed, found)
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


def _save(text: str) -> tuple[str, str]:
    format, equals, path = text.partition("=")
    if not equals or not path:
        raise UsageError(Problem(f"`--save {text}` names no file", None, "as in `--save sarif=costcalc.sarif`"))
    return one_of("format", format, FORMATS), path


class _Group(NamedTuple):
    """A budget file, and the files that were named under it: `whole` where it was named itself, so all of it counts."""

    root: Root | None
    specs: list[str]
    whole: bool


def _groups(config: str | None, files: Sequence[str]) -> list[_Group]:
    """The files by the budget file that is theirs: the nearest upwards from each, unless `--config` names one.

    Hooks name budget files among the specs. Raises SpecError and UsageError.
    """
    for file in files:
        spec, settings = split_settings(file)
        if settings:
            help_ = f"as in `costcalc check {spec} --alpha 0.5 --max-madds 300M`, or `set` in a budget file"
            raise UsageError(Problem(f"`{file}` has settings, and a file of `check` takes none", None, help_))
    if config is not None or not files:
        return [_Group(find_policy(config), list(files), not files)]
    groups: dict[str, _Group] = {}
    roots: dict[Path, Root | None] = {}
    for file in files:
        path, budgets = Path(file), file.endswith(".toml")
        directory = path.parent if is_file(path) else Path()
        if not budgets and directory not in roots:
            roots[directory] = find_policy(None, directory)
        root = find_policy(file) if budgets else roots[directory]
        key = os.path.realpath(root.policy.source.name) if root else ""
        group = groups.get(key, _Group(root, [], False))
        groups[key] = group._replace(whole=True) if budgets else group._replace(specs=[*group.specs, file])
    return list(groups.values())


def _asks(group: _Group, here: Rule | None, shelf: Shelf, problems: Problems) -> list[Ask]:
    """What is asked of the files of a group."""
    if here:
        return [Ask(spec, name_of(group.root, Path(spec)), here) for spec in group.specs]
    return asked(group.root, shelf, problems, [] if group.whole else group.specs)


def _limits(limits: list[str], increases: list[str], settings: list[str], way: tuple[str, int, str]) -> Rule | None:
    """The rule of the command line; None where it has no limit. Raises UsageError."""
    found = [Limit("network", "", b.metric, b.limit, b.text, None) for b in read_budgets(limits)]
    for pair in increases:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(
                Problem(f"`--max-increase {pair}` says no amount", None, "as in `--max-increase madds=2%`")
            )
        metric, most = read_increase(name.strip(), text.strip())
        found.append(Limit("network", "", metric, most, text.strip(), None))
    if not found:
        return None
    values = {name: Text(text, None) for name, text in as_written(settings).items()}
    return Rule((), values, *way, "error", tuple(found), False, None)


def _check_question(
    here: Rule | None, group: _Group, settings: list[str], way: tuple[str, int, str], lock: bool, shelf: Shelf
) -> None:
    """Raises UsageError for a question that has no answer."""
    root, specs = group.root, group.specs
    if here and not specs:
        raise UsageError(
            Problem("there is no spec to hold to the limits", None, "as in `costcalc check net.yaml --max-madds 300M`")
        )
    if settings and not here:
        said = settings[0].replace("=", " = ")
        raise UsageError(
            Problem(f"a setting goes with `--max`: {said}", None, f"in a budget file, say `set = {{{said}}}`")
        )
    if way != USUAL and not here:
        help_ = "in a budget file, say `convention`, `batch` and `dtype` beside the limits"
        raise UsageError(Problem("`--convention`, `--batch` and `--dtype` go with `--max`", None, help_))
    if root and not root.policy.rules and not specs:
        problem = f"`{root.policy.source.name}` has no budget"
        raise UsageError(Problem(problem, None, 'add `[[budget]]` with `spec = "specs/*.yaml"` and limits'))
    if lock and root is None:
        raise UsageError(Problem("there is no budget file, so there is no lock", None, HELP))
    if lock and root and not root.lock.exists():
        raise UsageError(Problem(f"there is no lock `{seen(root.lock)}`", None, "write it with `costcalc lock`"))
    if not here and root is None and not any(shelf.document(spec).budget for spec in specs):
        raise UsageError(
            Problem("there is nothing to check: no budget file here, nor in a directory above", None, HELP)
        )


def _baseline(base: str | None, root: Root | None, here: Rule | None) -> Baseline | None:
    """What to compare with. Limits of the command line alone need a lock only where one of them is of an increase."""
    if base is not None:
        return Revision(base, root.directory if root else Path.cwd())
    if here and all(isinstance(limit.most, int) for limit in here.limits):
        return None
    return locked(root) if root and root.lock.exists() else None
