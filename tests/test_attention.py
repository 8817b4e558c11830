"""Attention: laws in the number of heads, tokens and windows, equalities between its forms, formulas, errors."""

from __future__ import annotations

import re
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import build
from closed_forms import terms
from hypothesis import given, settings
from hypothesis import strategies as st

from costcalc.api import Model
from costcalc.census import Census
from costcalc.errors import Source, SpecError
from costcalc.execute.work import KERNELS, Floats, Tensor, Work
from costcalc.explore.formula import Formulas
from costcalc.formulas import node_formulas
from costcalc.kinds import REGISTRY
from costcalc.render.worked import TEXT_RATIO, TEXT_SUM, simplified
from costcalc.shape import Shape
from costcalc.spec import parse_document

LAWS = settings(derandomize=True, deadline=None, max_examples=200, database=None)
FEW = settings(derandomize=True, deadline=None, max_examples=40, database=None)
SIZES = st.integers(1, 9)


def tokens(number: int, features: int) -> Shape:
    return Shape(features, (number,), True)


def census(kind: str, *inputs: Shape, **given_: Any) -> Census:
    layer = build(kind, **given_)
    found = layer.count(inputs, layer.infer(inputs))
    assert found is not None
    return found


def run(kind: str, *inputs: Tensor, seed: int = 0, **given_: Any) -> Floats:
    """What the kernel makes of these, with the weights of a seed."""
    a = {n: x.default for n, x in REGISTRY[kind].attributes.items() if x.default is not None} | given_
    return KERNELS[kind](Work(list(inputs), a, np.random.default_rng(seed), False))


def spec(layers: str, input_: str = "{tokens: 6, features: 12}") -> Model:
    return Model(parse_document(Source("test.yaml", f"costcalc: 1\ninput: {input_}\nlayers:\n{layers}")), {})


# -- laws -------------------------------------------------------------------------------------------------------------


@LAWS
@given(SIZES, SIZES, SIZES)
def test_heads_change_no_product(number: int, heads: int, each: int) -> None:
    """4 L D^2 + 2 L^2 D multiply-adds whatever the heads; what is done for each score grows with them."""
    x = tokens(number, heads * each)
    one, several = census("attention", x, heads=1), census("attention", x, heads=heads)
    assert one.macs == several.macs == 4 * number * x.channels**2 + 2 * number**2 * x.channels
    assert one.params == several.params == 4 * x.channels**2 + 4 * x.channels
    for name in ("multiplications", "comparisons", "additions", "exponentials", "divisions"):
        assert getattr(several, name) == heads * getattr(one, name)


@LAWS
@given(SIZES, st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_shared_keys(number: int, shared: int, times: int, each: int) -> None:
    """With g of h heads of keys, keys and values take g/h of the weights; scores stay."""
    x = tokens(number, shared * times * each)
    whole = census("attention", x, heads=shared * times, qkv_bias=False)
    part = census("attention", x, heads=shared * times, kv_heads=shared, qkv_bias=False)
    saved = 2 * x.channels * (x.channels - shared * each)
    assert whole.weights - part.weights == saved
    assert whole.macs - part.macs == number * saved
    assert whole[3:8] == part[3:8]
    same = census("attention", x, heads=shared * times, kv_heads=shared * times, qkv_bias=False)
    assert same == whole


@LAWS
@given(SIZES, SIZES, SIZES, SIZES)
def test_a_context_of_the_same_sizes_costs_the_same(number: int, others: int, heads: int, each: int) -> None:
    x = tokens(number, heads * each)
    assert census("attention", x, x, heads=heads) == census("attention", x, heads=heads)
    crossed = census("attention", x, tokens(others, x.channels), heads=heads)
    features = x.channels
    assert crossed.macs == 2 * features**2 * (number + others) + 2 * number * others * features
    assert crossed.weights == 4 * features**2


@LAWS
@given(SIZES, SIZES, st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))
def test_windows(down: int, across: int, w: int, v: int, heads: int, each: int) -> None:
    """Of whole windows, scores and values take the part of the map that a window is; projections stay."""
    channels, positions = heads * each, down * w * across * v
    plain = {"heads": heads, "relative_positions": False}
    windows = census("window_attention", Shape(channels, (down * w, across * v)), window=[w, v], **plain)
    everywhere = census("attention", tokens(positions, channels), heads=heads)
    projections = 4 * positions * channels**2
    assert (windows.macs - projections) * down * across == everywhere.macs - projections
    assert windows.params == everywhere.params and windows.bias_adds == everywhere.bias_adds
    assert windows.exponentials * down * across == everywhere.exponentials
    assert windows.valid_macs == windows.macs
    related = census("window_attention", Shape(channels, (down * w, across * v)), window=[w, v], heads=heads)
    assert related.biases - windows.biases == (2 * w - 1) * (2 * v - 1) * heads


