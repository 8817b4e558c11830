"""`explain`: formulas against arithmetic by hand and against the counts of other layers, ratios, names, documents."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sympy
from layers import DRAWS, layer, layers
from markdown_it import MarkdownIt
from test_harmless import TEXTS, WHOLE, inert, told

import costcalc
from costcalc.api import Model
from costcalc.census import CLASSES
from costcalc.cost import count
from costcalc.errors import Source, UsageError
from costcalc.explore.explanation import Explained, ExplainedLayer, explain
from costcalc.formulas import Disproved, Formula, Symbols, node_formulas
from costcalc.kinds import REGISTRY, convolution
from costcalc.network import INPUT, Network, Node
from costcalc.number.algebra import expression, ratio
from costcalc.number.polynomial import Polynomial, expanded
from costcalc.number.traced import Trace
from costcalc.render.worked import TEXT_RATIO, TEXT_SUM, in_numbers, simplified, steps, unsimplified
from costcalc.shape import Shape
from costcalc.spec import bundled, parse_document

Cli = Callable[..., Any]
V1 = costcalc.load("mobilenet_v1")


def only(found: Any) -> ExplainedLayer:
    assert len(found.layers) == 1
    return found.layers[0]


def text(formula: Formula) -> str:
    return TEXT_SUM.factored(formula.polynomial)


def spec(layers_: str, input_: str = "[12, 14, 14]", more: str = "") -> Model:
    return Model(parse_document(Source("test.yaml", f"costcalc: 1\n{more}input: {input_}\nlayers:\n{layers_}")), {})


# -- Table 1 of MobileNet V1, by hand ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "formula", "numbers", "madds", "weights"),
    [
        ("conv", "D_K * D_K * M * N * D_F * D_F", "3 * 3 * 3 * 32 * 112 * 112", 10_838_016, 864),
        ("stage1/depthwise", "D_K * D_K * M * D_F * D_F", "3 * 3 * 32 * 112 * 112", 3_612_672, 288),
        ("stage1/conv", "M * N * D_F * D_F", "32 * 64 * 112 * 112", 25_690_112, 2_048),
        ("stage2/depthwise", "D_K * D_K * M * D_F * D_F", "3 * 3 * 64 * 56 * 56", 1_806_336, 576),
        ("stage2/conv", "M * N * D_F * D_F", "64 * 128 * 56 * 56", 25_690_112, 8_192),
        ("stage7/1/depthwise", "D_K * D_K * M * D_F * D_F", "3 * 3 * 512 * 14 * 14", 903_168, 4_608),
        ("stage7/5/conv", "M * N * D_F * D_F", "512 * 512 * 14 * 14", 51_380_224, 262_144),
        ("stage9/conv", "M * N * D_F * D_F", "1024 * 1024 * 7 * 7", 51_380_224, 1_048_576),
        ("linear", "M * N", "1024 * 1000", 1_024_000, 1_024_000),
    ],
)
def test_table_1_by_hand(path: str, formula: str, numbers: str, madds: int, weights: int) -> None:
    head = only(V1.explain(path)).nodes[0]
    assert head.cost is not None
    assert steps(head.cost, TEXT_SUM) == [formula, numbers, f"{madds:,}"]
    assert head.census["macs"].value == head.cost.value == madds
    assert head.census["weights"].value == weights


def test_a_page_worked_by_hand(cli: Cli) -> None:
    """A 3x3 depthwise convolution over 512 channels of 14x14, and what stands around it."""
    lines = cli("explain", "mobilenet_v1", "stage7/1/depthwise").out.splitlines()
    for sums in (
        ["  MAdds            D_K * D_K * M * D_F * D_F", " " * 17 + "= 3 * 3 * 512 * 14 * 14", " " * 17 + "= 903,168"],
        ["  not on padding   V * V * M = 40 * 40 * 512 = 819,200"],  # 14 windows of 3 taps, one of two ends outside
        ["  weights          D_K * D_K * M = 3 * 3 * 512 = 4,608"],
        ["  memory           401,408 read + 18,432 parameters + 401,408 written = 821,248 bytes"],
        ["  intensity        903,168 / 821,248 = 1.0998 MAdds per byte"],
        ["                 = 1/M", "                 = 1/512"],
        [
            "                   (D_K^2*M*D_F^2 + M*N*D_F^2) / (D_K^2*M*N*D_F^2)",
            "                 = 1/N + 1/D_K^2",
            "                 = 1/512 + 1/9",
            "                 = 0.1131, 8.84x fewer MAdds: 903,168 + 51,380,224, not 462,422,016",
        ],
    ):
        start = lines.index(sums[0])
        assert lines[start : start + len(sums)] == sums
    assert max(map(len, lines)) <= 92


# -- ratios -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "shufflenet_v1"])
def test_every_pair_is_one_over_n_and_one_over_the_window(name: str) -> None:
    """Equation 5 of the paper; where the 1x1 convolution has groups, its part is divided by them."""
    found = 0
    for explained in costcalc.load(name).explain(top=200).layers:
        if explained.pair is not None:
            found += 1
            point = explained.pair.point
            n, k, g = point["N"], point["D_K"], point.get("g", 1)
            assert simplified(explained.pair, TEXT_RATIO) == ("1/N + 1/D_K^2" if g == 1 else "1/N + 1/(D_K^2*g)")
            assert explained.pair.value == Fraction(1, n) + Fraction(1, k * k * g)
            assert in_numbers(explained.pair, TEXT_RATIO) == f"1/{n} + 1/{k * k * g}"
    assert found >= 10


@pytest.mark.parametrize(
    ("written", "simplest", "value"),
    [
        ("conv: {out: 20, kernel: 3, groups: 4}", "1/g", Fraction(1, 4)),
        ("conv: {out: 20, kernel: 1, groups: 2}", "1/g", Fraction(1, 2)),
        ("conv: {out: 20, kernel: [3, 1], groups: 4, stride: 2, dilation: 2}", "1/g", Fraction(1, 4)),
        ("depthwise: {kernel: 5}", "1/M", Fraction(1, 12)),
        ("depthwise: {kernel: 3, multiplier: 2}", "1/M", Fraction(1, 12)),
        ("conv: {out: 12, kernel: 3, groups: 12}", "1/M", Fraction(1, 12)),
        ("conv: {out: 24, kernel: 3, groups: 12}", "1/M", Fraction(1, 12)),
        ("separable: {out: 20, kernel: 3}", "1/N + 1/D_K^2", Fraction(29, 180)),
        ("separable: {out: 20, kernel: 3, multiplier: 2}", "m/N + m/D_K^2", Fraction(29, 90)),
        ("separable: {out: 20, kernel: [5, 3]}", "1/N + 1/(K_H*K_W)", Fraction(1, 20) + Fraction(1, 15)),
    ],
)
@pytest.mark.parametrize("batch", [1, 3])
def test_ratios_simplify(written: str, simplest: str, value: Fraction, batch: int) -> None:
    found = only(spec(f"  - {written}\n").explain(batch=batch)).nodes[0].standard
    assert found is not None
    assert simplified(found, TEXT_RATIO) == simplest
    assert found.value == value == Fraction(found.own.value, found.standard.value)


@pytest.mark.parametrize(
    ("first", "then", "simplest"),
    [
        ("depthwise: {kernel: 3, multiplier: 2, stride: 2}", "conv: {out: 20, kernel: 1}", "m/N + m/D_K^2"),
        ("conv: {out: 12, kernel: 3, groups: 12, norm: batch_norm}", "conv: {out: 20, kernel: 1}", "1/N + 1/D_K^2"),
        ("depthwise: {kernel: [3, 1], act: relu}", "conv: {out: 20, kernel: 1}", "1/N + 1/(K_H*K_W)"),
        ("depthwise: {kernel: 1}", "conv: {out: 20, kernel: 1}", "1 + 1/N"),
        ("depthwise: {kernel: 3}", "conv: {out: 20, kernel: 1, groups: 4}", "1/N + 1/(D_K^2*g)"),
    ],
)
def test_pairs_simplify(first: str, then: str, simplest: str) -> None:
    model = spec(f"  - {first.replace('}', ', as: one}')}\n  - {then.replace('}', ', as: two}')}\n")
    one, two = (only(model.explain(name)).pair for name in ("one", "two"))
    assert one is not None and two is not None
    assert simplified(one, TEXT_RATIO) == simplified(two, TEXT_RATIO) == simplest
    parts = [row.madds for row in model.report().rows("node") if row.path in ("one", "two")]
    assert one.parts == tuple(parts) and one.own.value == sum(parts)
    assert one.standard.value == model.standard().report().totals.madds


def test_no_pair() -> None:
    """Something else reads the first, the second has a window, or they are not next to each other."""
    for lines in (
        "  - depthwise: {kernel: 3, as: one}\n  - conv: {out: 8, kernel: 3}\n",
        "  - depthwise: {kernel: 3, as: one}\n  - max_pool: {kernel: 2}\n  - conv: {out: 8, kernel: 1}\n",
        "  - depthwise: {kernel: 3, as: one}\n  - conv: {out: 12, kernel: 1, as: two}\n  - add: {from: [one, two]}\n",
    ):
        assert only(spec(lines).explain("one")).pair is None


def test_inputs_of_other_widths_are_told_apart(tmp_path: Path, cli: Any) -> None:
    """12 channels beside half as large a map of 4; heads are what they are called, without their letter."""
    (tmp_path / "net.yaml").write_text("""\
