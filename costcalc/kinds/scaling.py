"""Kinds that multiply each element by a factor that is given or learned: below zero alone, or everywhere.

The same element is read and written, so the output may take the place of the input.
"""

from __future__ import annotations

from fractions import Fraction

from costcalc.census import Census
from costcalc.kinds.attributes import flag, probability
from costcalc.kinds.base import Layer, kind
from costcalc.shape import Shape


@kind("leaky_relu")
class LeakyRelu(Layer):
    """x, and below zero `slope` * x: a comparison and a multiplication for each element.

    Source: Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models, ICML workshop, section 2.
    """

    role = "act"
    storage = "in_place"
    slope = probability("factor below zero", default=Fraction(1, 100))

    def census(self, x: Shape, y: Shape) -> Census:
        return Census(comparisons=y.size, multiplications=y.size)


@kind("prelu")
class PRelu(Layer):
    """x, and below zero a factor times x that is learned for each channel: a comparison and a multiplication each.

    With `shared` one factor is learned for all channels. Source: He et al. 2015 (arXiv:1502.01852), equation 1.
    """

    role = "act"
    storage = "in_place"
    shared = flag("one factor for all channels", default=False)

    def census(self, x: Shape, y: Shape) -> Census:
        return Census(comparisons=y.size, multiplications=y.size, weights=1 if self.shared else y.channels)


@kind("scale")
class Scale(Layer):
    """Multiplies each channel by a factor that is learned: a multiplication for each element, a weight a channel.

    With `bias` a learned addend, too. What batch norm becomes without statistics, and the LayerScale of residual
    blocks. Source: Touvron et al. 2021 (arXiv:2103.17239), equation 3.
    """

    storage = "in_place"
    bias = flag("a learned addend for each channel", default=False)

    def census(self, x: Shape, y: Shape) -> Census:
        scaled = Census(multiplications=y.size, weights=y.channels)
        return scaled + Census(bias_adds=y.size, biases=y.channels) if self.bias else scaled
