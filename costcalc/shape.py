"""The shape of one sample's tensor: a feature map of any rank, a vector, or a sequence of tokens.

One class serves all of them, so a kind that works on "channels at positions" (linear, norms, activations) has one rule.
The batch is no part of a shape: it multiplies operations and bytes when they are counted.
"""

from __future__ import annotations

from typing import NamedTuple

from costcalc.number import Number, product

AXES: dict[int, tuple[str, ...]] = {0: (), 1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


class Shape(NamedTuple):
    """`channels` at each position of `spatial`; where `sequence`, the one spatial axis is that of the tokens."""

    channels: Number
    spatial: tuple[Number, ...] = ()
    sequence: bool = False

    @property
    def positions(self) -> Number:
        """The number of positions: height * width, tokens, 1 for a vector."""
        return product(self.spatial)

    @property
    def size(self) -> Number:
        """The number of elements."""
        return self.channels * self.positions

    @property
    def dims(self) -> tuple[Number, ...]:
        """The sizes in the usual order: channels first for maps, features last for sequences."""
        return (*self.spatial, self.channels) if self.sequence else (self.channels, *self.spatial)

    @property
    def named(self) -> dict[str, Number]:
        """What a spec may say after `in.`: channels, height, width ... or tokens, features."""
        if self.sequence:
            return {"tokens": self.spatial[0], "features": self.channels}
        return {"channels": self.channels, **dict(zip(AXES[len(self.spatial)], self.spatial, strict=True))}

    def at(self, channels: Number) -> Shape:
        """The same positions with other channels."""
        return Shape(channels, self.spatial, self.sequence)

    def __str__(self) -> str:
        return "x".join(map(str, self.dims))