costcalc: 1
input: [12, 8, 8]
layers:
  - conv: {out: 12, kernel: 1, as: a}
  - avg_pool: {kernel: 2}
  - conv: {out: 4, kernel: 1, as: b}
  - octave_conv: {from: [a, b], to: high, out: 16, kernel: 3, as: both}
  - window_attention: {heads: 4, window: 4, as: windows}
""")
    lines = [line.split(maxsplit=2) for line in cli("explain", str(tmp_path / "net.yaml"), "both").out.splitlines()]
    assert [line for line in lines if line[:1] in (["M"], ["M_2"])] == [
        ["M", "12", "channels of input 1"], ["M_2", "4", "channels of input 2"],
    ]  # fmt: skip
    assert re.search(r"^  h +4  number of heads$", cli("explain", str(tmp_path / "net.yaml"), "windows").out, re.MULTILINE)


def test_ratios_under_other_conventions_are_cancelled() -> None:
    """With a bias neither cost is one product: the quotient of two sums, in lowest terms."""
    node = only(spec("  - separable: {out: 20, kernel: 3}\n").explain(convention="flops")).nodes[0]
    assert node.standard is not None
    own, standard = (2 * 3 * 3 * 12 + 2 * 12 * 20 + 20) * 14 * 14, (2 * 3 * 3 * 12 * 20 + 20) * 14 * 14
    assert (node.standard.own.value, node.standard.standard.value) == (own, standard)
    assert simplified(node.standard, TEXT_RATIO) == "(2*D_K^2*M + 2*M*N + N) / (2*D_K^2*M*N + N)"
    assert node.standard.quotient.at(node.standard.point) == Fraction(own, standard)
    without = only(spec("  - conv: {out: 20, kernel: 3, groups: 4, bias: false}\n").explain(convention="flops"))
    assert without.nodes[0].standard is not None
    assert simplified(without.nodes[0].standard, TEXT_RATIO) == "1/g"
    padded = only(spec("  - depthwise: {kernel: 3}\n").explain(convention="valid")).nodes[0].standard
    assert padded is not None
    assert unsimplified(padded, TEXT_RATIO) == "(V^2*M) / (V^2*M^2)"


# -- algebra ----------------------------------------------------------------------------------------------------------


def polynomials(*names: str) -> Iterator[Any]:
    trace = Trace()
    return iter([trace.symbol(name, value, whole=True) for name, value in zip(names, (12, 20, 3), strict=False)])


def of(x: Any) -> Polynomial:
    return expanded(x.trace.graph, x.form)


def test_quotients_as_sympy_cancels_them() -> None:
    """Random quotients of sums: the same value as sympy's own, and nothing left to cancel."""
    source = random.Random(1)
    for _ in range(30):
        m, n, k = polynomials("M", "N", "D_K")
        shared = k * source.randint(1, 3) + n * source.randint(0, 2) + source.randint(1, 3)
        above, below = (shared * (m * source.randint(1, 3) + k * k + source.randint(0, 2)) for _ in range(2))
        quotient = ratio(of(above), of(below))
        assert quotient.at({"M": 12, "N": 20, "D_K": 3}) == Fraction(above.value, below.value)
        assert sympy.gcd(expression(quotient.above), expression(quotient.below)) == 1
        assert sympy.simplify(expression(quotient.above) / expression(quotient.below) - above_over(above, below)) == 0


