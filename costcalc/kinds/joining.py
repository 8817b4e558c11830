"""Kinds that join several tensors: sum, product, concatenation."""

from __future__ import annotations

from collections.abc import Sequence

from costcalc.census import Census
from costcalc.kinds.attributes import KindError
from costcalc.kinds.base import Join, kind
from costcalc.number import total
from costcalc.shape import Shape


def _listed(xs: Sequence[Shape]) -> str:
    return ", ".join(map(str, xs))


@kind("add")
class Add(Join):
    """The sum of tensors of one shape: one addition for each element and each tensor after the first."""

    def shape(self, xs: Sequence[Shape]) -> Shape:
        for x in xs[1:]:
            if x != xs[0]:
                raise KindError(
                    f"`add` of shapes that differ: {_listed(xs)}", None, "every branch must end in the same shape"
                )
        return xs[0]

    def census(self, xs: Sequence[Shape], y: Shape) -> Census:
        return Census(additions=(len(xs) - 1) * y.size)


@kind("mul")
class Mul(Join):
    """The product of tensors, element by element; a vector of as many channels scales each channel of a map.

    One multiplication for each element of the output and each tensor after the first.
    """

    def shape(self, xs: Sequence[Shape]) -> Shape:
        wide = [x for x in xs if any(size != 1 for size in x.spatial)]
        whole = wide[0] if wide else max(xs, key=lambda x: len(x.spatial))
        for x in xs:
            gate = x.channels == whole.channels and all(size == 1 for size in x.spatial)
            if x != whole and not (gate and len(x.spatial) in (0, len(whole.spatial))):
                help_ = "they must be the same, or one a vector with as many channels"
                raise KindError(f"`mul` of shapes that do not fit: {_listed(xs)}", None, help_)
        return whole

    def census(self, xs: Sequence[Shape], y: Shape) -> Census:
        return Census(multiplications=(len(xs) - 1) * y.size)


@kind("concat")
class Concat(Join):
    """Concatenation along the channels (features); a copy, no arithmetic."""

    def shape(self, xs: Sequence[Shape]) -> Shape:
        first = xs[0]
        for x in xs[1:]:
            if x.spatial != first.spatial or x.sequence != first.sequence:
                raise KindError(
                    f"`concat` of maps of different sizes: {_listed(xs)}",
                    None,
                    "everything but the channels must agree",
                )
        return first.at(total(x.channels for x in xs))

    def census(self, xs: Sequence[Shape], y: Shape) -> Census:
        return Census()
