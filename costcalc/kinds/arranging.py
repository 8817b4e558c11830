"""Kinds that move numbers without learning: split, shuffles, flatten, reshape, dropout, upsample, the unknown."""

from __future__ import annotations

from collections.abc import Sequence

from costcalc.census import Census
from costcalc.kinds.attributes import (
    KindError,
    choice,
    count,
    optional,
    per_axis,
    probability,
    sizes,
    text,
)
from costcalc.kinds.base import Layer, Storage, kind
from costcalc.kinds.window import need_map, spread, written
from costcalc.number import Number, divide, exact_div, product, total
from costcalc.shape import Shape

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


class Free(Layer):
    """What arrangements share: no arithmetic."""

    def census(self, x: Shape, y: Shape) -> Census:
        return Census()


@kind("split")
class Split(Free):
    """Part `part` (from 1) of the channels, divided into `parts` equal ones or into the given `sizes`; a view.

    Of a sequence it is a copy: the features of a part lie apart, token by token, and what follows could not read them
    as one piece.
    """

    storage = "view"
    part = count("which part this is, from 1")
    parts = optional(count("number of equal parts", least=2))
    sizes = optional(sizes("channels of each part, where they differ", most=64))

    def storage_of(self, inputs: Sequence[Shape]) -> Storage:
        return "new" if inputs[0].sequence else self.storage

    def shape(self, x: Shape) -> Shape:
        if (self.parts is None) == (self.sizes is None):
            raise KindError("`split` takes either `parts` or `sizes`", None, "as in `split: {parts: 2, part: 1}`")
        pieces = len(self.sizes) if self.sizes is not None else self.parts
        if self.part > pieces:
            raise KindError(f"there is no part {self.part} of {pieces}", "part", f"`part` is 1 to {pieces}")
        if self.sizes is not None:
            if total(self.sizes) != x.channels:
                raise KindError(
                    f"the sizes add up to {total(self.sizes)}, and the input has {x.channels} channels", "sizes"
                )
            return x.at(next(size for i, size in enumerate(self.sizes, 1) if self.part == i))
        if x.channels % self.parts != 0:
            raise KindError(
                f"{x.channels} channels cannot be divided into {self.parts} equal parts",
                "parts",
                "`parts` must divide the channels, or use `sizes`",
            )
        return x.at(divide(x.channels, self.parts))


@kind("channel_shuffle")
class ChannelShuffle(Free):
    """The channels as a `groups` x n matrix, transposed: a copy, no arithmetic.

    Source: Zhang et al. 2017 (arXiv:1707.01083), section 3.1.
    """

    groups = count("number of groups that are interleaved")

    def shape(self, x: Shape) -> Shape:
        if x.channels % self.groups != 0:
            raise KindError(
                f"{x.channels} channels cannot be divided into {self.groups} groups",
                "groups",
                "`groups` must divide the channels",
            )
        return x


class Shuffle(Free):
    """What pixel shuffles share."""

    factor = count("how many positions along each axis are a block", least=2)

    def block(self, x: Shape) -> Number:
        """The positions of a block. Raises KindError."""
        need_map(x, self.name)
        return product(self.factor for _ in x.spatial)


@kind("pixel_shuffle")
class PixelShuffle(Shuffle):
    """Depth to space: each block of `factor` x `factor` channels becomes as many positions; a copy, no arithmetic.

    What it costs is in the convolution before it. Source: Shi et al. 2016 (arXiv:1609.05158), section 3.2, equation 4.
    """

    def shape(self, x: Shape) -> Shape:
        block = self.block(x)
        if x.channels % block != 0:
            raise KindError(f"{x} has no blocks of {block} channels", "factor", f"{block} must divide the channels")
        return Shape(exact_div(x.channels, block), tuple(size * self.factor for size in x.spatial))

    def variety(self, x: Shape) -> str:
        return f"x{self.factor}"


