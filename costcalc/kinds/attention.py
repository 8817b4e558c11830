"""Attention: of the tokens of a sequence to each other, to those of another one, or within windows of a map.

Queries, keys and values are linear projections; softmax(q * k / sqrt(d)) weighs the values, head by head, and a last
projection joins the heads. Products of queries with keys, and of weights with values, are multiply-adds like those of
the projections. For each score there are also a multiplication (the scaling), a subtraction, an exponential and a
division, and all but one of a row are compared and added: the softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, count, flag, optional, per_axis
from costcalc.kinds.base import Kind, Layer, kind
from costcalc.kinds.sequence import need_tokens
from costcalc.kinds.window import spread, written
from costcalc.number import Number, ceil_div, exact_div, maximum, product
from costcalc.shape import Shape


def per_head(features: Number, heads: Number) -> Number:
    """The features of each head. Raises KindError."""
    if features % heads != 0:
        raise KindError(f"{features} features cannot be divided into {heads} heads", "heads",
                        "`heads` must divide the input features")  # fmt: skip
    each: Number = exact_div(features, heads)
    return each


def softmax_of(scores: Number, rows: Number) -> Census:
    """The census of scaling so many scores and of the softmax of each row of them."""
    return Census(multiplications=scores, comparisons=scores - rows, additions=2 * scores - rows,
                  exponentials=scores, divisions=scores)  # fmt: skip


@kind("attention")
class Attention(Kind):
    """Multi-head attention of a sequence to itself, or of the first to the second, as in `from: [queries, context]`.

    For T tokens of M features 4*M*M weights and 4*T*M*M + 2*T*T*M multiply-adds, whatever the number of heads. Queries,
    keys and values and the h*T*T scores live meanwhile. With `kv_heads` several heads share their keys and values,
    which saves weights and memory but no product of queries with keys. A causal mask only sets scores to minus
    infinity: they are computed, and counted, all. Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.2;
    `kv_heads` as in Ainslie et al. 2023 (arXiv:2305.13245).
    """

    heads = count("number of heads (h)", letter="h")
    kv_heads = optional(count("heads of keys and values, of which each serves several heads of queries", letter="h_kv"))
    head_features = optional(count("features of each head (d); by default the input's, divided by heads", letter="d"))
    out = optional(count("output features (N); by default those of the input"))
    qkv_bias = flag("biases of queries, keys and values", default=True)
    bias = flag("biases of the last projection", default=True)
    causal = flag("no token sees a later one; changes values, no count", default=False)

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs) > 2:
            raise KindError(f"`attention` takes one or two inputs, not {len(inputs)}", "from",
                            "one, or `from: [queries, context]`")  # fmt: skip
        for x in inputs:
            need_tokens(x, self.name)
        if self.causal and len(inputs) == 2:
            raise KindError("attention to another sequence is not causal", "causal", "leave out one of the two")
        if self.kv_heads is not None and self.heads % self.kv_heads != 0:
            raise KindError(f"{self.heads} heads cannot share {self.kv_heads} keys and values", "kv_heads",
                            "`kv_heads` must divide `heads`")  # fmt: skip
        self.widths(inputs[0])
        return inputs[0] if self.out is None else inputs[0].at(self.out)

    def widths(self, x: Shape) -> tuple[Number, Number]:
        """The features of the queries and those of the keys, all heads together. Raises KindError."""
        if self.head_features is not None:
            each, queries = self.head_features, self.heads * self.head_features
        else:
            each, queries = per_head(x.channels, self.heads), x.channels
        return queries, queries if self.kv_heads is None else self.kv_heads * each

    def count(self, inputs: Sequence[Shape], output: Shape) -> Census:
        x, context = inputs[0], inputs[-1]
        queries, keys = self.widths(x)
        tokens, others = output.positions, context.positions
        first, both, last = x.channels * queries, 2 * context.channels * keys, queries * output.channels
        macs = tokens * (first + last) + others * both + 2 * tokens * others * queries
        rows = self.heads * tokens
        found = Census(macs=macs, valid_macs=macs, weights=first + both + last) + softmax_of(rows * others, rows)
        if self.qkv_bias:
            adds = tokens * queries + 2 * others * keys
            found += Census(biases=queries + 2 * keys, bias_adds=adds)
        return found + Census(biases=output.channels, bias_adds=output.size) if self.bias else found

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        queries, keys = self.widths(inputs[0])
        tokens, others = inputs[0].positions, inputs[-1].positions
        return tokens * queries + 2 * others * keys + self.heads * tokens * others

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        if self.kv_heads is None or self.kv_heads == self.heads:
            return None
        return Attention({**vars(self), "kv_heads": None})

    def variety(self, x: Shape) -> str:
        return f"h{self.heads}" + ("" if self.kv_heads is None else f"/{self.kv_heads}")


@kind("window_attention")
class WindowAttention(Layer):
    """Multi-head attention within windows of `window` positions along each axis of a map, or of a sequence.

    The map is padded up to whole windows, and padding attends and is attended like the rest. For w x w windows on P
    positions with padding, 4*M*M weights and 4*P*M*M + 2*w*w*P*M multiply-adds; the projections of padding are no valid
    ones. `relative_positions` adds to each score a bias for the distance of the two in the window, one of (2*w - 1)
    along each axis for each head. `shifted` windows begin half a window further, and go on at the other end, where what
    was not together is masked: all is computed all the same.

    Queries, keys and values of all P positions live meanwhile, and with them first the windows, cut out of the map as
    copies, then the h*w*w*P scores. The standard layer in its place has one window, the whole map; where nothing is
    padded the ratio of the two is (2*M + w*w) / (2*M + D_F*D_F). Source: Liu et al. 2021 (arXiv:2103.14030), section
    3.2, equations 1, 2 and 4; padding as in torchvision.
    """

    heads = count("number of heads (h)", letter="h")
    window = per_axis("positions of a window along each axis (w)", letter="w")
    qkv_bias = flag("biases of queries, keys and values", default=True)
    bias = flag("biases of the last projection", default=True)
    relative_positions = flag("a learned bias for each distance within a window", default=True)
    shifted = flag("windows begin half a window further; changes values, no count", default=False)

    def shape(self, x: Shape) -> Shape:
        if not x.spatial:
            raise KindError(f"`window_attention` needs a map or tokens, and its input is a vector ({x})")
        per_head(x.channels, self.heads)
        spread(self.window, len(x.spatial), "window")
        return x

    def padded(self, x: Shape) -> Number:
        """The positions of all windows."""
        windows = spread(self.window, len(x.spatial), "window")
        return product(ceil_div(size, w) * w for size, w in zip(x.spatial, windows, strict=True))

    def named(self, inputs: Sequence[Shape]) -> Sequence[tuple[str, Any, Any]]:
        (x,) = inputs
        unpadded = self.padded(x) == x.positions
        return [("P", self.padded(x), x.positions if unpadded else "positions of all windows, padding included")]

    def census(self, x: Shape, y: Shape) -> Census:
        windows = spread(self.window, len(x.spatial), "window")
        positions, square, inside = self.padded(x), x.channels * x.channels, product(windows)
        macs = 4 * positions * square + 2 * positions * inside * x.channels
        rows = self.heads * positions
        found = Census(macs=macs, valid_macs=macs - 3 * (positions - x.positions) * square, weights=4 * square)
        found += softmax_of(rows * inside, rows)
        if self.relative_positions:
            distances = product(2 * w - 1 for w in windows)
            found += Census(biases=self.heads * distances, bias_adds=rows * inside)
        if self.qkv_bias:
            found += Census(biases=3 * x.channels, bias_adds=3 * positions * x.channels)
        return found + Census(biases=x.channels, bias_adds=positions * x.channels) if self.bias else found

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        (x,) = inputs
        inside = product(spread(self.window, len(x.spatial), "window"))
        return self.padded(x) * (3 * x.channels + maximum(x.channels, self.heads * inside))

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        (x,) = inputs
        if all(w == size for w, size in zip(spread(self.window, len(x.spatial), "window"), x.spatial, strict=True)):
            return None
        return WindowAttention({**vars(self), "window": x.spatial})

    def variety(self, x: Shape) -> str:
        return f"{written(self.window, len(x.spatial))} h{self.heads}"
