"""The standard form of networks: Table 4 of the MobileNet paper by hand, which layers are pairs, laws, executions."""

from __future__ import annotations

import random
from fractions import Fraction

import families
import pytest
from bundle import with_resolution
from layers import layers

import costcalc
from costcalc.api import Model
from costcalc.cost import count
from costcalc.errors import Source
from costcalc.explore.baseline import standard_form
from costcalc.kinds import REGISTRY
from costcalc.network import Network
from costcalc.spec import parse_document

# MobileNet V1, Table 1: input and output channels of each separable pair, and the size of its output
PAIRS = [(32, 64, 112), (64, 128, 56), (128, 128, 56), (128, 256, 28), (256, 256, 28), (256, 512, 14),
         *[(512, 512, 14)] * 5, (512, 1024, 7), (1024, 1024, 7)]  # fmt: skip


def model(text: str) -> Model:
    """The model of a list of layers in YAML after a 6x11x8 input, or of a whole spec."""
    whole = text if text.startswith("costcalc") else f"costcalc: 1\nname: Net\ninput: [6, 11, 8]\nlayers:\n{text}"
    return Model(parse_document(Source("net.yaml", whole)), {})


def kinds(network: Network) -> list[str]:
    """The kind of every node, with what tells windows apart."""
    return [row.kind + row.step for row in count(network).layers]


# -- Table 4 --------------------------------------------------------------------------------------------------------


def test_table_4_of_the_paper() -> None:
    """arXiv:1704.04861, Table 4: Conv MobileNet 4866 and 29.3 million, MobileNet 569 and 4.2 million."""
    stem, classifier = 27 * 32, 1024 * 1000
    convolutions = stem * 112**2 + sum(9 * m * n * size**2 for m, n, size in PAIRS)
    norms = 2 * 32 + sum(2 * n for _, n, _ in PAIRS)
    whole = costcalc.load("mobilenet_v1").standard().report()
    assert whole.totals.madds == convolutions + classifier == 4_867_293_184
    assert convolutions // 10**6 == 4866, "what Table 4 prints leaves out the classifier"
    params = stem + sum(9 * m * n for m, n, _ in PAIRS) + norms + classifier + 1000
    assert whole.totals.params == params == 29_294_088
    assert round(params / 10**6, 1) == 29.3
    assert whole.published == (), "the spec's figures are of the separable network"


def test_the_exact_ratio_of_table_4() -> None:
    contrast = costcalc.load("mobilenet_v1").contrast()
    separable = 27 * 32 * 112**2 + sum((9 * m + m * n) * size**2 for m, n, size in PAIRS) + 1024 * 1000
    assert contrast.report.totals.madds == separable == 568_740_352
    assert contrast.ratio("madds") == Fraction(568_740_352, 4_867_293_184) == Fraction(1_110_821, 9_506_432)
    assert contrast.ratio("params") == Fraction(4_231_976, 29_294_088)
    pairs = [pair for pair in contrast.rows() if " + " in pair.path]
    assert [pair.ratio("madds") for pair in pairs] == [Fraction(1, n) + Fraction(1, 9) for _, n, _ in PAIRS]
    # with the norms: 9M + 2M + MN + 2N parameters against 9MN + 2N
    assert [pair.ratio("params") for pair in pairs] == [
        Fraction(9 * m + 2 * m + m * n + 2 * n, 9 * m * n + 2 * n) for m, n, _ in PAIRS
    ]


CONV_MOBILENET = """costcalc: 1
input: [3, 224, 224]
defaults: {conv: {norm: batch_norm, act: relu}}
layers:
  - conv: {out: 32, kernel: 3, stride: 2}
  - rows:
      columns: [out, stride, n]
      data: [[64, 1, 1], [128, 2, 1], [128, 1, 1], [256, 2, 1], [256, 1, 1], [512, 2, 1], [512, 1, 5], [1024, 2, 1],
             [1024, 1, 1]]
      repeat: n
      layers: [conv: {out: out, kernel: 3, stride: stride}]
  - global_avg_pool
  - linear: {out: 1000}
  - softmax
"""


