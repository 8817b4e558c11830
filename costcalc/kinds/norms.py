"""Norms whose mean and variance are those of the input itself, so that nothing of them can be folded beforehand.

What is normalised together is a set of n numbers: (x - mean) / sqrt(variance + epsilon). The mean takes n - 1 additions
and a division, its subtraction n; the variance n multiplications, n - 1 additions and a division; epsilon is one more
addition. The square root counts as a division, and n divisions by it follow. Scale and shift add one multiplication and
one addition for each element. A layer that one of them follows has no bias unless it says `bias: true`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, choice, count, flag
from costcalc.kinds.base import Layer, kind
from costcalc.number import Number
from costcalc.shape import Shape


class Norm(Layer):
    """What norms share: `sets` of numbers normalised together, `affine` learnable scales, and as many shifts."""

    role = "norm"
    storage = "in_place"
    scale = flag("a learnable scale (gamma)", default=True)
    shift = flag("a learnable shift (beta)", default=True)

    def sets(self, x: Shape) -> Number:
        raise NotImplementedError

    def affine(self, x: Shape) -> Number:
        return x.channels

    def census(self, x: Shape, y: Shape) -> Census:
        sets = self.sets(x)
        found = Census(multiplications=y.size, additions=3 * y.size - sets, divisions=y.size + 3 * sets)
        if self.scale:
            found += Census(multiplications=y.size, norm_scales=self.affine(x))
        if self.shift:
            found += Census(additions=y.size, norm_shifts=self.affine(x))
        return found


@kind("layer_norm")
class LayerNorm(Norm):
    """Layer normalisation over the features of each token, over the channels at each position of a map as in ConvNeXt.

    M scales and M shifts for M features. With `over: all` the numbers of all positions are normalised together, and
    each has a scale and a shift of its own. For T tokens of M features 2*T*M multiplications, T * (4*M - 1) additions,
    T * (M + 3) divisions. Source: Ba et al. 2016 (arXiv:1607.06450), equation 3 with 4 (its gain and bias).
    """

    over = choice("`features` at each position by itself, or `all` of a sample", ("features", "all"), "features")

    def sets(self, x: Shape) -> Number:
        return x.positions if self.over == "features" else 1

    def affine(self, x: Shape) -> Number:
        return x.channels if self.over == "features" else x.size


@kind("group_norm")
class GroupNorm(Norm):
    """Group normalisation: the channels in `groups` groups, each normalised over its channels and all positions.

    A scale and a shift for each of M channels. With one group and all positions it is `layer_norm` with `over: all`,
    but for these; with as many groups as channels, `instance_norm`. Source: Wu and He 2018 (arXiv:1803.08494),
    section 3.1, equations 1, 2 and 7.
    """

    groups = count("number of groups that the channels are divided into", default=32)

    def shape(self, x: Shape) -> Shape:
        if x.channels % self.groups != 0:
            raise KindError(f"{x.channels} channels cannot be divided into {self.groups} groups", "groups",
                            "`groups` must divide the channels; where none are given they are 32, and"
                            " `defaults: {group_norm: {groups: ...}}` sets those of a norm that follows")  # fmt: skip
        return x

    def sets(self, x: Shape) -> Number:
        return self.groups


@kind("instance_norm")
class InstanceNorm(Norm):
    """Instance normalisation: each channel over its positions; no scales and shifts unless it is told, as in PyTorch.

    For M channels of D_F x D_F, M * D_F * D_F multiplications and M * (3 * D_F * D_F - 1) additions. Source: Ulyanov et
    al. 2016 (arXiv:1607.08022), equation 4.
    """

    lacks: ClassVar[Mapping[str, str]] = {"affine": "write `scale: true` and `shift: true`"}

    scale = flag("a learnable scale (gamma)", default=False)
    shift = flag("a learnable shift (beta)", default=False)

    def shape(self, x: Shape) -> Shape:
        if not x.spatial:
            raise KindError(f"`instance_norm` needs a map or tokens, and its input is a vector ({x})", None,
                            "it normalises each channel over its positions")  # fmt: skip
        return x

    def sets(self, x: Shape) -> Number:
        return x.channels


@kind("rms_norm")
class RmsNorm(Layer):
    """Root mean square normalisation over the features of each token: x / sqrt(mean of x*x + epsilon), and a scale.

    M scales for M features. For T tokens 2*T*M multiplications, T*M additions (M - 1 in the mean, 1 of epsilon) and
    T * (M + 2) divisions, one of them a square root. Source: Zhang and Sennrich 2019 (arXiv:1910.07467), equation 4.
    """

    role = "norm"
    storage = "in_place"
    scale = flag("a learnable scale (gamma)", default=True)

    def census(self, x: Shape, y: Shape) -> Census:
        found = Census(multiplications=y.size, additions=y.size, divisions=y.size + 2 * y.positions)
        return found + Census(multiplications=y.size, norm_scales=x.channels) if self.scale else found


@kind("local_response_norm")
class LocalResponseNorm(Layer):
    """Local response normalisation: x / (k + alpha/n * sum)^beta, the sum over the squares of n neighbouring channels.

    For each element its square, n - 1 additions (channels beyond the first and the last count as others), one
    multiplication, one addition; the power as exp(beta * log), which is two exponentials and a multiplication; one
    division. k, alpha and beta are constants. Source: Krizhevsky et al. 2012, section 3.3; alpha/n as in PyTorch.
    """

    size = count("how many channels are summed, its own among them (n)", default=5, letter="n")

    def census(self, x: Shape, y: Shape) -> Census:
        return Census(multiplications=3 * y.size, additions=self.size * y.size, exponentials=2 * y.size,
                      divisions=y.size)  # fmt: skip
