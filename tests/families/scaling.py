"""Factors that are given or learned, for each element."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape

MAP, SEQUENCE, VECTOR = Shape(6, (11, 8)), Shape(12, (5,), True), Shape(6)  # 528, 60 and 6 numbers

CASES: list[Any] = [
    ("leaky_relu", {}, (MAP,), MAP, {"comparisons": 528, "multiplications": 528}),
    ("prelu", {}, (MAP,), MAP, {"comparisons": 528, "multiplications": 528, "weights": 6}),
    ("prelu", {"shared": True}, (SEQUENCE,), SEQUENCE, {"comparisons": 60, "multiplications": 60, "weights": 1}),
    ("scale", {}, (SEQUENCE,), SEQUENCE, {"multiplications": 60, "weights": 12}),
    ("scale", {"bias": True}, (VECTOR,), VECTOR, {"multiplications": 6, "weights": 6, "bias_adds": 6, "biases": 6}),
]  # fmt: skip

TRACED: list[Any] = [
    ("leaky_relu", "MHW", lambda s: ({}, [Shape(s["M"], (s["H"], s["W"]))])),
    ("prelu", "MHW", lambda s: ({}, [Shape(s["M"], (s["H"], s["W"]))])),
    ("prelu", "MH", lambda s: ({"shared": True}, [Shape(s["M"], (s["H"],), True)])),
    ("scale", "MHW", lambda s: ({"bias": True}, [Shape(s["M"], (s["H"], s["W"]))])),
]

SAMPLES: dict[str, Any] = {
    "leaky_relu": ({}, [Shape(12, (14, 14))]),
    "prelu": ({}, [Shape(12, (14, 14))]),
    "scale": ({"bias": True}, [Shape(12, (14, 14))]),
}

TRAITS = {"act": ["leaky_relu", "prelu"], "in_place": ["leaky_relu", "prelu", "scale"]}


@draws("leaky_relu")
def _leaky(draw: Draw) -> tuple[Given, list[Shape]]:
    return draw.some(slope=draw.pick(0, 1)), [draw.any()]


@draws("prelu")
def _prelu(draw: Draw) -> tuple[Given, list[Shape]]:
    return draw.some(shared=draw.yes()), [draw.any()]


@draws("scale")
def _scale(draw: Draw) -> tuple[Given, list[Shape]]:
    return draw.some(bias=draw.yes()), [draw.any()]