def above_over(above: Any, below: Any) -> Any:
    return expression(of(above)) / expression(of(below))


def test_quotients_beyond_all_use_are_left_as_they_are() -> None:
    m, n, k = polynomials("M", "N", "D_K")
    above = below = m + n * k
    for factor in (m, n, k, m, n, k, m, n, k):
        above, below = above * (factor + 1), below * (factor + 1)
    quotient = ratio(of(above * 3), of(below * m + below))
    assert len(quotient.above.terms) > 60
    assert quotient.at({"M": 12, "N": 20, "D_K": 3}) == Fraction(3, 13)


def test_expressions_keep_what_is_known_of_symbols() -> None:
    m, n = polynomials("M", "N")
    trace = m.trace
    alpha = trace.symbol("alpha", Fraction(3, 4))
    formula = expression(of(costcalc.number.floor(alpha * m) * costcalc.number.gcd(m, n) + m % n))
    known = {symbol.name: symbol for symbol in formula.free_symbols}
    assert known["M"].is_positive and known["M"].is_integer
    assert known["alpha"].is_positive and known["alpha"].is_integer is None
    assert formula.subs({known["M"]: 12, known["N"]: 20, known["alpha"]: sympy.Rational(3, 4)}) == 9 * 4 + 12


# -- every kind -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DRAWS)
def test_formulas_give_the_counts(kind: str) -> None:
    """Of random layers of all ranks and options: each class of the census has a formula of its value, or is zero."""
    for drawn in layers(kind, 20, tiny=True):
        formulas = node_formulas(kind, drawn.attributes, drawn.inputs, drawn.output, drawn.batch)
        census = drawn.census.for_batch(drawn.batch)
        assert {name: f.value for name, f in formulas.items()} == {n: v for n in CLASSES if (v := getattr(census, n))}
        assert all(
            f.polynomial.at(f.point) == f.value and set(f.point) >= set(f.polynomial.symbols())
            for f in formulas.values()
        )


