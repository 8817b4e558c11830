"""What compressed weights take, as the notes below a table and as a record of JSON."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from costcalc.network import plain
from costcalc.storage.record import PARTS, Effective, Stored
from costcalc.units import in_bytes, percent

CALLED = {
    "codes": "codes of weights", "positions": "positions of those left", "tables": "tables", "scales": "scales",
    "rest": "what is left as it is",
}  # fmt: skip
OPERATIONS = ("multiply_adds", "multiplications", "additions", "binary")


def stored_notes(s: Stored, dtype: str) -> list[tuple[str, str]]:
    """The bits by what they are for, and the effective operations convention by convention."""
    parts = ", ".join(f"{getattr(s, part):,} {CALLED[part]}" for part in PARTS if getattr(s, part))
    share = percent(s.bits, s.uncompressed)
    notes = [("stored", f"{in_bytes(s.bytes)}, {share} of the weights as {dtype}; bits: {parts or 'none'}")]
    if s.fillers_at_most:
        text = (
            f"at most {s.fillers_at_most:,} bits more, for zeros between weights that are farther apart than an index"
        )
        notes.append(("fillers", f"{text} reaches; give their number with `fillers`"))
    for name, effective in s.effective.items():
        notes.append(("effective", f"{_number(effective.operations)} operations of layers {_of(name, effective)}"))
    if s.bit_operations is not None:
        notes.append(("bit operations", f"{s.bit_operations:,} (multiply-adds times the bits of both factors)"))
    return notes


def _of(name: str, effective: Effective) -> str:
    parts = [(kind.replace("_", "-", 1), getattr(effective, kind)) for kind in OPERATIONS]
    listed = ", ".join(f"{n:,} {kind}" for kind, n in parts if n)
    several = sum(1 for _, n in parts if n) > 1
    return f"{name}{f' ({listed})' if several else ''}: {effective.source}"


def _number(x: Fraction | int) -> str:
    """A whole number, or one with a proper fraction after it, as in `3 1/64`."""
    if isinstance(x, int) or x.denominator == 1:
        return f"{int(x):,}"
    whole = x.numerator // x.denominator
    rest = x - whole
    return f"{whole:,} {rest.numerator}/{rest.denominator}"


def stored_json(s: Stored) -> dict[str, Any]:
    """The record: exact integers, but that operations, of which 64 binary ones are one, may be `129/64`."""
    effective = {
        name: {
            "operations": plain(e.operations),
            **{kind: n for kind in OPERATIONS if (n := getattr(e, kind))},
            "source": e.source,
        }
        for name, e in s.effective.items()
    }
    return {
        "bits": s.bits,
        "bytes": s.bytes,
        "uncompressed_bits": s.uncompressed,
        **{f"{part}_bits": getattr(s, part) for part in PARTS},
        "fillers_at_most_bits": s.fillers_at_most,
        "operations": plain(s.operations),
        "effective": effective,
        "bit_operations": s.bit_operations,
    }