@LAWS
@given(SIZES, SIZES, st.integers(1, 6), SIZES)
def test_a_map_is_padded_up_to_whole_windows(height: int, width: int, w: int, channels: int) -> None:
    """As many operations as on the padded map; of the projections of padding, three are not valid."""
    padded = [next(n for n in range(size, size + w) if n % w == 0) for size in (height, width)]
    given_ = {"heads": 1, "window": w}
    small = census("window_attention", Shape(channels, (height, width)), **given_)
    large = census("window_attention", Shape(channels, tuple(padded)), **given_)
    assert small._replace(valid_macs=0) == large._replace(valid_macs=0)
    assert large.valid_macs - small.valid_macs == 3 * (padded[0] * padded[1] - height * width) * channels**2


def test_swin_by_hand() -> None:
    """Swin-T, stage 1: 56x56 of 96 channels in windows of 7, by equations 1 and 2 of the paper, and its table."""
    found = census("window_attention", Shape(96, (56, 56)), heads=3, window=7)
    assert found.macs == 4 * 56 * 56 * 96**2 + 2 * 49 * 56 * 56 * 96 == 145_108_992
    assert found.biases == 13 * 13 * 3 + 4 * 96
    assert census("attention", tokens(56 * 56, 96), heads=3).macs == 4 * 3136 * 96**2 + 2 * 3136**2 * 96


# -- values -----------------------------------------------------------------------------------------------------------


@FEW
@given(st.integers(2, 6), st.integers(1, 3), st.integers(1, 3), SIZES)
def test_the_order_of_tokens_does_not_matter(number: int, heads: int, each: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, order = rng.normal(size=(2, number, heads * each)).astype(np.float32), rng.permutation(number)
    y = run("attention", Tensor(x, True), heads=heads)
    moved = run("attention", Tensor(np.ascontiguousarray(x[:, order]), True), heads=heads)
    np.testing.assert_allclose(y[:, order], moved, rtol=1e-4, atol=1e-4)


@FEW
@given(st.integers(2, 6), st.integers(1, 3), SIZES)
def test_no_token_sees_a_later_one(number: int, heads: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1, number, 2 * heads)).astype(np.float32)
    other = x.copy()
    other[:, -1] += 1
    y, z = (run("attention", Tensor(v, True), heads=heads, causal=True) for v in (x, other))
    np.testing.assert_allclose(y[:, :-1], z[:, :-1], rtol=1e-5, atol=1e-6)
    assert np.abs(y[:, -1] - z[:, -1]).max() > 1e-6