def test_it_is_the_network_that_one_would_write() -> None:
    """Figure 3, left: a full convolution, one batch norm, one ReLU."""
    written, rewritten = model(CONV_MOBILENET).report(), costcalc.load("mobilenet_v1").standard().report()
    assert rewritten.totals == written.totals
    assert [
        (row.path, row.kind, row.step, row.inputs, row.output, row.census) for row in rewritten.layers
    ] == [(row.path, row.kind, row.step, row.inputs, row.output, row.census) for row in written.layers]  # fmt: skip
    assert [dict(node.attributes) for node in rewritten.network.nodes] == [
        dict(node.attributes) for node in written.network.nodes
    ]


def test_the_other_networks_by_hand() -> None:
    """MobileNet V2's stage 1, and the second unit of ShuffleNet's first stage, with groups of 3."""
    stage = next(p for p in costcalc.load("mobilenet_v2").contrast().rows("stage") if p.path == "stage1")
    assert (stage.own.madds, stage.standard.madds) == ((9 * 32 + 32 * 16) * 112**2, 9 * 32 * 16 * 112**2)
    rows = {p.path: p for p in costcalc.load("shufflenet_v1").contrast().rows()}
    unit = rows["stage1/2/reduce"], rows["stage1/2/depthwise + expand"]
    # 240 channels, reduced to 240 / 4 = 60; groups see 80 of 240, then 20 of 60
    assert [p.own.madds for p in unit] == [80 * 60 * 28**2, (9 * 60 + 20 * 240) * 28**2]
    assert [p.standard.madds for p in unit] == [240 * 60 * 28**2, 9 * 60 * 240 * 28**2]
    assert unit[0].ratio("madds") == Fraction(1, 3)
    assert unit[1].ratio("madds") == Fraction(1, 240) + Fraction(1, 27)  # of a third of the 1x1 convolution


# -- which layers are pairs -----------------------------------------------------------------------------------------

NORMS = "norm: batch_norm, act: relu"
RULES = {  # layers, and their standard form after the input of 6x11x8
    "a pair": ("- depthwise\n- conv: {out: 4, kernel: 1}", ["conv 3x3"]),
    "with norms and activations": (
        f"- depthwise: {{{NORMS}, stride: 2}}\n- conv: {{out: 4, kernel: 1, {NORMS}}}",
        ["conv 3x3/2", "batch_norm", "relu"],
    ),
    "with an activation of its own": ("- depthwise\n- swish\n- conv: {out: 4, kernel: 1}", ["conv 3x3"]),
    "a depthwise convolution as groups": (
        "- conv: {out: 12, kernel: 5, groups: 6}\n- conv: {out: 4, kernel: 1}",
        ["conv 5x5"],
    ),
    "then a grouped one": ("- depthwise\n- conv: {out: 4, kernel: 1, groups: 2}", ["conv 3x3"]),
    "then one without padding": ("- depthwise\n- conv: {out: 4, kernel: [1, 1], padding: [0, 0]}", ["conv 3x3"]),
    "two pairs": ("- depthwise\n- conv: {out: 4, kernel: 1}\n- depthwise\n- conv: {out: 2, kernel: 1}", ["conv 3x3"] * 2),
    "not two pairs": ("- depthwise\n- conv: {out: 6, kernel: 1, groups: 6}\n- conv: {out: 2, kernel: 1}", ["conv 3x3", "conv 1x1"]),
    "of one channel, a full one": (
        "- conv: {out: 1, kernel: 1}\n- conv: {out: 4, kernel: 3}\n- conv: {out: 4, kernel: 1}",
        ["conv 1x1", "conv 3x3", "conv 1x1"],
    ),
    "of one channel, a depthwise one": (
        "- conv: {out: 1, kernel: 1}\n- depthwise: {multiplier: 4}\n- conv: {out: 4, kernel: 1}",
        ["conv 1x1", "conv 3x3"],
    ),
    "alone": ("- depthwise: {multiplier: 2, norm: batch_norm}", ["conv 3x3", "batch_norm"]),
    "then one that strides": ("- depthwise\n- conv: {out: 4, kernel: 1, stride: 2}", ["conv 3x3", "conv 1x1/2"]),
    "then one that strides along one axis": (
        "- depthwise\n- conv: {out: 4, kernel: 1, stride: [1, 2]}", ["conv 3x3", "conv 1x1/1x2"],
    ),
    "then one that pads": ("- depthwise\n- conv: {out: 4, kernel: 1, padding: 1}", ["conv 3x3", "conv 1x1"]),
    "then a wider one": ("- depthwise\n- conv: {out: 4, kernel: [1, 3]}", ["conv 3x3", "conv 1x3"]),
    "then something else": (
        "- depthwise\n- dropout: {rate: 0.1}\n- conv: {out: 4, kernel: 1}", ["conv 3x3", "dropout", "conv 1x1"],
    ),
    "read twice": (
        "- depthwise: {as: a}\n- conv: {out: 6, kernel: 1, as: b}\n- add: {from: [a, b]}",
        ["conv 3x3", "conv 1x1", "add"],
    ),
    "read twice by one": ("- depthwise: {as: a}\n- add: {from: [a, a]}\n", ["conv 3x3", "add"]),
    "read twice behind its norm": (
        "- depthwise: {norm: batch_norm, as: a}\n- conv: {out: 6, kernel: 1, as: b}\n- add: {from: [a, b]}",
        ["conv 3x3", "batch_norm", "conv 1x1", "add"],
    ),
    "with a residual around it": (
        "- residual:\n    - depthwise\n    - conv: {out: 6, kernel: 1}\n", ["conv 3x3", "add"],
    ),
    "grouped": ("- conv: {out: 4, kernel: 3, groups: 2}\n- channel_shuffle: {groups: 2}", ["conv 3x3", "channel_shuffle"]),
    "separable": ("- separable: {out: 4, kernel: [5, 3], stride: 2, multiplier: 3, act: relu}", ["conv 5x3/2", "relu"]),
    "nothing to rewrite": ("- conv: {out: 4, kernel: 3}\n- max_pool: {kernel: 2}\n- flatten\n- linear: {out: 3}",
                           ["conv 3x3", "max_pool 2x2/2", "flatten", "linear"]),
}  # fmt: skip


