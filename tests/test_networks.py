"""The bundled specs, against arithmetic by hand, the figures that papers print and what reference code contains."""

from __future__ import annotations

import csv
import re
from collections import Counter
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from costcalc.cost import Report, count
from costcalc.network import Network, Node
from costcalc.published import check
from costcalc.spec import build_network, bundled, read_document

MODELINE = "# yaml-language-server: $schema=./costcalc.schema.json"
EXACT = Path(__file__).parent / "data" / "exact.csv"
NETWORKS = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "shufflenet_v1")
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {  # of MobileNetV3 in exact.csv
    "large TF width rule, last unscaled": ("mobilenet_v3_large", {"width_rule": "tf"}),
    "large torchvision width rule (last scaled)": ("mobilenet_v3_large", {"width_rule": "torchvision"}),
    "large minimalistic": ("mobilenet_v3_large", {"minimalistic": True}),
    "small TF width rule, last unscaled": ("mobilenet_v3_small", {"width_rule": "tf"}),
    "small torchvision width rule (last scaled)": ("mobilenet_v3_small", {"width_rule": "torchvision"}),
    "small minimalistic": ("mobilenet_v3_small", {"minimalistic": True}),
    "small, last 1280, 1001 classes (reproduces 2.9M)": ("mobilenet_v3_small", {"last": 1280, "classes": 1001}),
}


@cache
def _report(spec: str, settings: tuple[tuple[str, Any], ...]) -> Report:
    return count(build_network(read_document(spec), dict(settings)))


def report(spec: str, **settings: Any) -> Report:
    """The report of a bundled spec; decimals as text, so that they are exact."""
    exact = {k: Fraction(v) if re.fullmatch(r"[0-9.]+", str(v)) else v for k, v in settings.items()}
    whole = {k: int(v) if isinstance(v, Fraction) and v.denominator == 1 else v for k, v in exact.items()}
    return _report(spec, tuple(whole.items()))


def network(spec: str, **settings: Any) -> Network:
    return report(spec, **settings).network


def node(net: Network, path: str) -> Node:
    return next(n for n in net.nodes if n.path == path)


def kinds(net: Network, stage: str) -> list[str]:
    """The kinds of the nodes under a path, in order."""
    return [n.kind for n in net.nodes if n.path.startswith(f"{stage}/")]


def paths(net: Network, name: str) -> list[str]:
    """Where the nodes of this last path element are."""
    return [n.path.removesuffix(f"/{name}") for n in net.nodes if n.path.endswith(f"/{name}")]


# -- whole networks ---------------------------------------------------------------------------------------------------


