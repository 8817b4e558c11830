"""Convolutions that compute where they look, or what they weigh with: what the tests know of them."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape

MAP = Shape(6, (11, 8))
SQUARE = Shape(12, (14, 14))

CASES: list[Any] = [
    # 3*5 positions, 6 taps, 2 offset groups: 180 places that are moved, and 6*4*15 = 360 samples; 24 offsets for each
    # position by 6*4 = 24 weights each, and 6*2 = 12 weights for each of 6 outputs
    ("deformable_conv", {"out": 6, "groups": 2, "offset_groups": 2, "kernel": [3, 2], "padding": "valid"},
     (Shape(4, (5, 6)),), Shape(6, (3, 5)),
     {"macs": 648 * 15, "valid_macs": 648 * 15, "weights": 648, "biases": 30, "bias_adds": 450,
      "multiplications": 4 * 180 + 4 * 360, "additions": 6 * 180 + 3 * 360}),
    # 27 numbers by 18 weights each, of which 10*7 taps are not on padding; 9*12 = 108 places, 216 samples
    ("deformable_conv", {"out": 3, "modulated": True, "bias": False}, (Shape(2, (4, 3)),), Shape(3, (4, 3)),
     {"macs": 540 * 12, "valid_macs": 70 * 54 + 54 * 12, "weights": 540, "biases": 27, "bias_adds": 324,
      "multiplications": 4 * 108 + 5 * 216, "additions": 7 * 108 + 3 * 216, "exponentials": 108, "divisions": 108}),
    # 288 elements in blocks of 4, 72 means; 3 channels, 9*3 factors: 18 + 81 weights at 12 positions, then 9 taps for
    # each of 72 outputs; of 12 rows the first is above, of 9 columns the first to the left
    ("involution", {"kernel": 3, "stride": 2, "groups": 3, "reduction": 2}, (Shape(6, (8, 6)),), Shape(6, (4, 3)),
     {"macs": 99 * 12 + 648, "valid_macs": 99 * 12 + 11 * 8 * 6, "weights": 99, "biases": 27, "bias_adds": 324,
      "multiplications": 36, "additions": 36 + 216, "comparisons": 36, "divisions": 72,
      "norm_scales": 3, "norm_shifts": 3, "buffers": 6}),
    # one axis: 2 channels, 5 factors: 16 + 10 weights at 9 positions; 45-6 taps are seen
    ("involution", {"kernel": 5}, (Shape(8, (9,)),), Shape(8, (9,)),
     {"macs": 26 * 9 + 360, "valid_macs": 26 * 9 + 39 * 8, "weights": 26, "biases": 5, "bias_adds": 45,
      "multiplications": 18, "additions": 18, "comparisons": 18, "norm_scales": 2, "norm_shifts": 2, "buffers": 4}),
]  # fmt: skip


def _deformable(**more: Any) -> Any:
    def builder(s: dict[str, Any]) -> tuple[Given, list[Shape]]:
        given = {"out": s["N"] * s["g"], "groups": s["g"], "offset_groups": s["m"], "kernel": s["k"], "stride": s["s"]}
        return {**given, **more}, [Shape(s["M"] * s["g"] * s["m"], (s["H"], s["W"]))]

    return builder


def _involution(s: dict[str, Any]) -> tuple[Given, list[Shape]]:
    given = {"kernel": s["k"] * 2 - 1, "stride": s["s"], "groups": s["g"], "reduction": s["m"]}
    return given, [Shape(s["M"] * s["g"] * s["m"], (s["H"] * s["s"], s["W"] * s["s"]))]


TRACED: list[Any] = [
    ("deformable_conv", "MNgmksHW", _deformable()),
    ("deformable_conv", "MNgmksHW", _deformable(modulated=True, bias=False)),
    ("involution", "MgmksHW", _involution),
]
SAMPLES: dict[str, Any] = {
    "deformable_conv": ({"out": 20, "groups": 4, "offset_groups": 2, "modulated": True}, [SQUARE]),
    "involution": ({"kernel": 7, "groups": 3, "stride": 2}, [SQUARE]),
}
REQUIRED = [("deformable_conv", "out")]
VARIETIES: list[Any] = [
    ("deformable_conv", {"out": 4, "stride": 2}, MAP, "3x3", "/2"),
    ("deformable_conv", {"out": 4, "groups": 2}, MAP, "3x3 g2", ""),
    ("involution", {}, MAP, "7x7", ""),
    ("involution", {"kernel": [3, 5], "stride": [1, 2], "groups": 2}, MAP, "3x5 g2", "/1x2"),
]
TRAITS = {
    "followers": {"deformable_conv", "involution"},
    "workspace": {"deformable_conv", "involution"},
    "own_standard": {"deformable_conv", "involution"},
}


@draws("deformable_conv")
def _draw_deformable(draw: Draw) -> tuple[Given, list[Shape]]:
    groups, sets = draw.pick(1, 1, 2, 3), draw.pick(1, 1, 2)
    channels = groups * sets * draw.up_to(1 if draw.tiny else 3)
    given = draw.some(
        kernel=draw.axes(2, 2 if draw.tiny else 3), stride=draw.axes(2, 3), dilation=draw.axes(2, 3),
        padding=draw.padding(2, 3), bias=draw.yes(), modulated=draw.yes(),
    )  # fmt: skip
    sizes = tuple(draw.random.sample(range(1, 5), 2)) if draw.tiny else draw.sizes(2)
    return {"out": groups * draw.up_to(3), "groups": groups, "offset_groups": sets, **given}, [Shape(channels, sizes)]


@draws("involution")
def _draw_involution(draw: Draw) -> tuple[Given, list[Shape]]:
    rank, groups, reduction = draw.rank(), draw.up_to(3), draw.up_to(3)
    stride = draw.axes(rank, 3 if rank < 3 else 2)
    kernel = draw.pick(1, 3, 3, 5) if draw.yes() else [draw.pick(1, 3) for _ in range(rank)]
    most = 2 if draw.tiny or rank == 3 else 6
    steps = stride if isinstance(stride, list) else [stride] * rank
    sizes = tuple(step * draw.up_to(most) for step in steps)
    given = draw.some(stride=stride, kernel=kernel)
    return {"groups": groups, "reduction": reduction, **given}, [Shape(groups * reduction * draw.up_to(2), sizes)]
