"""Versatile filters: a few primary filters, each of which is many by what is left out of it, in space and channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, choice, count, flag, optional
from costcalc.kinds.base import Kind, kind
from costcalc.kinds.channel_windows import ChannelWindows
from costcalc.kinds.convolution import Convolution
from costcalc.kinds.subfilters import Areas, Made, products_and_joins, read_last
from costcalc.kinds.window import need_map, padding_of, spread, written
from costcalc.number import Number, ceil_div, concrete, divide, exact_div, is_whole, product, taps_inside, tidy, total
from costcalc.shape import AXES, Shape

MAX_SIDE = 1_000  # of the window: what lies on padding is found box by box
ON_INPUT = "taps on the input, not on padding, of all windows of box {} along {}"


@kind("versatile")
class Versatile(Convolution):
    """Convolution with versatile filters: each of P primary filters is as many as it has sub-filters.

    In space these are s = ceil(D_K / 2) boxes about its centre, D_K, D_K - 2, ... wide (`spatial`); over the channels,
    n = floor((M - c) / channel_stride) + 1 windows of c = `window` channels. So N output channels need
    P = N / (s * n) primary filters, D_K * D_K * M * P weights. With nothing shared, the multiply-adds at each output
    position are D_K * (D_K + 1) * (D_K + 2) / 6 * c * N / s, and D_K * D_K * c * N without `spatial`.

    `share` says which products are computed once where several sub-filters have them, in partial sums that are then
    joined; each join is an addition. `rings`: a box is the next smaller one and the ring about it, which leaves
    D_K * D_K * c * N / s multiply-adds. `windows`: each window is joined of the segments between the ends of all, which
    leaves U / n in place of c, where U channels are in any window. `both`: D_K * D_K * U * P, with U = M one for each
    weight. In `variant: masked` the windows of filter and input move together; in `sliding`, that of the released
    code, all windows of the input meet the first c channels of the filter. The other weights are then stored and never
    used, and no two windows have a product in common: only rings can be shared.

    Channel (i * n + j) * P + f of the output is box i, window j of primary filter f. Where s * n does not divide N,
    `ceil_truncate` rounds P up and keeps the first N channels, computing nothing that only the others need; `floor`
    makes fewer channels than `out`; `remainder_standard` adds filters of full size at the end; `error` refuses;
    `fractional` counts parts of filters, for the totals of a paper, where all counts are whole, and cannot be run. With
    N below s * n it is a standard convolution. All boxes have the same stride and dilation, and the padding of the
    largest: box i has i * `dilation` less of it on every side, or does not read so far outwards.
    Source: Wang et al. 2018 (NeurIPS, "Learning Versatile Filters for Efficient Convolutional Neural Networks"); order,
    windows and `sliding` as in `VConv2d` of huawei-noah/Efficient-AI-Backbones, versatile_filters/vcnn.py.
    """

    kernel = count("side of the square window", default=3)
    spatial = flag("whether each box about the centre of a filter is a filter too", default=True)
    window = optional(count("channels of a window; all of them if left out", letter="c"))
    channel_stride = count("channels from one window to the next", default=1, letter="gamma")
    variant = choice(
        "whether the weights of a window move with it (`masked`) or are the same for all (`sliding`)",
        ["masked", "sliding"],
        default="masked",
    )
    share = choice(
        "what is computed once for all sub-filters that need it", ["none", "rings", "windows", "both"], default="none"
    )
    remainder = choice(
        "what is done where the sub-filters of a primary filter do not divide the output channels",
        ["ceil_truncate", "floor", "remainder_standard", "error", "fractional"],
        default="ceil_truncate",
    )

    def shape(self, x: Shape) -> Shape:
        need_map(x, self.name)
        if len(x.spatial) != 2:
            axes = ", ".join(AXES[len(x.spatial)])
            raise KindError(f"`{self.name}` slides a square, and its input ({x}) has {axes}", None, "use `conv`")
        if self.kernel > MAX_SIDE:
            raise KindError(f"the kernel has {self.kernel} taps along one axis", "kernel", f"at most {MAX_SIDE:,}")
        made = self.made(x)
        y = Shape(made.outputs + made.plain, self.positions(x))
        if self.remainder == "fractional":
            _refuse_parts(made.primaries, self.census(x, y))
        return y

    def census(self, x: Shape, y: Shape) -> Census:
        made = self.made(x)
        taps, plain = self.taps(x), made.plain * x.channels
        products, joins = self._products(x, made, self._taps_of(made))
        macs = valid = (plain * taps + products) * y.positions
        if any(before != 0 or after != 0 for before, after in self._padding(x)):
            seen = self._seen_by(x, y, made)
            valid = plain * seen.whole() + self._products(x, made, seen)[0]
        weights = (made.primaries + made.plain) * x.channels * taps
        census = self.biased(weights, macs, valid, y)._replace(additions=joins * y.positions)
        return Census(*map(tidy, census)) if self.remainder == "fractional" else census

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        made = self.made(inputs[0])
        return self.dense(made.outputs + made.plain, self.bias)

    def named(self, inputs: Sequence[Shape]) -> Sequence[tuple[str, Any, str]]:
        made, windows = self.made(inputs[0]), self.windows(inputs[0])
        letters = [("s", made.boxes, "boxes of a primary filter"), ("n", windows.number, "windows over the channels")]
        if made.rest > 0:
            joins = self._products(inputs[0], made, self._taps_of(made))[1]
            if self.spatial:
                together = "taps of the boxes before it together, D_K^2 + (D_K - 2)^2 + ..."
                letters.append(("S", self._taps_of(made).full(), together))
            letters += [
                ("F", made.full, "boxes of which all windows are kept"),
                ("D_R", self.kernel - 2 * made.full, "height and width of the last box, of which a part is kept"),
                ("R", made.rest, "output channels of that box"),
                ("A", joins, "additions at a position that join partial sums"),
            ]
            if not windows.apart:
                letters.append(("U", read_last(made, windows), "channels that primary filters read there"))
        elif not windows.apart:
            letters += [
                ("Q", windows.segments(windows.number), "segments between the ends of the windows"),
                ("J", windows.joins(windows.number), "additions that join all windows of a box of such segments"),
            ]
        whole = self.out % (made.boxes * windows.number) == 0 or self.remainder == "fractional"
        return letters if whole else [*letters, ("P", made.primaries, "primary filters")]  # where it is not N/(s*n)

    def named_at(self, inputs: Sequence[Shape], output: Shape) -> Sequence[tuple[str, Any, str]]:
        """What the boxes read of a padded input, where their products are counted box by box."""
        x, made = inputs[0], self.made(inputs[0])
        if made.boxes == 1 or self.share in ("rings", "both"):
            return ()
        both = [self._window(x, output, axis) for axis in (0, 1)]
        alike = all(a == b for a, b in zip(*both, strict=True))
        axes = [(0, "", "each axis")] if alike else [(i, "HW"[i], f"the {name}") for i, name in enumerate(AXES[2])]
        return [
            (f"V_{letter}{box}", self._read(x, output, axis, box), ON_INPUT.format(box, where))
            for box in range(concrete(made.full) + (made.rest > 0))
            for axis, letter, where in axes
        ]

    def variety(self, x: Shape) -> str:
        windows = self.windows(x).number
        return written(self.kernel, 2) + ("" if windows == 1 else f" n{windows}")

    # -- how the output channels come about ---------------------------------------------------------------------------

    def windows(self, x: Shape) -> ChannelWindows:
        """The windows over the channels. Raises KindError."""
        width = x.channels if self.window is None else self.window
        if width > x.channels:
            raise KindError(f"a window of {width} channels, and the input has {x.channels}", "window",
                            f"at most {x.channels}; all channels if it is left out")  # fmt: skip
        if width == x.channels:
            return ChannelWindows(1, x.channels, self.channel_stride, x.channels)
        return ChannelWindows.over(x.channels, width, self.channel_stride)

    def made(self, x: Shape) -> Made:
        """How the output channels come about. Raises KindError."""
        boxes: Number = ceil_div(self.kernel, 2) if self.spatial else 1
        windows = self.windows(x).number
        each = boxes * windows
        if self.out < each:
            return Made(1, 0, 0, 0, 0, 0, self.out)
        if self.out % each == 0:
            return Made(boxes, exact_div(self.out, each), self.out, exact_div(self.out, boxes), boxes, 0, 0)
        if self.remainder == "fractional":
            return Made(boxes, divide(self.out, each), self.out, divide(self.out, boxes), boxes, 0, 0)
        if self.remainder == "error":
            raise KindError(
                f"{self.out} output channels cannot be divided among the {each} sub-filters of each primary filter",
                "remainder", f"make `out` a multiple of {each}, {boxes} boxes times {windows} windows, or let it round",
            )  # fmt: skip
        if self.remainder == "ceil_truncate":
            primaries = ceil_div(self.out, each)
            of_a_box = primaries * windows
            full = self.out // of_a_box
            return Made(boxes, primaries, self.out, of_a_box, full, self.out - full * of_a_box, 0)
        primaries = self.out // each
        plain = self.out - primaries * each if self.remainder == "remainder_standard" else 0
        return Made(boxes, primaries, primaries * each, primaries * windows, boxes, 0, plain)

    # -- what is multiplied -------------------------------------------------------------------------------------------

    def _products(self, x: Shape, made: Made, areas: Areas) -> tuple[Number, Number]:
        """The products of all primary filters, and the additions at a position that join them."""
        segments = self.variant == "masked" and self.share in ("windows", "both")
        return products_and_joins(made, self.windows(x), areas, self.share in ("rings", "both"), segments)

    def _taps_of(self, made: Made) -> Areas:
        side, full = self.kernel, made.full

        def sums() -> Number:
            if not self.spatial:
                return full * side * side
            if full is made.boxes:
                every: Number = exact_div(side * (side + 1) * (side + 2), 6)
                return every
            squares: Number = exact_div(2 * (full - 1) * full * (2 * full - 1), 3)
            return full * side * side - 2 * side * full * (full - 1) + squares

        return Areas(lambda: side * side, sums, lambda: product((side - 2 * full,) * 2))

    def _seen_by(self, x: Shape, y: Shape, made: Made) -> Areas:
        def seen(box: int) -> Number:
            return product(self._read(x, y, axis, box) for axis in (0, 1))

        return Areas(
            lambda: seen(0),
            lambda: total(seen(box) for box in range(concrete(made.full))),
            lambda: seen(concrete(made.full)),
        )

    # -- what lies on padding -----------------------------------------------------------------------------------------

    def _padding(self, x: Shape) -> list[tuple[Number, Number]]:
        """The padding before and after each axis, for the largest box."""
        return [self._window(x, x, axis)[-2:] for axis in (0, 1)]  # type: ignore[misc]

    def _window(self, x: Shape, y: Shape, axis: int) -> tuple[Number, ...]:
        """Sizes of input and output, stride, dilation and padding along an axis."""
        step, gap = spread(self.stride, 2, "stride")[axis], spread(self.dilation, 2, "dilation")[axis]
        size, covered = x.spatial[axis], (self.kernel - 1) * gap + 1
        return (size, y.spatial[axis], step, gap, *padding_of(self.padding, size, covered, step, axis, 2))

    def _read(self, x: Shape, y: Shape, axis: int, box: int) -> Number:
        """How many taps of a box lie on the input, over all positions along an axis."""
        size, outputs, step, gap, before, after = self._window(x, y, axis)
        side, inwards = self.kernel - 2 * box, box * gap
        if isinstance(before, int) and isinstance(after, int) and before <= inwards and after <= inwards:
            return side * outputs
        return taps_inside(size, outputs, side, step, gap, before - inwards)


def _refuse_parts(primaries: Number, census: Census) -> None:
    """Raises KindError where parts of filters make a count that is not whole."""
    for name, number in census._asdict().items():
        if not is_whole(number):
            raise KindError(f"{primaries} primary filters make {number} {name.replace('_', ' ')}", "remainder",
                            "`fractional` needs whole counts; `ceil_truncate` rounds the filters up")  # fmt: skip
