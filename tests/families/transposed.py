"""Transposed convolutions: what the tests know of them."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape

MAP = Shape(6, (11, 8))

CASES: list[Any] = [
    # rows 10*2+3 = 23, columns 7*3+4 = 25; 3*4 taps of 3 channels for 10 are 360 products of each of 88 positions
    ("conv_transpose", {"out": 10, "kernel": [3, 4], "stride": [2, 3], "groups": 2, "padding": "valid"}, (MAP,),
     Shape(10, (23, 25)),
     {"macs": 360 * 88, "valid_macs": 360 * 88, "weights": 360, "biases": 10, "bias_adds": 5750}),
    # same: 4*2 and 3*2; the third tap of the last row and column would be one further: 12-1 and 9-1 are inside
    ("conv_transpose", {"out": 4, "stride": 2, "bias": False}, (Shape(5, (4, 3)),), Shape(4, (8, 6)),
     {"macs": 180 * 12, "valid_macs": 11 * 8 * 20, "weights": 180}),
    # 10+3-1 = 12 rows, of 33 taps the first is above; 7+3-3 = 7 columns, of 24 taps 2+1 are to the left, 1 to the right
    ("conv_transpose", {"out": 2, "padding": [1, 0, 2, 1], "bias": False}, (MAP,), Shape(2, (12, 7)),
     {"macs": 108 * 88, "valid_macs": 32 * 20 * 12, "weights": 108}),
    # taps 0, 2, 4: 4*2+5+1 = 14 less two; of 15 taps only the first is cut off, as one is added at the end
    ("conv_transpose", {"out": 4, "stride": 2, "dilation": 2, "output_padding": 1, "padding": 1}, (Shape(3, (5,)),),
     Shape(4, (12,)), {"macs": 180, "valid_macs": 168, "weights": 36, "biases": 4, "bias_adds": 48}),
    # windows of 2 that lie 3 apart leave a gap after each: nothing is cut off
    ("conv_transpose", {"out": 3, "kernel": 2, "stride": 3}, (Shape(2, (4,)),), Shape(3, (12,)),
     {"macs": 48, "valid_macs": 48, "weights": 12, "biases": 3, "bias_adds": 36}),
    # three axes: 4*2+1, 6+2, 5+3
    ("conv_transpose", {"out": 6, "kernel": [1, 2, 3], "stride": [2, 1, 1], "groups": 2, "padding": "valid",
                        "bias": False}, (Shape(4, (5, 7, 6)),), Shape(6, (9, 8, 8)),
     {"macs": 72 * 210, "valid_macs": 72 * 210, "weights": 72}),
]  # fmt: skip


def _same(s: dict[str, Any]) -> tuple[Given, list[Shape]]:
    given = {"out": s["N"] * s["g"], "groups": s["g"], "kernel": s["k"], "stride": s["s"], "dilation": s["d"]}
    return given, [Shape(s["M"] * s["g"], (s["H"], s["W"]))]


def _padded(s: dict[str, Any]) -> tuple[Given, list[Shape]]:
    window = [s["k"] + 2 * s["p"], s["k"] + 2 * s["q"]]
    given = {"out": s["N"], "kernel": window, "stride": [s["s"], 1], "padding": [s["p"], 0, s["q"], s["p"]]}
    return {**given, "output_padding": [s["s"] - 1, 0], "bias": False}, [Shape(s["M"], (s["H"], s["W"] + s["p"]))]


TRACED: list[Any] = [
    ("conv_transpose", "MNgksdHW", _same),
    ("conv_transpose", "MNkspqHW", _padded),
    ("conv_transpose", "MNksH", lambda s: ({"out": s["N"], "kernel": s["k"], "stride": s["s"], "padding": "valid"},
                                           [Shape(s["M"], (s["H"],))])),
]  # fmt: skip
SAMPLES: dict[str, Any] = {
    "conv_transpose": ({"kernel": 4, "stride": 2, "groups": 4, "out": 20}, [Shape(12, (14, 14))])
}
REQUIRED = [("conv_transpose", "out")]
VARIETIES: list[Any] = [
    ("conv_transpose", {"out": 4, "kernel": [3, 1], "stride": 2}, MAP, "3x1", "/2"),
    ("conv_transpose", {"out": 4, "groups": 2}, MAP, "3x3 g2", ""),
]
TRAITS = {"followers": {"conv_transpose"}, "own_standard": {"conv_transpose"}}


@draws("conv_transpose")
def _conv_transpose(draw: Draw) -> tuple[Given, list[Shape]]:
    groups = draw.pick(1, 1, 2, 3)
    channels, rank = draw.channels(groups), draw.rank()
    x = Shape(channels, tuple(draw.random.sample(range(1, 6), rank)) if draw.tiny else draw.sizes(rank))
    given = draw.some(
        kernel=draw.axes(rank, 4 if rank < 3 else 3), stride=draw.axes(rank, 3), dilation=draw.axes(rank, 3),
        padding=draw.padding(rank, 3), bias=draw.yes(), output_padding=draw.axes(rank, 2, least=0),
    )  # fmt: skip
    if given.get("padding", "same") == "same":
        given.pop("output_padding", None)
    return {"out": draw.channels(groups), "groups": groups, **given}, [x]
