"""Squeeze-and-excitation: the sum of the layers that it is made of, and what its paper says it adds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers import layers
from test_explain import only, spec
from test_kinds import LAWS, build, counted, grid, tokens

from costcalc.census import Census
from costcalc.kinds import KindError
from costcalc.shape import Shape


def one_by_one(x: Shape, squeeze: int, act: str, gate: str, bias: bool) -> Census:
    """The mean, a linear layer, its activation, another, the gate, and `mul` with the input."""
    vector, whole = counted("global_avg_pool", x)
    steps: list[tuple[str, dict[str, Any]]] = [
        ("linear", {"out": squeeze, "bias": bias}), (act, {}), ("linear", {"out": x.channels, "bias": bias}), (gate, {})
    ]  # fmt: skip
    for name, attributes in steps:
        vector, census = counted(name, vector, **attributes)
        whole += census
    scaled, census = counted("mul", x, vector)
    assert scaled == x
    return whole + census


def test_it_is_the_sum_of_its_layers() -> None:
    for drawn in layers("squeeze_excite", 500):
        kind = build("squeeze_excite", **drawn.attributes)
        assert drawn.census == one_by_one(drawn.inputs[0], kind.squeeze, kind.act, kind.gate, kind.bias)  # type: ignore[attr-defined]
        assert drawn.output == drawn.inputs[0]
        assert kind.workspace(drawn.inputs, drawn.output) == drawn.inputs[0].channels + kind.squeeze  # type: ignore[attr-defined]


@LAWS
@given(st.integers(1, 40), st.integers(1, 16), st.integers(1, 9), st.integers(1, 9))
def test_weights_of_a_ratio(squeeze: int, ratio: int, height: int, width: int) -> None:
    """2*C^2/r weights, however large the map (Hu et al. 2018, equation 5)."""
    channels = squeeze * ratio
    _, census = counted("squeeze_excite", grid(channels, height, width), squeeze=squeeze)
    assert census.weights * ratio == 2 * channels * channels
    assert census.macs == census.weights
    assert census.biases == channels + squeeze


def test_what_it_adds_to_resnet_50() -> None:
    """About 2.5 million parameters (section 4): after each block of four stages, r = 16; equation 5 has no biases."""
    stages = ((3, 256), (4, 512), (6, 1024), (3, 2048))
    added = sum(
        blocks * counted("squeeze_excite", grid(width, 7, 7), squeeze=width // 16, bias=False)[1].params
        for blocks, width in stages
    )
    assert added == 2_514_944


def test_it_is_what_its_layers_cost_in_a_spec() -> None:
    """As a layer and as five: the same parameters and counts under every convention."""
    alone = spec("  - squeeze_excite: {squeeze: in.channels/4, act: swish, gate: hard_sigmoid}\n")
    parts = spec(
        "  - mul:\n    - []\n    - - global_avg_pool\n      - linear: {out: 3, act: swish}\n"
        "      - linear: {out: 12, act: hard_sigmoid}\n"
    )
    for convention in ("paper", "flops", "valid"):
        one, several = (model.report(convention).totals for model in (alone, parts))
        assert (one.params, one.count, one.madds) == (several.params, several.count, several.madds)
        assert one.census == several.census
    assert several.activations - one.activations == 12 + 3 + 12  # the vectors between are not written to new tensors


def test_letters() -> None:
    node = only(spec("  - squeeze_excite: {squeeze: 3}\n").explain()).nodes[0]
    assert node.cost is not None
    assert node.cost.polynomial.at({"M": 12, "S": 3}) == 72 == node.cost.value
    assert [symbol.name for symbol in node.cost.symbols] == ["M", "S"]


def test_a_vector_has_no_mean() -> None:
    with pytest.raises(KindError, match="needs a feature map or tokens, and its input is a vector"):
        build("squeeze_excite", squeeze=2).infer([grid(6)])
    assert build("squeeze_excite", squeeze=2).infer([tokens(5, 6)]) == tokens(5, 6)


@pytest.mark.parametrize(("given", "attribute"), [({"squeeze": 2, "act": "softmax"}, "act"), ({"squeeze": 0}, "squeeze")])
def test_what_cannot_be(given: dict[str, Any], attribute: str) -> None:
    with pytest.raises(KindError) as caught:
        build("squeeze_excite", **given)
    assert caught.value.attribute == attribute