def exact_rows() -> list[dict[str, str]]:
    with EXACT.open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def setting(row: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The spec and the settings that a row of exact.csv is about."""
    common = {"resolution": row["resolution"]}
    if row["network"] == "ShuffleNetV1":
        groups = row["variant"].partition("g=")[2][:1]
        return "shufflenet_v1", {"groups": groups, "scale": row["alpha_or_scale"], **common}
    if row["network"] == "MobileNetV3":
        spec, own = VARIANTS[row["variant"]]
    else:
        spec, own = {"MobileNetV1": "mobilenet_v1", "MobileNetV2": "mobilenet_v2"}[row["network"]], {}
    return spec, {"alpha": row["alpha_or_scale"], **common, **own}


@pytest.mark.parametrize("row", exact_rows(), ids=lambda r: "-".join(list(r.values())[:4]))
def test_a_network_is_met_to_the_last_digit(row: dict[str, str]) -> None:
    spec, settings = setting(row)
    census = report(spec, **settings).totals.census
    counted = {
        "macs_conv_fc": census.macs,
        "weights": census.weights,
        "bn_gamma_beta": census.norm_scales + census.norm_shifts,
        "biases": census.biases,
        "params_total": census.params,
    }
    assert counted == {name: int(row[name]) for name in counted}


def test_the_exact_figures_are_all_there() -> None:
    found = Counter(row["network"] for row in exact_rows())
    assert found == {"MobileNetV1": 16, "MobileNetV2": 22, "MobileNetV3": 23, "ShuffleNetV1": 11}


@pytest.mark.parametrize(
    ("spec", "parameters"),
    [("mobilenet_v2", 3_504_872), ("mobilenet_v3_large", 5_483_032), ("mobilenet_v3_small", 2_542_856)],
)
def test_torchvision_has_as_many_parameters(spec: str, parameters: int) -> None:
    """`num_params` in torchvision's own tables of weights."""
    assert report(spec).totals.params == parameters


@pytest.mark.parametrize(("resolution", "size"), [(97, 4), (131, 5), (1, 1)])
@pytest.mark.parametrize("spec", NETWORKS)
def test_odd_resolutions_round_up(spec: str, resolution: int, size: int) -> None:
    """Five strides of 2: 97, 49, 25, 13, 7, 4 and 131, 66, 33, 17, 9, 5."""
    (pool,) = [n for n in network(spec, resolution=resolution).nodes if n.path == "global_avg_pool"]
    before = network(spec, resolution=resolution).shapes[pool.inputs[0]]
    assert before.spatial == (size, size)


# -- MobileNet V1 -----------------------------------------------------------------------------------------------------

# weights and MAdds, from the docstring of tensorflow/models, research/slim/nets/mobilenet_v1.py
SLIM_V1 = [
    ("conv", 864, 10_838_016),
    ("stage1/depthwise", 288, 3_612_672),
    ("stage1/conv", 2_048, 25_690_112),
    ("stage2/depthwise", 576, 1_806_336),
    ("stage2/conv", 8_192, 25_690_112),
    ("stage3/depthwise", 1_152, 3_612_672),
    ("stage3/conv", 16_384, 51_380_224),
    ("stage4/depthwise", 1_152, 903_168),
    ("stage4/conv", 32_768, 25_690_112),
    ("stage5/depthwise", 2_304, 1_806_336),
    ("stage5/conv", 65_536, 51_380_224),
    ("stage6/depthwise", 2_304, 451_584),
    ("stage6/conv", 131_072, 25_690_112),
    ("stage7/1/depthwise", 4_608, 903_168),
    ("stage7/1/conv", 262_144, 51_380_224),
    ("stage7/2/depthwise", 4_608, 903_168),
    ("stage7/2/conv", 262_144, 51_380_224),
    ("stage7/3/depthwise", 4_608, 903_168),
    ("stage7/3/conv", 262_144, 51_380_224),
    ("stage7/4/depthwise", 4_608, 903_168),
    ("stage7/4/conv", 262_144, 51_380_224),
    ("stage7/5/depthwise", 4_608, 903_168),
    ("stage7/5/conv", 262_144, 51_380_224),
    ("stage8/depthwise", 4_608, 225_792),
    ("stage8/conv", 524_288, 25_690_112),
    ("stage9/depthwise", 9_216, 451_584),
    ("stage9/conv", 1_048_576, 51_380_224),
]


def test_v1_layer_by_layer() -> None:
    rows = [(row.path, row.weights, row.madds) for row in report("mobilenet_v1").rows("layer") if row.weights]
    assert rows == [*SLIM_V1, ("linear", 1_024_000, 1_024_000)]


@pytest.mark.parametrize(
    ("alpha", "resolution", "weights", "madds"),
    [("1", 224, 3_185_088, 567_716_352), ("0.75", 128, 1_800_144, 106_002_432)],
)
def test_v1_without_its_classifier(alpha: str, resolution: int, weights: int, madds: int) -> None:
    """The totals of the same docstring."""
    rows = [row for row in report("mobilenet_v1", alpha=alpha, resolution=resolution).layers if row.path != "linear"]
    assert (sum(row.weights for row in rows), sum(row.madds for row in rows)) == (weights, madds)


@pytest.mark.parametrize(
    ("kind", "madds", "weights"),
    [
        ("conv 1x1", "94.86", "74.59"),
        ("depthwise 3x3", "3.06", "1.06"),
        ("conv 3x3", "1.91", "0.02"),  # Table 2 prints 1.19 MAdds, and its column adds up to 99.29
        ("linear", "0.18", "24.33"),
    ],
)
def test_v1_shares_of_the_kinds(kind: str, madds: str, weights: str) -> None:
    """Table 2."""
    of = report("mobilenet_v1")
    (row,) = [row for row in of.rows("kind") if row.path == kind]
    assert f"{100 * row.madds / of.totals.madds:.2f}" == madds
    assert f"{100 * row.weights / of.totals.weights:.2f}" == weights


def test_v1_has_a_norm_and_an_activation_after_every_convolution() -> None:
    layers = ["conv", *["depthwise", "conv"] * 13]
    found = [n.kind for n in network("mobilenet_v1").nodes]
    assert found[:81] == [kind for layer in layers for kind in (layer, "batch_norm", "relu")]
    assert found[81:] == ["global_avg_pool", "linear", "softmax"]


# -- MobileNet V2 -----------------------------------------------------------------------------------------------------


def test_v2_adds_its_input_in_ten_blocks() -> None:
    """Table 2: every repeat after the first, 1 + 2 + 3 + 2 + 2 of them."""
    assert paths(network("mobilenet_v2"), "shortcut") == [
        *("stage2/2", "stage3/2", "stage3/3", "stage4/2", "stage4/3", "stage4/4"),
        *("stage5/2", "stage5/3", "stage6/2", "stage6/3"),
    ]


def test_v2_does_not_expand_where_t_is_1() -> None:
    net = network("mobilenet_v2")
    assert len(paths(net, "depthwise")) == 17
    assert set(paths(net, "depthwise")) - set(paths(net, "expand")) == {"stage1"}


def test_v2_block() -> None:
    """Figure 4 (d): nothing follows the linear projection but the sum."""
    assert kinds(network("mobilenet_v2"), "stage2/2") == [
        *("conv", "batch_norm", "relu6", "depthwise", "batch_norm", "relu6"),
        *("conv", "batch_norm", "add"),
    ]


@pytest.mark.parametrize(("alpha", "stem", "last"), [("0.35", 16, 1280), ("1", 32, 1280), ("1.4", 48, 1792)])
def test_v2_last_layer_grows_and_does_not_shrink(alpha: str, stem: int, last: int) -> None:
    """0.35*32 = 11.2: 8 would be more than a tenth below, so 16; 1.4*32 = 44.8."""
    net = network("mobilenet_v2", alpha=alpha)
    assert (node(net, "stem").output.channels, node(net, "last").output.channels) == (stem, last)


# -- MobileNet V3 -----------------------------------------------------------------------------------------------------

SQUEEZED = {16: 8, 72: 24, 96: 24, 120: 32, 144: 40, 240: 64, 288: 72, 480: 120, 576: 144, 672: 168, 960: 240}


@pytest.mark.parametrize(
    ("spec", "expansions"),
    [
        ("mobilenet_v3_large", [72, 120, 120, 480, 672, 672, 960, 960]),
        ("mobilenet_v3_small", [16, 96, 240, 240, 120, 144, 288, 576, 576]),
    ],
)
def test_v3_squeezes_to_a_quarter(spec: str, expansions: list[int]) -> None:
    """The rows of Tables 1 and 2 that tick SE; a quarter, to a multiple of 8, with biases and the hard gate of section 5."""
    net = network(spec)
    found = [n for n in net.nodes if n.kind == "squeeze_excite"]
    assert all(n.path.endswith("/se") for n in found)
    assert [n.output.channels for n in found] == expansions
    assert [n.attributes["squeeze"] for n in found] == [SQUEEZED[e] for e in expansions]
    assert {tuple(n.attributes[name] for name in ("act", "gate", "bias")) for n in found} == {("relu", "hard_sigmoid", True)}


@pytest.mark.parametrize(
    ("spec", "stages"),
    [("mobilenet_v3_large", (1, 3, 5, 6, 8, 9, 10, 12, 14, 15)), ("mobilenet_v3_small", (3, 5, 6, 8, 10, 11))],
)
def test_v3_adds_its_input_where_stride_and_channels_allow(spec: str, stages: tuple[int, ...]) -> None:
    assert paths(network(spec), "shortcut") == [f"stage{stage}" for stage in stages]


@pytest.mark.parametrize(
    ("spec", "kernels"),
    [("mobilenet_v3_large", "333555333333555"), ("mobilenet_v3_small", "33355555555")],
)
def test_v3_kernels(spec: str, kernels: str) -> None:
    """The operator column of Tables 1 and 2; the minimalistic networks have 3 throughout."""
    for minimalistic, expected in ((False, kernels), (True, "3" * len(kernels))):
        net = network(spec, minimalistic=minimalistic)
        assert "".join(str(n.attributes["kernel"]) for n in net.nodes if n.kind == "depthwise") == expected


def test_v3_block() -> None:
    """Figure 4: the squeeze-and-excite works on the activated depthwise output, and the projection is linear."""
    assert kinds(network("mobilenet_v3_large"), "stage5") == [
        *("conv", "batch_norm", "relu", "depthwise", "batch_norm", "relu"),
        *("squeeze_excite", "conv", "batch_norm", "add"),
    ]


@pytest.mark.parametrize("spec", ["mobilenet_v3_large", "mobilenet_v3_small"])
def test_v3_minimalistic_is_plain(spec: str) -> None:
    full, plain = ({n.kind for n in network(spec, minimalistic=m).nodes} for m in (False, True))
    assert full - plain == {"squeeze_excite", "hard_swish"}
    assert plain - full == set()


def test_v3_activations() -> None:
    """Large: RE in rows 1 to 6, HS from row 7 on, in the stem and in the last two layers before the classifier."""
    swish = [n.layer for n in network("mobilenet_v3_large").nodes if n.kind == "hard_swish"]
    blocks = [f"stage{i}/{part}" for i in range(7, 16) for part in ("expand", "depthwise")]
    assert swish == ["stem", *blocks, "conv", "last"]


# -- ShuffleNet V1 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("groups", "width"), [(1, 144), (2, 200), (3, 240), (4, 272), (8, 384)])
def test_shufflenet_widths(groups: int, width: int) -> None:
    """Table 1: output channels of stages 2, 3 and 4, the unit of stride 2 included."""
    net = network("shufflenet_v1", groups=groups)
    firsts = [node(net, f"stage{i}/1/concat").output for i in (1, 2, 3)]
    assert [x.channels for x in firsts] == [width, 2 * width, 4 * width]
    assert [x.spatial for x in firsts] == [(28, 28), (14, 14), (7, 7)]
    assert node(net, "stage3/4/relu").output.channels == 4 * width


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8])
def test_shufflenet_groups_all_pointwise_convolutions_but_the_first(groups: int) -> None:
    net = network("shufflenet_v1", groups=groups)
    found = [n.attributes["groups"] for n in net.nodes if n.kind == "conv" and n.path != "stem"]
    assert found == [1, *[groups] * 31]
    assert sum(n.kind == "channel_shuffle" for n in net.nodes) == (16 if groups > 1 else 0)
    assert len(paths(net, "shortcut")) == 13