@kind("pixel_unshuffle")
class PixelUnshuffle(Shuffle):
    """Space to depth, the inverse of `pixel_shuffle`: each block of positions becomes as many channels; a copy.

    Source: the inverse of Shi et al. 2016 (arXiv:1609.05158), section 3.2, equation 4; so named in PyTorch.
    """

    def shape(self, x: Shape) -> Shape:
        block = self.block(x)
        if any(size % self.factor != 0 for size in x.spatial):
            message = f"{x} cannot be divided into blocks of {self.factor}"
            raise KindError(message, "factor", "`factor` must divide every size")
        return Shape(x.channels * block, tuple(exact_div(size, self.factor) for size in x.spatial))

    def variety(self, x: Shape) -> str:
        return f"/{self.factor}"


@kind("flatten")
class Flatten(Free):
    """All elements as one vector; a view."""

    storage = "view"

    def shape(self, x: Shape) -> Shape:
        return Shape(x.size)


@kind("reshape")
class Reshape(Free):
    """The same elements under another shape; a view.

    Either `to` (channels, then the axes) or `tokens`, which makes a sequence of that many tokens.
    """

    storage = "view"
    to = optional(sizes("the new sizes: channels, then axes", most=4))
    tokens = optional(count("number of tokens of a sequence"))

    def shape(self, x: Shape) -> Shape:
        if self.to is not None and self.tokens is None:
            y = Shape(self.to[0], self.to[1:])
            if y.size != x.size:
                raise KindError(f"{x} has {x.size} elements, and {y} has {y.size}", "to")
            return y
        if self.tokens is None or self.to is not None:
            raise KindError("`reshape` takes either `to` or `tokens`", None, "as in `reshape: {to: [64, 7, 7]}`")
        if x.size % self.tokens != 0:
            raise KindError(f"{x} has {x.size} elements, which {self.tokens} tokens cannot share", "tokens")
        return Shape(divide(x.size, self.tokens), (self.tokens,), True)


@kind("dropout")
class Dropout(Free):
    """Nothing at inference; free."""

    storage = "view"
    rate = probability("share of the elements that training drops", default=0)


@kind("upsample")
class Upsample(Layer):
    """Enlarges a map by `scale` or to `size`, by copies (`nearest`) or between the nearest elements.

    Interpolated between 2, 4 or 8 of them, as many multiplications for each output element and one addition less; the
    factors depend on the position alone and are not counted.
    """

    scale = optional(per_axis("factor along each axis"))
    size = optional(per_axis("output size along each axis"))
    mode = choice(
        "`nearest`, or `linear`, `bilinear`, `trilinear` for one, two, three axes",
        ("nearest", *LINEAR.values()),
        default="nearest",
    )

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        rank = len(x.spatial)
        if (self.scale is None) == (self.size is None):
            raise KindError("`upsample` takes either `scale` or `size`", None, "as in `upsample: {scale: 2}`")
        if self.mode not in ("nearest", LINEAR[rank]):
            raise KindError(f"`{self.mode}` does not fit {rank} axes", "mode", f"use `nearest` or `{LINEAR[rank]}`")
        if self.size is not None:
            return Shape(x.channels, spread(self.size, rank, "size"))
        return Shape(
            x.channels, tuple(a * s for a, s in zip(x.spatial, spread(self.scale, rank, "scale"), strict=True))
        )

    def census(self, x: Shape, y: Shape) -> Census:
        neighbours = 1 if self.mode == "nearest" else 2 ** len(x.spatial)
        return (
            Census(multiplications=neighbours * y.size, additions=(neighbours - 1) * y.size)
            if neighbours > 1
            else Census()
        )

    def variety(self, x: Shape) -> str:
        return f"x{written(self.scale, 1)}" if self.scale is not None else f"to {written(self.size, len(x.spatial))}"


@kind("opaque")
class Opaque(Layer):
    """An operation that costcalc cannot count, such as non-maximum suppression: it makes every total `partial`.

    It is named by `op`; its output has the shape of its input, or the sizes given as `to`.
    """

    op = text("name of the operation")
    to = optional(sizes("sizes of the output: channels, then axes", most=4))

    def shape(self, x: Shape) -> Shape:
        return x if self.to is None else Shape(self.to[0], self.to[1:])

    def census(self, x: Shape, y: Shape) -> Census | None:
        return None

    def variety(self, x: Shape) -> str:
        return self.op
