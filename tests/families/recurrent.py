"""LSTM and GRU."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape


def tokens(number: Any, features: Any) -> Shape:
    return Shape(features, (number,), True)


SEQUENCE = tokens(5, 12)

# A sigmoid is an exponential, an addition, a division; a tanh has a multiplication and another addition.
# An LSTM's feature: 5 exponentials, 3 + 4 + 1 additions, 5 divisions, 2 + 3 multiplications.
# A GRU's feature: 3 exponentials, 2 + 2 + 3 additions (one less where the reset gate is first), 3 divisions, 1 + 3
CASES: list[Any] = [
    # 4 gates of 3 features of 12 + 3 inputs: 180; two vectors of 12; 5 tokens of 3 features
    ("lstm", {"hidden": 3}, (SEQUENCE,), tokens(5, 3),
     {"macs": 900, "valid_macs": 900, "weights": 180, "biases": 24, "bias_adds": 120, "exponentials": 75,
      "additions": 120, "divisions": 75, "multiplications": 75}),
    # projected to 2: 12 * (12 + 2) + 6 = 174, then 12 * (4 + 2) + 6 = 78, twice: 504; 4 cells of 12; 60 features
    ("lstm", {"hidden": 3, "projection": 2, "layers": 2, "bidirectional": True, "biases": 1, "output": "last"},
     (SEQUENCE,), Shape(4),
     {"macs": 2520, "valid_macs": 2520, "weights": 504, "biases": 48, "bias_adds": 240, "exponentials": 300,
      "additions": 480, "divisions": 300, "multiplications": 300}),
    ("gru", {"hidden": 3}, (SEQUENCE,), tokens(5, 3),  # 9 * 15
     {"macs": 675, "valid_macs": 675, "weights": 135, "biases": 18, "bias_adds": 90, "exponentials": 45,
      "additions": 105, "divisions": 45, "multiplications": 60}),
    # 9 * 15, then 9 * 6 twice: 243; 45 features
    ("gru", {"hidden": 3, "layers": 3, "biases": 0, "reset_after": False, "output": "last"}, (SEQUENCE,), Shape(3),
     {"macs": 1215, "valid_macs": 1215, "weights": 243, "exponentials": 135, "additions": 270, "divisions": 135,
      "multiplications": 180}),
    # 9 * 15 twice, 9 * (6 + 3) twice: 432; 4 cells of 9, and 60 features
    ("gru", {"hidden": 3, "layers": 2, "bidirectional": True, "biases": 1}, (SEQUENCE,), tokens(5, 6),
     {"macs": 2160, "valid_macs": 2160, "weights": 432, "biases": 36, "bias_adds": 180, "exponentials": 180,
      "additions": 420, "divisions": 180, "multiplications": 240}),
]  # fmt: skip

TRACED: list[Any] = [
    ("lstm", "MNH", lambda s: ({"hidden": s["N"]}, [tokens(s["H"], s["M"])])),
    ("lstm", "MNmWH", lambda s: ({"hidden": s["N"], "layers": s["m"], "projection": s["W"], "bidirectional": True,
                                  "output": "last"}, [tokens(s["H"], s["M"])])),
    ("gru", "MNmH", lambda s: ({"hidden": s["N"], "layers": s["m"], "biases": 1}, [tokens(s["H"], s["M"])])),
    ("gru", "MNH", lambda s: ({"hidden": s["N"], "reset_after": False}, [tokens(s["H"], s["M"])])),
]  # fmt: skip

SAMPLES: dict[str, Any] = {
    "lstm": ({"hidden": 20}, [tokens(6, 12)]),
    "gru": ({"hidden": 20}, [tokens(6, 12)]),
}

VARIETIES: list[Any] = [
    ("lstm", {"hidden": 4}, SEQUENCE, "", ""),
    ("lstm", {"hidden": 4, "bidirectional": True, "layers": 2}, SEQUENCE, "bix2", ""),
    ("gru", {"hidden": 4, "layers": 3}, SEQUENCE, "x3", ""),
]

TRAITS = {"workspace": ["lstm", "gru"]}


def _common(draw: Draw) -> tuple[Given, list[Shape]]:
    given = draw.some(layers=draw.up_to(3), bidirectional=draw.yes(), biases=draw.up_to(2, 0),
                      output=draw.pick("sequence", "last"))  # fmt: skip
    return {"hidden": draw.up_to(4), **given}, [tokens(draw.up_to(5), draw.up_to(6))]


@draws("lstm")
def _lstm(draw: Draw) -> tuple[Given, list[Shape]]:
    given, inputs = _common(draw)
    return {**given, **({"projection": draw.up_to(3)} if draw.yes() else {})}, inputs


@draws("gru")
def _gru(draw: Draw) -> tuple[Given, list[Shape]]:
    given, inputs = _common(draw)
    return {**given, **draw.some(reset_after=draw.yes())}, inputs

REQUIRED = [("lstm", "hidden"), ("gru", "hidden")]