def test_shufflenet_units() -> None:
    """Figure 2 (b) and (c): no activation after the depthwise convolution, and one after the sum or on the branch."""
    branch = ["conv", "batch_norm", "relu", "channel_shuffle", "depthwise", "batch_norm", "conv", "batch_norm"]
    assert kinds(network("shufflenet_v1"), "stage1/2") == [*branch, "add", "relu"]
    assert kinds(network("shufflenet_v1"), "stage1/1") == [*branch, "relu", "avg_pool", "concat"]


def test_shufflenet_unit_of_stride_2() -> None:
    """Figure 2 (c): the pooled input beside the branch, which has the channels that are missing, 240 - 24 of them."""
    net = network("shufflenet_v1")
    pool, branch = (node(net, path) for path in node(net, "stage1/1/concat").inputs)
    assert (pool.kind, pool.output.channels, pool.inputs) == ("avg_pool", 24, ("max_pool",))
    assert (branch.kind, branch.output.channels) == ("relu", 216)
    assert node(net, "stage1/1/reduce").output.channels == 60


@pytest.mark.parametrize("row", [r for r in exact_rows() if "stem" in r["variant"]], ids=lambda r: r["variant"])
def test_shufflenet_stems(row: dict[str, str]) -> None:
    """The first layer of the official networks, by scale and groups."""
    spec, settings = setting(row)
    assert node(network(spec, **settings), "stem").output.channels == int(row["variant"].rpartition(" ")[2])


