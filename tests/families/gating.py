"""Squeeze-and-excitation."""

from __future__ import annotations

from layers import Draw, Given, draws

from costcalc.shape import Shape

MAP, TOKENS = Shape(6, (11, 8)), Shape(12, (5,), True)
FUNCTIONS = ("relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "silu", "tanh", "gelu")

CASES = [
    # means: 6*87 additions and 6 divisions; 6 to 2 and back, 2+6 biases; 2 relu; 6 sigmoid; 528 products
    ("squeeze_excite", {"squeeze": 2}, (MAP,), MAP,
     {"macs": 24, "valid_macs": 24, "weights": 24, "biases": 8, "bias_adds": 8, "additions": 522 + 6,
      "divisions": 6 + 6, "comparisons": 2, "exponentials": 6, "multiplications": 528}),
    # means: 48 additions, 12 divisions; 12 to 5 and back; 5 swish; 12 hard sigmoid; 60 products
    ("squeeze_excite", {"squeeze": 5, "act": "swish", "gate": "hard_sigmoid", "bias": False}, (TOKENS,), TOKENS,
     {"macs": 120, "valid_macs": 120, "weights": 120, "additions": 48 + 5 + 12, "divisions": 12 + 5,
      "exponentials": 5, "comparisons": 24, "multiplications": 5 + 12 + 60}),
    # one position: the mean of one value takes no addition
    ("squeeze_excite", {"squeeze": 1, "act": "gelu", "gate": "tanh"}, (Shape(3, (1, 1)),), Shape(3, (1, 1)),
     {"macs": 6, "valid_macs": 6, "weights": 6, "biases": 4, "bias_adds": 4, "additions": 1 + 6, "divisions": 3 + 3,
      "exponentials": 1 + 3, "multiplications": 3 + 3 + 3}),
]  # fmt: skip
TRAITS = {"workspace": ["squeeze_excite"]}
REQUIRED = [("squeeze_excite", "squeeze")]
VARIETIES = [("squeeze_excite", {"squeeze": 2}, MAP, "", "")]
SAMPLES = {"squeeze_excite": ({"squeeze": 3}, [Shape(12, (14, 14))])}
TRACED = [
    ("squeeze_excite", "MqHW", lambda s: ({"squeeze": s["q"]}, [Shape(s["M"], (s["H"], s["W"]))])),
    ("squeeze_excite", "MqH",
     lambda s: ({"squeeze": s["q"], "act": "gelu", "gate": "hard_sigmoid", "bias": False},
                [Shape(s["M"], (s["H"],), True)])),
]  # fmt: skip


@draws("squeeze_excite")
def _squeeze_excite(draw: Draw) -> tuple[Given, list[Shape]]:
    functions = draw.some(act=draw.pick(*FUNCTIONS), gate=draw.pick(*FUNCTIONS), bias=draw.yes())
    return {"squeeze": draw.up_to(6), **functions}, [draw.pick(draw.map, draw.map, draw.tokens)()]
