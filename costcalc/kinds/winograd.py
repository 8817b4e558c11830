"""Fast algorithms: the result of a standard convolution, for fewer multiplications and more additions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from costcalc.census import Census
from costcalc.kinds.attributes import Attribute, KindError, count, flag, integer, padding_attribute
from costcalc.kinds.base import Kind, Layer, kind
from costcalc.kinds.convolution import Conv
from costcalc.kinds.window import need_map, output_sizes
from costcalc.number import Number, among, ceil_div, product
from costcalc.shape import Shape


class Transform(NamedTuple):
    """What it takes to transform one vector, its zeros left out, sums that two outputs share computed once."""

    additions: int
    multiplications: int


KERNEL = 3
# of a vector of m + 2 inputs, and of as many products to m outputs; by interpolation at 0, 1, -1 (2, -2), infinity
DATA = {2: Transform(4, 0), 4: Transform(12, 5)}
INVERSE = {2: Transform(4, 0), 4: Transform(10, 3)}


def _tile(value: Any) -> Any:
    return value if among(value, tuple(DATA)) else None


@kind("winograd_conv")
class WinogradConv(Layer):
    """3x3 convolution by Winograd's minimal filtering F(m x m, 3 x 3): the sums of `conv`, tile by tile.

    Each tile of m x m outputs takes (m + 2) * (m + 2) multiply-adds for each pair of an input and an output channel,
    where the definition has 9 * m * m: 16 of 36 for `tile: 2`, 36 of 144 for `tile: 4`. Tiles that hang over the edge
    are computed in full. To these come the transforms. Every tile of an input channel takes 32 additions (tile 2), or
    144 additions and 60 multiplications (tile 4), and every tile of an output channel 24 additions, or 100 and 30;
    products with any constant but 1 and -1 are counted, sums that two outputs share once. The filters are transformed
    beforehand, for free; the weights are those of the standard convolution, 9 * M * N. The transformed tiles and all
    products are in memory at once. Stride, dilation and groups are 1; as a tile mixes what it reads, all multiply-adds
    are valid. Source: Lavin and Gray 2016 (arXiv:1509.09308), section 4.
    """

    lacks: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("kernel", "stride", "dilation", "groups"), "its window is 3x3, its stride 1, in one group; else use `conv`"
    )

    followers = True
    out = count("output channels (N)")
    tile: Attribute[Number] = Attribute(
        "m, the outputs that a tile has along each axis: 2 or 4", "2 or 4", _tile,
        {"anyOf": [{"enum": list(DATA)}, *integer(2)["anyOf"][1:]]}, 2,
    )  # fmt: skip
    padding = padding_attribute()
    bias = flag(
        "one learnable addend for each output channel; by default there is one unless a norm follows", default=True
    )

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        if len(x.spatial) != 2:
            axes = "one axis" if len(x.spatial) == 1 else f"{len(x.spatial)} axes"
            raise KindError(f"`{self.name}` filters along height and width, and its input has {axes} ({x})", None,
                            "use `conv`")  # fmt: skip
        return Shape(self.out, output_sizes(x, KERNEL, 1, self.padding))

    def tiles(self, y: Shape) -> Number:
        """How many tiles cover the output of one channel."""
        return product(ceil_div(size, self.tile) for size in y.spatial)

    def census(self, x: Shape, y: Shape) -> Census:
        edge = self.tile + KERNEL - 1
        data, inverse = (next(t for m, t in table.items() if m == self.tile) for table in (DATA, INVERSE))
        # rows, then columns: a data tile has `edge` of each, the products `edge` columns that become `tile` rows
        read = x.channels * 2 * edge * self.tiles(y)
        made = y.channels * (edge + self.tile) * self.tiles(y)
        macs = edge * edge * self.tiles(y) * x.channels * y.channels
        return Census(
            macs=macs,
            valid_macs=macs,
            additions=data.additions * read + inverse.additions * made,
            multiplications=data.multiplications * read + inverse.multiplications * made,
            weights=KERNEL * KERNEL * x.channels * y.channels,
            biases=y.channels if self.bias else 0,
            bias_adds=y.size if self.bias else 0,
        )

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        edge = self.tile + KERNEL - 1
        return edge * edge * self.tiles(output) * (inputs[0].channels + output.channels)

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        window = {"kernel": KERNEL, "stride": 1, "padding": self.padding, "dilation": 1}
        return Conv({"out": self.out, **window, "groups": 1, "bias": self.bias})

    def variety(self, x: Shape) -> str:
        return f"F({self.tile}x{self.tile})"
