"""LSTM and GRU: laws in layers, directions and biases, PyTorch's own parameters, what last means, formulas."""

from __future__ import annotations

import tracemalloc
from math import prod
from typing import Any

import numpy as np
import pytest
from building import build
from hypothesis import given, settings
from hypothesis import strategies as st

from costcalc.api import Model
from costcalc.census import Census
from costcalc.errors import Source, SpecError
from costcalc.execute.literal import LITERAL, LiteralWork, Tally
from costcalc.execute.literal.scalars import Scalar, scalars
from costcalc.execute.work import KERNELS, Floats, Tensor, Work
from costcalc.formulas import node_formulas
from costcalc.kinds import REGISTRY
from costcalc.render.worked import TEXT_SUM
from costcalc.shape import Shape
from costcalc.spec import parse_document

LAWS = settings(derandomize=True, deadline=None, max_examples=200, database=None)
FEW = settings(derandomize=True, deadline=None, max_examples=40, database=None)
SIZES = st.integers(1, 9)
KINDS = st.sampled_from(["lstm", "gru"])


def tokens(number: int, features: int) -> Shape:
    return Shape(features, (number,), True)


def census(kind: str, x: Shape, **given_: Any) -> Census:
    layer = build(kind, **given_)
    found = layer.count([x], layer.infer([x]))
    assert found is not None
    return found


def run(kind: str, x: Floats, **given_: Any) -> Floats:
    a = {n: v.default for n, v in REGISTRY[kind].attributes.items() if v.default is not None} | given_
    return KERNELS[kind](Work([Tensor(x, True)], a, np.random.default_rng(0), False))


def spec(layers: str, input_: str = "{tokens: 6, features: 12}") -> Model:
    return Model(parse_document(Source("test.yaml", f"costcalc: 1\ninput: {input_}\nlayers:\n{layers}")), {})


# -- laws -------------------------------------------------------------------------------------------------------------


@LAWS
@given(KINDS, SIZES, SIZES, SIZES, st.integers(1, 4), st.booleans())
def test_layers_are_layers(kind: str, number: int, features: int, hidden: int, layers: int, both: bool) -> None:
    """Several in one are as many of one layer each, one after the other."""
    whole = census(kind, tokens(number, features), hidden=hidden, layers=layers, bidirectional=both)
    widths = [features] + [hidden * (1 + both)] * (layers - 1)
    parts = [census(kind, tokens(number, w), hidden=hidden, bidirectional=both) for w in widths]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    assert whole == total


@LAWS
@given(KINDS, SIZES, SIZES, SIZES)
def test_both_directions_are_twice_one(kind: str, number: int, features: int, hidden: int) -> None:
    x = tokens(number, features)
    one, both = (census(kind, x, hidden=hidden, bidirectional=b) for b in (False, True))
    assert both == one + one


@LAWS
@given(KINDS, SIZES, SIZES, SIZES, st.integers(0, 2))
def test_steps_and_biases(kind: str, number: int, features: int, hidden: int, biases: int) -> None:
    """Operations are those of one token, as often as there are tokens; each bias vector is added once a token."""
    gates = {"lstm": 4, "gru": 3}[kind]
    found = census(kind, tokens(number, features), hidden=hidden, biases=biases)
    assert found == census(kind, tokens(1, features), hidden=hidden, biases=biases).for_batch(number)
    assert found.macs == number * found.weights == number * gates * hidden * (features + hidden)
    assert found.biases == biases * gates * hidden
    assert found.bias_adds == number * found.biases


@LAWS
@given(SIZES, SIZES, SIZES)
def test_a_gru_is_three_quarters_of_an_lstm(number: int, features: int, hidden: int) -> None:
    x = tokens(number, features)
    lstm, gru = census("lstm", x, hidden=hidden), census("gru", x, hidden=hidden)
    assert 4 * gru.macs == 3 * lstm.macs
    assert 4 * gru.params == 3 * lstm.params
    before = census("gru", x, hidden=hidden, reset_after=False)
    assert gru.additions - before.additions == number * hidden, "two sums of the candidate, not one"


@LAWS
@given(SIZES, SIZES, SIZES, SIZES)
def test_a_projection(number: int, features: int, hidden: int, projection: int) -> None:
    """4 H (M + P) + H P: less than without, where P is small."""
    found = census("lstm", tokens(number, features), hidden=hidden, projection=projection)
    assert found.weights == 4 * hidden * (features + projection) + hidden * projection
    assert found.biases == 8 * hidden


