"""Reading a text file that somebody named: of a fair size, in UTF-8, and a file at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from costcalc.errors import Problem, Source, SpecError

MAX_BYTES = 32 * 2**20


def read_file(path: Path, name: str) -> tuple[Source, bytes]:
    """The text of a regular file within the size limit. Raises SpecError."""
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) and not stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
                raise SpecError(Problem(f"`{name}` is not a file"))
            os.set_blocking(file.fileno(), True)
            data = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise SpecError(Problem(f"`{name}` is a directory", None, "name a file in it")) from None
    except (OSError, ValueError) as error:
        raise SpecError(Problem(f"cannot read `{name}`: {reason(error)}")) from None
    return decoded(name, data)


def decoded(name: str, data: bytes) -> tuple[Source, bytes]:
    """The text of these bytes, and the bytes. Raises SpecError for what is no text of a fair size."""
    if len(data) > MAX_BYTES:
        raise SpecError(
            Problem(
                f"`{name}` is larger than {MAX_BYTES // 2**20} MiB",
                None,
                "use `repeat`, `rows` or `blocks` to say the same in less",
            )
        )
    if b"\0" in data:
        raise SpecError(Problem(f"`{name}` is a binary file", None, "YAML text is expected"))
    try:
        return Source(name, data.decode("utf-8-sig").replace("\r\n", "\n")), data
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise SpecError(
            Problem(
                f"`{name}` is not UTF-8 text: byte 0x{data[error.start]:02x} in line {line}, byte {column}",
                None,
                "save it as UTF-8",
            )
        ) from None


def reason(error: Exception) -> str:
    """What the system says of a failure, without the number and the name."""
    return getattr(error, "strerror", None) or str(error)