def test_shufflenet_without_its_classifier() -> None:
    whole, body = (report("shufflenet_v1", classes=classes).totals for classes in (1000, 0))
    assert (whole.madds - body.madds, whole.params - body.params) == (960_000, 960_000)


# -- published figures ------------------------------------------------------------------------------------------------

# the figures that are known to be wrong, by spec; any other must be met
ERRATA = {
    "mobilenet_v1": "1.19% 104M 150M 162M 233M 317M 34M 529M 575M 569M 418M 1.34M 4.24M",
    "mobilenet_v2": "585M 6.9M",
    "mobilenet_v3_large": "219M 356M",
    "mobilenet_v3_small": "66M 65M",
    "shufflenet_v1": "140M 38M 138M",
}


@pytest.mark.parametrize("spec", sorted(bundled()))
def test_published_figures_are_met_or_errata(spec: str) -> None:
    document = read_document(spec)
    statuses: dict[str, set[str]] = {"met": set(), "erratum": set(), "missed": set()}
    compared = 0
    for expected in document.expectations:
        one = count(build_network(document, expected.settings), expected.convention)
        found = [p for p in check(one, document) if p.place == expected.place]
        compared += len(expected.figures) if len(found) >= len(expected.figures) else 0
        for published in found:
            statuses[published.status].add(published.figure)
    assert statuses["missed"] == set()
    assert compared == sum(len(expected.figures) for expected in document.expectations)
    if spec in ERRATA:
        assert statuses["erratum"] == set(ERRATA[spec].split())
        assert len(statuses["met"]) >= 6


