"""The fully connected layer, on a vector or on every token of a sequence."""

from __future__ import annotations

from collections.abc import Sequence

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, count, flag
from costcalc.kinds.base import Bank, Layer, kind
from costcalc.shape import Shape


@kind("linear")
class Linear(Layer):
    """Fully connected layer: M features to N, at every token where the input is a sequence.

    M * N weights, and M * N multiply-adds for each token (1 for a vector).
    """

    followers = True
    out = count("output features (N)")
    bias = flag(
        "one learnable addend for each output feature; by default there is one unless a norm follows", default=True
    )

    def shape(self, x: Shape) -> Shape:
        if x.spatial and not x.sequence:
            raise KindError(f"`{self.name}` needs a vector or tokens, and its input is a feature map ({x})", None,
                            "put `flatten` or `global_avg_pool` before it, or use `conv: {kernel: 1}`")  # fmt: skip
        return x.at(self.out)

    def census(self, x: Shape, y: Shape) -> Census:
        weights = x.channels * y.channels
        macs = weights * y.positions
        if self.bias:
            return Census(macs=macs, valid_macs=macs, weights=weights, biases=y.channels, bias_adds=y.size)
        return Census(macs=macs, valid_macs=macs, weights=weights)

    def banks(self, inputs: Sequence[Shape], output: Shape) -> Sequence[Bank]:
        return (Bank(output.channels, inputs[0].channels, 1, 1, output.positions, inputs[0].positions),)
