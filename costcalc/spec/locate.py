"""Finding and reading what SPEC names: a path, a bundled spec from any directory, or standard input.

The bundled specs lie in `costcalc/specs` of an installed wheel and beside the package in a checkout.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from costcalc.errors import Problem, Source, SpecError, unknown
from costcalc.textfile import MAX_BYTES, decoded, read_file, reason


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
        if sys.stdin is None:
            raise SpecError(Problem("cannot read `-`: standard input is closed"))
        return decoded("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1))
    return read_file(_find(spec), spec)


def _find(spec: str) -> Path:
    path = Path(spec)
    found = bundled()
    stem = spec.removesuffix(".yaml").removesuffix(".yml")
    try:
        if path.exists() and not (path.is_dir() and stem in found):
            return path
    except (OSError, ValueError) as error:  # a name too long, a zero byte
        raise SpecError(Problem(f"cannot read `{spec}`: {reason(error)}")) from None
    if stem in found:
        return found[stem]
    if os.sep in spec:
        raise SpecError(Problem(f"there is no file `{spec}`"))
    problem = unknown("spec", stem, found)
    raise SpecError(Problem(f"there is no file `{spec}` here and no bundled spec of that name", None, problem.help))
