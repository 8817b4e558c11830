"""Layers that scale the channels of their input by factors computed from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, choice, count, flag
from costcalc.kinds.base import Layer, kind
from costcalc.kinds.linear import Linear
from costcalc.kinds.pointwise import (
    Activation,
    Gelu,
    HardSigmoid,
    HardSwish,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Swish,
    Tanh,
)
from costcalc.kinds.pooling import reduced
from costcalc.shape import Shape

FUNCTIONS: dict[str, type[Activation]] = {
    cls.name: cls for cls in (Relu, Relu6, Sigmoid, HardSigmoid, HardSwish, Swish, Silu, Tanh, Gelu)
}


@kind("squeeze_excite")
class SqueezeExcite(Layer):
    """Squeeze-and-excitation: a factor for each channel, computed from the means of all channels, scales the map.

    The mean of each channel, a linear layer to `squeeze` features (S) with `act`, one back to the M channels with
    `gate`, and the product with the input. 2 * M * S weights and as many multiply-adds, once for the whole map; beside
    them M * D_F * D_F - M additions and M divisions for the means, and M * D_F * D_F multiplications to scale the map.
    It counts what these layers count one by one. `squeeze: in.channels/16` is that of the paper; MobileNet V3 has
    `squeeze: make_divisible(in.channels/4)` and `gate: hard_sigmoid`.
    Source: Hu et al. 2018 (arXiv:1709.01507), section 3, equations 2 to 4.
    """

    squeeze = count("features between the two linear layers, such as `in.channels/16`", letter="S")
    act = choice("the activation after the first linear layer", tuple(FUNCTIONS), default="relu")
    gate = choice("the one after the second, which makes the factors", tuple(FUNCTIONS), default="sigmoid")
    bias = flag("one learnable addend for each output of the two linear layers", default=True)

    def shape(self, x: Shape) -> Shape:
        if not x.spatial:
            raise KindError(f"`{self.name}` needs a feature map or tokens, and its input is a vector ({x})", None,
                            "it has no positions to take the mean of")  # fmt: skip
        return x

    def census(self, x: Shape, y: Shape) -> Census:
        vector, hidden = Shape(x.channels), Shape(self.squeeze)
        parts = [
            reduced(False, x.size, vector),
            self._linear(vector, hidden),
            FUNCTIONS[self.act]({}).census(hidden, hidden),
            self._linear(hidden, vector),
            FUNCTIONS[self.gate]({}).census(vector, vector),
        ]
        return sum(parts, Census(multiplications=y.size))

    def _linear(self, x: Shape, y: Shape) -> Census:
        return Linear({"out": y.channels, "bias": self.bias}).census(x, y)

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        return inputs[0].channels + self.squeeze
