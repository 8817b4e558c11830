"""Attention, over sequences and in windows."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape


def tokens(number: Any, features: Any) -> Shape:
    return Shape(features, (number,), True)


SEQUENCE = tokens(5, 12)

CASES: list[Any] = [
    # 4 matrices of 144, each at 5 tokens; twice 5*5 products of 12; 3*25 = 75 scores in 15 rows; 48 biases at 5 tokens
    ("attention", {"heads": 3}, (SEQUENCE,), SEQUENCE,
     {"macs": 2880 + 600, "valid_macs": 3480, "weights": 576, "biases": 48, "bias_adds": 240, "multiplications": 75,
      "comparisons": 60, "additions": 135, "exponentials": 75, "divisions": 75}),
    # 4 heads of 5 features, keys and values in 2 of them: 12*20 and 2*12*10 and 20*7 weights, at 5 tokens; 2*25*20
    ("attention", {"heads": 4, "kv_heads": 2, "head_features": 5, "out": 7, "bias": False, "causal": True}, (SEQUENCE,),
     tokens(5, 7),
     {"macs": 3100 + 1000, "valid_macs": 4100, "weights": 620, "biases": 40, "bias_adds": 200, "multiplications": 100,
      "comparisons": 80, "additions": 180, "exponentials": 100, "divisions": 100}),
    # 5 queries from 12 features, 7 keys and values from 9: 144*5 + 2*108*7 + 144*5, and 2*35*12; 2*35 scores in 10 rows
    ("attention", {"heads": 2, "qkv_bias": False}, (SEQUENCE, tokens(7, 9)), SEQUENCE,
     {"macs": 2952 + 840, "valid_macs": 3792, "weights": 504, "biases": 12, "bias_adds": 60, "multiplications": 70,
      "comparisons": 60, "additions": 130, "exponentials": 70, "divisions": 70}),
    # 5x7 in windows of 3x4: 6x8 = 48 positions, 13 of them padding; 4*36 weights at 48, 2*12*6 products at 48;
    # 2*12*48 scores in 96 rows; 5*7 distances for 2 heads, and 24 biases at 48
    ("window_attention", {"heads": 2, "window": [3, 4]}, (Shape(6, (5, 7)),), Shape(6, (5, 7)),
     {"macs": 6912 + 6912, "valid_macs": 13824 - 3 * 13 * 36, "weights": 144, "biases": 70 + 24,
      "bias_adds": 1152 + 1152, "multiplications": 1152, "comparisons": 1056, "additions": 2208, "exponentials": 1152,
      "divisions": 1152}),
    # 6 tokens in windows of 3, nothing padded
    ("window_attention", {"heads": 1, "window": 3, "relative_positions": False, "bias": False, "qkv_bias": False,
                          "shifted": True}, (tokens(6, 4),), tokens(6, 4),
     {"macs": 384 + 144, "valid_macs": 528, "weights": 64, "multiplications": 18, "comparisons": 12, "additions": 30,
      "exponentials": 18, "divisions": 18}),
]  # fmt: skip


def _heads(s: dict[str, Any]) -> Shape:
    return tokens(s["H"], s["M"] * s["g"])


def _shared(s: dict[str, Any]) -> tuple[Given, list[Shape]]:
    """g heads of keys, m times as many of queries."""
    given = {"heads": s["g"] * s["m"], "kv_heads": s["g"], "head_features": s["k"], "out": s["N"], "bias": False}
    return given, [tokens(s["H"], s["M"])]


def _windows(s: dict[str, Any]) -> tuple[Given, list[Shape]]:
    return {"heads": s["g"], "window": [s["k"], s["p"]]}, [Shape(s["M"] * s["g"], (s["H"], s["W"]))]


TRACED: list[Any] = [
    ("attention", "MgH", lambda s: ({"heads": s["g"]}, [_heads(s)])),
    ("attention", "MgmkNH", _shared),
    ("attention", "MgHNW", lambda s: ({"heads": s["g"]}, [_heads(s), tokens(s["W"], s["N"])])),
    ("window_attention", "MgkpHW", _windows),
    ("window_attention", "MgkH", lambda s: ({"heads": s["g"], "window": s["k"], "shifted": True}, [_heads(s)])),
]

SAMPLES: dict[str, Any] = {
    "attention": ({"heads": 4}, [tokens(6, 12)]),
    "window_attention": ({"heads": 4, "window": 7}, [Shape(12, (14, 14))]),
}

VARIETIES: list[Any] = [
    ("attention", {"heads": 4}, SEQUENCE, "h4", ""),
    ("attention", {"heads": 4, "kv_heads": 2}, SEQUENCE, "h4/2", ""),
    ("window_attention", {"heads": 4, "window": 7}, Shape(12, (14, 14)), "7x7 h4", ""),
]

TRAITS = {"workspace": ["attention", "window_attention"], "own_standard": ["attention", "window_attention"]}


@draws("attention")
def _attention(draw: Draw) -> tuple[Given, list[Shape]]:
    shared, times, each = draw.up_to(2), draw.up_to(3), draw.up_to(3)
    given: Given = {"heads": shared * times, **draw.some(bias=draw.yes(), qkv_bias=draw.yes())}
    x = tokens(draw.up_to(6), shared * times * each)
    if draw.yes():
        given |= draw.some(kv_heads=shared)
    if draw.yes():
        given |= {"head_features": each}
        x = x.at(draw.up_to(5))
    if draw.yes():
        given |= {"out": draw.up_to(7)}
    if draw.yes():
        return given, [x, tokens(draw.up_to(7), draw.up_to(6))]
    return {**given, **draw.some(causal=draw.yes())}, [x]


@draws("window_attention")
def _window(draw: Draw) -> tuple[Given, list[Shape]]:
    heads = draw.up_to(3)
    x = draw.pick(draw.map, draw.tokens)().at(heads * draw.up_to(2))
    flags = draw.some(bias=draw.yes(), qkv_bias=draw.yes(), relative_positions=draw.yes(), shifted=draw.yes())
    window = draw.axes(len(x.spatial), {1: 7, 2: 4, 3: 2}[len(x.spatial)])
    return {"heads": heads, "window": window, **flags}, [x]

REQUIRED = [("attention", "heads"), ("window_attention", "heads"), ("window_attention", "window")]
