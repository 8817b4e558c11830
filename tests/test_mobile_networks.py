"""MnasNet, EfficientNet, SqueezeNet, the plain MobileNets: structure by the tables of their papers, for all numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from closed_forms import claims_at, formulas
from counted import agree, some
from networks import kinds, network, node, paths, report

import costcalc
from costcalc.explore.counter import Counter
from costcalc.explore.grid import Axis
from costcalc.network import Network
from costcalc.spec import read_document

# -- Conv MobileNet and Shallow MobileNet -----------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", ["1", "0.5"])
def test_conv_mobilenet_is_the_standard_form_of_mobilenet(alpha: str) -> None:
    standard = costcalc.load("mobilenet_v1", alpha=Fraction(alpha)).standard().report()
    found = report("mobilenet_v1_conv", alpha=alpha)
    assert found.totals.census == standard.totals.census
    rows = [[(row.kind, row.output, row.madds) for row in r.rows("layer")] for r in (found, standard)]
    assert rows[0] == rows[1]


def test_shallow_mobilenet_lacks_five_layers_of_512_channels() -> None:
    """Table 5. Each has 9*512 + 512*512 weights at 14x14 positions, and two norms."""
    deep, shallow = report("mobilenet_v1").totals, report("mobilenet_v1_shallow").totals
    assert deep.madds - shallow.madds == 5 * (9 * 512 + 512 * 512) * 14 * 14
    assert deep.params - shallow.params == 5 * (9 * 512 + 512 * 512 + 4 * 512)


# -- MnasNet ----------------------------------------------------------------------------------------------------------

# kernel, expansion, output channels, stride, units of each stage, and whether it squeezes: Figure 7, mnasnet_models.py
A1 = [(3, 6, 24, 2, 2, False), (5, 3, 40, 2, 3, True), (3, 6, 80, 2, 4, False), (3, 6, 112, 1, 2, True),
      (5, 6, 160, 2, 3, True), (3, 6, 320, 1, 1, False)]  # fmt: skip
B1 = [(3, 3, 24, 2, 3, False), (5, 3, 40, 2, 3, False), (5, 6, 80, 2, 3, False), (3, 6, 96, 1, 2, False),
      (5, 6, 192, 2, 4, False), (3, 6, 320, 1, 1, False)]  # fmt: skip


def numbered(stage: int, units: int) -> list[str]:
    """The paths of the blocks of a stage."""
    return [f"stage{stage}/{i}" for i in range(1, units + 1)] if units > 1 else [f"stage{stage}"]


def squeezed(spec: str, block: str, **settings: Any) -> tuple[int, int]:
    """Weights and biases of the squeeze-and-excitation of a block."""
    rows = [r for r in report(spec, **settings).layers if r.path == f"{block}/se"]
    return sum(r.weights for r in rows), sum(r.census.biases for r in rows if r.census)


@pytest.mark.parametrize(("spec", "stages"), [("mnasnet_a1", A1), ("mnasnet_b1", B1)])
def test_mnasnet_blocks(spec: str, stages: list[tuple[int, int, int, int, int, bool]]) -> None:
    net = network(spec)
    assert [node(net, path).output.channels for path in ("stem", "separable", "project", "last")] == [32, 32, 16, 1280]
    source, size, shortcuts = 16, 112, []
    for stage, (kernel, t, out, stride, units, se) in enumerate(stages, start=1):
        for i, block in enumerate(numbered(stage, units)):
            size //= stride if i == 0 else 1
            depthwise = node(net, f"{block}/depthwise")
            assert node(net, f"{block}/expand").output.channels == t * source
            assert depthwise.attributes["kernel"] == kernel
            assert (depthwise.output.channels, depthwise.output.spatial) == (t * source, (size, size))
            assert node(net, f"{block}/project").output.channels == out
            squeeze = source // 4  # a quarter of what enters the block, and not of what is expanded
            expected = (2 * squeeze * t * source, squeeze + t * source) if se else (0, 0)
            assert squeezed(spec, block) == expected
            shortcuts += [block] if i > 0 else []
            source = out
    assert paths(net, "shortcut") == shortcuts


def test_mnasnet_block() -> None:
    """Figure 7: nothing follows the projection but the sum, and a SepConv is no block."""
    for spec in ("mnasnet_a1", "mnasnet_b1"):
        assert kinds(network(spec), "stage4/2")[-3:] == ["conv", "batch_norm", "add"]
        assert kinds(network(spec), "project") == ["batch_norm"]
        assert {n.kind for n in network(spec).nodes} & {"relu6", "hard_swish", "swish"} == set()
    squeezes = [n.attributes for n in network("mnasnet_a1").nodes if n.kind == "squeeze_excite"]
    assert {(a["act"], a["gate"], a["bias"]) for a in squeezes} == {("relu", "sigmoid", True)}


@pytest.mark.parametrize(
    ("alpha", "widths"),
    [
        ("0.35", [16, 8, 8, 16, 32, 32, 64, 112]),  # 11.2, 5.6, 8.4, 14, 28, 33.6, 67.2, 112
        ("0.5", [16, 8, 16, 24, 40, 48, 96, 160]),  # 16, 8, 12, 20, 40, 48, 96, 160
        ("1.3", [40, 24, 32, 56, 104, 128, 248, 416]),  # 41.6, 20.8, 31.2, 52, 104, 124.8, 249.6, 416
    ],
)
def test_mnasnet_widths(alpha: str, widths: list[int]) -> None:
    """Multiples of 8; the last layer keeps its 1280."""
    net = network("mnasnet_b1", alpha=alpha)
    ends = ["stem", "project", *(numbered(i, stage[4])[-1] + "/project" for i, stage in enumerate(B1, start=1)), "last"]
    assert [node(net, path).output.channels for path in ends] == [*widths, 1280]


# -- EfficientNet -----------------------------------------------------------------------------------------------------

KERNELS = (3, 3, 5, 3, 5, 5, 3)
# widths of the stem, the seven stages and the last layer, units of the stages, input and last map of each network:
# 32, 16, 24 ... times the width to multiples of 8, 1, 2, 2, 3, 3, 4, 1 times the depth rounded up
B = {
    "b0": ((32, 16, 24, 40, 80, 112, 192, 320, 1280), (1, 2, 2, 3, 3, 4, 1), 224, 7),
    "b1": ((32, 16, 24, 40, 80, 112, 192, 320, 1280), (2, 3, 3, 4, 4, 5, 2), 240, 8),
    "b2": ((32, 16, 24, 48, 88, 120, 208, 352, 1408), (2, 3, 3, 4, 4, 5, 2), 260, 9),
    "b3": ((40, 24, 32, 48, 96, 136, 232, 384, 1536), (2, 3, 3, 5, 5, 6, 2), 300, 10),
    "b4": ((48, 24, 32, 56, 112, 160, 272, 448, 1792), (2, 4, 4, 6, 6, 8, 2), 380, 12),
    "b5": ((48, 24, 40, 64, 128, 176, 304, 512, 2048), (3, 5, 5, 7, 7, 9, 3), 456, 15),
    "b6": ((56, 32, 40, 72, 144, 200, 344, 576, 2304), (3, 6, 6, 8, 8, 11, 3), 528, 17),
    "b7": ((64, 32, 48, 80, 160, 224, 384, 640, 2560), (4, 7, 7, 10, 10, 13, 4), 600, 19),
}


@pytest.mark.parametrize("variant", B)
def test_efficientnet_scales_in_width_depth_and_resolution(variant: str) -> None:
    (stem, *widths, last), depths, resolution, final = B[variant]
    net = network("efficientnet", variant=variant)
    assert net.input.spatial == (resolution, resolution)
    assert (node(net, "stem").output.channels, node(net, "last").output.channels) == (stem, last)
    assert node(net, "last").output.spatial == (final, final)
    source, shortcuts = stem, []
    for stage, (out, units) in enumerate(zip(widths, depths, strict=True), start=1):
        for i, block in enumerate(numbered(stage, units)):
            expanded = source if stage == 1 else 6 * source
            depthwise = node(net, f"{block}/depthwise")
            assert depthwise.attributes["kernel"] == KERNELS[stage - 1]
            assert depthwise.attributes["stride"] == (2 if i == 0 and stage in (2, 3, 4, 6) else 1)
            assert depthwise.output.channels == expanded
            assert node(net, f"{block}/project").output.channels == out
            squeeze = source // 4  # a quarter of what enters the block
            assert squeezed("efficientnet", block, variant=variant) == (
                2 * squeeze * expanded,
                squeeze + expanded,
            )
            shortcuts += [block] if i > 0 else []
            source = out
    assert paths(net, "shortcut") == shortcuts
    assert len(paths(net, "depthwise")) == sum(depths)
    assert not [path for path in paths(net, "expand") if path.split("/")[0] == "stage1"]


def test_efficientnet_has_swish_everywhere() -> None:
    net = network("efficientnet")
    swish = [n.layer for n in net.nodes if n.kind == "swish"]
    assert len(swish) == 1 + 15 + 16 + 1  # stem, expansions, depthwise convolutions, last layer
    gates = {tuple(n.attributes[name] for name in ("act", "gate", "bias")) for n in net.nodes if n.kind == "squeeze_excite"}
    assert gates == {("swish", "sigmoid", True)}
    assert not any(n.kind.startswith(("relu", "hard_")) for n in net.nodes)


def test_a_variant_sets_what_is_not_set_by_hand() -> None:
    b1 = network("efficientnet", variant="b1", resolution=224)
    assert (b1.input.spatial, len(paths(b1, "depthwise"))) == ((224, 224), 23)
    by_hand = report("efficientnet", depth="1.1", resolution=240)
    assert by_hand.totals == report("efficientnet", variant="b1").totals


# -- SqueezeNet -------------------------------------------------------------------------------------------------------

# Table 1 of the paper, its column of parameters before pruning, by layer
TABLE_1 = {
    "stem": 14_208, "stage1/fire": 11_920, "stage2/fire": 12_432, "stage3/fire": 45_344, "stage4/fire": 49_440,
    "stage5/fire": 104_880, "stage6/fire": 111_024, "stage7/fire": 188_992, "stage8/fire": 197_184, "last": 513_000,
}  # fmt: skip


def test_squeezenet_layer_by_layer() -> None:
    rows = report("squeezenet").layers
    found = {name: sum(r.params for r in rows if f"{r.path}/".startswith(f"{name}/")) for name in TABLE_1}
    assert found == TABLE_1


def maps(net: Network) -> list[tuple[int, int]]:
    """Channels and height of the stem and of each fire module."""
    ends = [node(net, "stem"), *(n for n in net.nodes if n.kind == "concat")]
    return [(n.output.channels, n.output.spatial[0]) for n in ends]


@pytest.mark.parametrize(
    ("variant", "resolution", "stem", "heights"),
    [
        # (227 - 7)/2 + 1 and (224 - 7)//2 + 1; pools from h to ceil((h - 3)/2) + 1
        ("1.0", 227, (96, 111), [55, 55, 55, 27, 27, 27, 27, 13]),
        ("1.0", 224, (96, 109), [54, 54, 54, 27, 27, 27, 27, 13]),
        ("1.1", 224, (64, 111), [55, 55, 27, 27, 13, 13, 13, 13]),
    ],
)
def test_squeezenet_pools(variant: str, resolution: int, stem: tuple[int, int], heights: list[int]) -> None:
    """Table 1: after conv1, fire4 and fire8; 1.1: after conv1, fire3 and fire5."""
    net = network("squeezenet", variant=variant, resolution=resolution)
    channels = [128, 128, 256, 256, 384, 384, 512, 512]
    assert maps(net) == [stem, *zip(channels, heights, strict=True)]
    assert [n.kind for n in net.nodes][-4:] == ["conv", "relu", "global_avg_pool", "softmax"]


def test_squeezenet_fire() -> None:
    """Figure 1: what is squeezed is expanded by windows of 1 and of 3, half each, all with a bias and a ReLU."""
    net = network("squeezenet")
    fire = "stage3/fire"
    assert kinds(net, fire) == ["conv", "relu", "conv", "relu", "conv", "relu", "concat"]
    squeeze, one, three = (n for n in net.nodes if n.kind == "conv" and n.path.startswith(fire))
    assert [n.output.channels for n in (squeeze, one, three)] == [32, 128, 128]
    assert [n.attributes["kernel"] for n in (squeeze, one, three)] == [1, 1, 3]
    assert one.inputs == three.inputs == (f"{fire}/squeeze/relu",)
    assert all(n.attributes["bias"] for n in net.nodes if n.kind == "conv")


# -- structure that depends on hyper-parameters, in all kinds of numbers ----------------------------------------------

UNITS = ("paper", "torchvision")  # of ShuffleNet V2
TOTALS = ("params", "madds", "activations", "peak_activation_bytes")
AXES: dict[str, list[dict[str, list[Any]]]] = {
    "shufflenet_v2": [
        {"scale": [Fraction(1, 2), 1, Fraction(3, 2), 2], "unit": list(UNITS), "resolution": [97, 224]},
        {"width": [6, 47, 48, 116], "last": [7, 1024]},  # 47 channels have no halves
    ],
    "efficientnet": [
        {"variant": [*B], "resolution": [33, 224]},
        {"variant": [*B]},
        {"width": [Fraction(i, 10) for i in range(1, 21)], "depth": [Fraction(i, 10) for i in range(1, 32)]},
    ],
    "squeezenet": [{"variant": [1, Fraction(11, 10)], "alpha": [Fraction(1, 3), 1, 2], "resolution": [*range(29, 60)]}],
    "mnasnet_a1": [{"alpha": [Fraction(i, 20) for i in range(1, 41)], "resolution": [96, 131]}],
    "mnasnet_b1": [{"alpha": [Fraction(i, 20) for i in range(1, 41)], "resolution": [96, 131]}],
    "mobilenet_v1_conv": [{"alpha": [Fraction(i, 20) for i in range(1, 41)], "classes": [0, 1, 10]}],
    "mobilenet_v1_shallow": [{"alpha": [Fraction(i, 20) for i in range(1, 41)], "resolution": [96, 131]}],
}


@pytest.mark.parametrize(("spec", "axes"), [(spec, axes) for spec, each in AXES.items() for axes in each], ids=str)
def test_many_at_once_are_counted_as_one_by_one(spec: str, axes: dict[str, list[Any]]) -> None:
    counter = Counter(read_document(spec), TOTALS)
    agree(counter, some([Axis(name, tuple(values)) for name, values in axes.items()], 30))


def test_a_sweep_over_variants_has_the_published_networks() -> None:
    found = Counter(read_document("efficientnet"), ("params",)).count(some([Axis("variant", tuple(B))], 8))
    expected = [5_288_548, 7_794_184, 9_109_994, 12_233_232, 19_341_616, 30_389_784, 43_040_704, 66_347_960]
    assert [int(n) for n in found.totals["params"]] == expected
    assert found.faults == {}


FORMULAS: list[tuple[str, dict[str, Any], list[str], list[dict[str, Any]]]] = [
    *(
        ("efficientnet", {"variant": variant}, ["resolution"], [{"resolution": r} for r in (32, 64, 224, 320, 225)])
        for variant in ("b0", "b1", "b4")
    ),
    ("efficientnet", {}, ["width", "depth", "resolution"], [
        {"width": 1, "depth": 1, "resolution": 224}, {"width": 2, "depth": 1, "resolution": 64},
        {"width": 1, "depth": Fraction(11, 10), "resolution": 224}, {"width": Fraction(6, 5), "depth": 1, "resolution": 96},
    ]),
    *(
        ("shufflenet_v2", {"scale": scale, "unit": unit}, ["resolution"], [{"resolution": r} for r in (64, 224, 97)])
        for scale in (Fraction(1, 2), 2) for unit in UNITS
    ),
    *(
        ("shufflenet_v2", {"unit": unit}, ["width", "resolution"], [{"width": w, "resolution": 224} for w in (48, 116, 176, 47)])
        for unit in UNITS
    ),
    *(
        ("squeezenet", {"variant": variant}, ["resolution"], [{"resolution": r} for r in (36, 52, 228, 224, 227)])
        for variant in (1, Fraction(11, 10))
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "given", "free", "points"), FORMULAS, ids=str)
def test_formulas_of_variants(
    spec: str, given: dict[str, Any], free: list[str], points: list[dict[str, Any]]
) -> None:
    """At its own setting the exact formula gives the count, and at the others wherever it claims to."""
    found = formulas(spec, free, given=given)
    assert claims_at(found, found.symbols)[0]
    ideal = [claims_at(found, point)[1] for point in points]
    assert any(ideal)
