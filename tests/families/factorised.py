"""Convolutions in factors, and layers of low rank."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape

MAP = Shape(6, (11, 8))

# Where nothing is padded, all multiply-accumulates are valid.
CASES = [
    # rows (11-3)/2+1 = 5, columns (8-2)/3+1 = 3. First 3 taps of 6 channels to 4 at 5*8 positions, 72 weights; then
    # 2 taps of 4 channels to 10 at 5*3, 80 weights
    ("spatial_separable", {"out": 10, "rank": 4, "kernel": [3, 2], "stride": [2, 3], "padding": "valid"}, (MAP,),
     Shape(10, (5, 3)),
     {"macs": 72 * 40 + 80 * 15, "valid_macs": 72 * 40 + 80 * 15, "weights": 152, "biases": 10, "bias_adds": 150}),
    # same, one of padding at every side: of 3*7 taps down 19 are seen in each of 10 columns, and of 3*10 along 28 in
    # each of 7 rows; 5*2 and 2*4 pairs of channels
    ("spatial_separable", {"out": 4, "rank": 2, "kernel": 3, "bias": False}, (Shape(5, (7, 10)),), Shape(4, (7, 10)),
     {"macs": 30 * 70 + 24 * 70, "valid_macs": 19 * 10 * 10 + 28 * 7 * 8, "weights": 54}),
    # top 1, bottom 0, left 2, right 1: 11+1-3+1 = 10 rows, 8+3-3+1 = 9 columns; seen are 2+9*3 = 29 down each of 8
    # columns, 1+2+6*3+2 = 23 along each of 10 rows; 6*3 and 3*2 pairs
    ("spatial_separable", {"out": 2, "rank": 3, "kernel": 3, "padding": [1, 0, 2, 1], "bias": False}, (MAP,),
     Shape(2, (10, 9)),
     {"macs": 54 * 80 + 18 * 90, "valid_macs": 29 * 8 * 18 + 23 * 10 * 6, "weights": 72}),
    # two filters of 3+2 taps for each of 5 channels make 10: 3 taps at 5*8, 2 at 5*3 positions; 10*7 of the 1x1
    ("separable_basis", {"out": 7, "basis": 2, "kernel": [3, 2], "stride": [2, 3], "padding": "valid"},
     (Shape(5, (11, 8)),), Shape(7, (5, 3)),
     {"macs": 30 * 40 + 20 * 15 + 70 * 15, "valid_macs": 30 * 40 + 20 * 15 + 70 * 15, "weights": 120, "biases": 7,
      "bias_adds": 105}),
    # one axis, same: 3*9 taps, two of them on padding, of 10 filters; 10*4 at 9 positions
    ("separable_basis", {"out": 4, "basis": 2, "kernel": 3, "bias": False}, (Shape(5, (9,)),), Shape(4, (9,)),
     {"macs": 30 * 9 + 40 * 9, "valid_macs": 25 * 10 + 40 * 9, "weights": 70}),
    # three axes: 4-2+1 = 3, 3-1+1 = 3, 5-3+1 = 3; 3 filters, at 3*3*5, 3*3*5, 3*3*3 positions
    ("separable_basis", {"out": 4, "basis": 1, "kernel": [2, 1, 3], "padding": "valid", "bias": False},
     (Shape(3, (4, 3, 5)),), Shape(4, (3, 3, 3)),
     {"macs": 6 * 45 + 3 * 45 + 9 * 27 + 12 * 27, "valid_macs": 6 * 45 + 3 * 45 + 9 * 27 + 12 * 27, "weights": 30}),
    ("low_rank_linear", {"out": 10, "rank": 3}, (Shape(6),), Shape(10),
     {"macs": 18 + 30, "valid_macs": 48, "weights": 48, "biases": 10, "bias_adds": 10}),
    ("low_rank_linear", {"out": 7, "rank": 2, "bias": False}, (Shape(12, (5,), True),), Shape(7, (5,), True),
     {"macs": 38 * 5, "valid_macs": 38 * 5, "weights": 24 + 14}),
    # 6 to 4 at 88 positions; 6 taps of 4 channels to 3, and 3 to 10, at 15
    ("tucker_conv", {"out": 10, "rank_in": 4, "rank_out": 3, "kernel": [3, 2], "stride": [2, 3], "padding": "valid"},
     (MAP,), Shape(10, (5, 3)),
     {"macs": 24 * 88 + 72 * 15 + 30 * 15, "valid_macs": 24 * 88 + 72 * 15 + 30 * 15, "weights": 126, "biases": 10,
      "bias_adds": 150}),
    # same, one axis: 25 of 27 taps are seen, of 2*3 pairs; 5*2 and 3*4 at 9 positions
    ("tucker_conv", {"out": 4, "rank_in": 2, "rank_out": 3, "bias": False}, (Shape(5, (9,)),), Shape(4, (9,)),
     {"macs": (10 + 18 + 12) * 9, "valid_macs": 10 * 9 + 25 * 6 + 12 * 9, "weights": 40}),
    # 6 to 4 at 88; 4 channels with 3 taps down at 5*8, 2 along at 5*3; 4 to 10 at 15
    ("cp_conv", {"out": 10, "rank": 4, "kernel": [3, 2], "stride": [2, 3], "padding": "valid"}, (MAP,),
     Shape(10, (5, 3)),
     {"macs": 24 * 88 + 12 * 40 + 8 * 15 + 40 * 15, "valid_macs": 24 * 88 + 12 * 40 + 8 * 15 + 40 * 15, "weights": 84,
      "biases": 10, "bias_adds": 150}),
    # same: 19 taps down each of 10 columns and 28 along each of 7 rows, of two channels
    ("cp_conv", {"out": 4, "rank": 2, "bias": False}, (Shape(5, (7, 10)),), Shape(4, (7, 10)),
     {"macs": 30 * 70, "valid_macs": 18 * 70 + 2 * 190 + 2 * 196, "weights": 30}),
]  # fmt: skip
TRAITS = {
    "followers": ["spatial_separable", "separable_basis", "low_rank_linear", "tucker_conv", "cp_conv"],
    "workspace": ["spatial_separable", "separable_basis", "low_rank_linear", "tucker_conv", "cp_conv"],
    "steps": ["spatial_separable", "separable_basis", "tucker_conv", "cp_conv"],
}
REQUIRED = [
    *((kind, "out") for kind in TRAITS["followers"]),
    *((kind, "rank") for kind in ("spatial_separable", "low_rank_linear", "cp_conv")),
    ("separable_basis", "basis"), ("tucker_conv", "rank_in"), ("tucker_conv", "rank_out"),
]  # fmt: skip
VARIETIES = [
    ("spatial_separable", {"out": 4, "rank": 2}, MAP, "3x3", ""),
    ("separable_basis", {"out": 4, "basis": 2, "kernel": [5, 3], "stride": 2}, MAP, "5x3", "/2"),
    ("low_rank_linear", {"out": 4, "rank": 2}, Shape(6), "", ""),
    ("tucker_conv", {"out": 4, "rank_in": 2, "rank_out": 3, "stride": [1, 2]}, MAP, "3x3", "/1x2"),
    ("cp_conv", {"out": 4, "rank": 2}, Shape(6, (9,)), "3", ""),
]
SAMPLES = {
    "spatial_separable": ({"kernel": 3, "out": 20, "rank": 8}, [Shape(12, (14, 14))]),
    "separable_basis": ({"kernel": 3, "out": 20, "basis": 5}, [Shape(12, (14, 14))]),
    "low_rank_linear": ({"out": 20, "rank": 8}, [Shape(12, (6,), True)]),
    "tucker_conv": ({"kernel": 3, "out": 20, "rank_in": 5, "rank_out": 7}, [Shape(12, (14, 14))]),
    "cp_conv": ({"kernel": 3, "out": 20, "rank": 8}, [Shape(12, (14, 14))]),
}


# -- free sizes: M, N, r (a rank), q (another), k, s, d, p ------------------------------------------------------------


def _sizes(s: dict[str, Any], *axes: str) -> Shape:
    return Shape(s["M"], tuple(s[axis] for axis in axes))


def _roomy(s: dict[str, Any], *axes: str) -> Shape:
    """A map into which the dilated kernel fits."""
    return Shape(s["M"], tuple((s["k"] - 1) * s.get("d", 1) + 1 + s[axis] for axis in axes))


def _same(*ranks: str) -> Any:
    return lambda s: (
        {"out": s["N"], "kernel": s["k"], "stride": s["s"], **dict(zip(ranks, (s["r"], s.get("q")), strict=False))},
        [_sizes(s, "H", "W")],
    )


def _valid(*ranks: str) -> Any:
    return lambda s: (
        {"out": s["N"], "kernel": [s["k"], 2], "stride": [1, s["s"]], "dilation": s["d"], "padding": [s["p"], 0, 1, 2],
         "bias": False, **dict(zip(ranks, (s["r"], s.get("q")), strict=False))},
        [_roomy({**s, "W": s["W"] + s["d"]}, "H", "W")],
    )  # fmt: skip


def _line(*ranks: str) -> Any:
    return lambda s: (
        {"out": s["N"], "kernel": s["k"], "padding": "valid", **dict(zip(ranks, (s["r"], s.get("q")), strict=False))},
        [_roomy(s, "H")],
    )


TRACED = [
    ("spatial_separable", "MNrksHW", _same("rank")),
    ("spatial_separable", "MNrksdpHW", _valid("rank")),
    ("separable_basis", "MNrksHW", _same("basis")),
    ("separable_basis", "MNrksdpHW", _valid("basis")),
    ("separable_basis", "MNrkH", _line("basis")),
    ("tucker_conv", "MNrqksHW", _same("rank_in", "rank_out")),
    ("tucker_conv", "MNrqksdpHW", _valid("rank_in", "rank_out")),
    ("tucker_conv", "MNrqkH", _line("rank_in", "rank_out")),
    ("cp_conv", "MNrksHW", _same("rank")),
    ("cp_conv", "MNrksdpHW", _valid("rank")),
    ("cp_conv", "MNrkH", _line("rank")),
    ("low_rank_linear", "MNr", lambda s: ({"out": s["N"], "rank": s["r"]}, [_sizes(s)])),
    ("low_rank_linear", "MNrH",
     lambda s: ({"out": s["N"], "rank": s["r"], "bias": False}, [Shape(s["M"], (s["H"],), True)])),
]  # fmt: skip


# -- at random --------------------------------------------------------------------------------------------------------


@draws("spatial_separable")
def _spatial_separable(draw: Draw) -> tuple[Given, list[Shape]]:
    x = Shape(draw.channels(), draw.sizes(2))
    return {"out": draw.channels(), "rank": draw.up_to(4), **draw.window(2)}, [x]


@draws("separable_basis")
def _separable_basis(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.map()
    return {"out": draw.channels(), "basis": draw.up_to(3), **draw.window(len(x.spatial))}, [x]


@draws("low_rank_linear")
def _low_rank_linear(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.pick(draw.tokens, draw.vector)()
    return {"out": draw.up_to(20), "rank": draw.up_to(8), **draw.some(bias=draw.yes())}, [x]


@draws("tucker_conv")
def _tucker_conv(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.map()
    ranks = {"rank_in": draw.up_to(4), "rank_out": draw.up_to(4)}
    return {"out": draw.channels(), **ranks, **draw.window(len(x.spatial))}, [x]


@draws("cp_conv")
def _cp_conv(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.map()
    return {"out": draw.channels(), "rank": draw.up_to(5), **draw.window(len(x.spatial))}, [x]
