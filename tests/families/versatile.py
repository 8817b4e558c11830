"""Versatile filters."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape

KIND = "versatile"
SAMPLES = {KIND: ({"kernel": 3, "out": 20, "window": 9, "channel_stride": 3}, [Shape(12, (14, 14))])}
TRAITS = {"followers": [KIND], "steps": [KIND]}
REQUIRED = [(KIND, "out")]
VARIETIES = [
    (KIND, {"out": 4}, Shape(6, (11, 8)), "3x3", ""),
    (KIND, {"out": 4, "kernel": 5, "stride": 2}, Shape(6, (11, 8)), "5x5", "/2"),
    (KIND, {"out": 9, "window": 2, "channel_stride": 2}, Shape(6, (11, 8)), "3x3 n3", ""),
]

FILTERS = Shape(24, (7, 7))  # as large as the window: one position
SEED = {"out": 100, "kernel": 7, "padding": "valid"}
TWO = {**SEED, "window": 22, "channel_stride": 2}  # channels 1 to 22 and 3 to 24
DILATED = {"out": 4, "kernel": 3, "padding": 1, "dilation": 2, "bias": False}
CUT = {"kernel": 2, "padding": "valid", "window": 3, "spatial": False, "share": "windows", "bias": False}


def _one(out: int, weights: int, macs: int, **more: int) -> tuple[Shape, dict[str, int]]:
    """What one position of so many channels costs."""
    counts = {"weights": weights, "macs": macs, "valid_macs": macs, "biases": out, "bias_adds": out}
    return Shape(out, (1, 1)), counts | more


CASES = [
    # 100 = 25 * 4 boxes of 7, 5, 3, 1: 49 + 25 + 9 + 1 = 84 taps of 24 channels
    (KIND, SEED, (FILTERS,), *_one(100, 25 * 1176, 25 * 84 * 24)),
    # every box is the one in it and a ring: 49 taps, 3 sums of two
    (KIND, {**SEED, "share": "rings"}, (FILTERS,), *_one(100, 25 * 1176, 25 * 1176, additions=75)),
    # of 13 * 8 = 104 outputs four are dropped, 1x1 of 22 channels
    (KIND, TWO, (FILTERS,), *_one(100, 13 * 1176, 13 * 2 * 84 * 22 - 4 * 22)),
    # 26 filters of 22 channels with their rings; 100 outputs, of which 26 are of the first box
    (KIND, {**TWO, "share": "rings"}, (FILTERS,), *_one(100, 13 * 1176, 26 * 49 * 22, additions=74)),
    # the windows are cut into channels 1-2, 3-22, 23-24: a join for each of 3 rings of 3 segments, and one for each of
    # 2 windows of 4 boxes, 17 for each of 9 filters; the other 4 lack the last window: 1 ring and 1 window less
    (KIND, {**TWO, "share": "both"}, (FILTERS,), *_one(100, 13 * 1176, 13 * 1176, additions=9 * 17 + 4 * 15)),
    # at each box the 24 channels once, two joins; of the last box four filters have one window, 22 channels in one sum
    (KIND, {**TWO, "share": "windows"}, (FILTERS,),
     *_one(100, 13 * 1176, 13 * 84 * 24 - 4 * 2, additions=13 * 8 - 4 * 2)),
    (KIND, {**TWO, "remainder": "floor"}, (FILTERS,), *_one(96, 12 * 1176, 12 * 2 * 84 * 22)),
    (KIND, {**TWO, "remainder": "remainder_standard"}, (FILTERS,), *_one(100, 16 * 1176, 24 * 84 * 22 + 4 * 1176)),
    (KIND, {**TWO, "remainder": "fractional"}, (FILTERS,), *_one(100, 14_700, 25 * 84 * 22)),
    (KIND, {**TWO, "variant": "sliding", "share": "both"}, (FILTERS,),
     *_one(100, 13 * 1176, 26 * 49 * 22, additions=74)),
    # fewer than 4 * 2 filters: a standard convolution
    (KIND, {**TWO, "out": 7, "share": "both"}, (FILTERS,), *_one(7, 7 * 1176, 7 * 1176)),
    # boxes of 3 and 1, two filters; rows (5+2-3)/2+1 = 3, which see 2+3+2, columns 4, which see 2+3+3+2; centres see all
    (KIND, {"out": 4, "stride": [2, 1], "padding": 1, "bias": False}, (Shape(3, (5, 4)),), Shape(4, (3, 4)),
     {"weights": 54, "macs": 2 * 3 * 10 * 12, "valid_macs": 2 * 3 * (70 + 12)}),
    # rows 7+2-5+1 = 5, which see 2+3+3+3+2, columns 4, which see 2+3+3+2
    (KIND, DILATED, (Shape(2, (7, 6)),), Shape(4, (5, 4)),
     {"weights": 36, "macs": 2 * 2 * 10 * 20, "valid_macs": 2 * 2 * (130 + 20)}),
    (KIND, {**DILATED, "share": "rings"}, (Shape(2, (7, 6)),), Shape(4, (5, 4)),
     {"weights": 36, "macs": 2 * 2 * 9 * 20, "valid_macs": 2 * 2 * 130, "additions": 2 * 20}),
    # boxes of 4 and 2, 16 + 4 taps
    (KIND, {"out": 4, "kernel": 4, "padding": "valid", "bias": False}, (Shape(3, (4, 5)),), Shape(4, (1, 2)),
     {"weights": 96, "macs": 2 * 3 * 20 * 2, "valid_macs": 240}),
    # channels 1, 2-3, 4 at 3*2 positions: two filters with two windows; one of them with one
    (KIND, {"out": 4, **CUT}, (Shape(4, (4, 3)),), Shape(4, (3, 2)),
     {"weights": 32, "macs": 2 * 16 * 6, "valid_macs": 192, "additions": 4 * 6}),
    (KIND, {"out": 3, **CUT}, (Shape(4, (4, 3)),), Shape(3, (3, 2)),
     {"weights": 32, "macs": (16 + 12) * 6, "valid_macs": 168, "additions": 2 * 6}),
    # windows 1-2 and 4-5 have nothing in common, and nobody reads channel 3
    (KIND, {"out": 4, "kernel": 1, "window": 2, "channel_stride": 3, "share": "both", "bias": False},
     (Shape(5, (3, 2)),), Shape(4, (3, 2)), {"weights": 10, "macs": 2 * 4 * 6, "valid_macs": 48}),
]  # fmt: skip


def _builder(**given: Any) -> Any:
    """Attributes from the free sizes: N, k, s, d, g for the step of windows, M more channels than a window of m."""

    def build(s: dict[str, Any]) -> tuple[dict[str, Any], list[Shape]]:
        keys = {"out": "N", "kernel": "k", "stride": "s", "dilation": "d", "channel_stride": "g", "window": "m"}
        made = {name: s[key] for name, key in keys.items() if key in s}
        width = s.get("m", 0)
        covered = (s["k"] - 1) * s.get("d", 1)  # so that any window fits
        x = Shape(s["M"] + width, (s["H"] + covered, s["W"] + covered))
        return {**made, **{name: v(s) if callable(v) else v for name, v in given.items()}}, [x]

    return build


TRACED = [
    (KIND, "MNksdHW", _builder()),
    (KIND, "MNksHW", _builder(padding=lambda s: [s["k"], 1, 0, 2], share="rings")),
    *((KIND, "MNkmgHW", _builder(share=share, padding="valid")) for share in ("none", "rings", "windows", "both")),
    (KIND, "MNkmgHW", _builder(share="both", variant="sliding", padding=1)),
    (KIND, "MNkmHW", _builder(share="windows", spatial=False, remainder="floor")),
    (KIND, "MNkmHW", _builder(share="none", remainder="remainder_standard", bias=False, padding=2)),
    (KIND, "MNkmgHW", _builder(out=lambda s: ((s["k"] + 1) // 2) * (s["M"] // s["g"] + 1) * s["N"], share="both",
                               remainder="fractional", padding="valid")),
]  # fmt: skip


@draws(KIND)
def _versatile(draw: Draw) -> tuple[Given, list[Shape]]:
    """Small maps, so that there can be many sub-filters; every other time windows that overlap and share products."""
    channels = draw.up_to(5 if draw.tiny else 9)
    x = Shape(channels, tuple(draw.random.sample(range(1, 5 if draw.tiny else 13), 2)))
    given = draw.some(
        kernel=draw.pick(1, 2, 3, 3, 4, 5) if draw.tiny else draw.up_to(7), stride=draw.axes(2, 3),
        dilation=draw.axes(2, 3), padding=draw.padding(2, 2 if draw.tiny else 4), bias=draw.yes(),
        spatial=draw.random.random() < 0.8, window=draw.up_to(channels), channel_stride=draw.up_to(4),
        variant=draw.pick("masked", "sliding"), share=draw.pick("none", "rings", "windows", "both"),
        remainder=draw.pick("ceil_truncate", "floor", "remainder_standard", "fractional", "error"),
    )  # fmt: skip
    if draw.yes():
        width = draw.up_to(channels, (channels + 1) // 2)
        given |= {"window": width, "channel_stride": draw.pick(1, 1, 2), "variant": "masked"}
        given |= {"share": draw.pick("windows", "both", "both"), "remainder": "ceil_truncate"}
    boxes = (given.get("kernel", 3) + 1) // 2 if given.get("spatial", True) else 1
    windows = len(range(0, channels - given.get("window", channels) + 1, given.get("channel_stride", 1)))
    each = boxes * windows
    if given.get("remainder") in ("fractional", "error"):  # a part of a filter cannot be run
        return {"out": each * draw.up_to(3), **given}, [x]
    return {"out": draw.up_to(2 * each + 5), **given}, [x]
