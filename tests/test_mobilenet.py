"""MobileNet: layer tables, structure and tables of figures of the papers and of slim."""

from __future__ import annotations

from fractions import Fraction

import pytest
from networks import kinds, network, node, paths, report

from costcalc.spec import read_document

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


# -- the tables of slim ------------------------------------------------------------------------------------------------

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
        if e.place == "slim README" and "madds" in e.figures
    }
    table = SLIM_TABLES[spec]
    assert listed == {
        (Fraction(alpha), resolution): f"{figure}M"
        for alpha, figures in table.items()
        for resolution, figure in zip((224, 192, 160, 128, 96), figures.split(), strict=False)
    }


