"""Layers whose weights are a decomposition of low rank, of a matrix (SVD) or of a convolution (Tucker, CP)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from costcalc.census import Census
from costcalc.kinds.attributes import count
from costcalc.kinds.base import Kind, kind
from costcalc.kinds.convolution import Convolution
from costcalc.kinds.factorised import Axiswise, neighbours
from costcalc.kinds.linear import Linear
from costcalc.number import total
from costcalc.shape import Shape


@kind("low_rank_linear")
class LowRankLinear(Linear):
    """Fully connected layer of rank r: M features to `rank`, and those to N; on a vector, or on every token.

    r * (M + N) weights, and as many multiply-adds for each token: r/N + r/M of the full layer, so it saves where
    r < M * N / (M + N). Biases are added at the end alone.
    Source: Girshick 2015 (arXiv:1504.08083), section 3.1, truncated SVD.
    """

    rank = count("features between the two matrices", letter="r")
    banks = Kind.banks  # its weights are two matrices, and not as those of a full layer

    def census(self, x: Shape, y: Shape) -> Census:
        weights = x.channels * self.rank + self.rank * y.channels
        macs = weights * y.positions
        return super().census(x, y)._replace(macs=macs, valid_macs=macs, weights=weights)

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        return self.rank * output.positions

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        return Linear({"out": self.out, "bias": self.bias})


@kind("tucker_conv")
class TuckerConv(Convolution):
    """Convolution in Tucker-2 form: 1x1 from M channels to `rank_in`, D_K x D_K to `rank_out`, 1x1 from those to N.

    M * R_1 + D_K * D_K * R_1 * R_2 + R_2 * N weights. The first 1x1 runs at every position of the input, the two others
    at those of the output; where these are as many, the ratio to the standard convolution is that of the weights:
    (M * R_1 + D_K * D_K * R_1 * R_2 + R_2 * N) / (D_K * D_K * M * N). Stride, padding and dilation are those of the
    second, biases those of the last. Source: Kim et al. 2016 (arXiv:1511.06530), section 3.
    """

    lacks: ClassVar[Mapping[str, str]] = {"rank": "it has two: `rank_in` and `rank_out`"}

    rank_in = count("channels that the window sees, the rank of the input side", letter="R_1")
    rank_out = count("channels that the window makes, the rank of the output side", letter="R_2")

    def census(self, x: Shape, y: Shape) -> Census:
        first, last = x.channels * self.rank_in, self.rank_out * y.channels
        core = self.rank_in * self.rank_out
        around = first * x.positions + last * y.positions  # what the two 1x1 do
        window = self.taps(x) * core
        valid = self.valid(x, y) * core + around
        return self.biased(first + window + last, around + window * y.positions, valid, y)

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        return self.rank_in * inputs[0].positions + self.rank_out * output.positions


@kind("cp_conv")
class CpConv(Axiswise):
    """Convolution in canonical polyadic (CP) form of rank R: 1x1, D_K x 1 and 1 x D_K depthwise, 1x1.

    R * (M + 2 * D_K + N) weights: M channels to `rank`, each of these along the height and then along the width by
    itself, and all to N. Where input and output have as many positions, there are as many multiply-adds at each, which
    is R * (M + 2 * D_K + N) / (D_K * D_K * M * N) of the standard convolution; with stride the first runs at every
    position of the input, the second at the rows of the output. Biases are those of the last.
    Source: Lebedev et al. 2015 (arXiv:1412.6553), section 3.
    """

    rank = count("terms of the decomposition, and channels of all maps between", letter="R")

    def census(self, x: Shape, y: Shape) -> Census:
        passes = self.passes(x, y)
        outside = x.channels * x.positions + y.channels * y.positions
        return self.biased(
            self.rank * (x.channels + total(p.taps for p in passes) + y.channels),
            self.rank * (outside + total(p.taps * p.positions for p in passes)),
            self.rank * (outside + total(p.valid for p in passes)),
            y,
        )

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        return self.rank * neighbours([inputs[0].positions, *(p.positions for p in self.passes(inputs[0], output))])