@pytest.mark.parametrize("kind", [kind for kind in DRAWS if not REGISTRY[kind].joins])
def test_every_symbol_of_a_ratio_is_in_the_legend(kind: str) -> None:
    """Those of the standard layer in its place, too."""
    for drawn in layers(kind, 15, tiny=True):
        if len(drawn.inputs) == 1:
            node = Node("it", kind, drawn.attributes, (INPUT,), drawn.output, "it")
            found = only(explain(count(Network("one", drawn.inputs[0], (node,), ("it",))), None, None)).nodes[0]
            if found.standard:
                used = {s.name for f in (found.standard.own, found.standard.standard) for s in f.symbols}
                assert used <= {s.name for s in found.symbols}, drawn.attributes


def test_every_kind_is_drawn() -> None:
    assert {*DRAWS, "opaque"} == set(REGISTRY)
    assert node_formulas("opaque", {"op": "nms", "to": None}, [Shape(3)], Shape(3)) == {}


SYMBOLIC = (
    "kernel",
    "stride",
    "padding",
    "dilation",
    "ceil_mode",
    "out",
    "groups",
    "multiplier",
)  # in symbols, or in V


@pytest.mark.parametrize("kind", DRAWS)
def test_formulas_are_general(kind: str) -> None:
    """The formula of one layer, at the sizes of another one with the same symbols, gives that one's count.

    Of a sum, every term must have the same symbols: whether an axis is padded, or an output has size 1, tells there.
    """
    known: dict[Any, list[Formula]] = {}
    compared = 0
    for seed in range(80):
        drawn = layer(kind, seed, tiny=True)
        if drawn is None:
            continue
        form = (str({n: v for n, v in drawn.attributes.items() if n not in SYMBOLIC}),
                tuple(len(x.spatial) for x in drawn.inputs), len(drawn.output.spatial))  # fmt: skip
        for name, formula in node_formulas(kind, drawn.attributes, drawn.inputs, drawn.output).items():
            symbols = tuple((symbol.name, symbol.meaning) for symbol in formula.symbols)
            terms = (Polynomial(formula.polynomial.graph, {term: 1}) for term in formula.polynomial.terms)
            alike = frozenset(tuple(term.symbols()) for term in terms)
            others = known.setdefault((name, form, symbols, alike), [])
            for other in others:
                compared += 1
                assert other.polynomial.at(formula.point) == getattr(drawn.census, name), (drawn, text(other))
            others.append(formula)
    quiet = not any(sum(found.census) for seed in range(50) if (found := layer(kind, seed, tiny=True)))
    assert quiet or compared >= 10