@pytest.mark.parametrize(("kind", "given_", "features"), [
    ("lstm", {"hidden": 5}, 3), ("lstm", {"hidden": 5, "layers": 3, "bidirectional": True}, 7),
    ("lstm", {"hidden": 5, "projection": 2, "layers": 2, "bidirectional": True}, 7),
    ("lstm", {"hidden": 4, "biases": 0}, 6), ("gru", {"hidden": 5}, 3),
    ("gru", {"hidden": 6, "layers": 2, "bidirectional": True}, 4), ("gru", {"hidden": 6, "biases": 0}, 4),
])  # fmt: skip
def test_pytorch_has_as_many_parameters(kind: str, given_: dict[str, Any], features: int) -> None:
    torch = pytest.importorskip("torch")
    module = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind]
    more = {"proj_size": given_["projection"]} if "projection" in given_ else {}
    theirs = module(features, given_["hidden"], given_.get("layers", 1), bias=given_.get("biases", 2) > 0,
                    bidirectional=given_.get("bidirectional", False), **more)  # fmt: skip
    found = census(kind, tokens(9, features), **given_)
    assert found.params == sum(p.numel() for p in theirs.parameters())


def test_published_parameters() -> None:
    """Chung et al. 2014, Table 1: 227 units on 20 samples have 168.9k parameters, with one bias vector."""
    assert census("gru", tokens(500, 20), hidden=227, biases=1).params == 3 * 227 * (20 + 227) + 3 * 227 == 168_888


# -- values -----------------------------------------------------------------------------------------------------------


@FEW
@given(KINDS, st.integers(2, 6), SIZES, SIZES, st.integers(1, 3), st.booleans())
def test_last_is_the_last_of_the_sequence(
    kind: str, number: int, features: int, hidden: int, layers: int, both: bool
) -> None:
    """Of the other direction that is the state at the first token."""
    x = np.random.default_rng(3).normal(size=(2, number, features)).astype(np.float32)
    given_ = {"hidden": hidden, "layers": layers, "bidirectional": both}
    whole, last = run(kind, x, **given_), run(kind, x, output="last", **given_)
    ends = [whole[:, -1, :hidden], *([whole[:, 0, hidden:]] if both else [])]
    np.testing.assert_array_equal(last, np.concatenate(ends, axis=1))
    assert float(np.abs(whole).max()) < 1, "an output gate or a weighted mean, of a tanh"


@FEW
@given(KINDS, st.integers(2, 6), SIZES, SIZES)
def test_a_state_knows_nothing_of_what_comes(kind: str, number: int, features: int, hidden: int) -> None:
    x = np.random.default_rng(3).normal(size=(1, number, features)).astype(np.float32)
    other = x.copy()
    other[:, -1] += 1
    y, z = run(kind, x, hidden=hidden), run(kind, other, hidden=hidden)
    np.testing.assert_array_equal(y[:, :-1], z[:, :-1])
    assert (y[:, -1] != z[:, -1]).any()


# -- formulas and specs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given_", "formulas"),
    [
        ("lstm", {"hidden": 20}, {
            "macs": "4 * M * T * H + 4 * T * H * H", "weights": "4 * M * H + 4 * H * H", "biases": "8 * H",
            "bias_adds": "8 * T * H", "multiplications": "5 * T * H", "additions": "8 * T * H",
            "exponentials": "5 * T * H", "divisions": "5 * T * H",
        }),
        ("lstm", {"hidden": 20, "projection": 5}, {"weights": "4 * M * H + 5 * P * H", "biases": "8 * H"}),
        ("lstm", {"hidden": 20, "layers": 2}, {"macs": "4 * M * T * H + 12 * T * H * H"}),
        ("gru", {"hidden": 20}, {
            "macs": "3 * M * T * H + 3 * T * H * H", "weights": "3 * M * H + 3 * H * H", "biases": "6 * H",
            "multiplications": "4 * T * H", "additions": "7 * T * H", "exponentials": "3 * T * H",
        }),
        ("gru", {"hidden": 20, "reset_after": False, "bidirectional": True, "output": "last"}, {
            "macs": "6 * M * T * H + 6 * T * H * H", "additions": "12 * T * H",
        }),
    ],
)  # fmt: skip
def test_formulas(kind: str, given_: dict[str, Any], formulas: dict[str, str]) -> None:
    x = tokens(6, 12)
    attributes = {n: a.default for n, a in REGISTRY[kind].attributes.items() if a.default is not None} | given_
    found = node_formulas(kind, attributes, [x], REGISTRY[kind](attributes).infer([x]))
    assert {name: TEXT_SUM.factored(found[name].polynomial) for name in formulas} == formulas