@pytest.mark.parametrize("text, expected", RULES.values(), ids=RULES)
def test_what_is_rewritten(text: str, expected: list[str]) -> None:
    found = model(text)
    standard = found.standard()
    assert kinds(standard.network) == expected
    assert all(node.attributes.get("groups", 1) == 1 for node in standard.network.nodes if node.kind == "conv")
    for path, shape in standard.network.shapes.items():
        assert shape == found.network.shapes[path], "every tensor that is left has its shape"
    assert standard.verify(batch=2, literal=True).agreed
    again = standard_form(standard.network)
    assert (again.network.nodes, again.pairs) == (standard.network.nodes, {})


def test_an_output_of_the_network_stays() -> None:
    layers = "layers:\n  - depthwise: {as: a}\n  - conv: {out: 4, kernel: 1, as: b}\n"
    text = f"costcalc: 1\ninput: [6, 11, 8]\n{layers}outputs: [a, b]\n"
    assert kinds(model(text).standard().network) == ["conv 3x3", "conv 1x1"]
    assert kinds(model(text.replace("a, b]\n", "b]\n")).standard().network) == ["conv 3x3"]


def test_attributes_and_the_bias_of_a_pair() -> None:
    """The window is the first's, the outputs and the bias are the second's."""
    first = "kernel: [3, 2], stride: [2, 1], dilation: [1, 2], padding: [1, 0, 2, 1], bias: false"
    node, after = model(f"- depthwise: {{{first}}}\n- conv: {{out: 5, kernel: 1}}\n- relu").standard().network.nodes
    assert node.attributes == {
        "out": 5, "kernel": (3, 2), "stride": (2, 1), "dilation": (1, 2), "padding": (1, 0, 2, 1), "groups": 1, "bias": True,
    }  # fmt: skip
    # rows (11+1+0-3)/2+1 = 5, columns 8+2+1-3+1 = 9 for the dilated 3
    assert (str(node.output), node.inputs, after.inputs) == ("5x5x9", ("input",), (node.path,))
    (node,) = model("- depthwise\n- conv: {out: 5, kernel: 1, bias: false}").standard().network.nodes
    assert not node.attributes["bias"]


