"""Every kind of layer: shapes and censuses by hand, windows by sliding them, sums by doing them, laws between kinds.

The oracles are written here, in another form than the rules: a window is slid until it leaves the input, a bin is
enumerated, a convolution is looped over. Sizes differ from each other wherever an operation allows it.
"""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import families
import pytest
from building import build, counted
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import costcalc.kinds
from costcalc.census import CLASSES, OPERATIONS, PARAMETERS, Census
from costcalc.kinds import FAMILIES, FOLLOWERS, REGISTRY, SPELLINGS, Attribute, KindError, kind
from costcalc.kinds.base import Layer
from costcalc.kinds.window import padding_of
from costcalc.shape import Shape

F = Fraction  # short, for tables

LAWS = settings(derandomize=True, deadline=None, max_examples=200, database=None)
ACTIVATIONS = ("relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "silu", "tanh", "gelu")


def grid(channels: int, *spatial: int) -> Shape:
    return Shape(channels, spatial)


def tokens(number: int, features: int) -> Shape:
    return Shape(features, (number,), True)


VECTOR, MAP, SEQUENCE = grid(6), grid(6, 11, 8), tokens(5, 12)

# kind, attributes, inputs, output, what is not zero in the census; the arithmetic is in the comments. Where nothing is
# padded, all multiply-accumulates are valid.
CASES: list[tuple[str, dict[str, Any], tuple[Shape, ...], Shape, dict[str, int]]] = [
    # rows (11-3)/2+1 = 5, columns (8-2)/3+1 = 3; 3*2 taps of 6/2 channels are 18 a sum; 10*15 = 150 sums
    ("conv", {"out": 10, "kernel": [3, 2], "stride": [2, 3], "groups": 2, "padding": "valid"}, (MAP,), grid(10, 5, 3),
     {"macs": 18 * 150, "valid_macs": 18 * 150, "weights": 180, "biases": 10, "bias_adds": 150}),
    # same: 7/2 up is 4, 10/2 is 5; 9*5 = 45 a sum, 4*20 = 80 sums; one row is padded on top and one below, one column
    # on the right: the windows see 2+3+3+2 = 10 rows and 3+3+3+3+2 = 14 columns, of 5 channels for 4
    ("conv", {"out": 4, "kernel": 3, "stride": 2, "bias": False}, (grid(5, 7, 10),), grid(4, 4, 5),
     {"macs": 3600, "valid_macs": 2800, "weights": 180}),
    # top 1, bottom 0, left 2, right 1: 12-3+1 = 10, 11-3+1 = 9; seen are 2+9*3 = 29 rows, 1+2+6*3+2 = 23 columns
    ("conv", {"out": 2, "kernel": 3, "padding": [1, 0, 2, 1], "bias": False}, (MAP,), grid(2, 10, 9),
     {"macs": 54 * 180, "valid_macs": 29 * 23 * 12, "weights": 108}),
    # one number for each axis: 11+2-3+1 = 11, 8+4-3+1 = 10; seen are 2+9*3+2 = 31 rows, 1+2+6*3+2+1 = 24 columns
    ("conv", {"out": 2, "kernel": 3, "padding": [1, 2], "bias": False}, (MAP,), grid(2, 11, 10),
     {"macs": 54 * 220, "valid_macs": 31 * 24 * 12, "weights": 108}),
    # dilated to 5 rows and 7 columns: (11-5)/1+1 = 7, (8+2-7)/2+1 = 2; the first of 2 windows looks at columns
    # -1, 2, 5, the second at 1, 4, 7: 5 are seen, and 7*3 rows
    ("conv", {"out": 2, "kernel": 3, "stride": [1, 2], "dilation": [2, 3], "padding": [0, 1], "bias": False}, (MAP,),
     grid(2, 7, 2),
     {"macs": 54 * 28, "valid_macs": 21 * 5 * 12, "weights": 108}),
    # one axis: (13-4)/3+1 = 4; 4 taps of 2 channels; 36 sums
    ("conv", {"out": 9, "kernel": 4, "stride": 3, "groups": 3, "padding": "valid", "bias": False}, (grid(6, 13),),
     grid(9, 4), {"macs": 288, "valid_macs": 288, "weights": 72}),
    # one axis, three before and one after: 13+4-4+1 = 14; seen are 1+2+3+10*4+3 = 49
    ("conv", {"out": 2, "kernel": 4, "padding": [3, 1], "bias": False}, (grid(6, 13),), grid(2, 14),
     {"macs": 24 * 28, "valid_macs": 49 * 12, "weights": 48}),
    # three axes: (5-1)/2+1 = 3, 7-2+1 = 6, 6-3+1 = 4; 6 taps of 2 channels; 6*72 = 432 sums
    ("conv", {"out": 6, "kernel": [1, 2, 3], "stride": [2, 1, 1], "groups": 2, "padding": "valid", "bias": False},
     (grid(4, 5, 7, 6),), grid(6, 3, 6, 4),
     {"macs": 12 * 432, "valid_macs": 12 * 432, "weights": 72}),
    # 6 taps of one channel, 15*15 = 225 sums
    ("depthwise", {"multiplier": 3, "kernel": [3, 2], "stride": [2, 3], "padding": "valid"}, (grid(5, 11, 8),),
     grid(15, 5, 3),
     {"macs": 1350, "valid_macs": 1350, "weights": 90, "biases": 15, "bias_adds": 225}),
    # of 5*9 taps 2+1 at either end are padding
    ("depthwise", {"kernel": 5, "bias": False}, (grid(7, 9),), grid(7, 9),
     {"macs": 5 * 63, "valid_macs": 39 * 7, "weights": 35}),
    ("depthwise", {"kernel": [3, 1, 2], "padding": "valid", "bias": False}, (grid(2, 5, 7, 6),), grid(2, 3, 7, 5),
     {"macs": 6 * 210, "valid_macs": 6 * 210, "weights": 12}),
    # at each of 15 positions 6*10 for 5*2 depthwise sums and 10*7 for the 1x1
    ("separable", {"out": 7, "multiplier": 2, "kernel": [3, 2], "stride": [2, 3], "padding": "valid"},
     (grid(5, 11, 8),), grid(7, 5, 3),
     {"macs": 130 * 15, "valid_macs": 130 * 15, "weights": 130, "biases": 7, "bias_adds": 105}),
    # 3*9 taps of 5 channels, 2 of them padding, and 5*4 at 9 positions
    ("separable", {"out": 4, "kernel": 3, "bias": False}, (grid(5, 9),), grid(4, 9),
     {"macs": 35 * 9, "valid_macs": 25 * 5 + 180, "weights": 35}),
    ("separable", {"out": 4, "kernel": 2, "padding": "valid", "bias": False}, (grid(3, 4, 3, 5),), grid(4, 3, 2, 4),
     {"macs": 36 * 24, "valid_macs": 36 * 24, "weights": 36}),
    ("linear", {"out": 10}, (VECTOR,), grid(10),
     {"macs": 60, "valid_macs": 60, "weights": 60, "biases": 10, "bias_adds": 10}),
    ("linear", {"out": 7}, (SEQUENCE,), tokens(5, 7),
     {"macs": 420, "valid_macs": 420, "weights": 84, "biases": 7, "bias_adds": 35}),
    ("linear", {"out": 7, "bias": False}, (SEQUENCE,), tokens(5, 7), {"macs": 420, "valid_macs": 420, "weights": 84}),
    # rows (11-3)/2+1 = 5, columns (8-2)/3+1 = 3; 6*15 = 90 windows of 6
    ("max_pool", {"kernel": [3, 2], "stride": [2, 3], "padding": "valid"}, (MAP,), grid(6, 5, 3),
     {"comparisons": 90 * 5}),
    # stride 2 as the kernel; same
    ("max_pool", {"kernel": 2}, (grid(3, 7, 5),), grid(3, 4, 3), {"comparisons": 36 * 3}),
    ("avg_pool", {"kernel": [3, 2], "stride": [2, 3], "padding": "valid"}, (MAP,), grid(6, 5, 3),
     {"additions": 90 * 5, "divisions": 90}),
    ("avg_pool", {"kernel": 3, "stride": 2, "padding": 1, "count_include_pad": True}, (grid(4, 10),), grid(4, 5),
     {"additions": 40, "divisions": 20}),
    # ceil: (10-2)/3 up +1 = 4 (the last window starts at 9, in the input); (8-2)/3+1 = 3; (7-2)/3 up + 1 = 3
    ("avg_pool", {"kernel": 2, "stride": 3, "padding": "valid", "ceil_mode": True}, (grid(2, 10, 8, 7),),
     grid(2, 4, 3, 3),
     {"additions": 72 * 7, "divisions": 72}),
    ("max_pool", {"kernel": 2, "stride": 3, "padding": "valid"}, (grid(2, 10, 8, 7),), grid(2, 3, 3, 2),
     {"comparisons": 36 * 7}),
    # (5+2-2)/3 up + 1 = 3, but that window would start at 6-1 = 5, in the padding after the input: 2
    ("max_pool", {"kernel": 2, "stride": 3, "padding": 1, "ceil_mode": True}, (grid(2, 5),), grid(2, 2),
     {"comparisons": 4}),
    # a window of 3 on 2x3, of which a row hangs over the end; the executor and PyTorch have it, too
    ("max_pool", {"kernel": 3, "stride": 2, "padding": "valid", "ceil_mode": True}, (grid(8, 2, 3),), grid(8, 1, 1),
     {"comparisons": 8 * 8}),
    # 11 in 4: 0-3 2-6 5-9 8-11 hold 3+4+4+3 = 14; 8 in 3: 0-3 2-6 5-8 hold 3+4+3 = 10; 6*140 values into 6*12
    ("adaptive_avg_pool", {"out": [4, 3]}, (MAP,), grid(6, 4, 3), {"additions": 840 - 72, "divisions": 72}),
    ("adaptive_max_pool", {"out": [4, 3]}, (MAP,), grid(6, 4, 3), {"comparisons": 840 - 72}),
    # 0-1 0-2 1-2 1-3 2-3: 7 in 5 bins
    ("adaptive_max_pool", {"out": 5}, (grid(2, 3),), grid(2, 5), {"comparisons": 2 * (7 - 5)}),
    ("adaptive_avg_pool", {"out": 2}, (grid(3, 4, 6, 5),), grid(3, 2, 2, 2),
     {"additions": 3 * (4 * 6 * 6 - 8), "divisions": 24}),
    ("global_avg_pool", {}, (MAP,), grid(6), {"additions": 6 * 87, "divisions": 6}),
    ("global_avg_pool", {"keep_axes": True}, (MAP,), grid(6, 1, 1), {"additions": 6 * 87, "divisions": 6}),
    ("global_avg_pool", {}, (SEQUENCE,), grid(12), {"additions": 48, "divisions": 12}),
    ("global_max_pool", {}, (grid(3, 4, 6, 5),), grid(3), {"comparisons": 3 * 119}),
    ("global_max_pool", {"keep_axes": True}, (SEQUENCE,), tokens(1, 12), {"comparisons": 48}),
    ("batch_norm", {}, (MAP,), MAP,
     {"multiplications": 528, "additions": 528, "norm_scales": 6, "norm_shifts": 6, "buffers": 12}),
    ("batch_norm", {"scale": False}, (MAP,), MAP,
     {"multiplications": 528, "additions": 528, "norm_shifts": 6, "buffers": 12}),
    ("batch_norm", {"shift": False}, (VECTOR,), VECTOR,
     {"multiplications": 6, "additions": 6, "norm_scales": 6, "buffers": 12}),
    ("relu", {}, (MAP,), MAP, {"comparisons": 528}),
    ("relu6", {}, (MAP,), MAP, {"comparisons": 1056}),
    ("sigmoid", {}, (VECTOR,), VECTOR, {"exponentials": 6, "additions": 6, "divisions": 6}),
    ("hard_sigmoid", {}, (VECTOR,), VECTOR, {"additions": 6, "comparisons": 12, "multiplications": 6}),
    ("hard_swish", {}, (VECTOR,), VECTOR, {"additions": 6, "comparisons": 12, "multiplications": 12}),
    ("swish", {}, (VECTOR,), VECTOR, {"exponentials": 6, "additions": 6, "divisions": 6, "multiplications": 6}),
    ("silu", {}, (SEQUENCE,), SEQUENCE, {"exponentials": 60, "additions": 60, "divisions": 60, "multiplications": 60}),
    ("tanh", {}, (VECTOR,), VECTOR, {"multiplications": 6, "exponentials": 6, "additions": 12, "divisions": 6}),
    ("gelu", {}, (VECTOR,), VECTOR, {"multiplications": 18, "exponentials": 6, "additions": 6}),
    ("gelu", {"approximate": "tanh"}, (VECTOR,), VECTOR,
     {"multiplications": 42, "exponentials": 6, "additions": 24, "divisions": 6}),
    # over 6 channels at 88 positions; over 12 features at 5 tokens
    ("softmax", {}, (MAP,), MAP,
     {"comparisons": 5 * 88, "additions": (6 + 5) * 88, "exponentials": 528, "divisions": 528}),
    ("softmax", {}, (SEQUENCE,), SEQUENCE, {"comparisons": 55, "additions": 115, "exponentials": 60, "divisions": 60}),
    ("add", {}, (MAP, MAP, MAP), MAP, {"additions": 1056}),
    ("add", {}, (SEQUENCE, SEQUENCE), SEQUENCE, {"additions": 60}),
    ("mul", {}, (MAP, MAP), MAP, {"multiplications": 528}),
    ("mul", {}, (MAP, VECTOR), MAP, {"multiplications": 528}),
    ("mul", {}, (VECTOR, MAP), MAP, {"multiplications": 528}),
    ("mul", {}, (MAP, grid(6, 1, 1), VECTOR), MAP, {"multiplications": 1056}),
    ("mul", {}, (grid(12), SEQUENCE), SEQUENCE, {"multiplications": 60}),
    ("mul", {}, (VECTOR, VECTOR), VECTOR, {"multiplications": 6}),
    ("concat", {}, (MAP, grid(4, 11, 8), MAP), grid(16, 11, 8), {}),
    ("concat", {}, (SEQUENCE, tokens(5, 7)), tokens(5, 19), {}),
    ("concat", {}, (VECTOR, grid(7)), grid(13), {}),
    ("split", {"parts": 3, "part": 2}, (MAP,), grid(2, 11, 8), {}),
    ("split", {"sizes": [1, 5], "part": 2}, (MAP,), grid(5, 11, 8), {}),
    ("split", {"sizes": [6], "part": 1}, (MAP,), MAP, {}),
    ("split", {"parts": 4, "part": 4}, (SEQUENCE,), tokens(5, 3), {}),
    ("channel_shuffle", {"groups": 3}, (MAP,), MAP, {}),
    ("flatten", {}, (MAP,), grid(528), {}),
    ("flatten", {}, (SEQUENCE,), grid(60), {}),
    ("reshape", {"to": [4, 11, 12]}, (MAP,), grid(4, 11, 12), {}),
    ("reshape", {"to": [528]}, (MAP,), grid(528), {}),
    ("reshape", {"to": [2, 3, 8, 11]}, (MAP,), grid(2, 3, 8, 11), {}),
    ("reshape", {"tokens": 88}, (MAP,), tokens(88, 6), {}),
    ("dropout", {"rate": F(1, 5)}, (MAP,), MAP, {}),
    ("dropout", {}, (SEQUENCE,), SEQUENCE, {}),
    ("upsample", {"scale": [2, 3]}, (MAP,), grid(6, 22, 24), {}),
    ("upsample", {"size": [13, 9]}, (MAP,), grid(6, 13, 9), {}),
    ("upsample", {"scale": 2, "mode": "linear"}, (grid(3, 5),), grid(3, 10), {"multiplications": 60, "additions": 30}),
    ("upsample", {"scale": [2, 1], "mode": "bilinear"}, (grid(3, 5, 7),), grid(3, 10, 7),
     {"multiplications": 840, "additions": 630}),
    ("upsample", {"size": [2, 3, 5], "mode": "trilinear"}, (grid(2, 2, 2, 4),), grid(2, 2, 3, 5),
     {"multiplications": 480, "additions": 420}),
]  # fmt: skip
CASES += families.rows("CASES")


def ident(case: Any) -> str:
    return f"{case[0]} {case[1]}"


@pytest.mark.parametrize("case", CASES, ids=ident)
def test_by_hand(case: tuple[str, dict[str, Any], tuple[Shape, ...], Shape, dict[str, int]]) -> None:
    name, attributes, inputs, expected, classes = case
    output, census = counted(name, *inputs, **attributes)
    assert output == expected
    assert {c: getattr(census, c) for c in CLASSES if getattr(census, c)} == classes
    assert all(type(getattr(census, c)) is int for c in CLASSES)
    assert census.params == sum(classes.get(role, 0) for role in ("weights", "biases", "norm_scales", "norm_shifts"))


def test_no_kind_is_left_out() -> None:
    assert {case[0] for case in CASES} | {"opaque"} == set(REGISTRY)


def test_an_opaque_operation_has_a_shape_and_no_count() -> None:
    layer = build("opaque", op="NonMaxSuppression")
    assert layer.infer([MAP]) == MAP and layer.count([MAP], MAP) is None
    layer = build("opaque", op="NonMaxSuppression", to=[100, 5])
    assert layer.infer([MAP]) == grid(100, 5) and layer.variety(MAP) == "NonMaxSuppression"


def test_where_outputs_lie() -> None:
    storage = {name: cls.storage for name, cls in REGISTRY.items()}
    assert {name for name, where in storage.items() if where == "view"} == {
        "split", "flatten", "reshape", "dropout", *families.having("view")
    }  # fmt: skip
    assert {name for name, where in storage.items() if where == "in_place"} == {
        "batch_norm", "softmax", *ACTIVATIONS, *families.having("in_place")
    }  # fmt: skip
    assert {name for name, cls in REGISTRY.items() if cls.joins} == {"add", "mul", "concat", *families.having("joins")}
    assert {name for name, cls in REGISTRY.items() if cls.followers} == {
        "conv", "depthwise", "separable", "linear", *families.having("followers")
    }  # fmt: skip
    assert {role: set(names) for role, names in FOLLOWERS.items()} == {
        "norm": {"batch_norm", *families.having("norm")},
        "act": {"softmax", *ACTIVATIONS, *families.having("act")},
    }


LINE, BOX = grid(6, 9), grid(6, 5, 7, 4)


@pytest.mark.parametrize(("name", "attributes", "x", "variety", "step"), [
    ("conv", {"out": 4}, MAP, "3x3", ""), ("conv", {"out": 4, "kernel": [3, 1], "stride": 2}, MAP, "3x1", "/2"),
    ("conv", {"out": 4, "groups": 2, "stride": [1, 2]}, MAP, "3x3 g2", "/1x2"),
    ("conv", {"out": 4}, LINE, "3", ""), ("conv", {"out": 4, "groups": 3}, BOX, "3x3x3 g3", ""),
    ("depthwise", {"kernel": 5, "stride": [2, 2]}, MAP, "5x5", "/2"), ("depthwise", {}, LINE, "3", ""),
    ("separable", {"out": 4}, MAP, "3x3", ""), ("max_pool", {"kernel": 2}, MAP, "2x2", "/2"),
    ("max_pool", {"kernel": 2}, BOX, "2x2x2", "/2"), ("avg_pool", {"kernel": 3, "stride": 1}, MAP, "3x3", ""),
    ("adaptive_avg_pool", {"out": [7, 5]}, MAP, "to 7x5", ""), ("adaptive_avg_pool", {"out": 4}, LINE, "to 4", ""),
    ("upsample", {"scale": 2}, MAP, "x2", ""), ("upsample", {"size": [7, 5]}, MAP, "to 7x5", ""),
    ("upsample", {"size": 7}, LINE, "to 7", ""), ("relu", {}, MAP, "", ""), ("linear", {"out": 3}, VECTOR, "", ""),
    *families.rows("VARIETIES"),
])  # fmt: skip
def test_how_tables_tell_layers_apart(name: str, attributes: dict[str, Any], x: Shape, variety: str, step: str) -> None:
    layer = build(name, **attributes)
    assert (layer.variety(x), layer.step()) == (variety, step)


def test_workspace() -> None:
    """The separable pair keeps something between its two steps: 5*2 channels at 5*3 positions."""
    layer = build("separable", out=7, multiplier=2, kernel=[3, 2], stride=[2, 3], padding="valid")
    assert layer.workspace([grid(5, 11, 8)], grid(7, 5, 3)) == 150
    for name, attributes, inputs, output, _ in CASES:
        if name not in ("separable", *families.having("workspace")):
            assert build(name, **attributes).workspace(inputs, output) == 0


# -- the definitions of the activations, executed once with every operation tallied -----------------------------------


class Tally:
    """Arithmetic on floats that counts what it does."""

    def __init__(self) -> None:
        self.done = dict.fromkeys(OPERATIONS, 0)

    def _did(self, name: str, value: float) -> float:
        self.done[name] += 1
        return value

    def add(self, a: float, b: float) -> float:
        return self._did("additions", a + b)

    def mul(self, a: float, b: float) -> float:
        return self._did("multiplications", a * b)

    def div(self, a: float, b: float) -> float:
        return self._did("divisions", a / b)

    def max(self, a: float, b: float) -> float:
        return self._did("comparisons", max(a, b))

    def min(self, a: float, b: float) -> float:
        return self._did("comparisons", min(a, b))

    def exp(self, a: float) -> float:
        return self._did("exponentials", math.exp(a))

    def erf(self, a: float) -> float:
        return self._did("exponentials", math.erf(a))

    def sigmoid(self, x: float) -> float:
        return self.div(1, self.add(1, self.exp(-x)))

    def relu6(self, x: float) -> float:
        return self.min(self.max(x, 0), 6)

    def tanh(self, x: float) -> float:
        e = self.exp(self.mul(2, x))
        return self.div(self.add(e, -1), self.add(e, 1))

    def gelu_tanh(self, x: float) -> float:
        cubic = self.mul(0.044715, self.mul(self.mul(x, x), x))
        inner = self.mul(math.sqrt(2 / math.pi), self.add(x, cubic))
        return self.mul(self.mul(0.5, x), self.add(1, self.tanh(inner)))


def plain_sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


DEFINITIONS: list[tuple[str, dict[str, Any], Callable[[Tally, float], float], Callable[[float], float]]] = [
    ("relu", {}, lambda t, x: t.max(x, 0), lambda x: (x + abs(x)) / 2),
    ("relu6", {}, Tally.relu6, lambda x: sorted([0, x, 6])[1]),
    ("sigmoid", {}, Tally.sigmoid, plain_sigmoid),
    ("hard_sigmoid", {}, lambda t, x: t.mul(t.relu6(t.add(x, 3)), 1 / 6),
     lambda x: 0 if x < -3 else 1 if x > 3 else (x + 3) / 6),
    ("hard_swish", {}, lambda t, x: t.mul(x, t.mul(t.relu6(t.add(x, 3)), 1 / 6)),
     lambda x: 0 if x < -3 else x if x > 3 else x * (x + 3) / 6),
    ("swish", {}, lambda t, x: t.mul(x, t.sigmoid(x)), lambda x: x * plain_sigmoid(x)),
    ("silu", {}, lambda t, x: t.mul(x, t.sigmoid(x)), lambda x: x * plain_sigmoid(x)),
    ("tanh", {}, Tally.tanh, math.tanh),
    ("gelu", {}, lambda t, x: t.mul(t.mul(x, 0.5), t.add(1, t.erf(t.mul(x, math.sqrt(0.5))))),
     lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2),
    ("gelu", {"approximate": "tanh"}, Tally.gelu_tanh,
     lambda x: x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
]  # fmt: skip


@pytest.mark.parametrize("case", DEFINITIONS, ids=ident)
def test_activations_do_what_their_census_says(
    case: tuple[str, dict[str, Any], Callable[[Tally, float], float], Callable[[float], float]],
) -> None:
    name, attributes, definition, function = case
    tally = Tally()
    for x in (-4.5, -1.25, 0.5, 2.0, 7.5):
        assert definition(tally, x) == pytest.approx(function(x))
    _, census = counted(name, grid(5), **attributes)
    assert {c: getattr(census, c) for c in OPERATIONS} == tally.done
    assert census.params == census.buffers == 0


def test_every_activation_has_a_definition() -> None:
    assert {case[0] for case in DEFINITIONS} == set(ACTIVATIONS)


@pytest.mark.parametrize("x", [grid(3, 2, 4), tokens(4, 3), grid(7), grid(1, 5)], ids=str)
def test_softmax_executed(x: Shape) -> None:
    """At each position: the maximum, the differences, the exponentials, their sum, the quotients."""
    tally = Tally()
    for position in range(int(x.positions)):
        values = [math.sin(1 + position + 2 * channel) for channel in range(x.channels)]
        top = values[0]
        for value in values[1:]:
            top = tally.max(top, value)
        powers = [tally.exp(tally.add(value, -top)) for value in values]
        whole = powers[0]
        for power in powers[1:]:
            whole = tally.add(whole, power)
        assert math.isclose(sum(tally.div(power, whole) for power in powers), 1)
    _, census = counted("softmax", x)
    assert {c: getattr(census, c) for c in OPERATIONS} == tally.done


# -- windows, slid ----------------------------------------------------------------------------------------------------


def slide(size: int, window: int, stride: int, before: int, after: int, ceil_mode: bool = False) -> list[int]:
    """Where windows start: from the padding before, until one would leave the padded input.

    With `ceil_mode` one more follows where elements are left over, unless it would start in the padding after; on an
    input smaller than the window it is the only one, if less than a stride of it is beyond the end.
    """
    starts = []
    start = -before
    while start + window <= size + after:
        starts.append(start)
        start += stride
    left_over = start + window - (size + after) < stride
    if ceil_mode and left_over and start < size:
        starts.append(start)
    return starts


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """The least padding with which a window starts at every `stride`-th element; an odd one after."""
    outputs = len(range(0, size, stride))
    total = next(p for p in itertools.count() if len(slide(size + p, window, stride, 0, 0)) >= outputs)
    return total // 2, total - total // 2


def padded(axis: dict[str, Any], padding: str) -> tuple[int, int]:
    window = (axis["kernel"] - 1) * axis["dilation"] + 1
    return (
        same_padding(axis["size"], window, axis["stride"])
        if padding == "same"
        else (0, 0)
        if padding == "valid"
        else axis["pad"]
    )


axes = st.fixed_dictionaries({
    "size": st.integers(1, 9), "kernel": st.integers(1, 4), "stride": st.integers(1, 4), "dilation": st.integers(1, 3),
    "pad": st.tuples(st.integers(0, 4), st.integers(0, 4)),
})  # fmt: skip
paddings = st.sampled_from(["same", "valid", "given"])


def geometry(axes_: list[dict[str, Any]], padding: str) -> dict[str, Any]:
    """The attributes of a convolution with these axes."""
    explicit = [side for axis in axes_ for side in axis["pad"]]
    return {
        **{name: [axis[name] for axis in axes_] for name in ("kernel", "stride", "dilation")},
        "padding": explicit if padding == "given" else padding,
    }


def starts_of(axes_: list[dict[str, Any]], padding: str) -> list[list[int]]:
    return [slide(a["size"], (a["kernel"] - 1) * a["dilation"] + 1, a["stride"], *padded(a, padding)) for a in axes_]


@settings(LAWS, max_examples=400)
@given(st.lists(axes, min_size=1, max_size=3), paddings, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_convolutions_looped_over(
    axes_: list[dict[str, Any]], padding: str, groups: int, inside: int, outside: int
) -> None:
    """Every output, every tap, every channel of its group: products are macs, distinct weights are weights.

    A product is valid where its tap lies on the input.
    """
    starts = starts_of(axes_, padding)
    x = grid(groups * inside, *(axis["size"] for axis in axes_))
    given_ = {"out": groups * outside, "groups": groups, **geometry(axes_, padding)}
    if not all(starts):
        with pytest.raises(KindError, match="the kernel covers"):
            counted("conv", x, **given_)
        return
    assume(math.prod(map(len, starts)) * math.prod(a["kernel"] for a in axes_) * groups * inside * outside < 4000)
    output, census = counted("conv", x, **given_)
    products, valid, weights, outputs = 0, 0, set(), set()
    for channel, position in itertools.product(range(groups * outside), itertools.product(*starts)):
        outputs.add((channel, position))
        group = channel // outside
        for source in range(groups * inside):
            if source // inside != group:
                continue
            for tap in itertools.product(*(range(axis["kernel"]) for axis in axes_)):
                products += 1
                places = [s + t * axis["dilation"] for s, t, axis in zip(position, tap, axes_, strict=True)]
                valid += all(0 <= place < axis["size"] for place, axis in zip(places, axes_, strict=True))
                weights.add((channel, source, tap))
    assert output == grid(groups * outside, *map(len, starts))
    assert (census.macs, census.valid_macs, census.weights, census.biases, census.bias_adds) == (
        products,
        valid,
        len(weights),
        groups * outside,
        len(outputs),
    )


@settings(LAWS, max_examples=400)
@given(st.lists(axes, min_size=1, max_size=3), paddings, st.booleans(), st.sampled_from(["max_pool", "avg_pool"]))
def test_pools_slid(axes_: list[dict[str, Any]], padding: str, ceil_mode: bool, name: str) -> None:
    """Every window is started where the definition allows it, and reduced value by value."""
    axes_ = [{**axis, "dilation": 1} for axis in axes_]
    given_ = {**geometry(axes_, padding), "ceil_mode": ceil_mode}
    del given_["dilation"]
    x = grid(2, *(axis["size"] for axis in axes_))
    if padding == "given" and any(max(axis["pad"]) >= axis["kernel"] for axis in axes_):
        with pytest.raises(KindError, match="would lie in the padding"):
            counted(name, x, **given_)
        return
    starts = [
        slide(a["size"], a["kernel"], a["stride"], *padded(a, padding), ceil_mode and padding != "same") for a in axes_
    ]
    if not all(starts):
        with pytest.raises(KindError, match="the kernel covers"):
            counted(name, x, **given_)
        return
    output, census = counted(name, x, **given_)
    assert output == grid(2, *map(len, starts))
    for line, axis in zip(starts, axes_, strict=True):  # no window lies in the padding alone
        assert all(start < axis["size"] and start + axis["kernel"] > 0 for start in line)
    reductions = sum(math.prod(a["kernel"] for a in axes_) - 1 for _ in itertools.product(*starts)) * 2
    windows = 2 * math.prod(map(len, starts))
    assert (census.comparisons, census.additions, census.divisions) == (
        (reductions, 0, 0) if name == "max_pool" else (0, reductions, windows)
    )


@LAWS
@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 7))
def test_same_padding_by_search(size: int, window: int, stride: int) -> None:
    """As many outputs as there are multiples of the stride in the input, with the least padding that gives them."""
    assert padding_of("same", size, window, stride, 0, 1) == same_padding(size, window, stride)
    output, _ = counted("conv", grid(1, size), out=1, kernel=window, stride=stride)
    assert output.spatial == (len(range(0, size, stride)),)
    if len(slide(size, window, stride, *same_padding(size, window, stride))) == len(range(0, size, stride)):
        explicit, _ = counted(
            "conv", grid(1, size), out=1, kernel=window, stride=stride, padding=list(same_padding(size, window, stride))
        )
        assert explicit == output


@LAWS
@given(
    st.lists(st.tuples(st.integers(1, 14), st.integers(1, 14)), min_size=1, max_size=3),
    st.sampled_from(["adaptive_max_pool", "adaptive_avg_pool"]),
)
def test_adaptive_bins_enumerated(sizes: list[tuple[int, int]], name: str) -> None:
    """Bin i of O covers every element that i*L/O to (i+1)*L/O touches."""
    lines = [
        [sum(1 for e in range(size) if e + 1 > F(i * size, bins) and e < F((i + 1) * size, bins)) for i in range(bins)]
        for size, bins in sizes
    ]
    output, census = counted(name, grid(2, *(size for size, _ in sizes)), out=[bins for _, bins in sizes])
    assert output == grid(2, *(bins for _, bins in sizes))
    reductions = 2 * sum(math.prod(bin_) - 1 for bin_ in itertools.product(*lines))
    windows = 2 * math.prod(bins for _, bins in sizes)
    assert (census.comparisons, census.additions, census.divisions) == (
        (reductions, 0, 0) if "max" in name else (0, reductions, windows)
    )


def test_known_output_sizes() -> None:
    """From papers and PyTorch: AlexNet's 55, ResNet's 112 and 56, VGG's 224, GoogLeNet's ceil pools."""
    assert counted("conv", grid(3, 227, 227), out=96, kernel=11, stride=4, padding="valid")[0].spatial == (55, 55)
    assert counted("conv", grid(3, 224, 224), out=96, kernel=11, stride=4, padding=2)[0].spatial == (55, 55)
    assert counted("conv", grid(3, 224, 224), out=64, kernel=7, stride=2, padding=3)[0].spatial == (112, 112)
    assert counted("max_pool", grid(64, 112, 112), kernel=3, stride=2, padding=1)[0].spatial == (56, 56)
    assert counted("conv", grid(3, 224, 224), out=64, kernel=3)[0].spatial == (224, 224)
    assert counted("max_pool", grid(64, 112, 112), kernel=3, stride=2, padding="valid", ceil_mode=True)[0].spatial == (
        56,
        56,
    )
    assert counted("max_pool", grid(64, 112, 112), kernel=3, stride=2, padding="valid")[0].spatial == (55, 55)
    assert counted("avg_pool", grid(1, 4), kernel=2, stride=4, padding=1, ceil_mode=True)[0].spatial == (2,)
    assert counted("max_pool", grid(1, 1), kernel=2, stride=2, padding=1, ceil_mode=True)[0].spatial == (1,)


def test_known_costs() -> None:
    """MobileNet V1, table 3: at 14*14, 512 to 512 channels, a convolution has 462 M, the separable pair 52.3 M."""
    x = grid(512, 14, 14)
    standard, separable = counted("conv", x, out=512, bias=False)[1], counted("separable", x, out=512, bias=False)[1]
    assert (standard.macs, standard.weights) == (462422016, 2359296)
    assert (separable.macs, separable.weights) == (52283392, 266752)
    assert counted("linear", grid(1024), out=1000)[1].params == 1025000


# -- laws -------------------------------------------------------------------------------------------------------------

maps = st.builds(
    lambda c, spatial: Shape(c, tuple(spatial)),
    st.integers(1, 12),
    st.lists(st.integers(1, 30), min_size=1, max_size=3),
)
windows = st.fixed_dictionaries(
    {
        "kernel": st.integers(1, 5),
        "stride": st.integers(1, 3),
        "padding": st.sampled_from(["same", 4]),
        "dilation": st.integers(1, 2),
    }
)


@LAWS
@given(maps, windows, st.integers(1, 4), st.booleans())
def test_depthwise_is_a_convolution_with_a_group_for_each_channel(
    x: Shape, window: dict[str, Any], multiplier: int, bias: bool
) -> None:
    ours = counted("depthwise", x, multiplier=multiplier, bias=bias, **window)
    assert ours == counted("conv", x, out=x.channels * multiplier, groups=x.channels, bias=bias, **window)


@LAWS
@given(maps, windows, st.integers(1, 12), st.integers(1, 4))
def test_separable_is_depthwise_then_pointwise(x: Shape, window: dict[str, Any], out: int, multiplier: int) -> None:
    middle, first = counted("depthwise", x, multiplier=multiplier, bias=False, **window)
    y, second = counted("conv", middle, out=out, kernel=1)
    assert counted("separable", x, out=out, multiplier=multiplier, **window) == (y, first + second)
    assert build("separable", out=out, multiplier=multiplier, **window).workspace([x], y) == middle.size


@LAWS
@given(maps, windows, st.integers(1, 12))
def test_the_ratio_of_separable_to_standard(x: Shape, window: dict[str, Any], out: int) -> None:
    """1/N + 1/k^2, whatever M, the resolution and the stride; on a map of rank r, k^r."""
    standard, separable = (counted(name, x, out=out, bias=False, **window)[1] for name in ("conv", "separable"))
    expected = F(1, out) + F(1, window["kernel"] ** len(x.spatial))
    assert F(separable.macs, standard.macs) == F(separable.weights, standard.weights) == expected


@LAWS
@given(maps, windows, st.integers(1, 6), st.integers(1, 6))
def test_groups_divide_the_cost(x: Shape, window: dict[str, Any], groups: int, out: int) -> None:
    x = x.at(x.channels * groups)
    (y, dense), (z, grouped) = (counted("conv", x, out=out * groups, groups=g, **window) for g in (1, groups))
    assert y == z
    assert (grouped.macs * groups, grouped.weights * groups) == (dense.macs, dense.weights)
    assert grouped.valid_macs * groups == dense.valid_macs <= dense.macs
    assert (grouped.biases, grouped.bias_adds) == (dense.biases, dense.bias_adds)


@LAWS
@given(maps, st.integers(1, 5), st.integers(1, 3), st.integers(1, 5))
def test_dilation_costs_nothing_at_the_same_padding(x: Shape, kernel_: int, stride: int, dilation: int) -> None:
    for name in ("conv", "depthwise", "separable"):
        out = {} if name == "depthwise" else {"out": 7}
        (y, plain), (z, dilated) = (
            counted(name, x, kernel=kernel_, stride=stride, dilation=d, **out) for d in (1, dilation)
        )
        assert y == z
        assert plain._replace(valid_macs=0) == dilated._replace(valid_macs=0), "only what lies on padding is moved"


@LAWS
@given(maps, windows, st.integers(1, 12))
def test_axes_are_alike(x: Shape, window: dict[str, Any], out: int) -> None:
    """Turning the map turns the output, and costs the same."""
    turned = Shape(x.channels, x.spatial[::-1])
    (y, census), (z, other) = (counted("conv", map_, out=out, **window) for map_ in (x, turned))
    assert z.spatial == y.spatial[::-1] and census == other


@LAWS
@given(maps, st.integers(1, 12))
def test_a_pointwise_convolution_is_a_linear_layer_at_every_position(x: Shape, out: int) -> None:
    y, census = counted("conv", x, out=out, kernel=1)
    sequence, other = counted("linear", Shape(x.channels, (x.positions,), True), out=out)
    assert census == other and (y.channels, y.positions) == (sequence.channels, sequence.positions)


@LAWS
@given(maps, st.integers(1, 12))
def test_a_convolution_over_the_whole_map_is_a_linear_layer_of_it(x: Shape, out: int) -> None:
    y, census = counted("conv", x, out=out, kernel=list(x.spatial), padding="valid")
    vector, other = counted("linear", counted("flatten", x)[0], out=out)
    assert census == other and y.size == vector.size == out


@LAWS
@given(maps, st.sampled_from(["max", "avg"]))
def test_global_pools_are_adaptive_to_one_and_windows_of_the_whole_map(x: Shape, which: str) -> None:
    y, census = counted(f"global_{which}_pool", x, keep_axes=True)
    assert counted(f"adaptive_{which}_pool", x, out=1) == (y, census)
    assert counted(f"{which}_pool", x, kernel=list(x.spatial), padding="valid") == (y, census)
    assert counted(f"global_{which}_pool", x) == (Shape(x.channels), census)


@LAWS
@given(maps, st.integers(1, 5))
def test_adaptive_pools_whose_bins_divide_the_map_are_plain_windows(x: Shape, kernel_: int) -> None:
    x = Shape(x.channels, tuple(size * kernel_ for size in x.spatial))
    assert counted("max_pool", x, kernel=kernel_) == counted(
        "adaptive_max_pool", x, out=[size // kernel_ for size in x.spatial]
    )


@LAWS
@given(maps, st.integers(1, 5), st.integers(1, 5), st.integers(0, 2))
def test_rounding_up_adds_at_most_one_window(x: Shape, kernel_: int, stride: int, padding: int) -> None:
    assume(padding < kernel_ and all(size + 2 * padding >= kernel_ for size in x.spatial))
    floor, ceil = (
        counted("max_pool", x, kernel=kernel_, stride=stride, padding=padding, ceil_mode=mode)[0].spatial
        for mode in (False, True)
    )
    assert all(c - f in (0, 1) for f, c in zip(floor, ceil, strict=True))


@LAWS
@given(maps, st.integers(1, 6))
def test_what_is_split_is_concatenated_again(x: Shape, parts: int) -> None:
    x = x.at(x.channels * (parts + 1))
    pieces = [counted("split", x, parts=parts + 1, part=i + 1)[0] for i in range(parts + 1)]
    assert counted("concat", *pieces) == (x, Census())
    sizes = [1, x.channels - 1] if x.channels > 1 else [1]
    pieces = [counted("split", x, sizes=sizes, part=i + 1)[0] for i in range(len(sizes))]
    assert counted("concat", *pieces, Shape(3, x.spatial))[0] == x.at(x.channels + 3)


@pytest.mark.parametrize("case", CASES, ids=ident)
def test_a_batch_multiplies_operations_and_no_parameters(
    case: tuple[str, dict[str, Any], tuple[Shape, ...], Shape, dict[str, int]],
) -> None:
    name, attributes, inputs, _, classes = case
    _, census = counted(name, *inputs, **attributes)
    double = census.for_batch(2)
    for c in CLASSES:
        assert getattr(double, c) == classes.get(c, 0) * (2 if c in OPERATIONS else 1)
    assert double.params == census.params


def test_census() -> None:
    one = Census(*range(1, 14))
    assert OPERATIONS == (
        "macs",
        "valid_macs",
        "bias_adds",
        "multiplications",
        "additions",
        "comparisons",
        "divisions",
        "exponentials",
    )
    assert (
        PARAMETERS == ("weights", "biases", "norm_scales", "norm_shifts")
        and (*OPERATIONS, *PARAMETERS, "buffers") == CLASSES
    )
    assert one.params == 9 + 10 + 11 + 12
    assert one + Census(macs=5, buffers=7) == Census(6, *range(2, 13), 20)
    assert one.for_batch(3) == Census(3, 6, 9, 12, 15, 18, 21, 24, 9, 10, 11, 12, 13)


def test_shape() -> None:
    assert (MAP.positions, MAP.size, MAP.dims, str(MAP)) == (88, 528, (6, 11, 8), "6x11x8")
    assert (SEQUENCE.positions, SEQUENCE.size, SEQUENCE.dims, str(SEQUENCE)) == (5, 60, (5, 12), "5x12")
    assert (VECTOR.positions, VECTOR.size, VECTOR.dims, str(VECTOR)) == (1, 6, (6,), "6")
    assert MAP.named == {"channels": 6, "height": 11, "width": 8}
    assert grid(2, 3).named == {"channels": 2, "length": 3} and VECTOR.named == {"channels": 6}
    assert grid(2, 3, 4, 5).named == {"channels": 2, "depth": 3, "height": 4, "width": 5}
    assert SEQUENCE.named == {"tokens": 5, "features": 12}
    assert MAP.at(2) == grid(2, 11, 8) and SEQUENCE.at(2) == tokens(5, 2) and grid(12, 5) != SEQUENCE


# -- layers that cannot be --------------------------------------------------------------------------------------------

SLIDES = "it slides a window along height, width, ..."
SMALLER = "use a smaller kernel, more padding or `padding: same`"
ERRORS: list[tuple[str, dict[str, Any], tuple[Shape, ...], str, str | None, str | None]] = [
    ("relu", {}, (MAP, MAP), "`relu` takes one input, not 2", "from", None),
    ("conv", {"out": 2}, (), "`conv` takes one input, not 0", "from", None),
    *((name, {}, (MAP,), f"`{name}` takes two or more inputs, not 1", None,
     "give it branches, or `from: [a, b]`") for name in ("add", "mul", "concat")),
    *((name, given_, (x,), f"`{name}` needs a feature map, and its input is {what}", None, SLIDES)
      for name, given_ in (("conv", {"out": 2}), ("depthwise", {}), ("separable", {"out": 2}),
       ("max_pool", {"kernel": 2}), ("avg_pool", {"kernel": 2}),
                           ("adaptive_avg_pool", {"out": 2}), ("adaptive_max_pool", {"out": 2}),
                           ("upsample", {"scale": 2}))
      for x, what in ((VECTOR, "a vector (6)"), (SEQUENCE, "a sequence of tokens (5x12)"))),
    ("conv", {"out": 2, "kernel": [3, 1]}, (grid(6, 13),), "`kernel` has 2 values for 1 axes", "kernel",
     "the input has 1 (length)"),
    ("conv", {"out": 2, "stride": [1, 1, 1]}, (MAP,), "`stride` has 3 values for 2 axes", "stride",
     "the input has 2 (height, width)"),
    ("depthwise", {"dilation": [2]}, (MAP,), "`dilation` has 1 values for 2 axes", "dilation",
     "the input has 2 (height, width)"),
    ("max_pool", {"kernel": 2, "stride": [2]}, (MAP,), "`stride` has 1 values for 2 axes", "stride",
     "the input has 2 (height, width)"),
    ("adaptive_avg_pool", {"out": [2, 2]}, (grid(2, 3, 4, 5),), "`out` has 2 values for 3 axes", "out",
     "the input has 3 (depth, height, width)"),
    ("upsample", {"scale": [2, 2]}, (grid(6, 13),), "`scale` has 2 values for 1 axes", "scale",
     "the input has 1 (length)"),
    ("upsample", {"size": [2]}, (MAP,), "`size` has 1 values for 2 axes", "size", "the input has 2 (height, width)"),
    ("conv", {"out": 2, "padding": [1, 1, 1]}, (MAP,), "`padding` has 3 values for 2 axes", "padding",
     "write 1, 2 or 4 numbers: the input has 2 (height, width)"),
    ("conv", {"out": 2, "kernel": [3, 9], "padding": "valid"}, (MAP,),
     "the kernel covers 9 along the width, and the padded input is 8 there", "kernel", SMALLER),
    ("separable", {"out": 2, "dilation": 6, "padding": [0, 2]}, (MAP,),
     "the kernel covers 13 along the height, and the padded input is 11 there", "kernel", SMALLER),
    ("conv", {"out": 2, "kernel": 5, "padding": [1, 0]}, (grid(6, 3),),
     "the kernel covers 5 along the length, and the padded input is 4 there", "kernel", SMALLER),
    ("depthwise", {"kernel": [4, 1, 1], "padding": "valid"}, (grid(2, 3, 4, 5),),
     "the kernel covers 4 along the depth, and the padded input is 3 there",
     "kernel", SMALLER),
    ("conv", {"out": 8, "groups": 4}, (MAP,), "6 input channels cannot be divided into 4 groups", "groups",
     "`groups` must divide the input channels"),
    ("conv", {"out": 8, "groups": 3}, (MAP,), "8 output channels cannot be divided into 3 groups", "groups",
     "`groups` must divide the output channels"),
    ("linear", {"out": 2}, (MAP,), "`linear` needs a vector or tokens, and its input is a feature map (6x11x8)", None,
     "put `flatten` or `global_avg_pool` before it, or use `conv: {kernel: 1}`"),
    ("max_pool", {"kernel": 2, "padding": 2}, (MAP,),
     "a window of 2 would lie in the padding (2 before, 2 after) alone", "padding",
     "`padding` must be smaller than the kernel"),
    ("avg_pool", {"kernel": 3, "padding": [0, 0, 1, 3]}, (MAP,),
     "a window of 3 would lie in the padding (1 before, 3 after) alone", "padding",
     "`padding` must be smaller than the kernel"),
    ("global_avg_pool", {}, (VECTOR,), "`global_avg_pool` needs a feature map or tokens, and its input is a vector (6)",
     None, None),
    ("global_max_pool", {}, (VECTOR,), "`global_max_pool` needs a feature map or tokens, and its input is a vector (6)",
     None, None),
    ("add", {}, (MAP, grid(6, 8, 11)), "`add` of shapes that differ: 6x11x8, 6x8x11", None,
     "every branch must end in the same shape"),
    ("add", {}, (SEQUENCE, grid(12, 5)), "`add` of shapes that differ: 5x12, 12x5", None,
     "every branch must end in the same shape"),
    ("add", {}, (MAP, VECTOR), "`add` of shapes that differ: 6x11x8, 6", None,
     "every branch must end in the same shape"),
    ("mul", {}, (MAP, grid(5)), "`mul` of shapes that do not fit: 6x11x8, 5", None,
     "they must be the same, or one a vector with as many channels"),
    ("mul", {}, (MAP, grid(6, 11, 1)), "`mul` of shapes that do not fit: 6x11x8, 6x11x1", None,
     "they must be the same, or one a vector with as many channels"),
    ("mul", {}, (grid(1, 11, 8), MAP), "`mul` of shapes that do not fit: 1x11x8, 6x11x8", None,
     "they must be the same, or one a vector with as many channels"),
    ("concat", {}, (MAP, grid(6, 11, 7)), "`concat` of maps of different sizes: 6x11x8, 6x11x7", None,
     "everything but the channels must agree"),
    ("concat", {}, (SEQUENCE, grid(12, 5)), "`concat` of maps of different sizes: 5x12, 12x5", None,
     "everything but the channels must agree"),
    ("split", {"part": 1}, (MAP,), "`split` takes either `parts` or `sizes`", None,
     "as in `split: {parts: 2, part: 1}`"),
    ("split", {"part": 1, "parts": 2, "sizes": [3, 3]}, (MAP,), "`split` takes either `parts` or `sizes`", None,
     "as in `split: {parts: 2, part: 1}`"),
    ("split", {"part": 3, "parts": 2}, (MAP,), "there is no part 3 of 2", "part", "`part` is 1 to 2"),
    ("split", {"part": 3, "sizes": [2, 4]}, (MAP,), "there is no part 3 of 2", "part", "`part` is 1 to 2"),
    ("split", {"part": 1, "sizes": [2, 3]}, (MAP,), "the sizes add up to 5, and the input has 6 channels", "sizes",
     None),
    ("split", {"part": 1, "parts": 4}, (MAP,), "6 channels cannot be divided into 4 equal parts", "parts",
     "`parts` must divide the channels, or use `sizes`"),
    ("channel_shuffle", {"groups": 4}, (MAP,), "6 channels cannot be divided into 4 groups", "groups",
     "`groups` must divide the channels"),
    ("reshape", {}, (MAP,), "`reshape` takes either `to` or `tokens`", None, "as in `reshape: {to: [64, 7, 7]}`"),
    ("reshape", {"to": [528], "tokens": 1}, (MAP,), "`reshape` takes either `to` or `tokens`", None,
     "as in `reshape: {to: [64, 7, 7]}`"),
    ("reshape", {"to": [6, 88, 2]}, (MAP,), "6x11x8 has 528 elements, and 6x88x2 has 1056", "to", None),
    ("reshape", {"tokens": 5}, (MAP,), "6x11x8 has 528 elements, which 5 tokens cannot share", "tokens", None),
    ("upsample", {}, (MAP,), "`upsample` takes either `scale` or `size`", None, "as in `upsample: {scale: 2}`"),
    ("upsample", {"scale": 2, "size": 4}, (MAP,), "`upsample` takes either `scale` or `size`", None,
     "as in `upsample: {scale: 2}`"),
    ("upsample", {"scale": 2, "mode": "linear"}, (MAP,), "`linear` does not fit 2 axes", "mode",
     "use `nearest` or `bilinear`"),
    ("upsample", {"scale": 2, "mode": "bilinear"}, (grid(3, 5),), "`bilinear` does not fit 1 axes", "mode",
     "use `nearest` or `linear`"),
]  # fmt: skip


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: f"{case[0]}: {case[3]}")
def test_errors(case: tuple[str, dict[str, Any], tuple[Shape, ...], str, str | None, str | None]) -> None:
    name, attributes, inputs, message, attribute, help_ = case
    with pytest.raises(KindError) as caught:
        build(name, **attributes).infer(inputs)
    assert (caught.value.message, caught.value.attribute, caught.value.help) == (message, attribute, help_)
    assert str(caught.value) == message


POSITIVE = "`{}` must be a positive whole number, at most 1,000,000,000"
PER_AXIS = "`{}` must be a positive whole number, or one for each axis, as in [3, 1] for height, width"
PADDING = "`{}` must be same, valid, a number, or a list as in [top, bottom, left, right]"
VALUES: list[tuple[str, str, Any, str, str]] = [
    *(("conv", "out", value, f"`out` is {shown}", POSITIVE)
      for value, shown in ((0, "0"), (-3, "-3"), (10**9 + 1, "1000000001"), ("wide", "`wide`"),
       (True, "true"), ([4], "[4]"), (None, "None"))),
    ("conv", "out", F(7, 2), "`out` is 3.5", f"{POSITIVE}; `floor`, `round` or `make_divisible` make it whole"),
    ("split", "parts", 1, "`parts` is 1", "`{}` must be a whole number of at least 2, at most 1,000,000,000"),
    *(("conv", "kernel", value, f"`kernel` is {shown}", PER_AXIS)
      for value, shown in ((0, "0"), ([], "[]"), ([3, 0], "[3, 0]"), ([1, 1, 1, 1], "[1, 1, 1, 1]"),
       ([3, "x"], "[3, `x`]"), ([True], "[true]"), ("same", "`same`"))),
    *(("conv", "padding", value, f"`padding` is {shown}", PADDING)
      for value, shown in ((-1, "-1"), ("full", "`full`"), ([0] * 7, "[0, 0, 0, 0, 0, 0, 0]"),
       ([1, F(1, 2)], "[1, 0.5]"), (False, "false"))),
    *(("conv", "bias", value, f"`bias` is {shown}", "`{}` must be true or false") for value,
     shown in ((1, "1"), ("yes", "`yes`"), ([True], "[true]"))),
    ("upsample", "mode", "cubic", "`mode` is `cubic`", "`{}` must be one of nearest, linear, bilinear, trilinear"),
    ("gelu", "approximate", 1, "`approximate` is 1", "`{}` must be one of none, tanh"),
    *(("dropout", "rate", value, f"`rate` is {shown}", "`{}` must be a number from 0 to 1")
      for value, shown in ((F(3, 2), "1.5"), (F(4, 3), "4/3"), (-1, "-1"), (True, "true"), ("half", "`half`"))),
    *(("reshape", "to", value, f"`to` is {shown}", "`{}` must be a list of positive whole numbers")
      for value, shown in ((5, "5"), ([], "[]"), ([2, 0], "[2, 0]"), ([1, 1, 1, 1, 1], "[1, 1, 1, 1, 1]"),
       ([[2]], "[[2]]"))),
    *(("opaque", "op", value, f"`op` is {shown}", "`{}` must be text") for value,
     shown in ((3, "3"), ("", "``"), (True, "true"))),
]  # fmt: skip


@pytest.mark.parametrize("case", VALUES, ids=lambda case: f"{case[0]} {case[3]}")
def test_values_that_an_attribute_refuses(case: tuple[str, str, Any, str, str]) -> None:
    name, attribute, value, message, help_ = case
    with pytest.raises(KindError) as caught:
        REGISTRY[name].attributes[attribute].read(value)
    assert (caught.value.message, caught.value.attribute, caught.value.help) == (
        message,
        attribute,
        help_.format(attribute),
    )


@pytest.mark.parametrize(("name", "attribute", "value", "read"), [
    ("conv", "out", 10**9, 10**9), ("conv", "kernel", [3, 1], (3, 1)), ("conv", "kernel", 5, 5),
    ("conv", "padding", "same", "same"), ("conv", "padding", 0, 0),
    ("conv", "padding", [1, 2, 3, 4, 5, 6], (1, 2, 3, 4, 5, 6)), ("conv", "bias", False, False),
    ("gelu", "approximate", "tanh", "tanh"),
    ("dropout", "rate", F(1, 5), F(1, 5)), ("dropout", "rate", 0, 0), ("dropout", "rate", 1, 1),
    ("reshape", "to", [4], (4,)), ("opaque", "op", "NMS", "NMS"),
])  # fmt: skip
def test_values_that_an_attribute_takes(name: str, attribute: str, value: Any, read: Any) -> None:
    assert REGISTRY[name].attributes[attribute].read(value) == read


# -- the registry -----------------------------------------------------------------------------------------------------


def attributes_of_all() -> Iterator[tuple[str, str, Attribute[Any]]]:
    return ((name, key, attribute) for name, cls in REGISTRY.items() for key, attribute in cls.attributes.items())


def test_every_kind_and_attribute_says_what_it_is() -> None:
    for name, cls in REGISTRY.items():
        assert cls.name == name and cls.__doc__ and cls.__doc__.strip().endswith(".")
    for name, key, attribute in attributes_of_all():
        assert attribute.name == key and attribute.doc and attribute.wants and attribute.schema, (name, key)
        if not attribute.required and attribute.default is not None:  # a default is a value that may be given
            assert (
                attribute.read(list(attribute.default) if isinstance(attribute.default, tuple) else attribute.default)
                == attribute.default
            )


def test_required_attributes() -> None:
    required = {(name, key) for name, key, attribute in attributes_of_all() if attribute.required}
    assert required == {
        ("conv", "out"), ("separable", "out"), ("linear", "out"), ("max_pool", "kernel"), ("avg_pool", "kernel"),
        ("adaptive_avg_pool", "out"),
        ("adaptive_max_pool", "out"), ("split", "part"), ("channel_shuffle", "groups"), ("opaque", "op"),
        *families.rows("REQUIRED"),
    }  # fmt: skip


def test_words_of_attributes() -> None:
    words = {(name, key): attribute.words for name, key, attribute in attributes_of_all() if attribute.words}
    assert words[("conv", "padding")] == ("same", "valid")
    assert words[("upsample", "mode")] == ("nearest", "linear", "bilinear", "trilinear")
    assert words[("gelu", "approximate")] == ("none", "tanh")


def test_other_spellings_lead_to_names_that_exist() -> None:
    known = {key for _, key, _ in attributes_of_all()} | {"norm", "act", "compress", "only_if", "as", "from"}
    assert set(SPELLINGS.values()) <= known


def test_a_name_is_registered_once() -> None:
    before = dict(REGISTRY)
    with pytest.raises(ValueError, match="kind `conv` is registered twice"):
        kind("conv")(type("Another", (Layer,), {}))
    assert before == dict(REGISTRY)


HELPERS = {"subfilters", "channel_windows"}  # what a family is made of, where that is more than a file


def test_families_register_what_is_expected_of_them() -> None:
    """What is announced, so that nothing is imported to know the names, is what the modules then register."""
    for family, names in FAMILIES.items():
        module = f"costcalc.kinds.{family}"
        importlib.import_module(module)
        assert [name for name, cls in REGISTRY.loaded.items() if cls.__module__ == module] == list(names)
    files = {path.stem for path in Path(costcalc.kinds.__file__).parent.glob("*.py")}
    assert set(FAMILIES) == files - {"__init__", "attributes", "base", "registry", "window", *HELPERS}


def test_what_may_follow_is_what_has_that_role() -> None:
    for role, names in FOLLOWERS.items():
        assert list(names) == [name for name in REGISTRY if REGISTRY[name].role == role]


def test_defaults() -> None:
    conv = build("conv", out=4)
    # type: ignore[attr-defined]
    assert (conv.kernel, conv.stride, conv.padding, conv.dilation, conv.groups, conv.bias) == (3, 1, "same", 1, 1, True)