@pytest.mark.parametrize(
    ("kind", "attributes", "inputs", "formulas"),
    [
        ("linear", {"out": 7}, [Shape(30)], {"macs": "M * N", "weights": "M * N", "biases": "N", "bias_adds": "N"}),
        ("linear", {"out": 7, "bias": False}, [Shape(30, (5,), True)], {"macs": "M * N * T", "weights": "M * N"}),
        ("conv", {"out": 8, "kernel": 3, "bias": False}, [Shape(6, (20,))], {"macs": "D_K * M * N * L", "valid_macs": "V * M * N"}),
        ("conv", {"out": 8, "kernel": 3, "bias": False, "padding": "valid"}, [Shape(6, (9, 9, 9))],
         {"macs": "D_K * D_K * D_K * M * N * D_F * D_F * D_F", "valid_macs": "D_K * D_K * D_K * M * N * D_F * D_F * D_F"}),
        ("conv", {"out": 8, "kernel": (3, 2, 1), "bias": False}, [Shape(6, (7, 8, 9))], {"macs": "K_D * K_H * K_W * M * N * D * H * W"}),
        ("conv", {"out": 8, "kernel": (3, 1), "bias": False}, [Shape(6, (9, 9))],
         {"macs": "K_H * K_W * M * N * D_F * D_F", "valid_macs": "K_W * V_H * M * N * D_F"}),
        ("conv", {"out": 8, "kernel": (3, 3), "bias": False}, [Shape(6, (9, 8))],
         {"macs": "D_K * D_K * M * N * H * W", "valid_macs": "V_H * V_W * M * N"}),
        ("conv", {"out": 8, "kernel": 3, "bias": False, "padding": (1, 0)}, [Shape(6, (9, 9))],
         {"macs": "D_K * D_K * M * N * H * W", "valid_macs": "D_K * V_H * M * N * W"}),
        ("conv", {"out": 8, "kernel": 3, "bias": False, "dilation": (1, 2, 2)}, [Shape(6, (9, 9, 9))], {"valid_macs": "V_1 * V_2 * V_2 * M * N"}),
        ("conv", {"out": 8, "kernel": 3, "bias": False, "padding": (1, 1, 0)}, [Shape(6, (9, 8, 7))], {"valid_macs": "D_K * V_D * V_H * M * N * W"}),
        ("conv", {"out": 8, "kernel": 3, "groups": 2}, [Shape(6, (9, 9))],
         {"weights": "D_K * D_K * M * N / g", "biases": "N", "bias_adds": "N * D_F * D_F"}),
        ("max_pool", {"kernel": 3, "stride": 2}, [Shape(6, (9, 9))], {"comparisons": "M * D_F * D_F * (D_K * D_K - 1)"}),
        ("global_avg_pool", {}, [Shape(6, (9, 9))], {"additions": "M * (D_F * D_F - 1)", "divisions": "M"}),
        ("global_avg_pool", {"keep_axes": True}, [Shape(6, (9, 8))], {"additions": "M * (H * W - 1)", "divisions": "M"}),
        ("adaptive_max_pool", {"out": 4}, [Shape(6, (9, 9))], {"comparisons": "M * (V * V - D_F * D_F)"}),
        ("softmax", {}, [Shape(6)], {"comparisons": "M - 1", "additions": "2 * M - 1", "divisions": "M"}),
        ("batch_norm", {}, [Shape(6, (9, 8))], {"multiplications": "M * H * W", "buffers": "2 * M", "norm_scales": "M"}),
        ("add", {}, [Shape(6, (9, 9))] * 3, {"additions": "2 * M * D_F * D_F"}),
        ("mul", {}, [Shape(6), Shape(6, (9, 9))], {"multiplications": "M * D_F * D_F"}),
        ("upsample", {"scale": 2, "mode": "bilinear"}, [Shape(6, (9, 9))], {"additions": "3 * M * D_F * D_F"}),
    ],
)  # fmt: skip
def test_formulas_of_other_shapes(kind: str, attributes: Any, inputs: list[Shape], formulas: dict[str, str]) -> None:
    given = {name: attribute.default for name, attribute in REGISTRY[kind].attributes.items()} | attributes
    found = node_formulas(kind, given, inputs, REGISTRY[kind](given).infer(inputs))
    assert {name: text(found[name]) for name in formulas} == formulas


def test_what_a_symbol_stands_for() -> None:
    given = {name: attribute.default for name, attribute in REGISTRY["adaptive_avg_pool"].attributes.items()}
    found = node_formulas("adaptive_avg_pool", given | {"out": 4}, [Shape(6, (9, 9))], Shape(6, (4, 4)))["additions"]
    symbols = {symbol.name: symbol for symbol in found.symbols}
    assert {name: s.value for name, s in symbols.items()} == {"V": 9 + 4 - 1, "M": 6, "D_F": 4, "D_in": 9}
    assert symbols["V"].short_for is not None
    assert TEXT_SUM.written(symbols["V"].short_for) == "D_in + D_F - gcd(D_in, D_F)"
    assert found.expression.subs({s: found.point[s.name] for s in found.expression.free_symbols}) == found.value


@pytest.mark.parametrize("name", [*bundled()])
@pytest.mark.parametrize(("convention", "batch", "dtype"), [("paper", 1, "float32"), ("flops", 3, "int4")])
def test_every_layer_of_every_network(name: str, convention: str, batch: int, dtype: str) -> None:
    """The explained numbers are those of the report, node by node."""
    report = costcalc.load(name).report(convention, batch, dtype)
    rows = {row.path: row for row in report.layers}
    seen: list[str] = []
    for explained in explain(report, top=10**6).layers:
        seen += [explained.path, *explained.alike]
        for node in explained.nodes:
            check_node(node, rows[node.row.path])
        layer_row = next(row for row in report.rows("layer") if row.path == explained.path)
        assert explained.row == layer_row
    assert sorted(seen) == sorted(row.path for row in report.rows("layer"))