@FEW
@given(st.integers(1, 4), st.integers(1, 3), st.booleans(), SIZES)
def test_one_window_is_attention(size: int, heads: int, shifted: bool, seed: int) -> None:
    """Of a map that is one window, where nothing is shifted whatever is said: the tokens are its positions."""
    x = np.random.default_rng(seed).normal(size=(2, 2 * heads, size, size + 1)).astype(np.float32)
    window = run("window_attention", Tensor(x), heads=heads, window=(size, size + 1), shifted=shifted,
                 relative_positions=False)  # fmt: skip
    as_tokens = np.ascontiguousarray(x.reshape(2, 2 * heads, -1).swapaxes(1, 2))
    whole = run("attention", Tensor(as_tokens, True), heads=heads)
    np.testing.assert_allclose(window, whole.swapaxes(1, 2).reshape(x.shape), rtol=1e-4, atol=1e-5)


def test_what_a_shifted_window_sees() -> None:
    """8 tokens in windows of 4, from the third on: 2-5 together, 0-1 and 6-7 each alone though in one window."""
    x = np.random.default_rng(1).normal(size=(1, 8, 2)).astype(np.float32)
    y = run("window_attention", Tensor(x, True), heads=1, window=4, shifted=True)
    seen = np.zeros((8, 8), bool)
    for token in range(8):
        other = x.copy()
        other[:, token] += 1
        z = run("window_attention", Tensor(other, True), heads=1, window=4, shifted=True)
        seen[:, token] = np.abs(y - z).max(axis=(0, 2)) > 1e-6
    together = [{0, 1}, {2, 3, 4, 5}, {6, 7}]
    assert [set(np.flatnonzero(row).tolist()) for row in seen] == [next(t for t in together if i in t) for i in range(8)]


# -- formulas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given_", "inputs", "formulas"),
    [
        ("attention", {"heads": 4}, [tokens(6, 12)], {
            "macs": "2 * M * T * T + 4 * M * M * T", "bias_adds": "4 * M * T", "multiplications": "T * T * h",
            "additions": "T * h * (2 * T - 1)", "comparisons": "T * h * (T - 1)", "exponentials": "T * T * h",
            "divisions": "T * T * h", "weights": "4 * M * M", "biases": "4 * M",
        }),
        ("attention", {"heads": 4, "kv_heads": 2}, [tokens(6, 12)], {
            "macs": "2 * M * T * T + 2 * M * M * T + 2 * M * M * T * h_kv / h",
            "weights": "2 * M * M + 2 * M * M * h_kv / h",
        }),
        ("attention", {"heads": 4, "head_features": 5, "out": 7}, [tokens(6, 12)], {
            "macs": "3 * M * T * d * h + N * T * d * h + 2 * T * T * d * h", "weights": "3 * M * d * h + N * d * h",
        }),
        ("attention", {"heads": 4}, [tokens(6, 12), tokens(9, 12)], {
            "macs": "2 * M * T * T_in + 2 * M * M * T + 2 * M * M * T_in", "exponentials": "T * T_in * h",
        }),
        ("attention", {"heads": 4}, [tokens(9, 12), tokens(6, 8)], {
            "macs": "2 * M * T * T_2 + 2 * M * M_2 * T_2 + 2 * M * M * T", "divisions": "T * T_2 * h",
        }),
        ("window_attention", {"heads": 4, "window": 7}, [Shape(12, (15, 14))], {
            "macs": "2 * M * P * w * w + 4 * M * M * P", "exponentials": "P * h * w * w",
        }),
        ("window_attention", {"heads": 4, "window": 7}, [Shape(12, (14, 14))], {
            "macs": "2 * M * D_F * D_F * w * w + 4 * M * M * D_F * D_F", "exponentials": "D_F * D_F * h * w * w",
            "biases": "4 * h * w * w - 4 * h * w + 4 * M + h",
        }),
        ("window_attention", {"heads": 4, "window": (7, 4)}, [Shape(12, (14, 14))], {  # padded to 14x16
            "macs": "4 * M * M * P + 56 * M * P", "exponentials": "28 * P * h",
        }),
        ("window_attention", {"heads": 4, "window": (7, 4)}, [Shape(12, (14, 16))], {
            "macs": "4 * M * M * H * W + 56 * M * H * W", "exponentials": "28 * H * W * h",
        }),
    ],
)  # fmt: skip
def test_formulas(kind: str, given_: dict[str, Any], inputs: list[Shape], formulas: dict[str, str]) -> None:
    attributes = {n: a.default for n, a in REGISTRY[kind].attributes.items() if a.default is not None} | given_
    found = node_formulas(kind, attributes, inputs, REGISTRY[kind](attributes).infer(inputs))
    assert {name: TEXT_SUM.factored(found[name].polynomial) for name in formulas} == formulas


