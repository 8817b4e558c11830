"""The specs of the networks that later ones are measured by, against their papers' tables and torchvision."""

from __future__ import annotations

from collections import Counter as Tally
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from bundle import resolution
from closed_forms import claims_at, formulas
from counted import ALL, agree

import costcalc
from costcalc.cost import Report
from costcalc.explore import ways
from costcalc.explore.counter import Counter
from costcalc.explore.grid import Axis, Grid
from costcalc.network import Node
from costcalc.spec import read_document

F = Fraction
CLASSIC = (
    *("alexnet", "densenet", "googlenet", "inception_v3", "regnet"),
    *("resnet", "se_resnet50", "unet", "vgg", "xception"),
)


@cache
def _report(spec: str, settings: tuple[tuple[str, Any], ...]) -> Report:
    return costcalc.load(spec, **dict(settings)).report()


def report(spec: str, **settings: Any) -> Report:
    return _report(spec, tuple(settings.items()))


def nodes(spec: str, under: str = "", **settings: Any) -> list[Node]:
    """The nodes of a network whose path begins like this."""
    return [n for n in report(spec, **settings).network.nodes if n.path.startswith(under)]


def kinds(spec: str, under: str, **settings: Any) -> list[str]:
    return [n.kind for n in nodes(spec, f"{under}/", **settings)]


def part(spec: str, under: str, **settings: Any) -> tuple[int, int]:
    """The weights and the multiply-adds of the layers whose path begins like this."""
    rows = [r for r in report(spec, **settings).layers if r.path == under or r.path.startswith(f"{under}/")]
    assert rows, under
    return sum(r.weights for r in rows), sum(r.madds for r in rows)


def layers_with_weights(spec: str, *kinds: str, **settings: Any) -> int:
    """How many layers have weights, as the names of networks count them: without those of a shortcut."""
    return sum(n.kind in kinds and not n.path.endswith("/projection") for n in nodes(spec, **settings))


# -- parameters, to the last one: `num_params` of torchvision's own tables of weights, Table 3 of Chollet for Xception