def check_node(node: Explained, row: Any) -> None:
    assert {n: f.value for n, f in node.census.items()} == {n: v for n in CLASSES if (v := getattr(row.census, n))}
    assert node.cost is not None and node.cost.value == row.count
    m = node.memory
    assert -(-(m.inputs + m.parameters + m.outputs) * m.bits // 8) == row.memory_access_bytes
    assert node.intensity is None or node.intensity * row.memory_access_bytes == row.madds


def test_a_wrong_formula_is_never_shown(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    """A rule that asks for the kind of a number gives symbols another formula than it gives integers a count."""
    monkeypatch.setattr(convolution.Windowed, "taps", lambda self, x: 9 if isinstance(x.channels, int) else 8)
    run = cli("explain", "mobilenet_v1", "conv")
    assert (run.code, run.out) == (70, "")
    assert "Disproved: the formula of macs gives" in run.err
    symbols = Symbols()
    number = symbols.number("M", 12, "input channels")
    with pytest.raises(Disproved, match="the formula of weights gives 36, counted are 35"):
        symbols.formula("weights", number * 3, 35)


# -- which layers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("stage7/1/conv", ["stage7/1/conv"]),
        ("/stage7/1/conv/", ["stage7/1/conv"]),
        ("9/conv", []),
        ("1/depthwise", ["stage7/1/depthwise"]),
        ("stage8", ["stage8/depthwise", "stage8/conv"]),
        ("stage7/1", ["stage7/1/depthwise", "stage7/1/conv"]),
        ("conv", ["conv"]),
        ("stage7/1/conv/batch_norm", ["stage7/1/conv/batch_norm"]),
        ("1/conv/relu", ["stage7/1/conv/relu"]),
    ],
)
def test_names_of_layers(name: str, paths: list[str]) -> None:
    if not paths:
        with pytest.raises(UsageError):
            V1.explain(name)
    else:
        assert [found.path for found in V1.explain(name).layers] == paths


def test_layers_alike_are_explained_once() -> None:
    depthwise, conv = V1.explain("stage7").layers
    assert (depthwise.path, conv.path) == ("stage7/1/depthwise", "stage7/1/conv")
    assert conv.alike == tuple(f"stage7/{i}/conv" for i in range(2, 6))
    differently = spec("  - depthwise: {kernel: 3, as: a}\n  - conv: {out: 12, kernel: 1, as: b}\n"
                       "  - depthwise: {kernel: 5, as: c}\n  - conv: {out: 12, kernel: 1, as: d}\n")  # fmt: skip
    assert [found.alike for found in differently.explain(top=9).layers] == [()] * 4, "of b and d the pairs differ"


def test_the_layers_that_cost_most() -> None:
    found = V1.explain().layers
    assert len(found) == 5
    counts = [row.count for row in V1.report().rows("layer", sort="count")]
    shown = sorted((layer_.row.count for layer_ in found for _ in (layer_.path, *layer_.alike)), reverse=True)
    assert shown == counts[: len(shown)]
    assert [x.path for x in V1.explain(top=1).layers] == ["stage3/conv"]
    assert [x.path for x in V1.explain("stage7", top=1).layers] == ["stage7/1/conv"]


def test_a_cut_through_a_tie_is_told(cli: Cli) -> None:
    """N * N * D_F**2 of 128 and 56, 256 and 28, 512 and 14, 1024 and 7 is the same: eight layers."""
    most = max(row.count or 0 for row in V1.report().rows("layer"))
    tied = [row.path for row in V1.report().rows("layer") if row.count == most]
    assert len(tied) == 8 and list(V1.explain(top=1).tied) == tied[1:]
    assert V1.explain(top=4).tied == (), "five alike are one"
    fifth = V1.explain(top=5)
    equal = {row.path for row in V1.report().rows("layer") if row.count == fifth.layers[-1].row.count}
    assert set(fifth.tied) == equal - {fifth.layers[-1].path, *fifth.layers[-1].alike} != set()
    assert V1.explain("stage7").tied == V1.explain(top=1000).tied == ()
    text_ = " ".join(cli("explain", "mobilenet_v1", "--top", "1").out.split())
    assert "a layer that costs most; stage5/conv and 6 more cost the same" in text_
    page = cli("explain", "mobilenet_v1", "--format", "md").out
    assert "the cut goes through a tie: " in page
    assert "`" not in page.split("###")[0], "plain text"


@pytest.mark.parametrize(
    ("name", "message", "help_"),
    [
        ("stage7/1/cnv", "unknown layer `stage7/1/cnv`", "did you mean `stage7/1/conv`?"),
        ("stage77", "unknown layer `stage77`", "did you mean `stage7`?"),
        ("lineer", "unknown layer `lineer`", "did you mean `linear`?"),
        ("relu", "27 layers end in `relu`", "which one: `conv/relu`, `stage1/depthwise/relu`"),
        ("5/conv", "unknown layer", None),
        ("", "unknown layer ``", "known: `conv`"),
        ("stage7/1/conv/", None, None),
    ],
)
def test_unknown_layers(name: str, message: str | None, help_: str | None, cli: Cli) -> None:
    run = cli("explain", "mobilenet_v1", name)
    if message is None or name == "5/conv":
        assert run.code == 0
        return
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"error: {message}")
    assert help_ is None or f"help: {help_}" in run.err