def test_the_ratio_of_shared_keys() -> None:
    """(2 M^2 T + 2 M^2 T/m + 2 M T^2) / (4 M^2 T + 2 M T^2), here (2*144*6 + 144*6 + 2*12*36) / (4*144*6 + 2*12*36)."""
    (layer,) = spec("  - attention: {heads: 4, kv_heads: 2}\n").explain().layers
    found = layer.nodes[0].standard
    assert found is not None
    assert found.value.numerator * 4320 == found.value.denominator * 3456
    assert "h_kv" in simplified(found, TEXT_RATIO)


@pytest.mark.parametrize(("input_", "window", "simplest", "value"), [
    # Swin, equations 1 and 2: 4 h w C^2 + 2 (h w)^2 C for a whole map, 4 h w C^2 + 2 M^2 h w C in windows of M x M
    ("[96, 56, 56]", "7", "(w^2 + 2*M) / (D_F^2 + 2*M)",
     Fraction(4 * 56**2 * 96**2 + 2 * 7**2 * 56**2 * 96, 4 * 56**2 * 96**2 + 2 * 56**4 * 96)),
    ("[96, 42, 56]", "7", "(w^2 + 2*M) / (H*W + 2*M)", Fraction(49 + 192, 42 * 56 + 192)),
    ("{tokens: 48, features: 12}", "8", "(2*M + w) / (2*M + T)", Fraction(24 + 8, 24 + 48)),
    # 50 tokens in 8 windows of 7, padded to 56
    ("{tokens: 50, features: 12}", "7", "(2*M*P + P*w) / (2*M*T + T^2)", Fraction(56 * (24 + 7), 50 * (24 + 50))),
])  # fmt: skip
def test_the_ratio_of_windows(input_: str, window: str, simplest: str, value: Fraction) -> None:
    (layer,) = spec(f"  - window_attention: {{heads: 3, window: {window}}}\n", input_).explain().layers
    found = layer.nodes[0].standard
    assert found is not None
    assert simplified(found, TEXT_RATIO) == simplest
    assert found.value == value


def test_windows_in_formulas() -> None:
    """Of 64 channels in windows of 8: 4 * 64^2 + 2 * 8*8 * 64 for each position of all ceil(s/8)^2 windows."""
    text = "costcalc: 1\nhyperparameters: {s: 28}\ninput: [64, s, s]\nlayers: [window_attention: {heads: 4, window: 8}]\n"
    found = Formulas(parse_document(Source("swin.yaml", text)), {})
    each = 4 * 64**2 + 2 * 8 * 8 * 64
    assert terms(found.total.exact["madds"]) == {("ceil(s/8)", "ceil(s/8)"): 64 * each}
    assert terms(found.total.ideal["madds"]) == {("s", "s"): each}
    assert (found.readings.ideal_where.steps, found.readings.ideal_where.relations) == ((("s", 8),), ())
    assert found.readings.exact_where.relations == ()


