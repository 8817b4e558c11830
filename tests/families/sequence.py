"""Tokens: embeddings, learned tokens, to and from maps."""

from __future__ import annotations

from math import prod
from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape


def tokens(number: Any, features: Any) -> Shape:
    return Shape(features, (number,), True)


MAP, SEQUENCE = Shape(6, (11, 8)), tokens(5, 12)

CASES: list[Any] = [
    ("embedding", {"vocabulary": 100, "out": 12}, (tokens(5, 1),), SEQUENCE, {"weights": 1200}),
    ("class_token", {}, (SEQUENCE,), tokens(6, 12), {"weights": 12}),
    ("class_token", {"number": 3}, (SEQUENCE,), tokens(8, 12), {"weights": 36}),
    ("position_embedding", {}, (SEQUENCE,), SEQUENCE, {"weights": 60, "additions": 60}),
    ("position_embedding", {}, (MAP,), MAP, {"weights": 528, "additions": 528}),
    ("select_token", {}, (SEQUENCE,), Shape(12), {}),
    ("select_token", {"token": 5}, (SEQUENCE,), Shape(12), {}),
    ("to_tokens", {}, (MAP,), tokens(88, 6), {}),
    ("to_tokens", {}, (Shape(6, (3, 4, 5)),), tokens(60, 6), {}),
    ("to_map", {"size": [8, 11]}, (tokens(88, 6),), Shape(6, (8, 11)), {}),
    ("to_map", {"size": [88]}, (tokens(88, 6),), Shape(6, (88,)), {}),
]

TRACED: list[Any] = [
    ("embedding", "MNH", lambda s: ({"vocabulary": s["M"], "out": s["N"]}, [tokens(s["H"], 1)])),
    ("class_token", "MHN", lambda s: ({"number": s["N"]}, [tokens(s["H"], s["M"])])),
    ("position_embedding", "MH", lambda s: ({}, [tokens(s["H"], s["M"])])),
    ("position_embedding", "MHW", lambda s: ({}, [Shape(s["M"], (s["H"], s["W"]))])),
    ("select_token", "MH", lambda s: ({"token": 3}, [tokens(s["H"] + 2, s["M"])])),
    ("to_tokens", "MHW", lambda s: ({}, [Shape(s["M"], (s["H"], s["W"]))])),
    ("to_map", "MHW", lambda s: ({"size": [s["H"], s["W"]]}, [tokens(s["H"] * s["W"], s["M"])])),
]

SAMPLES: dict[str, Any] = {
    "embedding": ({"vocabulary": 30, "out": 20}, [tokens(6, 1)]),
    "class_token": ({}, [tokens(6, 12)]),
    "position_embedding": ({}, [tokens(6, 12)]),
    "select_token": ({}, [tokens(6, 12)]),
    "to_tokens": ({}, [Shape(12, (14, 14))]),
    "to_map": ({"size": (3, 2)}, [tokens(6, 12)]),
}

TRAITS = {"view": ["select_token"], "in_place": ["position_embedding"]}


@draws("embedding")
def _embedding(draw: Draw) -> tuple[Given, list[Shape]]:
    return {"vocabulary": draw.up_to(20), "out": draw.up_to(9)}, [draw.tokens().at(1)]


@draws("class_token")
def _class_token(draw: Draw) -> tuple[Given, list[Shape]]:
    return draw.some(number=draw.up_to(4)), [tokens(draw.up_to(25), draw.up_to(25))]


@draws("position_embedding")
def _position(draw: Draw) -> tuple[Given, list[Shape]]:
    return {}, [draw.pick(draw.map(), tokens(draw.up_to(25), draw.up_to(25)))]


@draws("select_token")
def _select(draw: Draw) -> tuple[Given, list[Shape]]:
    x = tokens(draw.up_to(25), draw.up_to(25))
    return draw.some(token=draw.up_to(x.spatial[0])), [x]


@draws("to_tokens")
def _to_tokens(draw: Draw) -> tuple[Given, list[Shape]]:
    return {}, [draw.map()]


@draws("to_map")
def _to_map(draw: Draw) -> tuple[Given, list[Shape]]:
    sizes = draw.sizes(draw.rank())
    return {"size": list(sizes)}, [tokens(prod(sizes), draw.up_to(9))]

REQUIRED = [("embedding", "vocabulary"), ("embedding", "out"), ("to_map", "size")]
