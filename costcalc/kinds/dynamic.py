"""Convolutions that compute from their input where they look (deformable), or what they weigh it with (involution)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, count, flag, per_axis
from costcalc.kinds.base import Kind, Layer, kind
from costcalc.kinds.convolution import Conv, Grouped
from costcalc.kinds.window import need_map, output_sizes, spread, stepped, valid_taps, written
from costcalc.number import Number, exact_div, maximum, product
from costcalc.shape import Shape


@kind("deformable_conv")
class DeformableConv(Grouped):
    """Deformable convolution: each tap looks where an offset, itself convolved from the input, tells it to.

    A convolution of the same window, with biases, makes an offset of two numbers for each tap and each of
    `offset_groups` groups of channels; with `modulated` (the second version) a third, whose sigmoid is a factor.
    D_K^2 * (M / groups) * N weights and D_K^2 * M * 2 * D_K^2 * G (3 for 2 with `modulated`) of the offsets; as many
    multiply-adds at each output position, all of those on samples being valid.

    For each offset group, tap and position, two additions move the tap, two take off the whole part, two make the
    shares of the other side (1 - share), four multiplications the weights of the four elements around. For each channel
    these four are multiplied and added up: four multiplications and three additions, elements outside counted as 0.
    `modulated` adds a sigmoid (an exponential, an addition, a division) to each of the first, a multiplication to each
    of the second. Rounding down and the choice of elements is indexing, and free.

    Source: Dai et al. 2017 (arXiv:1703.06211), section 2.1, equations 2 to 4; Zhu et al. 2019 (arXiv:1811.11168),
    section 3.2; the offsets' window and biases as in the authors' code.
    """

    offset_groups = count("number of groups of input channels that have offsets of their own", default=1, letter="G")
    modulated = flag("a factor for each tap, beside its offset: the second version", default=False)

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        if len(x.spatial) != 2:
            raise KindError(f"`deformable_conv` needs height and width, and its input is {x}")
        if x.channels % self.offset_groups != 0:
            raise KindError(f"{x.channels} input channels cannot be divided into {self.offset_groups} groups",
                            "offset_groups", "`offset_groups` must divide the input channels")  # fmt: skip
        return self._conv.shape(x)

    @property
    def _conv(self) -> Conv:
        """The convolution of what was sampled."""
        return Conv({**vars(self.dense(self.out, self.bias)), "groups": self.groups})

    def _offsets(self, x: Shape) -> Number:
        """The numbers that are made for each position."""
        return (3 if self.modulated else 2) * self.taps(x) * self.offset_groups

    def census(self, x: Shape, y: Shape) -> Census:
        places = self.taps(x) * self.offset_groups * y.positions
        samples = self.taps(x) * x.channels * y.positions
        sampling = Census(multiplications=4 * places + 4 * samples, additions=6 * places + 3 * samples)
        if self.modulated:
            sampling += Census(exponentials=places, additions=places, divisions=places, multiplications=samples)
        made = self.dense(self._offsets(x), True).census(x, y.at(self._offsets(x)))
        convolved = self._conv.census(x, y)
        return made + sampling + convolved._replace(valid_macs=convolved.macs)

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        return self._offsets(inputs[0]) * output.positions


@kind("involution")
class Involution(Layer):
    """Involution: at each position a window of its own, made of the input there, the same for all channels of a group.

    A 1x1 convolution to M/r channels, a batch norm and a ReLU, and one with biases to D_K * D_K factors for each of g
    groups: M * M/r + M/r * D_K^2 * g weights, and as many multiply-adds at each output position; then D_K * D_K * M to
    apply the factors, which `paper` counts like those of a convolution. With a stride, the factors are made of the
    means of the blocks that it divides the map into. The window is centred, padding is (D_K - 1) / 2. The
    factors take memory meanwhile, D_K^2 * g for each position.

    The ratio to the standard convolution is 1/(r * D_K^2) + g/(r * M) + 1/M. Source: Li et al. 2021 (arXiv:2103.06255),
    section 3, equations 4 to 6; batch norm, biases and means as in the authors' code.
    """

    followers = True
    kernel = per_axis("size of the window; odd", default=7)
    stride = per_axis("step of the window", default=1)
    groups = count("number of groups of channels that share a window (g)", default=1)
    reduction = count("input channels for each of the first 1x1 convolution (r)", default=4, letter="r")

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        for name in ("groups", "reduction"):
            if x.channels % getattr(self, name) != 0:
                message = f"{x.channels} channels cannot be divided by `{name}`, {getattr(self, name)}"
                raise KindError(message, name, f"`{name}` must divide the channels")
        for taps in spread(self.kernel, len(x.spatial), "kernel"):
            if taps % 2 == 0:
                raise KindError(f"a window of {taps} has no centre", "kernel", "`kernel` must be odd, as in 3 or 7")
        for size, step in zip(x.spatial, spread(self.stride, len(x.spatial), "stride"), strict=True):
            if size % step != 0:
                raise KindError(f"a stride of {step} does not divide {x}", "stride", "it must divide every size")
        output_sizes(x, self.kernel, self.stride, self._padding(x))
        return Shape(x.channels, tuple(exact_div(n, s) for n, s in zip(x.spatial, self._steps(x), strict=True)))

    def _steps(self, x: Shape) -> tuple[Number, ...]:
        return spread(self.stride, len(x.spatial), "stride")

    def _padding(self, x: Shape) -> tuple[Number, ...]:
        return tuple(exact_div(taps - 1, 2) for taps in spread(self.kernel, len(x.spatial), "kernel"))

    def census(self, x: Shape, y: Shape) -> Census:
        taps = product(spread(self.kernel, len(x.spatial), "kernel"))
        reduced, factors = y.at(exact_div(x.channels, self.reduction)), taps * self.groups
        weights = (x.channels + factors) * reduced.channels
        made = weights * y.positions
        found = Census(macs=made + taps * y.size, valid_macs=made + self._valid(x, y) * x.channels, weights=weights,
                       biases=factors, bias_adds=factors * y.positions, multiplications=reduced.size,
                       additions=reduced.size, comparisons=reduced.size, norm_scales=reduced.channels,
                       norm_shifts=reduced.channels, buffers=2 * reduced.channels)  # fmt: skip
        if self._pools(x):
            found += Census(additions=x.size - y.size, divisions=y.size)
        return found

    def _valid(self, x: Shape, y: Shape) -> Number:
        return valid_taps(x, y, self.kernel, self.stride, self._padding(x), 1)

    def _pools(self, x: Shape) -> bool:
        return any(step != 1 for step in self._steps(x))

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        """The means and what the first convolution makes of them, or the latter and the factors."""
        x = inputs[0]
        factors = product(spread(self.kernel, len(x.spatial), "kernel")) * self.groups
        means = x.channels if self._pools(x) else 0
        return (exact_div(x.channels, self.reduction) + maximum(means, factors)) * output.positions

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        window = {"kernel": self.kernel, "stride": self.stride, "padding": self._padding(inputs[0]), "dilation": 1}
        return Conv({"out": inputs[0].channels, **window, "groups": 1, "bias": False})

    def variety(self, x: Shape) -> str:
        return written(self.kernel, len(x.spatial), self.groups)

    def step(self) -> str:
        return stepped(self.stride)
