"""`costcalc diff`: what changed between two networks, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from costcalc.api import exact
from costcalc.cli.common import (
    EXCEEDED,
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
from costcalc.cli.settings import SpecCommand, as_written, split_settings
from costcalc.cost import DTYPES, load_convention
from costcalc.errors import CostcalcError, Problem, Problems, UsageError
from costcalc.render.changes import Found, differences
from costcalc.render.comment import comment
from costcalc.render.difference import difference_json, difference_text, several_json
from costcalc.review.baseline import Revision
from costcalc.review.check import asked, check
from costcalc.review.difference import Difference, difference
from costcalc.review.places import relative
from costcalc.review.policy import find_policy
from costcalc.review.shelf import Shelf
from costcalc.review.since import Counting, since
from costcalc.spec import Document, bundled, parse_document, read_document
from costcalc.textfile import decoded

FORMATS = ("table", "md", "json")

app = command_app()


@app.command("diff", cls=SpecCommand)
def diff(
    networks: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="OLD NEW", help="Files, bundled names, `SPEC:alpha=0.5`, or `REV:path`; with `--base`, files."
        ),
    ] = None,
    base: Annotated[
        Optional[str],
        typer.Option("--base", metavar="REV", help="Every spec that changed since this branch left a git revision."),
    ] = None,
    settings: Settings = [],  # noqa: B006 - typer wants a list
    every: Annotated[bool, typer.Option("--all", help="Show the layers that did not change too.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 where there is a difference.")] = False,
    convention: ConventionName = "paper",
    batch: Batch = 1,
    dtype: Dtype = "float32",
    format: Annotated[Optional[str], format_option(FORMATS)] = None,
    output: Output = None,
) -> None:
    """What changed between two networks, layer by layer, and what each change costs.

    \b
      costcalc diff old.yaml new.yaml
      costcalc diff mobilenet_v1 mobilenet_v1:alpha=0.75
      costcalc diff main:specs/net.yaml specs/net.yaml
      costcalc diff --base main --format md

    Layers are aligned, not numbered: one that was renamed, moved, or has others before it now is the same layer.
    Exit code 1 with `--exit-code` where there is a difference.
    """
    format = chosen_format(format, output, FORMATS)
    one_of("dtype", dtype, DTYPES)
    names = networks or []
    values = {name: exact(name, text) for name, text in as_written(settings).items()}
    counted = Counting(load_convention(convention), batch, dtype, values)
    problems = Problems()
    found: Found = []
    read: list[str] = []
    if base is not None:
        found = since(base, names, counted, problems, read)
        text = _comment(base, found, problems) if format == "md" else _several(base, found, every, format, problems)
        differs = bool(found)
    elif len(names) == 2:
        one = _pair(counted, *names)
        text, differs = _one(one, (names[0], names[1]), every, format), not one.same
    else:
        help_ = "as in `costcalc diff old.yaml new.yaml`, or `costcalc diff --base main`"
        raise UsageError(Problem(f"two networks are compared, here are {len(names)}", None, help_))
    write(text, output, [*names, *(spec for spec, _ in map(split_settings, names)), *read])
    if problems:
        raise CostcalcError(*problems)
    if exit_code and differs:
        raise typer.Exit(EXCEEDED)


def _pair(counted: Counting, old: str, new: str) -> Difference:
    """The difference of two arguments. Raises CostcalcError."""
    sides = [split_settings(name) for name in (old, new)]
    documents = [_document(spec) for spec, _ in sides]
    own = [{name: exact(name, text) for name, text in settings.items()} for _, settings in sides]
    reports = [counted.report(*both) for both in zip(documents, own, strict=True)]
    return difference(reports[0], reports[1], documents[0].data == documents[1].data)


def _document(spec: str) -> Document:
    """The document of a file, a bundled name, or `REV:path`; a file that exists wins."""
    revision, colon, path = spec.partition(":")
    if not colon or not revision or not path or Path(spec).exists() or spec in bundled():
        return read_document(spec)
    if Path(revision).exists():
        help_ = f"as in `{revision}:alpha=0.5`; a git revision comes first, as in `main:{revision}`"
        raise UsageError(Problem(f"`{spec}` says no value", None, help_))
    from costcalc.review import git

    return parse_document(*decoded(spec, git.show(revision, path)))


def _one(found: Difference, names: tuple[str, str], every: bool, format: str) -> str:
    if format == "json":
        return difference_json(found)
    return difference_text(found, names, every, format, terminal_width(), wants_color(), can_show_bars())


def _comment(base: str, found: Found, problems: Problems) -> str:
    """What changed as a comment in a review; where there is a budget file, with the budgets first."""
    root = find_policy()
    if root is None:
        return differences(base, found)
    shelf, noted = Shelf(), Problems()
    review = check(asked(root, shelf, noted), shelf, Revision(base, root.directory), noted)
    told = {problem.message for problem in noted}
    review = review._replace(faults=(*noted, *(p for p in problems if p.message not in told)))
    return comment(review, not review.failed() and not review.faults, relative, found)


def _several(base: str, found: Found, every: bool, format: str, problems: Problems) -> str:
    if format == "json":
        return several_json(base, found)
    if not found:
        return f"no spec {'that can be read ' if problems else ''}changed since {base}\n"
    return "\n".join(
        _one(one, (f"{base}:{old}" if old else "nothing", new or "nothing"), every, format) for old, new, one in found
    )
