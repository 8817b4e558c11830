"""What moved a total: the layers of two records, aligned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from costcalc.errors import Span
from costcalc.review.align import Entry, align
from costcalc.review.record import PER_LAYER, Record


class Moved(NamedTuple):
    """A layer whose share of a total is not what it was; `old` is None where it is new, `new` where it is gone."""

    path: str
    old: int | None
    new: int | None
    place: Span | None  # in the spec as it is now

    @property
    def difference(self) -> int:
        return (self.new or 0) - (self.old or 0)


def moved(
    old: Record,
    new: Record,
    metric: str,
    aligned: Sequence[tuple[int | None, int | None]],
    places: Mapping[str, Span | None],
) -> tuple[Moved, ...]:
    """The layers whose share of a total is another now, those that added most first."""
    if metric not in PER_LAYER:
        return ()
    found = []
    for before, after in aligned:
        was = None if before is None else old.layers[before].totals[metric]
        now = None if after is None else new.layers[after].totals[metric]
        if (was or 0) != (now or 0):
            path = new.layers[after].path if after is not None else old.layers[before or 0].path
            found.append(Moved(path, was, now, places.get(path) if after is not None else None))
    return tuple(sorted(found, key=lambda layer: -layer.difference))


def pairs(old: Record, new: Record) -> list[tuple[int | None, int | None]]:
    """The layers of both by index, each with the one that it was or is."""
    entries = [[Entry(layer.path, layer.kind, layer.digest) for layer in record.layers] for record in (old, new)]
    return [(pair.old, pair.new) for pair in align(entries[0], entries[1])]
