"""Pools: over a sliding window, over bins of a given number (adaptive), over the whole map (global).

A maximum of n values takes n - 1 comparisons; a mean takes n - 1 additions and one division. Positions in padding
are counted like others, so `count_include_pad` changes the values, and the divisor, but no count.
"""

from __future__ import annotations

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, flag, optional, padding_attribute, per_axis
from costcalc.kinds.base import Layer, kind
from costcalc.kinds.window import need_map, output_sizes, padding_of, spread, stepped, written
from costcalc.number import Number, gcd, product
from costcalc.shape import Shape


def reduced(maximum: bool, values: Number, y: Shape) -> Census:
    """The census of reducing `values` numbers to the elements of y."""
    if maximum:
        return Census(comparisons=values - y.size)
    return Census(additions=values - y.size, divisions=y.size)


class WindowPool(Layer):
    """What sliding pools share."""

    takes_maximum = False
    kernel = per_axis("size of the window")
    stride = optional(per_axis("step of the window; by default the kernel, so that windows do not overlap"))
    padding = padding_attribute()
    ceil_mode = flag("round the output size up; no window starts in the padding after the input", default=False)

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        stride, rank = self.stride or self.kernel, len(x.spatial)
        kernels, strides = spread(self.kernel, rank, "kernel"), spread(stride, rank, "stride")
        for axis, (taps, step) in enumerate(zip(kernels, strides, strict=True)):
            before, after = padding_of(self.padding, x.spatial[axis], taps, step, axis, rank)
            if before >= taps or after >= taps:
                message = f"a window of {taps} would lie in the padding ({before} before, {after} after) alone"
                raise KindError(message, "padding", "`padding` must be smaller than the kernel")
        return Shape(x.channels, output_sizes(x, self.kernel, stride, self.padding, 1, self.ceil_mode))

    def census(self, x: Shape, y: Shape) -> Census:
        taps = product(spread(self.kernel, len(x.spatial), "kernel"))
        return reduced(self.takes_maximum, taps * y.size, y)

    def variety(self, x: Shape) -> str:
        return written(self.kernel, len(x.spatial))

    def step(self) -> str:
        return stepped(self.stride or self.kernel)


@kind("max_pool")
class MaxPool(WindowPool):
    """The maximum of each window: D_K * D_K - 1 comparisons for each output element."""

    takes_maximum = True


@kind("avg_pool")
class AvgPool(WindowPool):
    """The mean of each window: D_K * D_K - 1 additions and one division for each output element."""

    count_include_pad = flag("divide by the whole window, padding included; changes values, no count", default=False)


class AdaptivePool(Layer):
    """What adaptive pools share: bin i of O along an axis of L covers floor(i*L/O) to ceil((i+1)*L/O).

    The bins of one axis hold L + O - gcd(L, O) values together: neighbours share one wherever L/O is not whole there.
    """

    takes_maximum = False
    out = per_axis("number of bins along each axis, the output size")

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        return Shape(x.channels, spread(self.out, len(x.spatial), "out"))

    def census(self, x: Shape, y: Shape) -> Census:
        along = [size + bins - gcd(size, bins) for size, bins in zip(x.spatial, y.spatial, strict=True)]
        return reduced(self.takes_maximum, x.channels * product(along), y)

    def variety(self, x: Shape) -> str:
        return f"to {written(self.out, len(x.spatial))}"


@kind("adaptive_avg_pool")
class AdaptiveAvgPool(AdaptivePool):
    """The mean of each of `out` bins, whatever the input size."""


@kind("adaptive_max_pool")
class AdaptiveMaxPool(AdaptivePool):
    """The maximum of each of `out` bins, whatever the input size."""

    takes_maximum = True


class GlobalPool(Layer):
    """What global pools share: one value for each channel, over all positions (or tokens)."""

    takes_maximum = False
    keep_axes = flag(
        "keep the axes, each with size 1, so that a convolution may follow; else the output is a vector", default=False
    )

    def shape(self, x: Shape) -> Shape:
        if not x.spatial:
            raise KindError(f"`{self.name}` needs a feature map or tokens, and its input is a vector ({x})")
        return Shape(x.channels, (1,) * len(x.spatial) if self.keep_axes else (), x.sequence and self.keep_axes)

    def census(self, x: Shape, y: Shape) -> Census:
        return reduced(self.takes_maximum, x.size, y)


@kind("global_avg_pool")
class GlobalAvgPool(GlobalPool):
    """The mean of each channel over all positions: D_F * D_F - 1 additions and one division for each channel."""


@kind("global_max_pool")
class GlobalMaxPool(GlobalPool):
    """The maximum of each channel over all positions: D_F * D_F - 1 comparisons for each channel."""

    takes_maximum = True