def test_windows_beside_the_whole_map(cli: Any, tmp_path: Path) -> None:
    """Stage 1 of Swin-T. Parameters: 4 * 96 * 97, and 3 heads * (2w - 1)^2 distances; what covers the map stays."""
    (tmp_path / "swin.yaml").write_text(
        "costcalc: 1\ninput: [96, 56, 56]\nlayers:\n  - window_attention: {heads: 3, window: 7, as: windows}\n"
        "  - window_attention: {heads: 3, window: 56, as: whole}\n", encoding="utf-8")  # fmt: skip
    lines = cli("report", str(tmp_path / "swin.yaml"), "--baseline", "standard").out.splitlines()
    rows = [re.split(r" {2,}", line) for line in lines if line.startswith(("windows ", "whole "))]
    params = [4 * 96 * 97 + 3 * distances**2 for distances in (13, 111)]
    macs = [4 * 3136 * 96**2 + 2 * inside * 3136 * 96 for inside in (49, 3136)]
    assert rows[0] == ["windows", "window_attention 7x7 h3", "window_attention 56x56 h3", *(f"{n:,}" for n in params),
                       "0.5088", *(f"{n:,}" for n in macs), "0.0724"]  # fmt: skip
    assert rows[1][:2] == ["whole", "window_attention 56x56 h3"]
    assert rows[1][-3:] == [f"{macs[1]:,}", f"{macs[1]:,}", "1.0000"]


def test_windows_and_the_whole_map_are_run() -> None:
    """Beside 2 * 4*5*7 numbers: P*3*4 and P*h*w*w, P being 6 * 9 in windows of 2x3, 5 * 7 in one of 5x7."""
    found = spec("  - window_attention: {heads: 2, window: [2, 3], shifted: true}\n", "[4, 5, 7]").standard()
    assert [node.attributes["window"] for node in found.network.nodes] == [(5, 7)]
    for literal in (False, True):
        verified = found.verify(2, literal=literal)
        assert verified.agreed
        assert verified.executed_peak == 8 * (2 * 140 + 35 * (12 + 2 * 35))


# -- specs ------------------------------------------------------------------------------------------------------------


def test_attention_in_a_spec() -> None:
    """To itself, and to a sequence with a name; the peak holds the queries, keys, values and scores."""
    found = spec(
        "  - linear: {out: 8, as: context}\n  - from: input\n  - attention: {heads: 3, as: own}\n"
        "  - attention: {heads: 2, from: [own, context], as: crossed}\n"
    )
    shapes = [str(node.output) for node in found.network.nodes]
    assert shapes == ["6x8", "6x12", "6x12"]
    verified = found.verify(2)
    assert verified.agreed
    # alive in `own`: context, input and output (48 + 72 + 72); q, k and v (3 * 72), 3 * 36 scores; 4 bytes, 2 samples
    assert verified.executed_peak == 8 * (48 + 72 + 72 + 216 + 108)


@pytest.mark.parametrize(("input_", "written", "elements"), [
    # input and output, and queries, keys, values and scores, all alive at once
    ("[4, 5, 7]", "window_attention: {heads: 2, window: [2, 3], shifted: true}", 2 * 140 + 54 * (3 * 4 + 2 * 6)),
    ("{tokens: 7, features: 4}", "window_attention: {heads: 2, window: 3}", 2 * 28 + 9 * (3 * 4 + 2 * 3)),
    # few scores: the windows themselves, cut out of the map, take more; 5x7 are padded to 5x8
    ("[12, 5, 7]", "window_attention: {heads: 1, window: [1, 2]}", 2 * 420 + 40 * (3 * 12 + 12)),
    ("{tokens: 7, features: 4}", "attention: {heads: 4, kv_heads: 2, out: 3}", 28 + 21 + 7 * (4 + 2 * 2) + 4 * 49),
])  # fmt: skip
@pytest.mark.parametrize("literal", [False, True])
def test_what_lives_meanwhile(input_: str, written: str, elements: int, literal: bool) -> None:
    verified = spec(f"  - {written}\n", input_).verify(2, literal=literal)
    assert verified.agreed
    assert verified.predicted_peak == verified.executed_peak == 8 * elements


