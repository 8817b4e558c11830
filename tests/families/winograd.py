"""Winograd's minimal filtering."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape

CASES = [
    # 8x6 outputs are 4*3 tiles of 2x2; 16 products a tile and pair of 5*4; 32 additions for each tile of 5 channels,
    # 24 of 4
    ("winograd_conv", {"out": 4, "bias": False}, (Shape(5, (8, 6)),), Shape(4, (8, 6)),
     {"macs": 16 * 12 * 20, "valid_macs": 16 * 12 * 20, "additions": 12 * (32 * 5 + 24 * 4), "weights": 180}),
    # 11-2 = 9 rows and 8-2 = 6 columns: 5*3 tiles, the last row of them half over the edge
    ("winograd_conv", {"out": 10, "padding": "valid"}, (Shape(6, (11, 8)),), Shape(10, (9, 6)),
     {"macs": 16 * 15 * 60, "valid_macs": 16 * 15 * 60, "additions": 15 * (32 * 6 + 24 * 10), "weights": 540,
      "biases": 10, "bias_adds": 540}),
    # 8+4-2 = 10 rows and 5+2-2 = 5 columns: 3*2 tiles of 4x4; 36 products; 12 vectors of 12 additions and 5
    # multiplications to read a tile, 10 of 10 and 3 to make one
    ("winograd_conv", {"out": 4, "tile": 4, "padding": [2, 1], "bias": False}, (Shape(3, (8, 5)),), Shape(4, (10, 5)),
     {"macs": 36 * 6 * 12, "valid_macs": 36 * 6 * 12, "additions": 6 * (144 * 3 + 100 * 4),
      "multiplications": 6 * (60 * 3 + 30 * 4), "weights": 108}),
]  # fmt: skip
TRAITS = {"followers": ["winograd_conv"], "workspace": ["winograd_conv"], "steps": ["winograd_conv"]}
REQUIRED = [("winograd_conv", "out")]
VARIETIES = [
    ("winograd_conv", {"out": 4}, Shape(6, (11, 8)), "F(2x2)", ""),
    ("winograd_conv", {"out": 4, "tile": 4}, Shape(6, (11, 8)), "F(4x4)", ""),
]
SAMPLES = {"winograd_conv": ({"out": 20, "tile": 2}, [Shape(12, (14, 14))])}


def _whole(tile: int) -> Any:
    """A map that tiles divide."""
    return lambda s: ({"out": s["N"], "tile": tile}, [Shape(s["M"], (tile * s["H"], tile * s["W"]))])


TRACED = [
    ("winograd_conv", "MNHW", _whole(2)),
    ("winograd_conv", "MNHW", _whole(4)),
    ("winograd_conv", "MNpHW", lambda s: (
        {"out": s["N"], "tile": 4, "padding": [s["p"], 0, 1, s["p"]], "bias": False},
        [Shape(s["M"], (s["H"] + 2, s["W"] + 1))],
    )),
]  # fmt: skip


@draws("winograd_conv")
def _winograd_conv(draw: Draw) -> tuple[Given, list[Shape]]:
    x = Shape(draw.up_to(4), draw.sizes(2))
    padding = draw.pick("same", "valid", draw.up_to(3, 0), [draw.up_to(3, 0), draw.up_to(3, 0)],
                        [draw.up_to(3, 0) for _ in range(4)])  # fmt: skip
    return {"out": draw.up_to(4), **draw.some(tile=draw.pick(2, 4), padding=padding, bias=draw.yes())}, [x]
