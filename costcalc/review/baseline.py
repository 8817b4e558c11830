"""What a network is compared with: its record in the lock, or itself at an earlier revision."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from costcalc.budgets.rule import Rule
from costcalc.errors import CostcalcError, Problem, Problems, UsageError
from costcalc.review.lock import read_lock
from costcalc.review.places import seen
from costcalc.review.policy import Root
from costcalc.review.record import Record
from costcalc.review.shelf import Shelf
from costcalc.spec import Document, parse_document
from costcalc.textfile import decoded


class Baseline:
    """Records by what they are of. `unreadable` has a sentence for each spec that could not be read as it was.

    `broken` is a lock of which nothing could be read.
    """

    broken = False

    def __init__(self, name: str, records: Mapping[tuple[Any, ...], Record]) -> None:
        self.name, self.records = name, records
        self.unreadable: dict[str, str] = {}
        self.is_lock = True

    def record(self, now: Record, rule: Rule) -> Record | None:
        """The same network at the same setting as it was; None where there was none."""
        return self.records.get(now.key)

    def lost(self, spec: str) -> bool:
        """Whether a spec cannot be compared because what it was cannot be read, which is told elsewhere."""
        return self.broken or spec in self.unreadable


class Revision(Baseline):
    """The specs as they were where this branch left a revision of the git repository that one stands in."""

    def __init__(self, revision: str, directory: Path) -> None:
        """Raises UsageError where there is no such revision, or no repository."""
        from costcalc.review import git  # needed for revisions alone

        super().__init__(revision, {})
        self.is_lock = False
        self.git, self.directory, self.top = git, directory, Path(os.path.realpath(git.top()))
        if not Path(os.path.realpath(directory)).is_relative_to(self.top):
            help_ = "run it in the repository of the specs"
            raise UsageError(Problem(f"the budgets are not in the repository {self.top.name}", None, help_))
        self.commit = git.fork_point(revision)
        self.shelf = Shelf(self._read)

    @cached_property
    def before(self) -> Mapping[str, str | None]:
        """What files were called that have another name now, or None where they were not there."""
        return {change.new: change.old for change in self.git.changed(self.name) if change.new}

    def _read(self, path: str) -> Document:
        return parse_document(*decoded(f"{self.name}:{path}", self.git.blob(self.commit, path)))

    def record(self, now: Record, rule: Rule) -> Record | None:
        full = Path(os.path.realpath(self.directory / now.spec))  # git keeps links, and what they lead to elsewhere
        if not full.is_relative_to(self.top) or not full.exists():  # a bundled spec is as it is
            return None
        path = full.relative_to(self.top).as_posix()
        path = self.before.get(path, path) or ""
        if not path:
            return None
        try:
            return self.shelf.record(path, now.spec, rule)
        except CostcalcError as error:
            self.unreadable[now.spec] = f"{now.title} cannot be compared with {self.name}: {error.problems[0].message}"
            return None


def locked(root: Root, problems: Problems) -> Baseline:
    """The lock of a budget file; why it cannot be read is noted."""
    name = seen(root.lock)
    try:
        return Baseline(name, read_lock(root.lock, name))
    except CostcalcError as error:
        problems += error.problems
        found = Baseline(name, {})
        found.broken = True
        return found
