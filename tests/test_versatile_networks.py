"""Networks of versatile filters: sizes that were printed, and every layer against the closed forms.

Where a table counts parts of a filter, N/(s*n) of them, the numbers are those of s*n times as many output channels,
divided by s*n: all of them are proportional to the channels.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from networks import network, node, report
from test_kinds import counted, grid

from costcalc.api import load
from costcalc.cost import Report

MIB = 2**20


def cut(size: Fraction) -> str:
    """Cut to one decimal, as the table does with sizes."""
    return str(int(size * 10) / 10)


def rounded(value: Any, decimals: int) -> str:
    return f"{float(value):.{decimals}f}"


def totals(of: Report) -> tuple[int, int]:
    return of.totals.weights, of.totals.madds


# -- ResNet-50 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["versatile_resnet50_v1", "versatile_resnet50_v2"])
def test_the_standard_form_is_resnet_50(spec: str) -> None:
    """torchvision's: 25,557,032 parameters; without batch norm 97.2 MB, in MiB and cut, and 4.1 B multiply-adds."""
    standard = load(spec).standard().report()
    assert totals(standard) == (25_502_912, 4_089_184_256)
    assert standard.totals.params == 25_557_032
    assert {n.kind for n in standard.network.nodes} == {
        "conv", "batch_norm", "relu", "max_pool", "add", "global_avg_pool", "linear"
    }  # fmt: skip
    assert cut(Fraction(25_502_912 * 4, MIB)) == "97.2"


def test_resnet_50_v1() -> None:
    """The first layer has a quarter of its weights, every 3x3 one the half; 75.6 MB and 3.2 B in the table."""
    found = report("versatile_resnet50_v1")
    assert totals(found) == (19_837_232, 3_199_664_128)
    assert cut(Fraction(found.totals.weights * 4, MIB)) == "75.6"
    assert 25_502_912 - found.totals.weights == 9_408 * 3 // 4 + 11_317_248 // 2
    assert found.totals.census.norm_scales + found.totals.census.norm_shifts == 53_120
    shared = report("versatile_resnet50_v1", share="rings")
    assert (shared.totals.weights, rounded(shared.totals.madds / 10**9, 3)) == (19_837_232, "3.076")


@pytest.mark.parametrize(("settings", "madds"), [
    ({}, 3_166_974_464), ({"share": "rings"}, 3_050_854_656), ({"share": "both"}, 1_538_938_880),
    ({"share": "both", "variant": "sliding"}, 3_050_854_656),
])  # fmt: skip
def test_resnet_50_v2(settings: dict[str, Any], madds: int) -> None:
    """41.7 MB and 11.0M parameters, whatever is shared and wherever the windows are."""
    found = report("versatile_resnet50_v2", **settings)
    assert totals(found) == (10_942_616, madds)
    assert found.totals.params == 10_942_616 + 53_120 + 1_000
    assert cut(Fraction(found.totals.weights * 4, MIB)) == "41.7"
    assert {n.attributes["window"] + 1 for n in found.network.nodes if n.kind == "versatile"} == {
        3, 64, 128, 256, 512, 1024, 2048
    }  # fmt: skip


def test_resnet_50_v2_by_its_layers() -> None:
    """Weights are those of standard filters over s * n; 3.0 B needs windows that leave out 1 channel in 16 or so."""
    layers = [n for n in network("versatile_resnet50_v2").nodes if n.kind == "versatile"]
    standard = {n.path: n for n in load("versatile_resnet50_v2").standard().network.nodes}
    assert len(layers) == 53 and all(standard[n.path].output == n.output for n in layers)
    boxes = {7: 4, 3: 2, 1: 1}
    rows = {row.path: row for row in report("versatile_resnet50_v2").layers}
    others = {row.path: row for row in load("versatile_resnet50_v2").standard().report().layers}
    for layer in layers:
        assert rows[layer.path].weights * 2 * boxes[layer.attributes["kernel"]] == others[layer.path].weights
    assert rounded(report("versatile_resnet50_v2", left_out=Fraction(1, 16)).totals.madds / 10**9, 1) == "3.0"