def test_workspace_in_a_spec() -> None:
    """Three layers of 5 in both directions: two sequences of 10 features between them, and 5 * 5 of a step."""
    found = spec("  - lstm: {hidden: 5, layers: 3, bidirectional: true, output: last}\n  - linear: {out: 3}\n")
    for literal in (False, True):
        verified = found.verify(2, literal=literal)
        assert verified.agreed
        assert verified.executed_peak == 8 * (6 * 12 + 10 + 2 * 6 * 10 + 25)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize(("layers", "output", "sequences"), [(1, "last", 0), (2, "last", 1), (4, "last", 2), (1, "sequence", 1),
                                                            (2, "sequence", 2), (4, "sequence", 2)])  # fmt: skip
def test_no_more_sequences_are_there_than_are_told(kind: str, layers: int, output: str, sequences: int) -> None:
    """Of many tokens a sequence is nearly all memory, and NumPy never has more than what a layer reads and writes.

    The rule has the output from the start, as of every layer; here it is made with the last layer.
    """
    x = np.ones((1, 2000, 3), np.float32)
    run(kind, x[:, :2], hidden=8, layers=layers, output=output)  # what is loaded once is loaded
    tracemalloc.start()
    run(kind, x, hidden=8, layers=layers, output=output)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert round(peak / (4 * 2000 * 8)) == sequences


@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize(("kind", "given_", "kept"), [
    # what a step holds: four gates and the cell, three with the candidate; the state is in the output
    ("lstm", {"hidden": 5}, [(2, 20), (2, 5)]), ("lstm", {"hidden": 5, "output": "last"}, [(2, 20), (2, 5)]),
    ("lstm", {"hidden": 5, "projection": 2}, [(2, 20), (2, 5)]), ("gru", {"hidden": 5}, [(2, 15)]),
    ("gru", {"hidden": 5, "reset_after": False, "output": "last"}, [(2, 15)]),
    # and one sequence of 6 tokens between two layers, two where there are more
    ("gru", {"hidden": 5, "layers": 2, "bidirectional": True}, [(2, 15), (2, 6, 10)]),
    ("lstm", {"hidden": 5, "layers": 4, "projection": 3, "output": "last"}, [(2, 20), (2, 5), (2, 6, 3), (2, 6, 3)]),
])  # fmt: skip
def test_what_a_step_holds(kind: str, given_: dict[str, Any], kept: list[tuple[int, ...]], literal: bool) -> None:
    """Each array, by its sizes for two samples; a kernel that holds another one says so."""
    a = {n: v.default for n, v in REGISTRY[kind].attributes.items() if v.default is not None} | given_
    rng, tally = np.random.default_rng(0), Tally()
    x = rng.normal(size=(2, 6, 4)).astype(np.float32)
    if literal:
        work: Any = LiteralWork([Tensor(scalars(x, Scalar, tally), True)], a, rng, False, tally)
        LITERAL[kind](work)
    else:
        work = Work([Tensor(x, True)], a, rng, False)
        KERNELS[kind](work)
    assert work.workspace == 4 * sum(prod(sizes) for sizes in kept)


@pytest.mark.parametrize(("input_", "written", "message"), [
    ("[12, 4, 4]", "lstm: {hidden: 4}", "`lstm` needs tokens, and its input is a feature map (12x4x4)"),
    ("{tokens: 6, features: 12}", "gru: {hidden: 4, biases: 3}", "a gate has at most 2 bias vectors, not 3"),
    ("{tokens: 6, features: 12}", "lstm: {hidden_size: 4}", "it is called `hidden` here"),
    ("{tokens: 6, features: 12}", "lstm", "`lstm` lacks `hidden`"),
])  # fmt: skip
def test_errors(input_: str, written: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec(f"  - {written}\n", input_).report()
    assert message in str(caught.value)
