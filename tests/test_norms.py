"""Norms of the input's own statistics: laws between them, formulas, and how a spec says them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from building import build
from hypothesis import given, settings
from hypothesis import strategies as st

from costcalc.api import Model
from costcalc.census import Census
from costcalc.errors import Source, SpecError
from costcalc.execute.literal.scalars import Scalar, Tally
from costcalc.execute.work import KERNELS, Tensor, Work
from costcalc.formulas import node_formulas
from costcalc.kinds import REGISTRY, KindError
from costcalc.render.worked import TEXT_SUM
from costcalc.shape import Shape
from costcalc.spec import parse_document

LAWS = settings(derandomize=True, deadline=None, max_examples=200, database=None)
SIZES = st.integers(1, 12)
MAP, TOKENS = Shape(12, (14, 14)), Shape(12, (6,), True)


def census(kind: str, x: Shape, **given_: Any) -> Census:
    layer = build(kind, **given_)
    found = layer.count([x], layer.infer([x]))
    assert found is not None
    return found


def spec(layers: str, input_: str = "[12, 14, 14]", more: str = "") -> Model:
    return Model(parse_document(Source("test.yaml", f"costcalc: 1\n{more}input: {input_}\nlayers:\n{layers}")), {})


# -- laws -------------------------------------------------------------------------------------------------------------


@LAWS
@given(SIZES, SIZES, SIZES, SIZES)
def test_groups_between_one_and_all(channels: int, groups: int, height: int, width: int) -> None:
    """One group does what a layer norm of all does; a group for each channel what an instance norm does."""
    x = Shape(channels * groups, (height, width))
    operations = slice(0, 8)
    assert census("group_norm", x, groups=1)[operations] == census("layer_norm", x, over="all")[operations]
    both = census("instance_norm", x, scale=True, shift=True)
    assert census("group_norm", x, groups=channels * groups) == both
    # each further set costs 3 divisions, and saves the addition of its first number to its second in mean and variance
    some, one = census("group_norm", x, groups=groups), census("group_norm", x, groups=1)
    assert some.divisions - one.divisions == 3 * (groups - 1)
    assert one.additions - some.additions == groups - 1
    assert some.multiplications == one.multiplications == 2 * x.size


@LAWS
@given(SIZES, SIZES)
def test_what_the_mean_costs(tokens: int, features: int) -> None:
    """Beyond RMS norm, layer norm has for each token the mean (n - 1 additions, a division), n subtractions, n shifts."""
    x = Shape(features, (tokens,), True)
    layer, rms = census("layer_norm", x), census("rms_norm", x)
    assert layer.additions - rms.additions == tokens * (features - 1 + features + features)
    assert layer.divisions - rms.divisions == tokens
    assert (layer.multiplications, layer.norm_scales) == (rms.multiplications, rms.norm_scales)
    assert rms.norm_shifts == 0


@LAWS
@given(st.sampled_from(["layer_norm", "rms_norm", "instance_norm", "group_norm"]), st.integers(4, 9), SIZES)
def test_a_norm_does_not_see_the_scale_of_its_input(kind: str, channels: int, seed: int) -> None:
    """Beside epsilon: of an input a hundred times as large the same comes out."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 9, (2, channels, 5, 4)).astype(np.float32)
    a = {"scale": False, "shift": False, "over": "features", "groups": 1}
    once, larger = (
        KERNELS[kind](Work([Tensor(v.copy())], a, np.random.default_rng(0), False)) for v in (x, 100 * x)
    )
    np.testing.assert_allclose(once, larger, atol=1e-2)
    assert abs(float((once**2).mean()) - 1) < 1e-2, "the mean of squares is 1"


# -- formulas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given_", "x", "formulas"),
    [
        ("layer_norm", {}, TOKENS, {
            "multiplications": "2 * M * T", "additions": "T * (4 * M - 1)", "divisions": "M * T + 3 * T",
            "norm_scales": "M", "norm_shifts": "M",
        }),
        ("layer_norm", {"over": "all"}, MAP, {
            "additions": "4 * M * D_F * D_F - 1", "divisions": "M * D_F * D_F + 3", "norm_shifts": "M * D_F * D_F",
        }),
        ("group_norm", {"groups": 4}, MAP, {
            "additions": "4 * M * D_F * D_F - g", "divisions": "M * D_F * D_F + 3 * g", "norm_scales": "M",
        }),
        ("instance_norm", {}, MAP, {
            "multiplications": "M * D_F * D_F", "additions": "M * (3 * D_F * D_F - 1)",
            "divisions": "M * D_F * D_F + 3 * M",
        }),
        ("rms_norm", {}, TOKENS, {
            "multiplications": "2 * M * T", "additions": "M * T", "divisions": "M * T + 2 * T", "norm_scales": "M",
        }),
        ("local_response_norm", {"size": 5}, MAP, {
            "multiplications": "3 * M * D_F * D_F", "additions": "M * n * D_F * D_F",
            "exponentials": "2 * M * D_F * D_F", "divisions": "M * D_F * D_F",
        }),
    ],
)  # fmt: skip
def test_formulas(kind: str, given_: dict[str, Any], x: Shape, formulas: dict[str, str]) -> None:
    attributes = {name: a.default for name, a in REGISTRY[kind].attributes.items()} | given_
    found = node_formulas(kind, attributes, [x], x)
    assert {name: TEXT_SUM.factored(found[name].polynomial) for name in formulas} == formulas


# -- specs ------------------------------------------------------------------------------------------------------------


def test_a_norm_after_a_layer() -> None:
    """The attributes of what follows are those of `defaults`; the bias goes, unless it is asked for."""
    found = spec(
        "  - conv: {out: 8, kernel: 1, norm: group_norm}\n  - conv: {out: 8, kernel: 1, norm: layer_norm, bias: true}\n",
        more="defaults: {group_norm: {groups: 4}}\n",
    )
    rows = found.report().layers
    assert [row.path for row in rows] == ["conv", "conv/group_norm", "conv2", "conv2/layer_norm"]
    assert [row.census.params for row in rows if row.census] == [96, 16, 72, 16]
    assert rows[1].census is not None
    assert rows[1].census.divisions == 8 * 196 + 3 * 4
    assert found.verify(2).agreed


@pytest.mark.parametrize(("written", "message", "help_"), [
    ("group_norm", "12 channels cannot be divided into 32 groups", "`groups` must divide the channels"),
    ("InstanceNorm2d", "unknown kind or block `InstanceNorm2d`", "it is called `instance_norm` here"),
    ("LayerNorm", "unknown kind or block `LayerNorm`", "it is called `layer_norm` here"),
    ("group_norm: {num_groups: 4}", "`group_norm` has no attribute `num_groups`", "it is called `groups` here"),
])  # fmt: skip
def test_errors(written: str, message: str, help_: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec(f"  - {written}\n").report()
    assert message in str(caught.value) and help_ in str(caught.value)


def test_a_vector_has_no_instances() -> None:
    with pytest.raises(KindError, match="needs a map or tokens, and its input is a vector"):
        build("instance_norm").infer([Shape(6)])


# -- scalars ----------------------------------------------------------------------------------------------------------


def test_roots_and_logarithms_by_hand() -> None:
    """A root is a division; a logarithm an exponential; a copy nothing."""
    tally = Tally()
    x = Scalar(2.25, tally)
    assert x.root().value == 1.5 and tally.take() == {"divisions": 1}
    assert x.log().value == math.log(2.25) and tally.take() == {"exponentials": 1}
    assert x.copy().value == 2.25 and tally.take() == {}
