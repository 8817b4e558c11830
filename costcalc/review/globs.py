"""Files by a glob: `*`, `?`, `[abc]`, and `**` for any number of directories, each directory looked into once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import translate
from pathlib import Path, PurePosixPath

DEEP = "**"


def matching(directory: Path, pattern: str) -> list[Path]:
    """The files below a directory whose path from it a pattern describes, sorted. Raises ValueError.

    What links lead to is found by its name, not by `**`, so that none leads round.
    """
    if pattern.endswith("/"):
        return []  # which speaks of directories
    parts = list(PurePosixPath(pattern).parts)
    if any(DEEP in part and part != DEEP for part in parts):
        raise ValueError(f"`{DEEP}` stands alone between slashes")
    parts = [part for i, part in enumerate(parts) if part != DEEP or parts[i - 1 : i] != [DEEP]]
    names = [None if part == DEEP else re.compile(translate(part)) for part in parts]
    return sorted(_below(directory, names))


def _below(directory: Path, names: list[re.Pattern[str] | None]) -> Iterator[Path]:
    """Walks with the parts that the next name may match, all at once: as many steps as there are files, times parts."""
    waiting = [(directory, _with_next({0}, names))]
    while waiting:
        here, at = waiting.pop()
        try:
            entries = list(os.scandir(here))
        except OSError:  # what may not be read holds nothing that we could read
            continue
        for entry in entries:
            found = _with_next({i + 1 for i in at if i < len(names) and _is(names[i], entry.name)}, names)
            try:
                is_directory = entry.is_dir()
            except OSError:  # a link that leads round, or where nobody may go
                continue
            if is_directory and not entry.is_symlink():
                found |= {i for i in at if i < len(names) and names[i] is None}
            if is_directory and found - {len(names)}:
                waiting.append((here / entry.name, _with_next(found, names)))
            elif not is_directory and len(names) in found:
                yield here / entry.name


def _is(name: re.Pattern[str] | None, text: str) -> bool:
    return name is not None and name.match(text) is not None


def _with_next(at: set[int], names: list[re.Pattern[str] | None]) -> set[int]:
    """With the part after each `**`, which may stand for no directory at all."""
    return at | {i + 1 for i in at if i < len(names) and names[i] is None}
