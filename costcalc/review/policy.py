"""Finding a budget file, and the specs that its rules name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from costcalc.budgets.rule import Policy, Rule, Text
from costcalc.budgets.rules import read_policy
from costcalc.errors import Problem, Problems, UsageError, suggestion
from costcalc.review.globs import matching
from costcalc.review.places import seen
from costcalc.spec.locate import bundled
from costcalc.textfile import read_file
from costcalc.tomltree import parse_toml

NAME = "costcalc.toml"
PROJECT = "pyproject.toml"
TABLE = ("tool", "costcalc")
HELP = (
    f"write `{NAME}`, or `[tool.costcalc]` in `{PROJECT}`; or say a limit: `costcalc check net.yaml --max-madds 300M`"
)


class Root(NamedTuple):
    """A budget file that was read, and the directory that its globs and its lock are relative to."""

    policy: Policy
    directory: Path

    @property
    def lock(self) -> Path:
        return self.directory / self.policy.lock


def find_policy(config: str | None = None, start: Path | None = None) -> Root | None:
    """The budget file of that name, else the nearest upwards from `start` (here, if left out).

    Raises SpecError for one that is wrong.
    """
    if config is not None:
        return _read(Path(config), (), config) or _missing_table(config)
    here = Path.cwd() if start is None else Path(os.path.abspath(start))  # noqa: PTH100 - links stay
    for directory in (here, *here.parents):
        if (directory / NAME).is_file():
            return _read(directory / NAME, (), seen(directory / NAME))
        if (directory / PROJECT).is_file():
            found = _read(directory / PROJECT, TABLE, seen(directory / PROJECT))
            if found:
                return found
    return None


def has_table(project: str) -> bool:
    """Whether a `pyproject.toml` has the table of budgets. Raises SpecError."""
    return _read(Path(project), (), project) is not None


def needed_policy(config: str | None = None) -> Root:
    """As `find_policy`. Raises UsageError where there is none."""
    found = find_policy(config)
    if found is None:
        raise UsageError(Problem("there is no budget file here, nor in a directory above", None, HELP))
    return found


def _read(path: Path, under: tuple[str, ...], name: str) -> Root | None:
    source, _ = read_file(path, name)
    if path.name == PROJECT:
        under = TABLE
        if "costcalc" not in source.text:
            return None  # most projects: nothing of ours in it
    tree = parse_toml(source, under)
    return None if tree is None else Root(read_policy(source, tree), path.absolute().parent)


def _missing_table(config: str) -> Root:
    raise UsageError(Problem(f"`{config}` has no table `[tool.costcalc]`", None, f"add one, or write `{NAME}`"))


def specs_of(root: Root, rule: Rule, problems: Problems) -> Iterator[Path | str]:
    """The files that a rule names, in order, each once; a bundled spec by its name. What is wrong is noted."""
    found: dict[Path | str, None] = {}
    for pattern in rule.specs:
        matching = list(_matching(root, pattern, problems))
        if not matching and not rule.allow_empty:
            problems.append(_nothing(root, pattern))
        found.update(dict.fromkeys(path for path in matching if path is not None))
    yield from found


def _matching(root: Root, pattern: Text, problems: Problems) -> Iterator[Path | str | None]:
    """The files of a pattern; None where it was found to be wrong, which has been noted."""
    text = pattern.text
    if Path(text).is_absolute() or ".." in Path(text).parts or "\0" in text:
        help_ = f"a budget file speaks of what is beside and below it; put a `{NAME}` where the specs are"
        problems.append(Problem(f"`{text}` leads out of the budget file's directory", pattern.span, help_))
        yield None
        return
    path = root.directory / text
    try:
        if path.is_file():
            yield path
            return
        files = matching(root.directory, text) if set(text) & set("*?[") else []
    except (OSError, ValueError) as error:
        problems.append(Problem(f"`{text}` is no glob: {error}", pattern.span, 'as in "specs/*.yaml"'))
        yield None
        return
    yield from files
    if not files and text in bundled():
        yield text


def _nothing(root: Root, pattern: Text) -> Problem:
    """The problem of a pattern that matches no file."""
    parent = (root.directory / pattern.text).parent
    try:
        beside = [p.name for p in parent.iterdir()][:500] if parent.is_dir() else []
    except OSError:
        beside = []
    near = suggestion(os.path.basename(pattern.text), beside)  # noqa: PTH119 - of a pattern
    help_ = "mend it, or say `allow_empty = true`"
    if (root.directory / pattern.text).is_dir():
        help_ = f"it is a directory; did you mean `{pattern.text.rstrip('/')}/*.yaml`?"
    elif pattern.text.removesuffix(".yaml") in bundled():
        help_ = f"the bundled network is called `{pattern.text.removesuffix('.yaml')}` here, without `.yaml`"
    elif near:
        folder = os.path.dirname(pattern.text)  # noqa: PTH120
        help_ = f"did you mean `{os.path.join(folder, near)}`?"  # noqa: PTH118
    return Problem(f"no file matches `{pattern.text}`", pattern.span, help_)
