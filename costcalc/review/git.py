"""What git knows: a file as it was at a revision, and which files changed since. Nothing is ever written.

Git is run without a shell, and a revision is resolved to a hash first, so that none is taken for an option.
"""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from costcalc.errors import Problem, UsageError, suggestion

HEAD = re.compile(rb"[0-9a-f]+ blob ([0-9]+)")
TIMEOUT = 60  # seconds; git that waits for a lock or a network is given up
MAX_NAMES = 500  # branches and tags that a misspelt one is looked for among


class Change(NamedTuple):
    """A file that differs: its path before and after, from the top of the repository; None where it was not there."""

    old: str | None
    new: str | None


def top() -> Path:
    """The top of the repository that one stands in. Raises UsageError."""
    return Path(os.fsdecode(_git("rev-parse", "--show-toplevel").rstrip(b"\n")))


def commit(revision: str) -> str:
    """The hash of a revision. Raises UsageError where there is no such."""
    if "\0" in revision or not revision.strip():
        raise UsageError(Problem(f"there is no revision `{revision}`", None, "name a branch, a tag or a commit"))
    top()
    done = _run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode == 0:
        return done.stdout.decode().strip()
    names = _git("for-each-ref", f"--count={MAX_NAMES}", "--format=%(refname:short)").decode().split()
    near = suggestion(revision, names)
    help_ = f"did you mean `{near}`?" if near else "name a branch, a tag or a commit; a shallow clone has few of them"
    raise UsageError(Problem(f"git knows no revision `{revision}`", None, help_))


def show(revision: str, path: str) -> bytes:
    """A file as it was: `path` from the top of the repository, or from here where it begins with `./` or `../`.

    Raises UsageError where there was no such file.
    """
    found = commit(revision)
    place = _from_top(path)
    if _run("cat-file", "-e", f"{found}:{place}").returncode == 0:
        with suppress(UsageError):
            return blob(found, place)
    kind = _run("cat-file", "-t", f"{found}:{place}").stdout.strip()
    if kind == b"tree":
        raise UsageError(Problem(f"`{path}` is a directory at {revision}", None, "name a file in it"))
    names = os.fsdecode(_git("ls-tree", "-r", "-z", "--name-only", "--full-tree", found)).split("\0")
    near = suggestion(Path(place).name, {Path(name).name for name in names if name})
    same = [name for name in names if Path(name).name == near]
    there = " (it was not there yet)" if (top() / place).exists() else ""
    help_ = f"did you mean `{revision}:{same[0]}`?" if same else "paths are from the top; `./` is from here"
    raise UsageError(Problem(f"there is no file `{path}` at {revision}{there}", None, help_))


def blob(found: str, place: str) -> bytes:
    """A file at a commit, by its hash and its path from the top; of a link, what it led to within the repository.

    Raises UsageError where there was none.
    """
    if "\n" not in place:
        done = _run("cat-file", "--batch", "--follow-symlinks", stdin=os.fsencode(f"{found}:{place}\n"))
        head, _, data = done.stdout.partition(b"\n")
        if done.returncode == 0 and (match := HEAD.fullmatch(head)):
            return data[: int(match[1])]
    return _git("cat-file", "blob", f"{found}:{place}")


def changed(base: str) -> list[Change]:
    """The files that differ between where this branch left `base` and the working tree, those unknown to git too.

    Raises UsageError.
    """
    fork = fork_point(base)
    fields = _fields(
        _git("diff", "--name-status", "--find-renames", "--no-relative", "-z", "--no-ext-diff", fork, "--")
    )
    changes = []
    while fields:
        status = fields.pop(0)
        old = fields.pop(0)
        new = fields.pop(0) if status[:1] in "RC" else old
        changes.append(Change(None if status[:1] in "AC" else old, None if status[:1] == "D" else new))
    where = str(top())
    loose = _fields(_git("-C", where, "ls-files", "--others", "--exclude-standard", "-z"))
    return sorted([*changes, *(Change(None, name) for name in loose)], key=lambda c: c.new or c.old or "")


def fork_point(base: str) -> str:
    """The commit where this branch left another: what `base` gained since is not of this branch. Raises UsageError."""
    done = _run("merge-base", commit(base), "HEAD")
    if done.returncode != 0:
        help_ = "in a shallow clone fetch more of it, as with `fetch-depth: 0`"
        raise UsageError(Problem(f"`{base}` and this branch have no commit in common", None, help_))
    return done.stdout.decode().strip()


def _from_top(path: str) -> str:
    """The path as git wants it. Raises UsageError for one outside of the repository."""
    base = top()
    here = Path.cwd() if path.startswith(("./", "../")) else base
    full = Path(os.path.normpath(here / path))
    if not full.is_relative_to(base) or full == base:
        raise UsageError(Problem(f"`{path}` is not in the repository {base.name}", None, "paths are from its top"))
    return full.relative_to(base).as_posix()


def _fields(output: bytes) -> list[str]:
    return [os.fsdecode(field) for field in output.split(b"\0")[:-1]]


def _git(*arguments: str) -> bytes:
    """What git prints. Raises UsageError with its first line where it fails."""
    done = _run(*arguments)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it gave no reason"]
        if "not a git repository" in said[0]:
            raise UsageError(Problem("this is no git repository", None, "`--base` and `REV:path` need one"))
        raise UsageError(Problem(f"git says: {said[0].removeprefix('fatal: ')}"))
    return done.stdout


def _run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "GIT_PAGER": "cat",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
    }
    try:
        return subprocess.run(  # noqa: S603 - no shell, and revisions are hashes
            ["git",  # noqa: S607 - the one that the user has
              "--no-replace-objects", "-c", "core.quotePath=false", *arguments],
            capture_output=True, check=False, env=environment, input=stdin, timeout=TIMEOUT,
        )  # fmt: skip
    except FileNotFoundError:
        raise UsageError(Problem("git is not installed", None, "`--base` and `REV:path` need it")) from None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UsageError(Problem(f"git cannot be run: {error}")) from None