# -- VGG-16 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "weights", "millions", "madds", "billions"), [
    ({}, 53_918_560, "53.919", 8_590_819_328, "8.591"),
    ({"share": "rings"}, 53_918_560, "53.919", 7_719_878_656, "7.720"),
    ({"windows": 2}, 37_395_888, "37.396", 8_522_995_712, "8.523"),
    ({"windows": 2, "share": "rings"}, 37_395_888, "37.396", 7_658_864_640, "7.659"),
    ({"windows": 2, "share": "both"}, 37_395_888, "37.396", 3_870_375_936, "3.870"),
])  # fmt: skip
def test_vgg_16(settings: dict[str, Any], weights: int, millions: str, madds: int, billions: str) -> None:
    found = report("versatile_vgg16", **settings)
    assert totals(found) == (weights, madds)
    assert (rounded(weights / 10**6, 3), rounded(madds / 10**9, 3)) == (millions, billions)
    assert found.totals.census.biases == 13_416  # of VGG-16: one for each channel


def test_vgg_16_by_hand() -> None:
    """14,710,464 weights of 3x3 and 102,760,448 of fc6; the convolutions keep 5/9 of their products, and fc6 3/7."""
    standard = load("versatile_vgg16").standard().report()
    assert totals(standard) == (138_344_128, 15_470_264_320)
    dense = 4096 * 4096 + 4096 * 1000
    assert report("versatile_vgg16").totals.weights == 14_710_464 // 2 + 102_760_448 // 4 + dense
    convs = 15_470_264_320 - 102_760_448 - dense
    assert report("versatile_vgg16").totals.madds == convs * 5 // 9 + 102_760_448 * 3 // 7 + dense
    assert [rounded(n * 4 / MIB, 1) for n in (138_344_128, 53_918_560)] == ["527.7", "205.7"]
    assert report("versatile_vgg16", fc6="dense").totals.weights == 14_710_464 // 2 + 102_760_448 + dense


# -- AlexNet ----------------------------------------------------------------------------------------------------------


class Conv(NamedTuple):
    """A convolution of AlexNet: channels, kernel, positions along an axis, groups."""

    seen: int
    out: int
    kernel: int
    positions: int
    groups: int = 1


FC6 = Conv(256, 4096, 6, 1)
DENSE = 4096 * 4096 + 4096 * 1000
CAFFE = (Conv(3, 96, 11, 55), Conv(96, 256, 5, 27, 2), Conv(256, 384, 3, 13), Conv(384, 384, 3, 13, 2),
         Conv(384, 256, 3, 13, 2))  # fmt: skip
TORCHVISION = (Conv(3, 64, 11, 55), Conv(64, 192, 5, 27), Conv(192, 384, 3, 13), Conv(384, 256, 3, 13),
               Conv(256, 256, 3, 13))  # fmt: skip
ALEXNETS = {
    "caffe grouped 227": CAFFE, "caffe no groups": tuple(c._replace(groups=1) for c in CAFFE),
    "torchvision 224": TORCHVISION,
}  # fmt: skip


def fractional(convs: tuple[Conv, ...], delta: int = 0, share: str = "none") -> tuple[Fraction, Fraction]:
    """Weights and multiply-adds of these convolutions with N/(s*n) primary filters each."""
    weights = macs = Fraction(0)
    for c in convs:
        seen, out, each = c.seen // c.groups, c.out // c.groups, (c.kernel + 1) // 2 * (1 + (delta > 0))
        x = grid(seen, *[c.kernel - 1 + c.positions] * 2)
        _, found = counted("versatile", x, out=out * each, kernel=c.kernel, padding="valid", share=share,
                           window=seen - delta, channel_stride=max(1, delta))  # fmt: skip
        weights += Fraction(found.weights * c.groups, each)
        macs += Fraction(found.macs * c.groups, each)
    return weights, macs


ALEXNET_TABLE = {  # in millions: weights and MiB of the standard form, of v1, v1 with fc6 dense, v2; then their MAdds
    "caffe grouped 227": ("60.955 232.52", "34.560 131.83", "59.725", "27.716 105.73",
                          "724.4", "373.4 293.9", "391.6 319.1", "356.4 285.6 157.4"),
    "caffe no groups": ("62.368 237.91", "35.215 134.33", "60.381", "28.044 106.98",
                        "1135.3", "581.7 462.0", "599.9 487.2", "564.8 453.7 241.4"),
    "torchvision 224": ("61.090 233.04", "34.631 132.11", "59.797", "27.752 105.87",
                        "714.2", "373.4 300.5", "391.6 325.7", "361.7 294.7 160.7"),
}  # fmt: skip