# MAdds in millions by alpha, for resolutions 224, 192, 160, 128 and 96, from the READMEs of slim
SLIM_TABLES = {
    "mobilenet_v1": {
        "1": "569 418 291 186",
        "0.75": "317 233 162 104",
        "0.5": "150 110 77 49",
        "0.25": "41 34 21 14",
    },
    "mobilenet_v2": {
        "1.4": "582",
        "1.3": "509",
        "1": "300 221 154 99 56",
        "0.75": "209 153 107 69 39",
        "0.5": "97 71 50 32 18",
        "0.35": "59 43 30 20 11",
    },
}


@pytest.mark.parametrize("spec", sorted(SLIM_TABLES))
def test_the_tables_of_slim_are_complete(spec: str) -> None:
    listed = {
        (e.settings.get("alpha", 1), e.settings.get("resolution", 224)): e.figures["madds"].text
        for e in read_document(spec).expectations
        if e.place == "slim README"
    }
    table = SLIM_TABLES[spec]
    assert listed == {
        (Fraction(alpha), resolution): f"{figure}M"
        for alpha, figures in table.items()
        for resolution, figure in zip((224, 192, 160, 128, 96), figures.split(), strict=False)
    }


# -- the files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", sorted(bundled()))
def test_a_spec_is_short_and_explains_itself(spec: str) -> None:
    text = bundled()[spec].read_text(encoding="utf-8")
    document = read_document(spec)
    assert text.startswith(f"{MODELINE}\n")
    assert text.count("\n") < 60
    assert max(map(len, text.split("\n"))) <= 180
    assert [p.name for p in document.hyperparameters if not p.help] == []
    assert [e.place for e in document.expectations if e.errata and not e.why] == []
    assert "arXiv:" in document.citation
