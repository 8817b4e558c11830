"""Tokens: embeddings, learned tokens, the ways to and from maps; laws, values, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costcalc.api import Model
from costcalc.errors import Source, SpecError
from costcalc.execute.work import KERNELS, Floats, Tensor, Work
from costcalc.formulas import node_formulas
from costcalc.kinds import REGISTRY
from costcalc.render.worked import TEXT_SUM
from costcalc.shape import Shape
from costcalc.spec import parse_document

LAWS = settings(derandomize=True, deadline=None, max_examples=100, database=None)
SIZES = st.integers(1, 7)


def run(kind: str, x: Tensor, **given_: Any) -> Work:
    """The kernel at work, its output beside it."""
    a = {n: v.default for n, v in REGISTRY[kind].attributes.items() if v.default is not None} | given_
    work = Work([x], a, np.random.default_rng(0), False)
    work.y = KERNELS[kind](work)  # type: ignore[attr-defined]
    return work


def values(kind: str, x: Floats, sequence: bool, **given_: Any) -> Floats:
    return run(kind, Tensor(x, sequence), **given_).y  # type: ignore[attr-defined, no-any-return]


def spec(layers: str, input_: str = "{tokens: 6, features: 12}") -> Model:
    return Model(parse_document(Source("test.yaml", f"costcalc: 1\ninput: {input_}\nlayers:\n{layers}")), {})


@LAWS
@given(SIZES, SIZES, SIZES)
def test_to_tokens_and_back(channels: int, height: int, width: int) -> None:
    x = np.arange(2 * channels * height * width, dtype=np.float32).reshape(2, channels, height, width)
    tokens = values("to_tokens", x, False)
    for position in range(height * width):
        np.testing.assert_array_equal(tokens[:, position], x[:, :, position // width, position % width])
    np.testing.assert_array_equal(values("to_map", tokens, True, size=(height, width)), x)


def test_a_number_is_its_row() -> None:
    """Whole numbers are words; between two of them lie all, so that a random input is not always the first."""
    numbers = np.array([[[3], [0], [4], [3], [0.5], [0.99]]], np.float32)
    work = run("embedding", Tensor(numbers, True), vocabulary=5, out=2)
    (row,) = work.y  # type: ignore[attr-defined]
    weights = np.random.default_rng(0).random((5, 2), np.float32) * 2 - 1
    np.testing.assert_array_equal(row, weights[[3, 0, 4, 3, 2, 4]])
    assert not work.tally and work.parameters == {"weights": 10}


def test_learned_tokens_come_first() -> None:
    x = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    y = values("class_token", x, True, number=2)
    np.testing.assert_array_equal(y[:, 2:], x)
    np.testing.assert_array_equal(y[0, :2], y[1, :2])
    np.testing.assert_array_equal(values("select_token", y, True, token=3), x[:, 0])


@pytest.mark.parametrize(
    ("kind", "given_", "x", "formulas"),
    [
        ("embedding", {"vocabulary": 30, "out": 20}, Shape(1, (6,), True), {"weights": "V * N"}),
        ("class_token", {}, Shape(12, (6,), True), {"weights": "M"}),
        ("position_embedding", {}, Shape(12, (6,), True), {"weights": "M * T", "additions": "M * T"}),
    ],
)
def test_formulas(kind: str, given_: dict[str, Any], x: Shape, formulas: dict[str, str]) -> None:
    attributes = {n: a.default for n, a in REGISTRY[kind].attributes.items()} | given_
    found = node_formulas(kind, attributes, [x], REGISTRY[kind](attributes).infer([x]))
    assert {name: TEXT_SUM.factored(formula.polynomial) for name, formula in found.items()} == formulas


def test_the_way_through_a_spec() -> None:
    """A map of 3 x 4 positions, as tokens with one more, the first of them alone, and the rest as a map again."""
    found = spec(
        "  - to_tokens: {as: tokens}\n  - class_token\n  - position_embedding\n  - select_token: {as: first}\n"
        "  - from: tokens\n  - to_map: {size: [4, 3], as: turned}\noutputs: [first, turned]\n",
        "[5, 3, 4]",
    )
    assert [str(node.output) for node in found.network.nodes] == ["12x5", "13x5", "13x5", "5", "5x4x3"]
    assert found.verify(3).agreed
    totals = found.report().totals
    assert (totals.params, totals.madds, totals.census.additions) == (5 + 65, 0, 65)


@pytest.mark.parametrize(("input_", "written", "message"), [
    ("{tokens: 6, features: 2}", "embedding: {vocabulary: 9, out: 4}", "needs tokens of one feature, their number"),
    ("[6]", "embedding: {vocabulary: 9, out: 4}", "`embedding` needs tokens, and its input is a vector (6)"),
    ("{tokens: 6, features: 1}", "embedding: {vocab_size: 9, out: 4}", "it is called `vocabulary` here"),
    ("{tokens: 6, features: 2}", "select_token: {token: 7}", "there is no token 7 of 6"),
    ("{tokens: 6, features: 2}", "to_tokens", "`to_tokens` needs a feature map, and its input is a sequence"),
    ("{tokens: 6, features: 2}", "to_map: {size: [2, 2]}", "6 tokens do not fill the 4 positions"),
    ("[6]", "position_embedding", "needs tokens or a map, and its input is a vector (6)"),
    ("{tokens: 6, features: 2}", "cls_token", "it is called `class_token` here"),
])  # fmt: skip
def test_errors(input_: str, written: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec(f"  - {written}\n", input_).report()
    assert message in str(caught.value)