@pytest.mark.parametrize("name", ALEXNETS)
def test_alexnet_in_fractions_of_filters(name: str) -> None:
    """The windows of v2 leave out one channel; fc6 is a 6x6 convolution, fc7 and fc8 are dense."""
    convs = ALEXNETS[name]
    large = FC6.seen * FC6.out * 36

    def found(of: tuple[Conv, ...], dense: int, **given: Any) -> tuple[Fraction, Fraction]:
        weights, macs = fractional(of, **given)
        return weights + dense, macs + dense

    plain_weights = sum(c.kernel**2 * c.seen * c.out // c.groups for c in (*convs, FC6)) + DENSE
    plain_macs = sum(c.kernel**2 * c.seen * c.out // c.groups * c.positions**2 for c in (*convs, FC6)) + DENSE
    v1 = [found((*convs, FC6), DENSE, share=share) for share in ("none", "rings")]
    dense = [found(convs, DENSE + large, share=share) for share in ("none", "rings")]
    v2 = [found((*convs, FC6), DENSE, delta=1, share=share) for share in ("none", "rings", "both")]

    def both(weights: Any) -> str:
        return f"{rounded(weights / 10**6, 3)} {rounded(weights * 4 / MIB, 2)}"

    assert ALEXNET_TABLE[name] == (
        both(plain_weights), both(v1[0][0]), rounded(dense[0][0] / 10**6, 3), both(v2[0][0]),
        rounded(plain_macs / 10**6, 1),
        *(" ".join(rounded(macs / 10**6, 1) for _, macs in row) for row in (v1, dense, v2)),
    )  # fmt: skip


def test_alexnet() -> None:
    """The spec is the single tower of torchvision; where no filter is in parts it gives the same numbers."""
    standard = load("versatile_alexnet").standard().report()
    assert (standard.totals.params, standard.totals.madds) == (61_100_840, 714_188_480)
    weights, madds = fractional(TORCHVISION)
    dense = report("versatile_alexnet", fc6="dense", remainder="fractional")
    assert totals(dense) == (weights + 4096 * 9216 + DENSE, madds + 4096 * 9216 + DENSE)


def test_alexnet_that_can_be_built() -> None:
    """11 filters for 64 channels of 6 boxes, 1,366 for 4,096 of 3, all else divides: 66 - 64 and 4098 - 4096 dropped.

    What is dropped are 1x1 boxes of the first layer and 2x2 boxes of fc6.
    """
    weights, madds = (whole.numerator for whole in fractional(TORCHVISION[1:]))
    first, large = 11 * 363, 1366 * 9216
    assert report("versatile_alexnet").totals.weights == weights + first + large + DENSE
    first, large = (11 * 286 * 3 - 2 * 3) * 55**2, 1366 * 56 * 256 - 2 * 4 * 256
    assert report("versatile_alexnet").totals.madds == madds + first + large + DENSE


# -- VDSR -------------------------------------------------------------------------------------------------------------


def test_vdsr() -> None:
    """18 layers of 64 to 64 channels between 1 to 64 and 64 to 1; a pixel costs as many multiply-adds as there are
    weights, or 5/9 of those of the standard form but for the last layer."""
    standard = load("versatile_vdsr", resolution=1).standard().report()
    assert totals(standard) == (664_704, 664_704)
    assert totals(report("versatile_vdsr", resolution=1)) == (332_640, 369_536)
    assert totals(report("versatile_vdsr", resolution=1, share="rings")) == (332_640, 332_640)
    assert report("versatile_vdsr").totals.params == 332_640 == (664_704 - 576) // 2 + 576
    assert 369_536 == (664_704 - 576) * 5 // 9 + 576
    assert report("versatile_vdsr").totals.madds == 369_536 * 41 * 41
    net = network("versatile_vdsr")
    assert sum(n.kind == "versatile" for n in net.nodes) == 20
    last = node(net, "versatile")
    assert (last.output.channels, net.nodes[-1].kind, net.nodes[-1].path) == (1, "add", "shortcut")
