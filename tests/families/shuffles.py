"""Pixel shuffles: what the tests know of them."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape

CASES: list[Any] = [
    ("pixel_shuffle", {"factor": 3}, (Shape(18, (5, 4)),), Shape(2, (15, 12)), {}),
    ("pixel_shuffle", {"factor": 2}, (Shape(8, (3, 5, 4)),), Shape(1, (6, 10, 8)), {}),
    ("pixel_unshuffle", {"factor": 2}, (Shape(3, (6, 10)),), Shape(12, (3, 5)), {}),
    ("pixel_unshuffle", {"factor": 4}, (Shape(3, (8,)),), Shape(12, (2,)), {}),
]


def _shuffle(s: dict[str, Any]) -> tuple[Given, list[Shape]]:
    factor = s["k"] + 1
    return {"factor": factor}, [Shape(s["M"] * factor * factor, (s["H"], s["W"]))]


def _unshuffle(s: dict[str, Any]) -> tuple[Given, list[Shape]]:
    factor = s["k"] + 1
    return {"factor": factor}, [Shape(s["M"], (s["H"] * factor, s["W"] * factor))]


TRACED: list[Any] = [("pixel_shuffle", "MkHW", _shuffle), ("pixel_unshuffle", "MkHW", _unshuffle)]
SAMPLES: dict[str, Any] = {
    "pixel_shuffle": ({"factor": 2}, [Shape(12, (14, 14))]),
    "pixel_unshuffle": ({"factor": 2}, [Shape(12, (14, 14))]),
}
REQUIRED = [("pixel_shuffle", "factor"), ("pixel_unshuffle", "factor")]
VARIETIES: list[Any] = [
    ("pixel_shuffle", {"factor": 2}, Shape(12, (3, 4)), "x2", ""),
    ("pixel_unshuffle", {"factor": 3}, Shape(12, (3, 6)), "/3", ""),
]


@draws("pixel_shuffle")
def _draw_shuffle(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.map()
    factor = draw.up_to(3 if len(x.spatial) < 3 else 2, least=2)
    return {"factor": factor}, [x.at(factor ** len(x.spatial) * draw.up_to(3))]


@draws("pixel_unshuffle")
def _draw_unshuffle(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.map()
    factor = draw.up_to(3 if len(x.spatial) < 3 else 2, least=2)
    return {"factor": factor}, [Shape(x.channels, tuple(factor * size for size in x.spatial))]
