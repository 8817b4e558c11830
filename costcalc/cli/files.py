"""Writing a result: to stdout, or whole to a file that is none of the inputs."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from costcalc.errors import Problem, UsageError
from costcalc.spec import bundled

STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}


def write(text: str, output: str | None, inputs: Iterable[str] = ()) -> None:
    """Writes a result to stdout, or whole to a file: it is there complete, or what was there before still is.

    Raises UsageError where it cannot be written, or would replace one of the inputs.
    """
    if output is None or is_stdout(output):
        sys.stdout.write(text)
        return
    with opened(output, inputs) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def is_stdout(output: str) -> bool:
    """Whether a result goes to standard output, by whatever name."""
    return output == "-" or _descriptor(output) == 1


@contextmanager
def opened(output: str, inputs: Iterable[str] = ()) -> Iterator[IO[bytes]]:
    """A file for a result that is made bit by bit: it takes its place when the block ends, unless that fails.

    Raises UsageError as `write` does.
    """
    if (descriptor := _descriptor(output)) is not None:
        with _duplicate(descriptor, output) as file:
            yield file
        return
    path = Path(output)
    if any(_same_file(path, name) for name in inputs):
        raise UsageError(Problem(f"`{output}` is the input; writing there would lose it", None, "choose another file"))
    try:
        if path.is_dir():
            raise UsageError(Problem(f"`{output}` is a directory", None, "name a file in it"))
        with path.open("wb") if path.exists() and not path.is_file() else _replacing(_target(path)) as file:
            yield file
    except OSError as error:
        raise UsageError(Problem(f"cannot write `{output}`: {error.strerror or error}")) from None


def _descriptor(output: str) -> int | None:
    """The number of what is open already, of which `/dev/stdout` and its like are names."""
    if output in STREAMS:
        return STREAMS[output]
    match = re.fullmatch(r"/(?:dev|proc/self)/fd/([0-9]{1,9})", output)
    return int(match[1]) if match else None


@contextmanager
def _duplicate(descriptor: int, output: str) -> Iterator[IO[bytes]]:
    """Goes on writing where others wrote before; a file that it leads to is not replaced."""
    sys.stdout.flush()
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            yield file
    except BrokenPipeError:  # the reader has gone, as at the other end of a pipe
        raise
    except OSError as error:
        raise UsageError(Problem(f"cannot write `{output}`: {error.strerror or error}")) from None


def _target(path: Path) -> Path:
    """What a path leads to by way of links."""
    try:
        return path.resolve()
    except RuntimeError:  # what Python before 3.13 says of links that lead back to themselves
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """Writes beside the target, under a name that nobody can foresee, and takes its place when all is there."""
    import tempfile

    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".costcalc-", suffix=".part")
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        partial.chmod(mode)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _umask() -> int:
    """The bits that a new file must not have; the system tells them only when it is given others."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _same_file(path: Path, name: str) -> bool:
    try:
        source = Path(name) if Path(name).exists() else bundled().get(name.removesuffix(".yaml"))
        return source is not None and path.exists() and path.samefile(source)
    except (OSError, ValueError):
        return False
