"""The record of what is stored: bits by what they are for, and the effective operations by the name of their source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from costcalc.number import ceil_div, divide, tidy, total

PARTS = ("codes", "positions", "tables", "scales", "rest")
BINARY = 64  # binary operations that stand for one, as one instruction does them


class Effective(NamedTuple):
    """The operations that a source counts for compressed layers, of the whole batch."""

    source: str  # what is counted, and who says so
    multiply_adds: Any = 0
    multiplications: Any = 0
    additions: Any = 0
    binary: Any = 0  # multiply-adds of two bits

    @property
    def operations(self) -> Any:
        """Their sum, in which BINARY binary ones are one: a whole number or an exact fraction."""
        return self.multiply_adds + self.multiplications + self.additions + divide(self.binary, BINARY)


class Stored(NamedTuple):
    """The bits of the parameters of a node, or of several, and what they are bits of."""

    codes: Any  # of each weight that is stored: the number itself, a code, the place in a table
    positions: Any  # of what tells which weights are left
    tables: Any  # of the numbers that codes are places of
    scales: Any
    rest: Any  # of biases, norms and weights that are not compressed
    uncompressed: Any  # of all these parameters as they are
    fillers_at_most: Any  # more bits, where gaps are longer than an index reaches and nobody said how many are
    effective: Mapping[str, Effective]  # by the name of the convention
    bit_operations: Any  # None where a product is looked up, and has no width

    @property
    def bits(self) -> Any:
        """All that is stored."""
        return self.codes + self.positions + self.tables + self.scales + self.rest

    @property
    def bytes(self) -> Any:
        """The same in bytes, the last one perhaps not full."""
        return ceil_div(self.bits, 8)

    @property
    def operations(self) -> Any:
        """The effective operations under all conventions together."""
        return tidy(total(e.operations for e in self.effective.values()))


def added(records: Iterable[Stored]) -> Stored:
    """The sums of some, convention by convention."""
    listed = list(records)
    effective: dict[str, Effective] = {}
    for name, one in ((n, e) for record in listed for n, e in record.effective.items()):
        before = effective.get(name, Effective(one.source))
        effective[name] = Effective(one.source, *(a + b for a, b in zip(before[1:], one[1:], strict=True)))
    codes, positions, tables, scales, rest = (total(getattr(r, part) for r in listed) for part in PARTS)
    whole, more = total(r.uncompressed for r in listed), total(r.fillers_at_most for r in listed)
    widths = [r.bit_operations for r in listed]
    bit_operations = None if any(w is None for w in widths) else total(widths)
    return Stored(codes, positions, tables, scales, rest, whole, more, effective, bit_operations)