def test_later_tensors_are_read_by_their_names() -> None:
    """The paths of what is left are those of the network that was rewritten."""
    network = costcalc.load("mobilenet_v2", resolution=64).network
    standard = standard_form(network)
    left = {node.path: node for node in standard.network.nodes}
    gone = [node.path for node in network.nodes if node.path not in left]
    assert gone == [path for chain in standard.pairs.values() for path in chain[:-1]]
    assert all(set(node.inputs) <= {"input", *left} for node in left.values())
    assert standard.network.outputs == network.outputs
    assert [n.layer for n in left.values()] == [n.layer for n in network.nodes if n.path in left]


# -- laws -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in REGISTRY if kind != "opaque"])
def test_the_standard_layer_has_the_same_shapes(kind: str) -> None:
    for drawn in layers(kind, 60):
        standard = REGISTRY[kind](drawn.attributes).standard(drawn.inputs)
        if standard is None:
            assert kind not in ("depthwise", "separable")
            assert kind != "conv" or drawn.attributes["groups"] == 1
            continue
        assert standard.infer(drawn.inputs) == drawn.output
        assert standard.standard(drawn.inputs) is None
        census, x, y = standard.count(drawn.inputs, drawn.output), drawn.inputs[0], drawn.output
        taps = census.weights // (x.channels * y.channels)
        assert census.weights == taps * x.channels * y.channels
        assert census.macs == census.weights * y.positions
        assert census.biases == drawn.census.biases
        if kind not in ("separable", *families.having("steps")):  # the same window, so the same share of it lies on padding
            assert census.valid_macs * drawn.census.macs == census.macs * drawn.census.valid_macs


@pytest.mark.parametrize("kind", ["depthwise", "conv"])
def test_a_pair_has_the_shapes_of_its_two_layers(kind: str) -> None:
    pairs = 0
    for drawn in layers(kind, 400):
        after = REGISTRY["conv"]({"out": 7, "kernel": 1, "stride": 1, "padding": "same", "groups": 1, "bias": True})
        both = REGISTRY[kind](drawn.attributes).standard_pair(drawn.inputs, after)
        depthwise = kind == "depthwise" or drawn.attributes["groups"] == drawn.inputs[0].channels > 1
        assert (both is not None) == depthwise
        if both is not None:
            pairs += 1
            assert both.infer(drawn.inputs) == after.infer([drawn.output])
            assert both.count(drawn.inputs, drawn.output.at(7)).biases == 7
    assert pairs > 10


def chain(seed: int) -> str:
    """A random chain of layers that the standard form rewrites, or must leave alone."""
    draw = random.Random(seed)
    lines = []
    for _ in range(draw.randint(2, 5)):
        follow = draw.choice(["", ", norm: batch_norm", ", act: relu", ", norm: batch_norm, act: hard_swish"])
        window = f"kernel: {draw.choice([2, 3])}, stride: {draw.choice([1, 1, 2])}"
        padding = f"padding: {draw.choice(['same', 'valid', 1, [1, 0, 0, 2]])}" if len(lines) < 2 else "padding: same"
        out = draw.choice([4, 6, 8])
        lines.append(draw.choice([
            f"- depthwise: {{{window}, {padding}, multiplier: {draw.choice([1, 2])}{follow}}}",
            f"- conv: {{out: {out}, kernel: 1{follow}}}",
            f"- conv: {{out: {out}, {window}, {padding}, groups: 2{follow}}}",
            f"- separable: {{out: {out}, {window}, {padding}{follow}}}",
            f"- residual:\n    - depthwise: {{kernel: 3{follow}}}\n    - conv: {{out: in.channels, kernel: 1}}",
        ]))  # fmt: skip
    return "\n".join(lines)


def test_random_networks_run_in_standard_form() -> None:
    """Every node of the rewritten network does what is counted of it."""
    pairs = 0
    for seed in range(80):
        found = model(chain(seed))
        assert found.standard().verify(seed=seed).agreed, chain(seed)
        pairs += len(found.standard().form.pairs)
    assert pairs > 50


@pytest.mark.parametrize("spec", with_resolution())
def test_bundled_networks_run_in_standard_form(spec: str) -> None:
    small = costcalc.load(spec, resolution=32)
    standard = small.scaled(Fraction(1)).standard()
    assert standard.verify().agreed
    half = standard.scaled(Fraction(1, 2))
    assert half.network.input.spatial == (16, 16)
    assert "depthwise" not in {node.kind for node in half.network.nodes}
    assert repr(standard).startswith("<StandardModel ")
    assert standard.standard() is standard
