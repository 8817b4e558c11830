"""Kinds for sequences of tokens: embeddings of words and positions, learned tokens, and the ways to and from maps."""

from __future__ import annotations

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, count, sizes
from costcalc.kinds.base import Layer, kind
from costcalc.kinds.window import need_map
from costcalc.shape import Shape


def need_tokens(x: Shape, kind: str) -> None:
    """Raises KindError where the input is no sequence."""
    if not x.sequence:
        what = "a feature map" if x.spatial else "a vector"
        raise KindError(f"`{kind}` needs tokens, and its input is {what} ({x})", None,
                        "`to_tokens` makes tokens of the positions of a map")  # fmt: skip


@kind("embedding")
class Embedding(Layer):
    """A learned row of N features for each of V words: every token, a number from 0 to V - 1, becomes its row.

    V * N weights, and a lookup for each token: a copy, no arithmetic. The input has one feature, the number, as in
    `input: {tokens: 35, features: 1}`. Of all V rows those of the tokens are read, but memory access counts all.
    Source: Bengio et al. 2003 (JMLR 3), section 2, the mapping C.
    """

    vocabulary = count("number of words (V)", letter="V")
    out = count("output features (N)")

    def shape(self, x: Shape) -> Shape:
        need_tokens(x, self.name)
        if x.channels != 1:
            raise KindError(f"`embedding` needs tokens of one feature, their number, and its input has {x.channels}",
                            None, "as in `input: {tokens: 35, features: 1}`")  # fmt: skip
        return x.at(self.out)

    def census(self, x: Shape, y: Shape) -> Census:
        return Census(weights=self.vocabulary * y.channels)


@kind("class_token")
class ClassToken(Layer):
    """Learned tokens before those of the sequence: M weights each, no arithmetic.

    One is the class token of a vision transformer; DeiT has a second one, others have registers. Source: Dosovitskiy et
    al. 2021 (arXiv:2010.11929), equation 1.
    """

    number = count("how many", default=1)

    def shape(self, x: Shape) -> Shape:
        need_tokens(x, self.name)
        return Shape(x.channels, (x.spatial[0] + self.number,), True)

    def census(self, x: Shape, y: Shape) -> Census:
        return Census(weights=self.number * x.channels)


@kind("position_embedding")
class PositionEmbedding(Layer):
    """A learned embedding of each position, added to it: a weight and an addition for each element of the input.

    T * M of each for T tokens of M features; a map has one at every position of every channel. Source: Dosovitskiy et
    al. 2021 (arXiv:2010.11929), equation 1.
    """

    storage = "in_place"

    def shape(self, x: Shape) -> Shape:
        if not x.spatial:
            raise KindError(f"`position_embedding` needs tokens or a map, and its input is a vector ({x})")
        return x

    def census(self, x: Shape, y: Shape) -> Census:
        return Census(weights=y.size, additions=y.size)


@kind("select_token")
class SelectToken(Layer):
    """Token `token` (from 1) of a sequence as a vector; a view.

    Of a class token put first it is number 1; the last one is `token: in.tokens`.
    """

    storage = "view"
    token = count("which token, from 1", default=1)

    def shape(self, x: Shape) -> Shape:
        need_tokens(x, self.name)
        if self.token > x.spatial[0]:
            raise KindError(f"there is no token {self.token} of {x.spatial[0]}", "token",
                            f"`token` is 1 to {x.spatial[0]}")  # fmt: skip
        return Shape(x.channels)

    def census(self, x: Shape, y: Shape) -> Census:
        return Census()


@kind("to_tokens")
class ToTokens(Layer):
    """Each position of a map as a token, its channels as the features; a copy that swaps the axes.

    `reshape: {tokens: ...}` takes the elements in their order instead, and mixes channels with positions.
    """

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        return Shape(x.channels, (x.positions,), True)

    def census(self, x: Shape, y: Shape) -> Census:
        return Census()


@kind("to_map")
class ToMap(Layer):
    """Each token at its position of a map of the sizes `size`, its features as the channels; a copy."""

    size = sizes("sizes of the map along each axis, as in [14, 14]", most=3)

    def shape(self, x: Shape) -> Shape:
        need_tokens(x, self.name)
        y = Shape(x.channels, self.size)
        if y.positions != x.spatial[0]:
            raise KindError(f"{x.spatial[0]} tokens do not fill the {y.positions} positions", "size")
        return y

    def census(self, x: Shape, y: Shape) -> Census:
        return Census()
