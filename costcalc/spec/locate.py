"""Finding and reading what SPEC names: a path, a bundled spec from any directory, or standard input.

The bundled specs lie in `costcalc/specs` of an installed wheel and beside the package in a checkout.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from costcalc.errors import Problem, Source, SpecError, unknown
from costcalc.yamltree import MAX_BYTES


def bundled_directory() -> Path:
    """The folder of the specs that ship with costcalc."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


def bundled() -> dict[str, Path]:
    """The bundled specs by name, without `.yaml`."""
    return {path.stem: path for path in sorted(bundled_directory().glob("*.yaml"))}


def read_spec(spec: str) -> tuple[Source, bytes]:
    """The text that SPEC names, and its bytes as they were. A path that exists wins over a bundled name.

    Raises SpecError.
    """
    if spec == "-":
        return _decoded("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1))
    return read_file(_find(spec), spec)


def read_file(path: Path, name: str) -> tuple[Source, bytes]:
    """The text of a regular file within the size limit. Raises SpecError."""
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) and not stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
                raise SpecError(Problem(f"`{name}` is not a file"))
            os.set_blocking(file.fileno(), True)
            data = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise SpecError(Problem(f"`{name}` is a directory", None, "name a file in it")) from None
    except (OSError, ValueError) as error:
        raise SpecError(Problem(f"cannot read `{name}`: {_reason(error)}")) from None
    return _decoded(name, data)


def _find(spec: str) -> Path:
    path = Path(spec)
    try:
        if path.exists():
            return path
    except (OSError, ValueError) as error:  # a name too long, a zero byte
        raise SpecError(Problem(f"cannot read `{spec}`: {_reason(error)}")) from None
    found = bundled()
    stem = spec.removesuffix(".yaml").removesuffix(".yml")
    if stem in found:
        return found[stem]
    if os.sep in spec:
        raise SpecError(Problem(f"there is no file `{spec}`"))
    problem = unknown("spec", stem, found)
    raise SpecError(Problem(f"there is no file `{spec}` here and no bundled spec of that name", None, problem.help))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _decoded(name: str, data: bytes) -> tuple[Source, bytes]:
    if len(data) > MAX_BYTES:
        raise SpecError(
            Problem(
                f"`{name}` is larger than {MAX_BYTES // 2**20} MiB",
                None,
                "use `repeat`, `rows` or `blocks` to say the same in less",
            )
        )
    if b"\0" in data:
        raise SpecError(Problem(f"`{name}` is a binary file", None, "a spec is YAML text"))
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
