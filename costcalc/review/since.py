"""The specs that changed since a branch left a git revision, each as it was beside what it is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from costcalc.cost import Convention, Report, count
from costcalc.errors import CostcalcError, Problem, Problems, UsageError
from costcalc.network import Network
from costcalc.review.difference import Difference, difference
from costcalc.shape import Shape
from costcalc.spec import Document, build_network, parse_document
from costcalc.textfile import decoded, read_file

# the version stands on the line of the key; a pipeline's job of that name begins a mapping
SPEC = re.compile(r"""^(?:\{[ \t]*)?["']?costcalc["']?[ \t]*:[ \t]*["']?\d""", re.MULTILINE)


class Counting(NamedTuple):
    """One way to count all of them."""

    convention: Convention
    batch: int = 1
    dtype: str = "float32"
    values: Mapping[str, Any] = {}

    def report(self, document: Document, own: Mapping[str, Any] | None = None) -> Report:
        return self.of(build_network(document, {**self.values, **(own or {})}))

    def of(self, network: Network) -> Report:
        return count(network, self.convention, self.batch, self.dtype)


class Changed(NamedTuple):
    """A spec that is another now: its file before and now, None where there was or is none."""

    old: str | None
    new: str | None
    difference: Difference


def since(base: str, files: Sequence[str], counted: Counting, problems: Problems, read: list[str]) -> list[Changed]:
    """The specs that changed since a branch left `base`; the problems of those that cannot be read are noted.

    What was looked into goes into `read`. Raises UsageError for a file that is not there, now or then.
    """
    from costcalc.review import git

    fork, top = git.fork_point(base), git.top()
    wanted = {Path(os.path.abspath(file)): file for file in files}  # noqa: PTH100 - without `..`, links as they are
    leads = {Path(os.path.realpath(path)) for path in wanted}  # git tells of what a link leads to, not of the link
    changes = git.changed(base)
    known = {top / name for change in changes for name in (change.old, change.new) if name}
    for path, file in wanted.items():
        if not path.exists() and path not in known:
            raise UsageError(
                Problem(f"there is no file `{file}`, and there was none at {base}", None, "is it misspelt?")
            )
    found = []
    for change in changes:
        path = top / (change.new or change.old or "")
        if path.suffix not in (".yaml", ".yml") or (wanted and path not in wanted.keys() | leads):
            continue
        read.append(str(path))
        try:
            before = change.old and _spec(f"{base}:{change.old}", git.blob(fork, change.old))
            after = change.new and _spec(change.new, read_file(path, change.new)[1])
            if before or after:
                sides = [counted.report(side) if side else None for side in (before, after)]
                old, new = (side or counted.of(_nothing(sides[1 - i])) for i, side in enumerate(sides))
                found.append(Changed(change.old, change.new, difference(old, new)))
        except CostcalcError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    return [entry for entry in found if not entry.difference.same]


def _spec(name: str, data: bytes) -> Document | None:
    """The document of a file, None where it is no spec. Raises SpecError for one that is wrong."""
    source, _ = decoded(name, data)
    return parse_document(source, data) if SPEC.search(source.text) else None


def _nothing(other: Report | None) -> Network:
    """What was there before a network was: none of its layers."""
    shape = other.network.input if other else Shape(1)
    return Network("nothing", shape, (), ())
