"""Kinds that work on each element alone: batch norm at inference, and the activations.

An activation is a census for one element. The same element is read and written, so the output may take the place of
the input (`storage = "in_place"`).
"""

from __future__ import annotations

from typing import ClassVar

from costcalc.census import Census
from costcalc.kinds.attributes import choice, flag
from costcalc.kinds.base import Layer, kind
from costcalc.shape import Shape


@kind("batch_norm")
class BatchNorm(Layer):
    """Batch normalisation at inference: y = a*x + b, with a and b folded from the statistics once, not at each input.

    One multiplication and one addition for each element; a learnable scale and shift, a running mean and variance for
    each channel (the last two are buffers, not parameters). Source: Ioffe and Szegedy 2015 (arXiv:1502.03167),
    algorithm 2.
    """

    role = "norm"
    storage = "in_place"
    scale = flag("a learnable scale (gamma)", default=True)
    shift = flag("a learnable shift (beta)", default=True)

    def census(self, x: Shape, y: Shape) -> Census:
        channels = y.channels
        return Census(multiplications=y.size, additions=y.size, norm_scales=channels if self.scale else 0,
                      norm_shifts=channels if self.shift else 0, buffers=2 * channels)  # fmt: skip


class Activation(Layer):
    """What activations share: the operations on one element."""

    role = "act"
    storage = "in_place"
    element: ClassVar[Census]

    def census(self, x: Shape, y: Shape) -> Census:
        return self.element.for_batch(y.size)


@kind("relu")
class Relu(Activation):
    """max(x, 0): one comparison for each element."""

    element = Census(comparisons=1)


@kind("relu6")
class Relu6(Activation):
    """min(max(x, 0), 6): two comparisons. Source: Krizhevsky 2010; the activation of MobileNet V1 and V2 in code."""

    element = Census(comparisons=2)


@kind("sigmoid")
class Sigmoid(Activation):
    """1 / (1 + exp(-x)): an exponential, an addition, a division."""

    element = Census(exponentials=1, additions=1, divisions=1)


@kind("hard_sigmoid")
class HardSigmoid(Activation):
    """relu6(x + 3) / 6, the sixth as a factor: an addition, two comparisons, a multiplication.

    Source: Howard et al. 2019 (arXiv:1905.02244), section 5.2.
    """

    element = Census(additions=1, comparisons=2, multiplications=1)


@kind("hard_swish")
class HardSwish(Activation):
    """x * relu6(x + 3) / 6: an addition, two comparisons, two multiplications.

    Source: Howard et al. 2019 (arXiv:1905.02244), section 5.2.
    """

    element = Census(additions=1, comparisons=2, multiplications=2)


@kind("swish")
class Swish(Activation):
    """x * sigmoid(x): a sigmoid and a multiplication. Source: Ramachandran et al. 2017 (arXiv:1710.05941)."""

    element = Census(exponentials=1, additions=1, divisions=1, multiplications=1)


@kind("silu")
class Silu(Swish):
    """The same function as `swish`, under PyTorch's name. Source: Elfwing et al. 2017 (arXiv:1702.03118)."""


@kind("tanh")
class Tanh(Activation):
    """(e - 1) / (e + 1) with e = exp(2x): a multiplication, an exponential, two additions, a division."""

    element = Census(multiplications=1, exponentials=1, additions=2, divisions=1)


@kind("gelu")
class Gelu(Activation):
    """x/2 * (1 + erf(x / sqrt 2)), constants folded: three multiplications, an erf (an exponential), an addition.

    With `approximate: tanh`, x/2 * (1 + tanh(c * (x + 0.044715 * x^3))): six multiplications and two additions around
    a tanh. Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2.
    """

    element = Census(multiplications=3, exponentials=1, additions=1)
    approximate = choice("`none` for erf, `tanh` for the approximation", ("none", "tanh"), default="none")

    def census(self, x: Shape, y: Shape) -> Census:
        if self.approximate == "tanh":
            return (Census(multiplications=6, additions=2) + Tanh.element).for_batch(y.size)
        return super().census(x, y)


@kind("softmax")
class Softmax(Activation):
    """exp(x - max) / sum over the channels (features), at each position.

    For n channels: n - 1 comparisons for the maximum, n subtractions, n exponentials, n - 1 additions, n divisions.
    """

    def census(self, x: Shape, y: Shape) -> Census:
        rest = y.size - y.positions
        return Census(comparisons=rest, additions=y.size + rest, exponentials=y.size, divisions=y.size)
