"""Norms of the input's own mean and variance."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape

MAP, SEQUENCE, VECTOR = Shape(6, (11, 8)), Shape(12, (5,), True), Shape(6)  # 528, 60 and 6 numbers

# 3 additions a number but one for each set, n + 3 divisions for each set of n
CASES: list[Any] = [
    ("layer_norm", {}, (SEQUENCE,), SEQUENCE,  # 5 sets: 180 - 5 + 60 and 60 + 15
     {"multiplications": 120, "additions": 235, "divisions": 75, "norm_scales": 12, "norm_shifts": 12}),
    ("layer_norm", {"scale": False}, (MAP,), MAP,  # 88 sets: 1584 - 88 + 528 and 528 + 264
     {"multiplications": 528, "additions": 2024, "divisions": 792, "norm_shifts": 6}),
    ("layer_norm", {"over": "all"}, (MAP,), MAP,
     {"multiplications": 1056, "additions": 2111, "divisions": 531, "norm_scales": 528, "norm_shifts": 528}),
    ("layer_norm", {"scale": False, "shift": False}, (VECTOR,), VECTOR,
     {"multiplications": 6, "additions": 17, "divisions": 9}),
    ("group_norm", {"groups": 3}, (MAP,), MAP,  # 3 sets of 176
     {"multiplications": 1056, "additions": 2109, "divisions": 537, "norm_scales": 6, "norm_shifts": 6}),
    ("group_norm", {"groups": 4, "shift": False}, (SEQUENCE,), SEQUENCE,  # 4 sets of 15
     {"multiplications": 120, "additions": 176, "divisions": 72, "norm_scales": 12}),
    ("instance_norm", {}, (MAP,), MAP, {"multiplications": 528, "additions": 1578, "divisions": 546}),
    ("instance_norm", {"scale": True, "shift": True}, (SEQUENCE,), SEQUENCE,  # 12 sets of 5
     {"multiplications": 120, "additions": 228, "divisions": 96, "norm_scales": 12, "norm_shifts": 12}),
    # a mean of squares: 60 products, 5 * 11 additions and 5 of epsilon, 5 divisions and 5 roots
    ("rms_norm", {}, (SEQUENCE,), SEQUENCE,
     {"multiplications": 120, "additions": 60, "divisions": 70, "norm_scales": 12}),
    ("rms_norm", {"scale": False}, (VECTOR,), VECTOR, {"multiplications": 6, "additions": 6, "divisions": 8}),
    # for each of 528: 4 additions of squares and one of k; its square, alpha/n, beta; a log and an exp
    ("local_response_norm", {}, (MAP,), MAP,
     {"multiplications": 1584, "additions": 2640, "exponentials": 1056, "divisions": 528}),
    ("local_response_norm", {"size": 2}, (VECTOR,), VECTOR,
     {"multiplications": 18, "additions": 12, "exponentials": 12, "divisions": 6}),
]  # fmt: skip


def _map(s: dict[str, Any]) -> Shape:
    return Shape(s["M"], (s["H"], s["W"]))


def _tokens(s: dict[str, Any]) -> Shape:
    return Shape(s["M"], (s["H"],), True)


TRACED: list[Any] = [
    ("layer_norm", "MH", lambda s: ({}, [_tokens(s)])),
    ("layer_norm", "MHW", lambda s: ({"over": "all", "shift": False}, [_map(s)])),
    ("group_norm", "MgHW", lambda s: ({"groups": s["g"]}, [_map({**s, "M": s["M"] * s["g"]})])),
    ("instance_norm", "MHW", lambda s: ({"scale": True}, [_map(s)])),
    ("rms_norm", "MH", lambda s: ({}, [_tokens(s)])),
    ("local_response_norm", "MkHW", lambda s: ({"size": s["k"]}, [_map(s)])),
]

SAMPLES: dict[str, Any] = {
    "layer_norm": ({}, [Shape(12, (6,), True)]),
    "group_norm": ({"groups": 4}, [Shape(12, (14, 14))]),
    "instance_norm": ({}, [Shape(12, (14, 14))]),
    "rms_norm": ({}, [Shape(12, (6,), True)]),
    "local_response_norm": ({}, [Shape(12, (14, 14))]),
}

TRAITS = {
    "norm": ["layer_norm", "group_norm", "instance_norm", "rms_norm"],
    "in_place": ["layer_norm", "group_norm", "instance_norm", "rms_norm"],
}


def _flags(draw: Draw) -> Given:
    return draw.some(scale=draw.yes(), shift=draw.yes())


@draws("layer_norm")
def _layer(draw: Draw) -> tuple[Given, list[Shape]]:
    return {**_flags(draw), **draw.some(over=draw.pick("features", "features", "all"))}, [draw.any()]


@draws("group_norm")
def _group(draw: Draw) -> tuple[Given, list[Shape]]:
    groups = draw.up_to(4)
    return {**_flags(draw), "groups": groups}, [draw.any().at(groups * draw.up_to(4))]


@draws("instance_norm")
def _instance(draw: Draw) -> tuple[Given, list[Shape]]:
    return _flags(draw), [draw.any()]


@draws("rms_norm")
def _rms(draw: Draw) -> tuple[Given, list[Shape]]:
    return draw.some(scale=draw.yes()), [draw.any()]


@draws("local_response_norm")
def _local(draw: Draw) -> tuple[Given, list[Shape]]:
    return draw.some(size=draw.up_to(7)), [draw.any()]