PARAMETERS: list[tuple[str, dict[str, Any], int]] = [
    ("alexnet", {"variant": "torchvision"}, 61_100_840),
    # by hand: 11*11*3*96 + 96, 5*5*48*256 + 256, 3*3*256*384 + 384, 3*3*192*384 + 384, 3*3*192*256 + 256, then
    # 9216*4096 + 4096, 4096*4096 + 4096, 4096*1000 + 1000
    ("alexnet", {}, 34_944 + 307_456 + 885_120 + 663_936 + 442_624 + 37_752_832 + 16_781_312 + 4_097_000),
    *(("vgg", {"variant": v}, n) for v, n in ((11, 132_863_336), (13, 133_047_848), (16, 138_357_544), (19, 143_667_240))),
    *(
        ("vgg", {"variant": v, "norm": "batch_norm"}, n)
        for v, n in ((11, 132_868_840), (13, 133_053_736), (16, 138_365_992), (19, 143_678_248))
    ),
    ("googlenet", {"form": "torchvision"}, 6_624_904),
    # the two heads, 1x1x512x128 + 1x1x528x128 with 2 * 128 of a norm each, 2048*1024 + 1024 and 1024*1000 + 1000 twice
    ("googlenet", {"form": "torchvision", "aux": True}, 6_624_904 + 65_792 + 67_840 + 2 * (2_098_176 + 1_025_000)),
    ("inception_v3", {}, 23_834_568),
    # the head, which torchvision counts: 768*128 and 5*5*128*768 with their norms, 768*1000 + 1000
    ("inception_v3", {"aux": True}, 27_161_264),
    ("inception_v3", {"aux": True}, 23_834_568 + 98_304 + 256 + 2_457_600 + 1_536 + 769_000),
    ("xception", {}, 22_855_952),
    *(
        ("resnet", {"variant": v, "form": form}, n)
        for v, n in ((18, 11_689_512), (34, 21_797_672), (50, 25_557_032), (101, 44_549_160), (152, 60_192_808))
        for form in ("paper", "torchvision")
    ),
    # ResNet-50 and, for blocks of 256, 512, 1024 and 2048 channels, 2*C*C/16 weights and C/16 + C biases each
    ("se_resnet50", {}, 25_557_032 + sum(n * (c * c // 8 + c // 16 + c) for n, c in ((3, 256), (4, 512), (6, 1024), (3, 2048)))),
    *(("densenet", {"variant": v}, n) for v, n in ((121, 7_978_856), (169, 14_149_480), (201, 20_013_928), (161, 28_681_000))),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "settings", "parameters"), PARAMETERS, ids=str)
def test_parameters(spec: str, settings: dict[str, Any], parameters: int) -> None:
    assert report(spec, **settings).totals.params == parameters


# -- AlexNet ----------------------------------------------------------------------------------------------------------


def test_alexnet_layer_by_layer() -> None:
    """Section 3.5, on two GPUs: taps * input channels of a group * outputs * positions, of 55, 27 and 13 squared."""
    rows = {row.path: row.madds for row in report("alexnet").layers}
    assert [rows[name] for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")] == [
        *(11 * 11 * 3 * 96 * 55**2, 5 * 5 * 48 * 256 * 27**2, 3 * 3 * 256 * 384 * 13**2, 3 * 3 * 192 * 384 * 13**2),
        *(3 * 3 * 192 * 256 * 13**2, 9216 * 4096, 4096 * 4096, 4096 * 1000),
    ]


def test_alexnet_of_one_tower_sees_all_channels() -> None:
    groups = [n.attributes["groups"] for n in nodes("alexnet", variant="torchvision") if n.kind == "conv"]
    assert (groups, [n.attributes["groups"] for n in nodes("alexnet") if n.kind == "conv"]) == ([1] * 5, [1, 2, 1, 2, 2])


# -- VGG --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", [11, 13, 16, 19])
def test_vgg_has_as_many_layers_with_weights_as_it_is_called(variant: int) -> None:
    """Table 1: 8, 10, 13 and 16 convolutions of 3x3, then three fully connected layers; five pools."""
    found = nodes("vgg", variant=variant)
    assert layers_with_weights("vgg", "conv", "linear", variant=variant) == variant
    assert {n.attributes["kernel"] for n in found if n.kind == "conv"} == {3}
    assert [str(n.output) for n in found if n.kind == "max_pool"] == [
        *("64x112x112", "128x56x56", "256x28x28", "512x14x14", "512x7x7"),
    ]


def test_vgg_with_norms_keeps_the_biases_of_its_convolutions() -> None:
    """As torchvision has them: 4,224 channels, and 2 more parameters for each."""
    plain, normed = report("vgg").totals, report("vgg", norm="batch_norm").totals
    assert normed.params - plain.params == 2 * (2 * 64 + 2 * 128 + 3 * 256 + 6 * 512)
    assert normed.census.biases == plain.census.biases


def test_the_convolutions_of_vgg_alone() -> None:
    """The 15.3 and 19.6 billion of He et al., section 3.3, and what Chen et al. say of VGG16: 14.7M weights, 15.3G."""
    for variant, madds in ((16, 15_346_630_656), (19, 19_508_428_800)):
        convolutions = [row for row in report("vgg", variant=variant).layers if row.path.endswith("conv")]
        assert sum(row.madds for row in convolutions) == madds
    assert sum(row.weights for row in report("vgg").layers if row.path.endswith("conv")) == 14_710_464


# -- GoogLeNet --------------------------------------------------------------------------------------------------------

# Table 1: the columns of a module, its output, and its operations in millions
TABLE_1: dict[str, tuple[tuple[int, ...], str, int]] = {
    "inception_3a": ((64, 96, 128, 16, 32, 32), "256x28x28", 128),
    "inception_3b": ((128, 128, 192, 32, 96, 64), "480x28x28", 304),
    "inception_4a": ((192, 96, 208, 16, 48, 64), "512x14x14", 73),
    "inception_4b": ((160, 112, 224, 24, 64, 64), "512x14x14", 88),
    "inception_4c": ((128, 128, 256, 24, 64, 64), "512x14x14", 100),
    "inception_4d": ((112, 144, 288, 32, 64, 64), "528x14x14", 119),
    "inception_4e": ((256, 160, 320, 32, 128, 128), "832x14x14", 170),
    "inception_5a": ((256, 160, 320, 32, 128, 128), "832x7x7", 54),
    "inception_5b": ((384, 192, 384, 48, 128, 128), "1024x7x7", 71),
}
IN = dict(zip(TABLE_1, (192, 256, 480, 512, 512, 512, 528, 832, 832), strict=True))


@pytest.mark.parametrize("module", TABLE_1)
def test_googlenet_table_1(module: str) -> None:
    """The weights by the columns of the table, the operations as printed; only those of 5a are not reproducible."""
    (n1, reduce3, n3, reduce5, n5, proj), output, ops = TABLE_1[module]
    weights, madds = part("googlenet", module)
    assert weights == IN[module] * (n1 + reduce3 + reduce5 + proj) + 9 * reduce3 * n3 + 25 * reduce5 * n5
    (joined,) = [n for n in nodes("googlenet", module) if n.kind == "concat"]
    assert str(joined.output) == output
    printed = (madds // 10**6, (2 * madds + 10**6) // (2 * 10**6))  # cut, rounded
    assert (ops in printed) is (module != "inception_5a")


def test_googlenet_beside_its_modules() -> None:
    """The first lines of Table 1: 2.7K and 34M for 14 taps in the place of 49, 112K (of 1024) and 360M; the last: 1M."""
    weights, madds = part("googlenet", "conv1")
    assert (weights, madds) == (49 * 3 * 64, 49 * 3 * 64 * 112**2)
    assert (14 * 3 * 64 * 10 // 1000, weights * 14 // 49, madds * 14 // 49) == (26, 2_688, 33_718_272)
    weights, madds = (sum(both) for both in zip(part("googlenet", "reduce2"), part("googlenet", "conv2"), strict=True))
    assert (weights, madds) == (112 * 1024, 359_661_568)
    assert part("googlenet", "classes") == (1000 * 1024, 1000 * 1024)


def test_googlenet_of_torchvision_has_3x3_windows_and_norms() -> None:
    """Its issue 906: 3x3 where the paper has 5x5; a norm and no bias at each of 57 convolutions."""
    paper, theirs = (Tally(str(n.attributes["kernel"]) for n in nodes("googlenet", form=f) if n.kind == "conv")
                     for f in ("paper", "torchvision"))  # fmt: skip
    assert paper == {"7": 1, "1": 1 + 4 * 9, "3": 1 + 9, "5": 9}
    assert theirs == {"7": 1, "1": 1 + 4 * 9, "3": 1 + 2 * 9}
    norms = [n for n in nodes("googlenet", form="torchvision") if n.kind == "batch_norm"]
    assert len(norms) == 57
    assert not any(n.kind == "batch_norm" for n in nodes("googlenet"))


def test_googlenet_heads() -> None:
    """Section 5: 4x4x512 and 4x4x528 after the pool, 128 channels, 1024 units, one output a class."""
    net = report("googlenet", aux=True).network
    assert net.outputs == ("classes/softmax", "aux1/linear2/softmax", "aux2/linear2/softmax")
    pools = [n for n in net.nodes if n.kind == "avg_pool"]
    assert [str(n.output) for n in pools] == ["512x4x4", "528x4x4"]
    assert [str(n.output) for n in net.nodes if n.kind == "flatten"] == ["2048", "2048"]
    assert report("googlenet").network.outputs == ("classes/softmax",)


# -- Inception V3 -----------------------------------------------------------------------------------------------------


def test_inception_v3_maps() -> None:
    """The sizes that the code of torchvision notes beside each of its layers, from 299x299 on."""
    found = nodes("inception_v3")
    stem = [str(n.output) for n in found if "/" not in n.path and n.kind in ("conv", "max_pool")]
    assert stem == ["32x149x149", "32x147x147", "64x147x147", "64x73x73", "80x73x73", "192x71x71", "192x35x35"]
    joined = [str(n.output) for n in found if n.path.endswith("/concat") and "branch" not in n.path]
    assert joined == [
        *("256x35x35", "288x35x35", "288x35x35", "768x17x17", "768x17x17", "768x17x17", "768x17x17", "768x17x17"),
        *("1280x8x8", "2048x8x8", "2048x8x8"),
    ]


def test_inception_v3_windows() -> None:
    """Stem, then three modules of Figure 5, Figure 10, four of Figure 6, Figure 10, two of Figure 7; a norm for each."""
    kernels = Tally(str(n.attributes["kernel"]) for n in nodes("inception_v3") if n.kind == "conv")
    assert kernels == {
        "1": 1 + 3 * 4 + 1 + 4 * 4 + 2 + 2 * 4, "3": 4 + 3 * 2 + 3 + 2 + 2, "5": 3,
        "(1, 7)": 4 * 3 + 1, "(7, 1)": 4 * 3 + 1, "(1, 3)": 4, "(3, 1)": 4,
    }  # fmt: skip
    assert sum(n.kind == "batch_norm" for n in nodes("inception_v3")) == sum(kernels.values()) == 94


def test_inception_v3_head() -> None:
    """17x17 to 5x5 by a pool, to 1x1 by a window of 5x5; it needs the whole of 299 or so."""
    assert [str(n.output) for n in nodes("inception_v3", "aux/", aux=True) if n.kind in ("avg_pool", "conv")] == [
        *("768x5x5", "128x5x5", "768x1x1"),
    ]
    assert report("inception_v3", aux=True).network.outputs == ("classes", "aux/linear")


# -- Xception ---------------------------------------------------------------------------------------------------------


def test_xception_has_36_convolutions() -> None:
    """Section 4.2: 36 convolutional layers in 14 modules, all but the first and the last with a residual connection."""
    found = nodes("xception")
    assert layers_with_weights("xception", "conv", "separable") == 36
    assert sum(n.kind == "separable" for n in found) == 34
    assert sum(n.kind == "add" for n in found) == 12
    assert [str(n.output) for n in found if n.kind == "add"] == [
        *("128x74x74", "256x37x37"), *["728x19x19"] * 9, "1024x10x10",
    ]  # fmt: skip


def test_xception_blocks() -> None:
    """Figure 5: an activation before each separable convolution of the middle flow, the norm after it, and no other."""
    assert kinds("xception", "middle/1") == [*("relu", "separable", "batch_norm") * 3, "add"]
    down = [*("separable", "batch_norm", "relu", "separable", "batch_norm", "max_pool"), "conv", "batch_norm", "add"]
    assert kinds("xception", "entry1") == down
    assert kinds("xception", "entry2") == ["relu", *down]


# -- ResNet -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("spec", "variants"), [("resnet", [18, 34, 50, 101, 152]), ("se_resnet50", [50, 101, 152])])
def test_resnets_have_as_many_layers_as_they_are_called(spec: str, variants: list[int]) -> None:
    """Convolutions, and the classifier; neither shortcuts nor SE count."""
    assert [layers_with_weights(spec, "conv", variant=v) + 1 for v in variants] == variants


@pytest.mark.parametrize(("variant", "expansion"), [(18, 1), (34, 1), (50, 4), (101, 4), (152, 4)])
def test_resnet_maps(variant: int, expansion: int) -> None:
    """Table 1: conv2_x to conv5_x end in 56, 28, 14 and 7 squared; only a first block projects, of 18 and 34 not the very first."""
    found = nodes("resnet", variant=variant)
    sums = [n for n in found if n.kind == "add"]
    sizes = dict.fromkeys(str(n.output) for n in sums)
    assert list(sizes) == [f"{expansion * w}x{s}x{s}" for w, s in ((64, 56), (128, 28), (256, 14), (512, 7))]
    assert sum(n.path.endswith("/projection") for n in found) == (3 if expansion == 1 else 4)


def test_where_a_bottleneck_strides() -> None:
    """Three stages stride, in the first 1x1 convolution of the paper and in the 3x3 one of torchvision."""
    for form, kernel in (("paper", 1), ("torchvision", 3)):
        for spec in ("resnet", "se_resnet50"):
            strided = [n for n in nodes(spec, "stage", form=form) if n.kind == "conv" and n.attributes["stride"] == 2]
            own = [n.attributes["kernel"] for n in strided if not n.path.endswith("/projection")]
            assert (own, len(strided)) == ([kernel] * 3, 6)
    assert report("resnet", variant=34).totals == report("resnet", variant=34, form="torchvision").totals


def test_what_squeeze_and_excite_adds_to_resnet_50() -> None:
    """Section 3.2 of Hu et al.: 2/r times the sum of N_s * C_s^2 weights, here without its biases; 2.5 million."""
    for form in ("paper", "torchvision"):
        plain, excited = report("resnet", form=form).totals, report("se_resnet50", form=form).totals
        weights = 2 * (3 * 256**2 + 4 * 512**2 + 6 * 1024**2 + 3 * 2048**2) // 16
        assert weights == 2_514_944
        assert excited.census.weights - plain.census.weights == excited.madds - plain.madds == weights
    for r in (8, 4, 32):
        assert report("se_resnet50", reduction=r).totals.census.weights - plain.census.weights == weights * 16 // r


# -- DenseNet ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", [121, 161, 169, 201])
def test_densenets_have_as_many_layers_as_they_are_called(variant: int) -> None:
    assert layers_with_weights("densenet", "conv", "linear", variant=variant) == variant


def test_densenet_121_maps() -> None:
    """Table 1: dense blocks of 56, 28, 14 and 7 squared; k = 32 channels more with each layer, half of them kept."""
    found = nodes("densenet")
    last = {n.path.split("/")[0]: str(n.output) for n in found if n.kind == "concat"}
    assert list(last.values()) == ["256x56x56", "512x28x28", "1024x14x14", "1024x7x7"]
    kept = [str(n.output) for n in found if n.kind == "avg_pool"]
    assert kept == ["128x28x28", "256x14x14", "512x7x7"]
    assert {n.output.channels for n in found if n.path.endswith("/bottleneck")} == {4 * 32}
    whole = nodes("densenet", theta=1)
    assert [str(n.output) for n in whole if n.kind == "avg_pool"] == ["256x28x28", "640x14x14", "1408x7x7"]


# -- U-Net ------------------------------------------------------------------------------------------------------------


def test_unet_has_23_convolutions() -> None:
    """Section 2: 23 convolutional layers; skips join what has as many channels; Figure 1: 64 to 1024 and back."""
    found = nodes("unet")
    assert layers_with_weights("unet", "conv") == 23
    joins = [n for n in found if n.kind == "concat"]
    shapes = report("unet").network.shapes
    assert [str(n.output) for n in joins] == ["1024x64x64", "512x128x128", "256x256x256", "128x512x512"]
    assert all(shapes[a] == shapes[b] for n in joins for a, b in [n.inputs])


def test_unet_parameters_by_hand() -> None:
    """Two 3x3 convolutions for each of 64 to 1024 channels and back, four 2x2 ones, a 1x1 one, a bias a channel."""
    widths = [1, 64, 128, 256, 512, 1024]
    down = sum(9 * c * n + n + 9 * n * n + n for c, n in pairwise(widths))
    up = sum(4 * 2 * n * n + n + 9 * 2 * n * n + n + 9 * n * n + n for n in widths[1:-1])
    assert report("unet").totals.params == down + up + 2 * 64 + 2 == 31_030_658
    rgb = report("unet", colours="rgb", classes=1, norm="batch_norm").totals.params
    assert rgb == down + up + 9 * 2 * 64 + 64 + 1 + sum(2 * n for n in (*widths[1:], *widths[1:-1]))


# -- RegNet -----------------------------------------------------------------------------------------------------------


def acts(spec: str, **settings: Any) -> int:
    """What the paper calls activations: the elements that convolutions write, those of an SE too."""
    found = nodes(spec, **settings)
    squeezed = [n.attributes["squeeze"] + n.output.channels for n in found if n.kind == "squeeze_excite"]
    return sum(n.output.size for n in found if n.kind == "conv") + sum(squeezed)


# activations in millions by network, Figures 17 and 18 (pycls, MODEL_ZOO.md)
ACTIVATIONS = {
    "x_200mf": "2.2", "x_400mf": "3.1", "x_600mf": "4.0", "x_800mf": "5.1", "x_1600mf": "7.9", "x_3200mf": "11.4",
    "x_4gf": "12.2", "x_6400mf": "16.4", "x_8gf": "14.1", "x_12gf": "21.4", "x_16gf": "25.5", "x_32gf": "36.3",
    "y_200mf": "2.2", "y_400mf": "3.9", "y_600mf": "4.3", "y_800mf": "5.2", "y_1600mf": "8.0", "y_3200mf": "11.3",
    "y_4gf": "12.3", "y_6400mf": "16.4", "y_8gf": "18.0", "y_12gf": "21.4", "y_16gf": "23.0", "y_32gf": "30.3",
}  # fmt: skip


@pytest.mark.parametrize("variant", ACTIVATIONS)
def test_regnet_activations(variant: str) -> None:
    written = F(acts("regnet", variant=variant), 10**6)
    assert abs(written - F(ACTIVATIONS[variant])) <= F(1, 20)


def test_regnet_squeezes_to_a_quarter_of_what_comes_into_a_block() -> None:
    """Section 5: an SE in the paper's RegNetY; the ratio is of the block's input, 32, 48, 104 and 208 at first."""
    found = {n.path: n.attributes["squeeze"] for n in nodes("regnet") if n.kind == "squeeze_excite"}
    firsts = [found[p] for p in found if p.startswith("stage1/") or "/1/" in p]
    assert firsts == [8, 12, 26, 52]
    assert not any(n.kind == "squeeze_excite" for n in nodes("regnet", variant="x_400mf"))


# -- in the three domains of numbers ----------------------------------------------------------------------------------

# the hyper-parameters that change a structure, beside the width and the resolution
STRUCTURES: list[tuple[str, dict[str, list[Any]]]] = [
    ("alexnet", {"variant": ["original", "torchvision"]}),
    ("vgg", {"variant": [11, 13, 16, 19], "norm": ["none", "batch_norm"]}),
    ("googlenet", {"form": ["paper", "torchvision"], "aux": [False, True]}),
    ("inception_v3", {"aux": [False, True], "resolution": [299, 331]}),
    ("xception", {"classes": [10, 1000]}),
    ("resnet", {"variant": [18, 34, 50, 101, 152], "form": ["paper", "torchvision"]}),
    ("se_resnet50", {"variant": [50, 101], "form": ["paper", "torchvision"], "reduction": [8, 16]}),
    ("densenet", {"variant": [121, 161], "theta": [F(1, 2), 1]}),
    ("unet", {"norm": ["none", "batch_norm"], "colours": ["gray", "rgb"], "width": [32, 64]}),
    ("regnet", {"variant": ["x_200mf", "x_8gf", "y_400mf", "y_8gf"]}),
]


@pytest.mark.parametrize(("spec", "choices"), STRUCTURES, ids=[spec for spec, _ in STRUCTURES])
def test_many_settings_at_once(spec: str, choices: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted together, as a sweep does it, every setting has the totals that it has alone."""
    monkeypatch.setattr(ways, "RARE", 0)
    values = {"resolution": [resolution(spec, 96), resolution(spec, 131)], **choices, "alpha": [F(1, 4), 1, F(13, 10)]}
    axes = [Axis(name, tuple(found)) for name, found in values.items()]
    found = agree(Counter(read_document(spec), ALL), Grid(axes).points())
    assert len(found.faults) == 0


@pytest.mark.parametrize(
    ("spec", "setting"), [(spec, {name: value}) for spec, all_ in STRUCTURES for name in all_ for value in all_[name]], ids=str
)
def test_a_formula_of_each_structure(spec: str, setting: dict[str, Any]) -> None:
    """The exact formulas hold where they were made, and give what is counted there."""
    found = formulas(spec, given=setting)
    exact, _ = claims_at(found, found.symbols)
    assert exact