@pytest.mark.parametrize(
    "arguments",
    [("--top", "0"), ("--format", "html"), ("--dtype", "int7"), ("--batch", "0"), ("--convention", "papre"), ("--alpha", "x"),
     ("conv", "conv"), ("--lyer", "conv")],
)  # fmt: skip
def test_wrong_usage(arguments: tuple[str, ...], cli: Cli) -> None:
    run = cli("explain", "mobilenet_v1", *arguments)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("error: ")


def test_what_is_not_known_or_not_counted(tmp_path: Path, cli: Cli) -> None:
    model = spec("  - conv: {out: 8, kernel: 3}\n  - opaque: {op: nms, as: boxes}\n  - flatten\n")
    boxes, flat = (only(model.explain(name)).nodes[0] for name in ("boxes", "flatten"))
    assert (boxes.census, boxes.cost, boxes.intensity) == ({}, None, None)
    assert (flat.census, flat.memory.elements) == ({}, 0)
    (tmp_path / "convs.yaml").write_text("costcalc-convention: 1\nunit: products\ncount: {conv: macs}\n")
    (tmp_path / "s.yaml").write_text(
        "costcalc: 1\ninput: [3, 8, 8]\nlayers: [{conv: {out: 4}}, {linear: {out: 2, from: conv}}]\n".replace(
            "{linear: {out: 2, from: conv}}", "relu, {opaque: {op: x}}, flatten"
        )
    )
    out = cli("explain", str(tmp_path / "s.yaml"), "--convention", str(tmp_path / "convs.yaml"), "--top", "9").out
    assert "products" in out and "not counted by this convention" in out
    assert "not known: there is no rule for this operation" in out
    assert "none: it is a view of its input" in out


# -- formats ----------------------------------------------------------------------------------------------------------


