"""Cheaper forms of convolutions: ghost modules, depthwise ones of several windows, shifts, octave convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, choice, count, flag, padding_attribute, per_axis, sizes
from costcalc.kinds.base import Kind, Layer, kind
from costcalc.kinds.convolution import Conv, Convolution, Depthwise, paired
from costcalc.kinds.window import need_map, spread, stepped, written
from costcalc.number import Number, ceil_div, exact_div, maximum, product
from costcalc.shape import Shape

BIAS = "one learnable addend for each output channel; by default there is one unless a norm follows"


@kind("ghost")
class Ghost(Convolution):
    """Ghost module: a convolution to 1/q of the channels, a cheap depthwise one that makes the others of them.

    The first makes N/q channels (rounded up), the cheap one q - 1 more of each with a window of d x d; both follow each
    other in the output, and what is beyond N is cut off, but counted: it is computed. D_K * D_K * M * N/q +
    d * d * (q - 1) * N/q weights and as many multiply-adds at each output position; the ratio to the standard
    convolution is 1/q + d^2 * (q - 1) / (q * D_K^2 * M). The stride belongs to the first; biases are those of both.

    In GhostNet a norm and an activation follow each of the two. Where q divides N, `norm` and `act` here count exactly
    what those do; for the very network, write `conv`, `depthwise` and `concat`. Source: Han et al. 2020
    (arXiv:1911.11907), section 3.1, equations 3 to 5; what is cut off as in the authors' code.
    """

    kernel = per_axis("size of the window of the first convolution", default=1)
    ratio = count("output channels for each of the first convolution (q)", default=2, letter="q")
    dw_kernel = per_axis("size of the window of the cheap convolution", default=3, letter="d")

    def shape(self, x: Shape) -> Shape:
        y = super().shape(x)
        self._cheap.positions(y)
        return y

    @property
    def _primary(self) -> Any:
        """Channels of the first convolution."""
        return exact_div(self.out, self.ratio) if self.out % self.ratio == 0 else ceil_div(self.out, self.ratio)

    @property
    def _cheap(self) -> Depthwise:
        return Depthwise({"kernel": self.dw_kernel, "stride": 1, "padding": "same", "dilation": 1,
                          "multiplier": self.ratio - 1, "bias": self.bias})  # fmt: skip

    def census(self, x: Shape, y: Shape) -> Census:
        middle = y.at(self._primary)
        cheap = self._cheap.census(middle, y.at(self._primary * (self.ratio - 1)))
        return self.dense(self._primary, self.bias).census(x, middle) + cheap

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        """Both maps, which the output is joined of."""
        return 0 if self.ratio == 1 else self._primary * self.ratio * output.positions

    def named(self, inputs: Sequence[Shape]) -> Sequence[tuple[str, Any, str]]:
        if self.out % self.ratio == 0:
            return ()
        return (("N_0", self._primary, "channels of the first convolution"),)


@kind("mixed_depthwise")
class MixedDepthwise(Layer):
    """Depthwise convolution with windows of several sizes, each for its share of the channels (MixConv).

    The M channels are divided among the G windows, floor(M/G) to each, the rest to the first. A window of D_K x D_K has
    D_K * D_K weights for each of its channels, and as many multiply-adds at each output position. The standard layer
    in its place has the largest window, of which the others are parts.

    Source: Tan and Le 2019 (arXiv:1907.09595), section 3.1, equation 2; the division as in the authors' code.
    """

    followers = True
    kernels = sizes("size of the window of each group of channels, as in [3, 5, 7]", most=64)
    stride = per_axis("step of the windows", default=1)
    padding = padding_attribute()
    dilation = per_axis("distance between the taps of a window; the zeros between are not multiplied", default=1)
    bias = flag(BIAS, default=True)

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        if x.channels < len(self.kernels):
            raise KindError(f"{x.channels} channels cannot be divided among {len(self.kernels)} windows", "kernels",
                            "give it fewer windows, or more channels")  # fmt: skip
        found = [self._of(kernel).shape(x) for kernel in self.kernels]
        for y, kernel in zip(found, self.kernels, strict=True):
            if y != found[0]:
                first = f"{found[0]} with a window of {self.kernels[0]}"
                raise KindError(f"the output would be {first}, and {y} with one of {kernel}", "padding",
                                "use `padding: same`")  # fmt: skip
        return found[0]

    def _of(self, kernel: Any) -> Depthwise:
        """A depthwise convolution with one of the windows."""
        window = {name: getattr(self, name) for name in ("stride", "padding", "dilation", "bias")}
        return Depthwise({"kernel": kernel, "multiplier": 1, **window})

    def _each(self, x: Shape) -> Number:
        """Channels of every window but the first."""
        share = len(self.kernels)
        return exact_div(x.channels, share) if x.channels % share == 0 else x.channels // share

    def census(self, x: Shape, y: Shape) -> Census:
        each = self._each(x)
        found = Census()
        for i, kernel in enumerate(self.kernels):
            channels = each if i else x.channels - each * (len(self.kernels) - 1)
            found = found + self._of(kernel).census(x.at(channels), y.at(channels))
        return found._replace(bias_adds=y.size, biases=y.channels) if self.bias else found

    def named(self, inputs: Sequence[Shape]) -> Sequence[tuple[str, Any, str]]:
        if inputs[0].channels % len(self.kernels) == 0:
            return ()
        return (("C", self._each(inputs[0]), "channels of every window but the first"),)

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        return self._of(maximum(*self.kernels)).standard(inputs)

    def standard_pair(self, inputs: Sequence[Shape], after: Kind) -> Kind | None:
        return paired(self._of(maximum(*self.kernels)), after)

    def variety(self, x: Shape) -> str:
        return "+".join(written(kernel, len(x.spatial)) for kernel in self.kernels)

    def step(self) -> str:
        return stepped(self.stride)


@kind("shift")
class Shift(Layer):
    """Moves each channel by one of D_K * D_K displacements: no weight, no multiply-add, a copy.

    The channels are divided among the displacements, floor(M / D_K^2) to each; the others stay where they are. What
    moves in from outside is 0. With the 1x1 convolution after it, it stands for a convolution with a window of
    D_K x D_K. Source: Wu et al. 2018 (arXiv:1711.08141), section 3.
    """

    kernel = per_axis("size of the window that the displacements are in; odd", default=3)
    dilation = per_axis("distance between neighbouring displacements", default=1)

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        for taps in spread(self.kernel, len(x.spatial), "kernel"):
            if taps % 2 == 0:
                raise KindError(f"a window of {taps} has no centre", "kernel", "`kernel` must be odd, as in 3 or 5")
        spread(self.dilation, len(x.spatial), "dilation")
        return x

    def census(self, x: Shape, y: Shape) -> Census:
        return Census()

    def standard_pair(self, inputs: Sequence[Shape], after: Kind) -> Kind | None:
        window = {"kernel": self.kernel, "stride": 1, "padding": "same", "dilation": self.dilation}
        return paired(Depthwise({**window, "multiplier": 1, "bias": False}), after)

    def variety(self, x: Shape) -> str:
        return written(self.kernel, len(x.spatial))


@kind("octave_conv")
class OctaveConv(Kind):
    """Octave convolution to one frequency: `from: [high, low]`, the second half as large; two of these make a layer.

    High: a convolution of high, and one of low enlarged by copies, added. Low: a convolution of the 2x2 means of high,
    and one of low, added. From `high` alone it is the first layer of an octave network. For M_H high and M_L low
    channels, D_K * D_K * (M_H + M_L) * N weights; D_K * D_K * (M_H + M_L/4) * N * D_F * D_F multiply-adds to the high
    frequency, a quarter of D_K * D_K * (M_H + M_L) * N * D_F * D_F to the low one, D_F being the high map's.

    The standard layer in its place is `vanilla`: low is enlarged, joined with high, convolved at the full resolution,
    and the 2x2 means are taken for the low output. Its ratios are 1 - 3a/4 and 1/4 for a low share a of the input;
    together 1 - 3/4 * a * (2 - a) where the output has that share too. Padding is `same`, the stride 1: a strided
    octave layer takes means first. Source: Chen et al. 2019 (arXiv:1904.05049), sections 3.2 and 3.3.
    """

    lacks: ClassVar[Mapping[str, str]] = {"stride": "its stride is 1; put an `avg_pool` before each of its two maps"}

    followers = True
    out = count("output channels of this frequency (N)")
    to = choice("the frequency of the output", ("high", "low"))
    kernel = per_axis("size of the window", default=3)
    bias = flag(BIAS, default=True)
    vanilla = flag("do the same at the full resolution, as the convolution that this one replaces", default=False)

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs) not in (1, 2):
            raise KindError(f"`octave_conv` takes one or two inputs, not {len(inputs)}", "from",
                            "as in `from: [high, low]`, or `high` alone")  # fmt: skip
        high = inputs[0]
        need_map(high, self.name)
        for size in high.spatial:
            if size % 2 != 0:
                raise KindError(f"{high} has no half: {size} is odd", None, "the high frequency needs even sizes")
        halves = tuple(exact_div(size, 2) for size in high.spatial)
        if len(inputs) == 2 and (inputs[1].sequence or inputs[1].spatial != halves):
            raise KindError(f"the low frequency is {inputs[1]}, and the high one {high}", None,
                            f"the second input must be half as large as the first: {Shape(1, halves)}")  # fmt: skip
        return Shape(self.out, self._conv(self.out).positions(high) if self.to == "high" else halves)

    def _conv(self, out: Number) -> Conv:
        window = {"kernel": self.kernel, "stride": 1, "padding": "same", "dilation": 1}
        return Conv({"out": out, **window, "groups": 1, "bias": False})

    def count(self, inputs: Sequence[Shape], output: Shape) -> Census:
        high = inputs[0]
        low = Shape(inputs[1].channels if len(inputs) == 2 else 0, tuple(exact_div(n, 2) for n in high.spatial))
        bias = Census(bias_adds=output.size, biases=output.channels) if self.bias else Census()
        return (self._vanilla(high, low) if self.vanilla else self._octave(high, low)) + bias

    def _octave(self, high: Shape, low: Shape) -> Census:
        conv, made = self._conv(self.out), (high if self.to == "high" else low).at(self.out)
        own = Census()
        if self.to == "low":
            own, high = _means(high, low), low.at(high.channels)
        found = own + conv.census(high, made)
        if low.channels == 0:
            return found
        return found + conv.census(low, low.at(self.out)) + Census(additions=made.size)

    def _vanilla(self, high: Shape, low: Shape) -> Census:
        full = high.at(self.out)
        found = self._conv(self.out).census(high.at(high.channels + low.channels), full)
        return found if self.to == "high" else found + _means(full, low)

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        """Beside the output: what is joined or made before means are taken; else the means, or the other sum."""
        high, channels = inputs[0], sum((x.channels for x in inputs[1:]), 0)
        quarter = product(exact_div(n, 2) for n in high.spatial)
        if self.vanilla:
            joined = (high.channels + channels) * high.positions if channels else 0
            return joined if self.to == "high" else joined + self.out * high.positions
        other = self.out * quarter if channels else 0
        return other if self.to == "high" else maximum(high.channels * quarter, other)

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        if self.vanilla:
            return None
        return OctaveConv({"out": self.out, "to": self.to, "kernel": self.kernel, "bias": self.bias, "vanilla": True})

    def variety(self, x: Shape) -> str:
        return f"{written(self.kernel, len(x.spatial))} {self.to}" + (" vanilla" if self.vanilla else "")


def _means(x: Shape, half: Shape) -> Census:
    """The means of blocks of two elements along each axis."""
    size = x.channels * half.positions
    return Census(additions=x.size - size, divisions=size)
