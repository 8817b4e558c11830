"""Transposed convolutions: each input element is spread over a window of the output."""

from __future__ import annotations

from collections.abc import Sequence

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, padding_attribute, per_axis
from costcalc.kinds.base import Kind, kind
from costcalc.kinds.convolution import Grouped
from costcalc.kinds.window import MAX_TAPS, need_map, padding_of, spread
from costcalc.number import Number, exact_div, maximum, product, taps_inside
from costcalc.shape import AXES, Shape


@kind("conv_transpose")
class ConvTranspose(Grouped):
    """Transposed convolution: each input element times a window of weights is added into the output, `stride` apart.

    Maps M channels to N with D_K * D_K * (M / groups) * N weights and as many multiply-adds at each position of the
    input, D_in * D_in. The output is (D_in - 1) * stride + (D_K - 1) * dilation + 1 + output_padding along an axis,
    less the padding, which cuts off its ends; with `same` it is D_in * stride. Products that are cut off are counted,
    as a convolution counts its padding; valid are those that land in the output. Its standard form has no groups.

    Source: Dumoulin and Visin 2016 (arXiv:1603.07285), section 4; `same` as in tensorflow/core/kernels,
    conv_grad_shape_utils; `output_padding` as in PyTorch.
    """

    inside = "taps in the output, not cut off by the padding, of all windows along {}"
    padding = padding_attribute(
        same="output is the input times the stride; where an odd number is cut off, one more at the end"
    )
    output_padding = per_axis(
        "elements more at the end of the output, less than the stride or the dilation", default=0, least=0
    )

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        self.need_groups(x)
        return Shape(self.out, tuple(self._size(x, axis) for axis in range(len(x.spatial))))

    def _along(self, axis: int, rank: int) -> tuple[Number, Number, Number, Number]:
        """The taps of the window along an axis, its step, their distance, and what it covers."""
        taps, step, gap = (spread(getattr(self, n), rank, n)[axis] for n in ("kernel", "stride", "dilation"))
        return taps, step, gap, (taps - 1) * gap + 1

    def _cut(self, x: Shape, axis: int) -> tuple[Number, Number]:
        """How many outputs are cut off before and after, along an axis."""
        rank = len(x.spatial)
        _, step, _, window = self._along(axis, rank)
        if self.padding == "same":
            whole = maximum(window - step, 0)  # what windows at the multiples of the stride cover beyond size * stride
            return whole // 2, whole - whole // 2
        return padding_of(self.padding, x.spatial[axis], window, step, axis, rank)

    def _size(self, x: Shape, axis: int) -> Number:
        """The output size along an axis. Raises KindError."""
        rank = len(x.spatial)
        taps, step, gap, window = self._along(axis, rank)
        more = spread(self.output_padding, rank, "output_padding")[axis]
        if taps > MAX_TAPS:
            raise KindError(f"the kernel has {taps} taps along one axis", "kernel", f"at most {MAX_TAPS:,}")
        if self.padding == "same":
            if more != 0:
                raise KindError(f"`output_padding` is {more} beside `padding: same`", "output_padding",
                                "`same` makes the output the input times the stride: leave one out")  # fmt: skip
            return x.spatial[axis] * step
        if more >= maximum(step, gap):
            raise KindError(f"`output_padding` is {more}, with a stride of {step} and a dilation of {gap}",
                            "output_padding", "it must be less than the stride or the dilation")  # fmt: skip
        before, after = self._cut(x, axis)
        whole = (x.spatial[axis] - 1) * step + window + more
        if whole - before - after < 1:
            message = f"the padding cuts off {before + after} of {whole} outputs along the {AXES[rank][axis]}"
            raise KindError(message, "padding", "use less padding or a larger kernel")
        return whole - before - after

    def census(self, x: Shape, y: Shape) -> Census:
        seen = exact_div(x.channels, self.groups)  # input channels of each output
        weights = self.taps(x) * seen * y.channels
        inside = product(self._inside(x, y, axis) for axis in range(len(x.spatial)))
        return self.biased(weights, weights * x.positions, inside * seen * y.channels, y)

    def _inside(self, x: Shape, y: Shape, axis: int) -> Number:
        """How many taps of the windows of all inputs land in the output, along an axis."""
        taps, step, gap, _ = self._along(axis, len(x.spatial))
        before, after = self._cut(x, axis)
        if isinstance(before, int) and isinstance(after, int) and before == after == 0:
            return taps * x.spatial[axis]
        return taps_inside(y.spatial[axis], x.spatial[axis], taps, step, gap, before)

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        if self.groups == 1:
            return None
        names = ("out", "kernel", "stride", "padding", "dilation", "output_padding", "bias")
        return ConvTranspose({**{name: getattr(self, name) for name in names}, "groups": 1})
