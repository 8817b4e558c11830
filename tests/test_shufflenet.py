"""ShuffleNet V1 and V2: structure by the figures and tables of their papers."""

from __future__ import annotations

import pytest
from networks import kinds, network, node, paths, report, rows, setting

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


@pytest.mark.parametrize("row", [r for r in rows("exact.csv") if "stem" in r["variant"]], ids=lambda r: r["variant"])
def test_shufflenet_stems(row: dict[str, str]) -> None:
    """The first layer of the official networks, by scale and groups."""
    spec, settings = setting(row)
    assert node(network(spec, **settings), "stem").output.channels == int(row["variant"].rpartition(" ")[2])


def test_shufflenet_without_its_classifier() -> None:
    whole, body = (report("shufflenet_v1", classes=classes).totals for classes in (1000, 0))
    assert (whole.madds - body.madds, whole.params - body.params) == (960_000, 960_000)


# -- ShuffleNet V2 ----------------------------------------------------------------------------------------------------

UNITS = ("paper", "torchvision")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    ("scale", "width", "last"), [("0.5", 48, 1024), ("1", 116, 1024), ("1.5", 176, 1024), ("2", 244, 2048)]
)
def test_shufflenet_v2_widths(scale: str, width: int, last: int, unit: str) -> None:
    """Table 5 of the paper; 4, 8 and 4 units."""
    net = network("shufflenet_v2", scale=scale, unit=unit)
    shuffles = [n.output for n in net.nodes if n.kind == "channel_shuffle"]
    assert [x.channels for x in shuffles] == [width] * 4 + [2 * width] * 8 + [4 * width] * 4
    assert [x.spatial for x in shuffles] == [(28, 28)] * 4 + [(14, 14)] * 8 + [(7, 7)] * 4
    assert [node(net, path).output.channels for path in ("stem", "last", "linear")] == [24, last, 1000]


def test_shufflenet_v2_basic_unit() -> None:
    """Figure 3 (c): a half passes as it is; no activation after the depthwise convolution."""
    net = network("shufflenet_v2")
    branch = ["conv", "batch_norm", "relu", "depthwise", "batch_norm", "conv", "batch_norm", "relu"]
    assert kinds(net, "stage2/repeat/7") == ["split", "split", *branch, "concat", "channel_shuffle"]
    (concat,) = [n for n in net.nodes if n.kind == "concat" and n.path.startswith("stage2/repeat/7/")]
    left, right = (node(net, path) for path in concat.inputs)
    assert (left.kind, left.attributes["part"], left.output.channels) == ("split", 1, 116)
    assert (right.kind, right.output.channels) == ("relu", 116)
    assert sum(n.kind == "split" for n in net.nodes) == 2 * (3 + 7 + 3)


@pytest.mark.parametrize(("unit", "shortcuts"), [("paper", [24, 116, 232]), ("torchvision", [58, 116, 232])])
def test_shufflenet_v2_unit_of_stride_2(unit: str, shortcuts: list[int]) -> None:
    """Figure 3 (d): the shortcut keeps its channels and the branch has the others, or each has half of the output."""
    net = network("shufflenet_v2", unit=unit)
    for stage, shortcut, out in zip((1, 2, 3), shortcuts, (116, 232, 464), strict=True):
        sizes = {
            name: node(net, f"stage{stage}/down/concat/{name}").output.channels
            for name in ("branch1/shortcut", "branch2/reduce", "branch2/expand")
        }
        assert list(sizes.values()) == [shortcut, out // 2, out - shortcut]
    strides = [n.attributes["stride"] for n in net.nodes if n.kind == "depthwise"]
    assert strides == [2, 2, 1, 1, 1, 2, 2, *[1] * 7, 2, 2, 1, 1, 1]


def test_shufflenet_v2_classifier() -> None:
    """The networks of torchvision have a bias in it, those of the authors none."""
    biases = {unit: report("shufflenet_v2", unit=unit).totals.census.biases for unit in UNITS}
    assert biases == {"paper": 0, "torchvision": 1000}
