"""Convolutions over maps of one, two or three axes: dense, grouped, depthwise, and the depthwise-separable pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, count, flag, padding_attribute, per_axis
from costcalc.kinds.base import Bank, Kind, Layer, kind
from costcalc.kinds.window import need_map, output_sizes, spread, stepped, valid_taps, written
from costcalc.number import Number, exact_div, product
from costcalc.shape import Shape


class Windowed(Layer):
    """What convolutions share: the window and how it moves. Each output is one sum over the taps of its window."""

    followers = True
    kernel = per_axis("size of the window", default=3)
    stride = per_axis("step of the window", default=1)
    padding = padding_attribute()
    dilation = per_axis("distance between the taps of the window; the zeros between are not multiplied", default=1)
    bias = flag(
        "one learnable addend for each output channel; by default there is one unless a norm follows", default=True
    )

    def taps(self, x: Shape) -> Number:
        """The number of taps of the window, D_K * D_K."""
        return product(spread(self.kernel, len(x.spatial), "kernel"))

    def positions(self, x: Shape) -> tuple[Number, ...]:
        """The output size along each axis. Raises KindError."""
        need_map(x, self.name)
        return output_sizes(x, self.kernel, self.stride, self.padding, self.dilation)

    def valid(self, x: Shape, y: Shape) -> Number:
        """The number of taps, over all positions, that lie on the input and not on its padding."""
        return valid_taps(x, y, self.kernel, self.stride, self.padding, self.dilation)

    def biased(self, weights: Number, macs: Number, valid: Number, y: Shape) -> Census:
        """The census of a convolution with these weights: a bias is one parameter a channel, one add an output."""
        if self.bias:
            return Census(macs=macs, valid_macs=valid, weights=weights, bias_adds=y.size, biases=y.channels)
        return Census(macs=macs, valid_macs=valid, weights=weights)

    def dense(self, out: Number, bias: bool) -> Conv:
        """The standard convolution with this window: each output channel sees every input channel."""
        window = {name: getattr(self, name) for name in ("kernel", "stride", "padding", "dilation")}
        return Conv({"out": out, **window, "groups": 1, "bias": bias})

    def variety(self, x: Shape) -> str:
        return written(self.kernel, len(x.spatial))

    def step(self) -> str:
        return stepped(self.stride)


class Convolution(Windowed):
    """What convolutions to any number of channels share, whatever they compute them by."""

    out = count("output channels (N)")

    def shape(self, x: Shape) -> Shape:
        return Shape(self.out, self.positions(x))

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        return self.dense(self.out, self.bias)


class Grouped(Convolution):
    """What convolutions in groups share."""

    groups = count("number of groups that input and output channels are divided into", default=1)

    def need_groups(self, x: Shape) -> None:
        """Raises KindError where the channels cannot be divided."""
        for channels, which in ((x.channels, "input"), (self.out, "output")):
            if channels % self.groups != 0:
                raise KindError(f"{channels} {which} channels cannot be divided into {self.groups} groups", "groups",
                                f"`groups` must divide the {which} channels")  # fmt: skip

    def variety(self, x: Shape) -> str:
        return written(self.kernel, len(x.spatial), self.groups)


@kind("conv")
class Conv(Grouped):
    """Convolution in `groups` groups: each output channel sees `in.channels / groups` input channels.

    Maps M channels to N at D_F x D_F output positions with D_K * D_K * (M / groups) * N weights and
    D_K * D_K * (M / groups) * N * D_F * D_F multiply-adds. Source: Howard et al. 2017 (arXiv:1704.04861), section 3.1,
    equation 2 (groups = 1, stride 1); groups as in Krizhevsky et al. 2012.
    """

    def shape(self, x: Shape) -> Shape:
        y = super().shape(x)
        self.need_groups(x)
        return y

    def census(self, x: Shape, y: Shape) -> Census:
        seen = exact_div(x.channels, self.groups)  # input channels of each output
        weights = self.taps(x) * seen * y.channels
        return self.biased(weights, weights * y.positions, self.valid(x, y) * seen * y.channels, y)

    def banks(self, inputs: Sequence[Shape], output: Shape) -> Sequence[Bank]:
        x = inputs[0]
        seen = exact_div(x.channels, self.groups)
        return (Bank(output.channels, seen, self.taps(x), self.groups, output.positions, x.positions),)

    @property
    def pointwise(self) -> bool:
        """Whether each output sees one position, its own: a 1x1 convolution that neither strides nor pads."""
        return all(_only(value, 1) for value in (self.kernel, self.stride)) and (
            self.padding in ("same", "valid") or _only(self.padding, 0)
        )

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        return None if self.groups == 1 else super().standard(inputs)

    def standard_pair(self, inputs: Sequence[Shape], after: Kind) -> Kind | None:
        depthwise = self.groups == inputs[0].channels and self.groups != 1
        return paired(self, after) if depthwise else None


@kind("depthwise")
class Depthwise(Windowed):
    """Depthwise convolution: `multiplier` filters for each input channel, each seeing that channel alone.

    Maps M channels to M * multiplier with D_K * D_K * M * multiplier weights and as many multiply-adds at each output
    position. Source: Howard et al. 2017 (arXiv:1704.04861), section 3.1, equation 4.
    """

    multiplier = count("filters for each input channel", default=1)

    def shape(self, x: Shape) -> Shape:
        return Shape(x.channels * self.multiplier, self.positions(x))

    def census(self, x: Shape, y: Shape) -> Census:
        return self.biased(self.taps(x) * y.channels, self.taps(x) * y.size, self.valid(x, y) * y.channels, y)

    def banks(self, inputs: Sequence[Shape], output: Shape) -> Sequence[Bank]:
        x = inputs[0]
        return (Bank(output.channels, 1, self.taps(x), x.channels, output.positions, x.positions),)

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        return self.dense(inputs[0].channels * self.multiplier, self.bias)

    def standard_pair(self, inputs: Sequence[Shape], after: Kind) -> Kind | None:
        return paired(self, after)


@kind("separable")
class Separable(Convolution):
    """Depthwise-separable convolution: a depthwise one, then a 1x1 one to `out` channels, with nothing between them.

    D_K * D_K * M * m + M * m * N weights and as many multiply-adds at each output position; the ratio to the standard
    convolution is 1/N + 1/D_K^2 for m = 1. Source: Howard et al. 2017 (arXiv:1704.04861), section 3.1, equation 5;
    one layer as in Chollet 2017 (arXiv:1610.02357). For the form with a norm and an activation between the two, as in
    MobileNet, write `depthwise` and `conv`. The stride belongs to the depthwise one, the bias to the 1x1 one.
    """

    multiplier = count("depthwise filters for each input channel", default=1)

    def census(self, x: Shape, y: Shape) -> Census:
        middle = x.channels * self.multiplier
        weights = self.taps(x) * middle + middle * y.channels
        pointwise = middle * y.channels * y.positions
        return self.biased(weights, weights * y.positions, self.valid(x, y) * middle + pointwise, y)

    def banks(self, inputs: Sequence[Shape], output: Shape) -> Sequence[Bank]:
        x = inputs[0]
        middle = x.channels * self.multiplier
        return (
            Bank(middle, 1, self.taps(x), x.channels, output.positions, x.positions),
            Bank(output.channels, middle, 1, 1, output.positions, output.positions),
        )

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        return inputs[0].channels * self.multiplier * output.positions


def paired(depthwise: Windowed, after: Kind) -> Kind | None:
    """The standard convolution that a depthwise one and the 1x1 one after it replace: the window of the first."""
    return depthwise.dense(after.out, after.bias) if isinstance(after, Conv) and after.pointwise else None


def _only(value: Any, number: int) -> bool:
    """Whether an attribute is this number along every axis."""
    return all(axis == number for axis in (value if isinstance(value, tuple) else (value,)))
