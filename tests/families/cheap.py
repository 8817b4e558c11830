"""Cheaper forms of convolutions: what the tests know of them."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape

MAP = Shape(6, (11, 8))
HIGH, LOW = Shape(6, (8, 10)), Shape(4, (4, 5))
SQUARE = Shape(12, (14, 14))

CASES: list[Any] = [
    # 10/3 up is 4, and 4*2 = 8 more of these are made, two too many; 6*6*4 = 144 and 9*8 = 72 weights at 5*3 positions;
    # of the 3x3 windows 2+3+3+3+2 = 13 rows and 2+3+2 = 7 columns are not padding
    ("ghost", {"out": 10, "ratio": 3, "kernel": [3, 2], "stride": [2, 3], "padding": "valid"}, (MAP,), Shape(10, (5, 3)),
     {"macs": 216 * 15, "valid_macs": 144 * 15 + 91 * 8, "weights": 216, "biases": 12, "bias_adds": 180}),
    # 4 by 1x1 and 4 by 3x3 windows, of which 33-2 rows and 24-2 columns are seen
    ("ghost", {"out": 8, "bias": False}, (MAP,), Shape(8, (11, 8)),
     {"macs": 60 * 88, "valid_macs": 24 * 88 + 31 * 22 * 4, "weights": 60}),
    ("ghost", {"out": 5, "ratio": 1}, (MAP,), Shape(5, (11, 8)),
     {"macs": 30 * 88, "valid_macs": 30 * 88, "weights": 30, "biases": 5, "bias_adds": 440}),
    # one axis: 3*6*2 and 5*2 weights; 9*3-2 taps of the first are seen, 9*5-6 of the cheap one
    ("ghost", {"out": 4, "kernel": 3, "dw_kernel": 5, "bias": False}, (Shape(6, (9,)),), Shape(4, (9,)),
     {"macs": 46 * 9, "valid_macs": 25 * 12 + 39 * 2, "weights": 46}),
    # 7 channels are 4 and 3; of 3x3 windows 27-2 rows and 24-2 columns are seen, of 5x5 ones 45-6 and 40-6
    ("mixed_depthwise", {"kernels": [3, 5]}, (Shape(7, (9, 8)),), Shape(7, (9, 8)),
     {"macs": 111 * 72, "valid_macs": 25 * 22 * 4 + 39 * 34 * 3, "weights": 111, "biases": 7, "bias_adds": 504}),
    # 2 channels each; 9/2 up is 5; windows of 1, 3 (1 before and 1 after), 2 (1 after)
    ("mixed_depthwise", {"kernels": [1, 3, 2], "stride": 2, "bias": False}, (Shape(6, (9,)),), Shape(6, (5,)),
     {"macs": 12 * 5, "valid_macs": 2 * 5 + 2 * 13 + 2 * 9, "weights": 12}),
    ("mixed_depthwise", {"kernels": [3, 3], "padding": "valid", "dilation": 2, "bias": False}, (Shape(5, (7, 9, 6)),),
     Shape(5, (3, 5, 2)), {"macs": 135 * 30, "valid_macs": 135 * 30, "weights": 135}),
    ("shift", {}, (Shape(20, (7, 5)),), Shape(20, (7, 5)), {}),
    ("shift", {"kernel": [1, 3, 5], "dilation": 2}, (Shape(3, (4, 5, 7)),), Shape(3, (4, 5, 7)), {}),
    # 63 weights for each of 6+4 channels; 6 at 80 positions, 4 at 20; seen of 8x10: 22*28, of 4x5: 10*13 taps
    ("octave_conv", {"out": 7, "to": "high"}, (HIGH, LOW), Shape(7, (8, 10)),
     {"macs": 63 * 560, "valid_macs": 616 * 42 + 130 * 28, "additions": 560, "weights": 630, "biases": 7,
      "bias_adds": 560}),
    # 6*20 means of four, then 45 weights for each of 10 channels at 20 positions, and the sum of the two
    ("octave_conv", {"out": 5, "to": "low", "bias": False}, (HIGH, LOW), Shape(5, (4, 5)),
     {"macs": 9000, "valid_macs": 130 * 50, "additions": 360 + 100, "divisions": 120, "weights": 450}),
    ("octave_conv", {"out": 7, "to": "high", "kernel": 1}, (HIGH,), Shape(7, (8, 10)),
     {"macs": 42 * 80, "valid_macs": 42 * 80, "weights": 42, "biases": 7, "bias_adds": 560}),
    # one axis: 6*5 means of two
    ("octave_conv", {"out": 5, "to": "low", "bias": False}, (Shape(6, (10,)),), Shape(5, (5,)),
     {"macs": 90 * 5, "valid_macs": 13 * 30, "additions": 30, "divisions": 30, "weights": 90}),
    ("octave_conv", {"out": 7, "to": "high", "vanilla": True}, (HIGH, LOW), Shape(7, (8, 10)),
     {"macs": 630 * 80, "valid_macs": 616 * 70, "weights": 630, "biases": 7, "bias_adds": 560}),
    # 5*20 means of four of what was convolved at the full resolution
    ("octave_conv", {"out": 5, "to": "low", "vanilla": True, "bias": False}, (HIGH, LOW), Shape(5, (4, 5)),
     {"macs": 450 * 80, "valid_macs": 616 * 50, "additions": 300, "divisions": 100, "weights": 450}),
]  # fmt: skip


def _ghost(s: dict[str, Any]) -> tuple[Given, list[Shape]]:
    given = {"out": s["N"], "ratio": s["g"], "dw_kernel": s["d"], "kernel": s["k"], "stride": s["s"]}
    return given, [Shape(s["M"], (s["H"], s["W"]))]


def _mixed(s: dict[str, Any]) -> tuple[Given, list[Shape]]:
    given = {"kernels": [s["k"], 3, s["k"]], "stride": [s["s"], 1], "dilation": s["d"]}
    return given, [Shape(s["M"] + 2, (s["H"], s["W"]))]


def _octave(**more: Any) -> Any:
    def builder(s: dict[str, Any]) -> tuple[Given, list[Shape]]:
        low = Shape(s["m"], (s["H"], s["W"]))
        return {"out": s["N"], "kernel": s["k"], **more}, [Shape(s["M"], (s["H"] * 2, s["W"] * 2)), low]

    return builder


TRACED: list[Any] = [
    ("ghost", "MNgkdsHW", _ghost),
    ("mixed_depthwise", "MksdHW", _mixed),
    ("shift", "MkHW", lambda s: ({"kernel": s["k"] * 2 - 1}, [Shape(s["M"], (s["H"], s["W"]))])),
    ("octave_conv", "MmNkHW", _octave(to="high")),
    ("octave_conv", "MmNkHW", _octave(to="low", bias=False)),
    ("octave_conv", "MmNkHW", _octave(to="low", vanilla=True)),
    ("octave_conv", "MmNkHW", _octave(to="high", vanilla=True)),
    ("octave_conv", "MNkH", lambda s: ({"out": s["N"], "to": "low", "kernel": s["k"]}, [Shape(s["M"], (s["H"] * 2,))])),
]
SAMPLES: dict[str, Any] = {
    "ghost": ({"out": 20, "kernel": 3, "ratio": 4, "dw_kernel": 5}, [SQUARE]),
    "mixed_depthwise": ({"kernels": (3, 5)}, [SQUARE]),
    "shift": ({}, [SQUARE]),
    "octave_conv": ({"out": 20, "to": "high"}, [SQUARE, Shape(4, (7, 7))]),
}
REQUIRED = [("ghost", "out"), ("mixed_depthwise", "kernels"), ("octave_conv", "out"), ("octave_conv", "to")]
VARIETIES: list[Any] = [
    ("ghost", {"out": 4}, MAP, "1x1", ""),
    ("ghost", {"out": 4, "kernel": 3, "stride": 2}, MAP, "3x3", "/2"),
    ("mixed_depthwise", {"kernels": [3, 5], "stride": [2, 1]}, MAP, "3x3+5x5", "/2x1"),
    ("shift", {"kernel": [3, 1]}, MAP, "3x1", ""),
    ("octave_conv", {"out": 4, "to": "low"}, MAP, "3x3 low", ""),
    ("octave_conv", {"out": 4, "to": "high", "vanilla": True}, MAP, "3x3 high vanilla", ""),
]
TRAITS = {
    "followers": {"ghost", "mixed_depthwise", "octave_conv"},
    "workspace": {"ghost", "octave_conv"},
    "own_standard": {"ghost", "mixed_depthwise", "octave_conv"},
}


@draws("ghost")
def _draw_ghost(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.map()
    rank = len(x.spatial)
    given = draw.some(
        ratio=draw.up_to(4), kernel=draw.axes(rank, 3), dw_kernel=draw.axes(rank, 4 if rank < 3 else 2),
        stride=draw.axes(rank, 3), dilation=draw.axes(rank, 2), padding=draw.padding(rank, 2), bias=draw.yes(),
    )  # fmt: skip
    return {"out": draw.channels(), **given}, [x]


@draws("mixed_depthwise")
def _draw_mixed(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.map()
    rank = len(x.spatial)
    alike = draw.pick(False, False, True)
    kernels = [draw.up_to(4)] * draw.up_to(3) if alike else [draw.up_to(5) for _ in range(draw.up_to(3))]
    given = draw.some(
        stride=draw.axes(rank, 3), dilation=draw.axes(rank, 2), bias=draw.yes(),
        padding=draw.padding(rank, 2) if alike or draw.yes() else "same",
    )  # fmt: skip
    return {"kernels": kernels, **given}, [x]


@draws("shift")
def _draw_shift(draw: Draw) -> tuple[Given, list[Shape]]:
    rank = draw.rank()
    kernel = draw.pick(1, 3, 3, [draw.pick(1, 3, 5) for _ in range(rank)])
    return draw.some(kernel=kernel, dilation=draw.axes(rank, 3)), [Shape(draw.up_to(40), draw.sizes(rank))]


@draws("octave_conv")
def _draw_octave(draw: Draw) -> tuple[Given, list[Shape]]:
    rank = draw.rank()
    halves = tuple(draw.random.sample(range(1, 5 if rank < 3 else 4), rank)) if draw.tiny else draw.sizes(rank)
    high, low = Shape(draw.channels(), tuple(2 * n for n in halves)), Shape(draw.channels(), halves)
    given = draw.some(kernel=draw.axes(rank, 4 if rank < 3 else 2), bias=draw.yes(), vanilla=draw.yes())
    return {"out": draw.channels(), "to": draw.pick("high", "low"), **given}, [high, low][: draw.up_to(2)]