FORMULA = {
    "type": "object",
    "required": ["formula", "value"],
    "properties": {"formula": {"type": "string"}, "value": {"type": "integer"}},
}
MAYBE = {"anyOf": [FORMULA, {"type": "null"}]}
CENSUS = {"type": ["object", "null"], "additionalProperties": FORMULA}
EXACT = {"type": ["integer", "number", "string"]}
RATIO = {
    "anyOf": [
        {"type": "null"},
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["layers", "own", "standard", "ratio"],
            "properties": {
                "layers": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string"}},
                "own": FORMULA,
                "standard": {**FORMULA, "required": ["kind", "formula", "value"]},
                "ratio": {"type": "object", "required": ["formula", "value"], "properties": {"value": EXACT}},
            },
        },
    ]
}
PART = {"type": "object", "required": ["elements", "bytes"], "properties": {"elements": {"type": "integer"}}}
NODE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["path", "kind", "inputs", "output", "symbols", "count", "census", "parameters", "memory_access",
                 "madds_per_byte", "standard"],
    "properties": {
        "path": {"type": "string"}, "kind": {"type": "string"}, "inputs": {"type": "array"}, "output": {"type": "array"},
        "symbols": {"type": "object", "additionalProperties": {"type": "object", "required": ["value", "meaning"]}},
        "count": MAYBE, "census": CENSUS, "parameters": CENSUS, "standard": RATIO,
        "memory_access": {"type": "object", "required": ["inputs", "parameters", "outputs", "bytes"],
                          "properties": {"inputs": PART, "parameters": PART, "outputs": PART, "bytes": {"type": "integer"}}},
        "madds_per_byte": {"anyOf": [EXACT, {"type": "null"}]},
    },
}  # fmt: skip
DOCUMENT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["schema", "version", "network", "hyperparameters", "batch", "dtype", "convention", "layers", "tied"],
    "properties": {
        "schema": {"const": "costcalc/explain/1"}, "version": {"type": "string"}, "network": {"type": "object"},
        "hyperparameters": {"type": "object"}, "batch": {"type": "integer"}, "dtype": {"type": "string"},
        "convention": {"type": "object", "required": ["name", "unit"]},
        "tied": {"type": "array", "items": {"type": "string"}},
        "layers": {"type": "array", "items": {
            "type": "object", "additionalProperties": False,
            "required": ["path", "alike", "params", "madds", "count", "memory_access_bytes", "nodes", "pair"],
            "properties": {"path": {"type": "string"}, "alike": {"type": "array"}, "params": {}, "madds": {}, "count": {},
                           "memory_access_bytes": {"type": "integer"}, "nodes": {"type": "array", "items": NODE},
                           "pair": RATIO},
        }},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v3_small", "shufflenet_v1"])
def test_json(name: str, cli: Cli) -> None:
    """The document fits its schema, and what it says can be computed from what else it says."""
    document = json.loads(cli("explain", name, "--top", "1000", "--format", "json", "--batch", "2").out)
    jsonschema.validate(document, DOCUMENT)
    for found in document["layers"]:
        for node in found["nodes"]:
            point = {symbol: record["value"] for symbol, record in node["symbols"].items()}
            listed = [node["count"], *node["census"].values(), *node["parameters"].values()]
            for record in listed:
                assert computed(record["formula"], point) == record["value"]
            moved = node["memory_access"]
            assert moved["bytes"] == sum(moved[part]["bytes"] for part in ("inputs", "parameters", "outputs"))
            if node["standard"]:
                value = computed(node["standard"]["ratio"]["formula"], point)
                assert value == exact_value(node["standard"]["ratio"]["value"])
        assert found["params"] == sum(
            r["value"] for n in found["nodes"] for k, r in n["parameters"].items() if k != "buffers"
        )


def computed(formula: str, point: dict[str, int]) -> Fraction:
    """A formula of the document, in Python, on exact numbers."""
    assert re.fullmatch(r"[\w\s*+/()-]*", formula)
    return eval(formula, {"__builtins__": {}}, {name: Fraction(value) for name, value in point.items()})


def exact_value(value: Any) -> Fraction:
    return Fraction(str(value))


def test_latex(cli: Cli) -> None:
    text_ = cli("explain", "mobilenet_v1", "stage7/1/depthwise", "--format", "latex").out
    assert r"\text{MAdds} &= D_{K} \cdot D_{K} \cdot M \cdot D_{F} \cdot D_{F} \\" in text_
    assert "  &= 3 \\cdot 3 \\cdot 512 \\cdot 14 \\cdot 14 \\\\\n  &= 903{,}168 \\\\\n" in text_
    assert r"= \frac{1}{N} + \frac{1}{D_{K}^{2}} = \frac{1}{512} + \frac{1}{9} \approx 0.1131" in text_
    assert text_.count(r"\begin{align*}") == text_.count(r"\end{align*}") == 4
    for display in re.findall(r"\\begin{align\*}\n(.*?)\\end{align\*}", text_, re.DOTALL):
        for row in display.split(r" \\"):
            assert row.count("{") == row.count("}") and row.count("&") <= 1


def test_markdown(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "explained.md"
    assert cli("explain", "mobilenet_v1", "stage8", "-o", str(path)).out == ""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    blocks = [token.content for token in tokens if token.type == "fence"]
    assert len(blocks) == 2 and all("MAdds" in block for block in blocks)
    assert next(t.content for t in tokens if t.type == "inline") == "MobileNet V1"


@pytest.mark.parametrize("format", ["text", "md", "latex", "json"])
def test_names_do_nothing(format: str, tmp_path: Path, cli: Cli) -> None:
    """Names, units and words from a spec and a convention are only ever text."""
    for evil in (*TEXTS, WHOLE) if format == "md" else (WHOLE, *TEXTS[::8]):
        quoted = json.dumps(evil)
        (tmp_path / "s.yaml").write_text(
            f"costcalc: 1\nname: {quoted}\ninput: [4, 8, 8]\nlayers:\n"
            f"  - depthwise: {{kernel: 3, as: __a__, act: relu}}\n  - conv: {{out: 6, kernel: 1}}\n"
            f"  - opaque: {{op: {quoted}}}\n",
            encoding="utf-8",
        )
        (tmp_path / "c.yaml").write_text(
            f"costcalc-convention: 1\nname: {quoted}\nunit: {quoted}\nabout: {quoted}\ncount: {{default: 2*macs}}\n",
            encoding="utf-8",
        )
        run = cli("explain", str(tmp_path / "s.yaml"), "--convention", str(tmp_path / "c.yaml"), "--format", format)
        assert (run.code, run.err) == (0, ""), evil
        assert inert(run.out), evil
        if format == "text":
            assert run.out.startswith(told(evil)[:40])
        elif format == "md":
            harmless_markdown(run.out, evil)
        elif format == "latex":
            body = run.out[run.out.index("\\paragraph") :]
            commands = set(re.findall(r"\\([A-Za-z]+)", body))
            assert not commands & {"input", "write", "def", "catcode", "immediate"}, evil
            assert body.replace(r"\{", "").replace(r"\}", "").count("{") == body.replace(r"\{", "").replace(
                r"\}", ""
            ).count("}")


def harmless_markdown(page: str, evil: str) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(page)
    kinds = {token.type for token in tokens} | {c.type for token in tokens for c in token.children or ()}
    assert not kinds & {"link_open", "image", "html_block", "html_inline", "table_open"}, evil
    assert sum(token.type == "fence" for token in tokens) == 3, evil
    assert sum(token.type == "heading_open" for token in tokens) == 4, evil
