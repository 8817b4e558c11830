"""Which file a reader of machine output must open: paths from the top of the repository, and from where one stands."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


@cache
def top(here: Path) -> Path:
    """The nearest directory upwards that is a git checkout, else the directory itself."""
    return next((place for place in (here, *here.parents) if (place / ".git").exists()), here)


def relative(name: str) -> str:
    """A file as it is seen from here, from the top of the repository, with `/`; one outside of it stays what it is."""
    here = Path.cwd()
    path = Path(os.path.normpath(here / name))
    base = top(here)
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else Path(name).as_posix()


def is_file(path: Path) -> bool:
    """Whether there is such a file; none has a name that is too long, or half a character."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def seen(path: Path) -> str:
    """A path as people see it from here."""
    try:
        return os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
