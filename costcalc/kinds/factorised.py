"""Convolutions in factors: a window divided between its axes, which are convolved one after the other.

The first pass goes along the height with its part of stride, padding and dilation, the next along the width: a pass
finds the axes before it as the output has them, and those after it as the input has them. Nothing is between the
passes, so each of these kinds computes what one convolution with a window of low rank does.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, count
from costcalc.kinds.base import kind
from costcalc.kinds.convolution import Convolution
from costcalc.kinds.window import need_map, padding_of, spread, valid_taps
from costcalc.number import Number, maximum, product, total
from costcalc.shape import Shape


class Pass(NamedTuple):
    """One axis of a window on its own: its taps, where it leaves outputs, and its taps on the input of all of these."""

    taps: Number
    positions: Number
    valid: Number


class Axiswise(Convolution):
    """What convolutions along one axis after the other share."""

    def passes(self, x: Shape, y: Shape) -> list[Pass]:
        """The pass along each axis, in order."""
        rank = len(x.spatial)
        kernels, strides, dilations = (
            spread(value, rank, name)
            for value, name in ((self.kernel, "kernel"), (self.stride, "stride"), (self.dilation, "dilation"))
        )
        found = []
        for i, (taps, step, gap) in enumerate(zip(kernels, strides, dilations, strict=True)):
            size, outputs = x.spatial[i], y.spatial[i]
            others = product((*y.spatial[:i], *x.spatial[i + 1 :]))
            around = padding_of(self.padding, size, (taps - 1) * gap + 1, step, i, rank)
            seen = valid_taps(Shape(1, (size,)), Shape(1, (outputs,)), taps, step, around, gap)
            found.append(Pass(taps, outputs * others, seen * others))
        return found


@kind("spatial_separable")
class SpatialSeparable(Axiswise):
    """Spatially separable convolution: D_K x 1 from M channels to `rank` (Q), then 1 x D_K from those to N.

    D_K * Q * (M + N) weights; D_K * M * Q multiply-adds at each position of the map between the two, which has the
    height of the output and the width of the input, and D_K * Q * N at each output position. With stride 1 the ratio to
    the standard convolution is Q * (M + N) / (D_K * M * N), so it saves where Q < D_K * M * N / (M + N). The first has
    the stride along the height, the second that along the width. With a norm or an activation between the two, as in
    Inception, write two `conv`. Source: Jaderberg et al. 2014 (arXiv:1405.3866), section 2, scheme 2.
    """

    rank = count("channels between the two convolutions", letter="Q")

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        if len(x.spatial) != 2:
            axes = "one axis" if len(x.spatial) == 1 else f"{len(x.spatial)} axes"
            message = f"`{self.name}` divides its window between height and width, and its input has {axes} ({x})"
            raise KindError(message, None, "use `conv` or `separable_basis`")
        return super().shape(x)

    def census(self, x: Shape, y: Shape) -> Census:
        first, second = self.passes(x, y)
        reads, makes = x.channels * self.rank, self.rank * y.channels  # weights of one tap
        return self.biased(
            first.taps * reads + second.taps * makes,
            first.taps * reads * first.positions + second.taps * makes * second.positions,
            first.valid * reads + second.valid * makes,
            y,
        )

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        return self.rank * self.passes(inputs[0], output)[0].positions


@kind("separable_basis")
class SeparableBasis(Axiswise):
    """Convolution by a basis of separable filters, `basis` (Q) for each input channel, and a weighted sum of all.

    A basis filter is D_K x 1, then 1 x D_K, on one channel: along every axis in turn a depthwise convolution. A 1x1
    convolution makes the N output channels of the M * Q filtered ones. 2 * D_K * M * Q + M * Q * N weights, and at
    stride 1 as many multiply-adds at each output position: (2 * D_K + N) * Q / (D_K * D_K * N) of the standard
    convolution. With stride, the first pass runs at the rows of the output, and at all columns of the input.
    Source: Jaderberg et al. 2014 (arXiv:1405.3866), section 2, scheme 1.
    """

    basis = count("separable filters for each input channel", letter="Q")

    def census(self, x: Shape, y: Shape) -> Census:
        passes, filtered = self.passes(x, y), x.channels * self.basis
        summed = filtered * y.channels
        return self.biased(
            total(p.taps for p in passes) * filtered + summed,
            total(p.taps * p.positions for p in passes) * filtered + summed * y.positions,
            total(p.valid for p in passes) * filtered + summed * y.positions,
            y,
        )

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        return inputs[0].channels * self.basis * neighbours([p.positions for p in self.passes(inputs[0], output)])


def neighbours(maps: Sequence[Number]) -> Any:
    """The most that two maps in a row take, of a chain of which each is made of the one before and then let go."""
    return maximum(*(a + b for a, b in pairwise(maps))) if len(maps) > 1 else maps[0]