@pytest.mark.parametrize(("kind", "inputs", "given_"), [
    ("attention", [(300, 16)], {"heads": 2}), ("attention", [(300, 64)], {"heads": 4, "kv_heads": 1}),
    ("attention", [(900, 32), (20, 32)], {"heads": 2}), ("window_attention", [(2000, 16)], {"heads": 2, "window": 90}),
    ("window_attention", [(2001, 16)], {"heads": 2, "window": 2}),
])  # fmt: skip
def test_no_more_is_there_than_is_told(kind: str, inputs: list[tuple[int, int]], given_: dict[str, Any]) -> None:
    """What NumPy allocates are the weights and what is said to live meanwhile, and little beside these."""
    layer, shapes = build(kind, **given_), [tokens(*sizes) for sizes in inputs]
    arrays = [Tensor(np.ones((1, *sizes), np.float32), True) for sizes in inputs]
    run(kind, *arrays, **given_)  # what is loaded once is loaded
    tracemalloc.start()
    run(kind, *arrays, **given_)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    output = layer.infer(shapes)
    told = 4 * (layer.workspace(shapes, output) + output.size + census(kind, *shapes, **given_).params)
    assert told - 4 * output.size < peak < 1.1 * told  # the rule has the output from the start, here it comes last


@pytest.mark.parametrize(("input_", "written", "message"), [
    ("{tokens: 6, features: 12}", "attention: {heads: 5}", "12 features cannot be divided into 5 heads"),
    ("{tokens: 6, features: 12}", "attention: {heads: 4, kv_heads: 3}", "4 heads cannot share 3 keys and values"),
    ("[12, 4, 4]", "attention: {heads: 4}", "`attention` needs tokens, and its input is a feature map (12x4x4)"),
    ("[12]", "attention: {heads: 4}", "`attention` needs tokens, and its input is a vector (12)"),
    ("{tokens: 6, features: 12}", "attention: {heads: 4, causal: true, from: [input, input]}", "is not causal"),
    ("{tokens: 6, features: 12}", "attention: {heads: 4, from: [input, input, input]}", "takes one or two inputs, not 3"),
    ("[12]", "window_attention: {heads: 4, window: 2}", "`window_attention` needs a map or tokens"),
    ("[12, 4, 4]", "window_attention: {heads: 4, window: [2, 2, 2]}", "`window` has 3 values for 2 axes"),
    ("[12, 4, 4]", "window_attention: {heads: 4, window_size: 2}", "it is called `window` here"),
    ("{tokens: 6, features: 12}", "MultiheadAttention: {heads: 4}", "it is called `attention` here"),
])  # fmt: skip
def test_errors(input_: str, written: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec(f"  - {written}\n", input_).report()
    assert message in str(caught.value)


SWIN_T = """\
costcalc: 1
input: [3, 224, 224]
blocks:
  stage:
    args: {depth: required, heads: required}
    layers:
      - repeat:
          n: depth
          layers:
            - residual:
                - layer_norm
                - window_attention: {heads: heads, window: 7}
            - residual:
                - layer_norm
                - conv: {out: 4*in.channels, kernel: 1, act: gelu}
                - conv: {out: in.channels/4, kernel: 1}
  merge:
    layers:
      - reshape: {to: [4*in.channels, in.height/2, in.width/2]}
      - layer_norm
      - conv: {out: in.channels/2, kernel: 1, bias: false}
layers:
  - conv: {out: 96, kernel: 4, stride: 4}
  - layer_norm
  - stage: {depth: 2, heads: 3}
  - merge
  - stage: {depth: 2, heads: 6}
  - merge
  - stage: {depth: 6, heads: 12}
  - merge
  - stage: {depth: 2, heads: 24}
  - layer_norm
  - global_avg_pool
  - linear: {out: 1000}
"""


def test_swin_t() -> None:
    """torchvision's `num_params`, and its `_ops` of 4.491 G; nothing is padded at 224."""
    totals = Model(parse_document(Source("swin.yaml", SWIN_T)), {}).report().totals
    assert totals.params == 28_288_354
    assert round(totals.madds / 10**6) == 4_491
    assert totals.census.valid_macs == totals.madds
