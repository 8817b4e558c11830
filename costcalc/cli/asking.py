"""What `costcalc check` is asked: which files under which budget file, by which limits, against what."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from costcalc.budgets import Limit, Rule, read_budgets
from costcalc.budgets.rule import Text
from costcalc.budgets.rules import read_increase
from costcalc.cli.settings import as_written, split_settings
from costcalc.errors import Problem, Problems, UsageError, visible
from costcalc.review.baseline import Baseline, Revision, locked
from costcalc.review.check import Ask, Locked, asked, name_of
from costcalc.review.places import is_file, seen
from costcalc.review.policy import HELP, PROJECT, Root, find_policy, has_table
from costcalc.review.shelf import Shelf

USUAL = ("paper", 1, "float32")


class Group(NamedTuple):
    """A budget file, and the files that were named under it: `whole` where it was named itself, so all of it counts."""

    root: Root | None
    specs: list[str]
    whole: bool


def grouped(config: str | None, files: Sequence[str], here: Rule | None = None) -> list[Group]:
    """The files by the budget file that is theirs: the nearest upwards from each, unless `--config` names one.

    Hooks name budget files among the specs. Raises SpecError and UsageError.
    """
    for file in files:
        spec, settings = split_settings(file)
        if settings:
            help_ = f"as in `costcalc check {spec} --alpha 0.5 --max-madds 300M`, or `set` in a budget file"
            raise UsageError(Problem(f"`{file}` has settings, and a file of `check` takes none", None, help_))
    files = list(dict.fromkeys(files))
    if config is not None or not files:
        return [Group(find_policy(config), list(files), not files)]
    groups: dict[str, Group] = {}
    roots: dict[Path, Root | None] = {}
    for file in files:
        path, budgets = Path(file), file.endswith(".toml")
        directory = path.parent if is_file(path) else Path()
        if not budgets and directory not in roots:
            roots[directory] = find_policy(None, directory)
        if budgets and not here and Path(file).name == PROJECT and not has_table(file):
            typer.echo(f"note: {visible(file)} has no table [tool.costcalc]", err=True)
            continue  # as a hook names it: it changed, and has nothing of ours in it
        root = find_policy(file) if budgets else roots[directory]
        key = os.path.realpath(root.policy.source.name) if root else ""
        group = groups.get(key, Group(root, [], False))
        groups[key] = group._replace(whole=True) if budgets else group._replace(specs=[*group.specs, file])
    return list(groups.values())


def asks_of(group: Group, here: Rule | None, shelf: Shelf, problems: Problems) -> list[Ask]:
    """What is asked of the files of a group."""
    if here:
        return [Ask(spec, name_of(group.root, Path(spec)), here) for spec in group.specs]
    return asked(group.root, shelf, problems, [] if group.whole else group.specs)


def rule_of(limits: list[str], increases: list[str], settings: list[str], way: tuple[str, int, str]) -> Rule | None:
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


def check_question(
    here: Rule | None, group: Group, settings: list[str], way: tuple[str, int, str], lock: bool, shelf: Shelf
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


def compared(
    base: str | None, group: Group, here: Rule | None, with_lock: bool, problems: Problems
) -> tuple[Baseline | None, Locked | None]:
    """What to compare with, and the lock that must be that of now; why a lock cannot be read is noted.

    Limits of the command line alone need a lock only where one of them is of an increase. Raises UsageError.
    """
    needed = not (here and all(isinstance(limit.most, int) for limit in here.limits))
    root, lock = group.root, None
    if root and root.lock.exists() and (with_lock or (needed and base is None)):
        lock = locked(root, problems)
    held = Locked(lock.records, lock.name, group.whole) if lock and with_lock and not lock.broken else None
    if base is not None:
        return Revision(base, root.directory if root else Path.cwd()), held
    return (lock if needed else None), held
