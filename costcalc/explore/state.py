"""The state of a search on disk: each finished shard in a file of its own, so that an interruption loses none of them.

A file is there whole or not at all, and is believed only where its checksum holds. The state says which search it is
of, and takes part in no other.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from costcalc.errors import Problem, UsageError
from costcalc.explore.search import Outcome, Task, as_json, from_json
from costcalc.explore.shards import Plan, Shard
from costcalc.textfile import reason

HEAD = "search.json"


class State:
    """The directory of one search."""

    def __init__(self, directory: str, task: Task, plan: Plan, resume: bool) -> None:
        """Raises UsageError where it is not resumed and holds a search, where it is of another one, or unusable."""
        self.directory = Path(directory)
        self.described = {**task.described, "points in a shard": str(plan.size)}
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            there = self.head()
            if there is not None and not resume:
                help_ = "add `--resume` to go on with it, or name another directory"
                raise UsageError(Problem(f"`{directory}` holds a search already", None, help_))
            if there is not None and there != self.described:
                raise UsageError(_another(directory, there, self.described))
            if there is None:
                self.write(HEAD, {"schema": "costcalc/search-state/1", "search": self.described})
        except (OSError, ValueError) as error:
            raise UsageError(Problem(f"cannot keep the search in `{directory}`: {reason(error)}")) from None

    def head(self) -> Any:
        """What the search in the directory is; None where there is none. Raises UsageError for what is no state."""
        path = self.directory / HEAD
        if not path.exists():
            if any(self.directory.iterdir()):
                help_ = "name a directory that is empty, or is not there yet"
                raise UsageError(Problem(f"`{self.directory}` is no state of a search", None, help_))
            return None
        record = self.read(path)
        if not isinstance(record, Mapping) or record.get("schema") != "costcalc/search-state/1":
            raise UsageError(Problem(f"`{path}` is no state of a search", None, "name another directory"))
        return record.get("search")

    def outcomes(self, plan: Plan) -> Iterator[tuple[Shard, Outcome]]:
        """The shards that are finished; a damaged file is as none."""
        there = {path.name for path in self.directory.iterdir()}
        for shard in plan.shards():
            name = _name(shard)
            record = self.read(self.directory / name) if name in there else None
            if isinstance(record, Mapping) and record.get("shard") == list(shard):
                yield shard, from_json(record["outcome"])

    def kept(self, plan: Plan) -> int:
        """How many shards have their files: at an interrupt, the one just saved may not be entered anywhere else."""
        there = {path.name for path in self.directory.iterdir()}
        return sum(_name(shard) in there for shard in plan.shards())

    def save(self, shard: Shard, outcome: Outcome) -> None:
        """Keeps the outcome of a shard. Raises UsageError where it cannot be written."""
        try:
            self.write(_name(shard), {"shard": list(shard), "outcome": as_json(outcome)})
        except OSError as error:
            raise UsageError(Problem(f"cannot keep the search in `{self.directory}`: {reason(error)}")) from None

    def read(self, path: Path) -> Any:
        """What a file says, None where it cannot be read or its checksum does not hold."""
        try:
            checksum, _, text = path.read_text(encoding="ascii").partition("\n")
        except (OSError, ValueError):
            return None
        return json.loads(text) if checksum == hashlib.sha256(text.encode()).hexdigest() else None

    def write(self, name: str, record: Mapping[str, Any]) -> None:
        """Writes a file whole or not at all, whatever happens meanwhile."""
        text = json.dumps(record)
        descriptor, partial = tempfile.mkstemp(dir=self.directory, prefix=".costcalc-", suffix=".part")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")
                file.flush()
                os.fsync(file.fileno())
            Path(partial).replace(self.directory / name)
        finally:
            Path(partial).unlink(missing_ok=True)


def _name(shard: Shard) -> str:
    return f"shard-{shard[0]}.json"


def _another(directory: str, there: Mapping[str, str], here: Mapping[str, str]) -> Problem:
    """The problem of a state that is of another search, and what differs."""
    differing = [name for name in here if there.get(name) != here[name]]
    notes = [
        f"{name}: {there.get(name, 'none')} there, {here[name]} here" for name in differing if len(here[name]) < 60
    ]
    named = ", ".join(differing)
    help_ = "ask the same again, or name another directory"
    return Problem(f"`{directory}` holds another search: its {named} differ", None, help_, tuple(notes))
