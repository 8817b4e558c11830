"""Networks of cells that read the two before them, and detectors with several maps: NASNet-A, PNASNet-5, SSD, SSDLite."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from closed_forms import claims_at, formulas
from counted import ALL, agree, some

import costcalc
from costcalc.cost import Totals
from costcalc.errors import Source
from costcalc.explore.counter import Counter
from costcalc.explore.grid import Axis
from costcalc.network import Network, Node
from costcalc.spec import bundled, parse_document, read_document

NASNET, PNASNET = "nasnet_mobile", "pnasnet_mobile"
NASNET_LARGE = {"cells": 6, "filters": 168, "stem": 96, "skip": True, "resolution": 331}
PNASNET_LARGE = {"cells": 4, "filters": 216, "stem": 96, "resolution": 331}
DETECTORS = ("ssd_mobilenet_v1", "ssdlite_mobilenet_v1", "ssdlite_mobilenet_v2")


def network(spec: str, **settings: Any) -> Network:
    return costcalc.load(spec, **settings).network


def totals(spec: str, **settings: Any) -> Totals:
    return costcalc.load(spec, **settings).report().totals


def node(net: Network, path: str) -> Node:
    return next(n for n in net.nodes if n.path == path)


def cells(net: Network) -> list[Node]:
    """The concatenations at the ends of the cells, in order."""
    inner = ("normal/concat", "reduction/concat", "cell/concat", "first/concat")
    return [n for n in net.nodes if n.kind == "concat" and n.path.endswith(inner)]


# -- what a repeat may name -------------------------------------------------------------------------------------------


def reads(layers: str) -> dict[str, tuple[str, ...]]:
    """What each node reads, of a spec with these layers."""
    document = parse_document(Source("net.yaml", f"costcalc: 1\ninput: [4, 8, 8]\nlayers:\n{layers}"))
    return {n.path: n.inputs for n in costcalc.Model(document, {}).network.nodes}


def test_a_repeat_reads_what_came_into_those_before_it() -> None:
    """A chain c1, c2, ... with c(i) = c(i-1) + c(i-2) + c(i-3), and the input where there is none."""
    found = reads("  - repeat: {inputs: [x, y, z], n: 5, layers: [{add: {from: [x, y, z]}, as: c}]}\n")
    assert found == {
        "repeat/1/c": ("input", "input", "input"),
        "repeat/2/c": ("repeat/1/c", "input", "input"),
        "repeat/3/c": ("repeat/2/c", "repeat/1/c", "input"),
        "repeat/4/c": ("repeat/3/c", "repeat/2/c", "repeat/1/c"),
        "repeat/5/c": ("repeat/4/c", "repeat/3/c", "repeat/2/c"),
    }


def test_the_first_repeat_may_read_other_tensors_and_rows_go_on() -> None:
    found = reads(
        "  - relu: {as: a}\n  - sigmoid: {as: b}\n"
        "  - rows: {inputs: [x, y], from: [b, a], columns: [k], data: [[1], [2]], repeat: k, layers: [add: {from: [x, y]}]}\n"
    )
    assert found == {
        "a": ("input",), "b": ("a",), "stage1/add": ("b", "a"),
        "stage2/1/add": ("stage1/add", "b"), "stage2/2/add": ("stage2/1/add", "stage1/add"),
    }  # fmt: skip


def test_no_repeat_gives_what_comes_in_and_rows_of_none_forget_nothing() -> None:
    found = reads(
        "  - relu: {as: a}\n"
        "  - rows: {inputs: [x, y], columns: [k], data: [[1], [0], [1]], repeat: k, layers: [add: {from: [x, y]}]}\n"
        "  - repeat: {inputs: [x, y], n: 0, layers: [add: {from: [x, y]}]}\n"
        "  - tanh\n"
    )
    assert found == {
        "a": ("input",), "stage1/add": ("a", "a"), "stage3/add": ("stage1/add", "a"), "tanh": ("stage3/add",),
    }  # fmt: skip


def test_repeats_inside_each_other_have_names_of_their_own() -> None:
    inner = "repeat: {inputs: [u, y], n: 2, layers: [mul: {from: [u, y]}]}"
    found = reads(
        f"  - repeat:\n      inputs: [x, y]\n      n: 2\n      layers:\n        - {inner}\n          as: inner\n"
        "        - concat: {from: [inner, x, y]}\n"
    )
    assert found["repeat/1/inner/1/mul"] == ("input", "input")
    assert found["repeat/1/inner/2/mul"] == ("repeat/1/inner/1/mul", "input")
    assert found["repeat/1/concat"] == ("repeat/1/inner/2/mul", "input", "input")
    assert found["repeat/2/inner/1/mul"] == ("repeat/1/concat", "repeat/1/concat")
    assert found["repeat/2/concat"] == ("repeat/2/inner/2/mul", "repeat/1/concat", "input")


# -- totals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "settings", "params", "with_statistics"),
    [  # osmr/imgclsmob, pytorch/README.md; keras-io, applications, where moving means and variances count
        (NASNET, {}, 5_289_978, 5_326_716),
        (NASNET, NASNET_LARGE, 88_753_150, 88_949_818),
        (PNASNET, PNASNET_LARGE, 86_057_668, None),
    ],
)
def test_other_implementations_have_as_many_parameters(
    spec: str, settings: dict[str, Any], params: int, with_statistics: int | None
) -> None:
    found = totals(spec, **settings)
    assert found.params == params
    assert with_statistics in (None, found.params + found.census.buffers)


@pytest.mark.parametrize(
    ("spec", "settings", "madds", "weights", "norms", "biases"),
    [  # by a script of its own: output sizes ceil(h/s), norms of 2 values a channel, predictors with a bias
        ("ssd_mobilenet_v1", {}, 1_237_129_408, 6_791_360, 25_344, 3_135),
        ("ssdlite_mobilenet_v1", {}, 1_309_162_944, 5_060_608, 37_248, 2_805),
        ("ssdlite_mobilenet_v2", {}, 788_830_144, 4_283_456, 50_752, 2_805),
    ],
)
def test_detectors_to_the_last_digit(
    spec: str, settings: dict[str, Any], madds: int, weights: int, norms: int, biases: int
) -> None:
    found = totals(spec, **settings)
    assert (found.madds, found.weights, found.params) == (madds, weights, weights + norms + biases)


def test_a_normal_cell_by_hand() -> None:
    """Figure 4 of the paper, the last cell of the mobile network: 176 filters at 7x7, below two outputs of 1056.

    Two 1x1 convolutions, 2*49*1056*176 = 18213888. Five separable convolutions, each applied twice: two of 5x5 with
    2*49*176*(25 + 176) = 3466848 and three of 3x3 with 2*49*176*(9 + 176) = 3190880.
    """
    expected = 18_213_888 + 2 * 3_466_848 + 3 * 3_190_880
    rows = costcalc.load(NASNET).report().rows("layer")
    assert sum(row.madds or 0 for row in rows if row.path.startswith("stage6/4/")) == expected


def test_a_reduction_cell_by_hand() -> None:
    """The first one: 32 channels at 111x111 become 11 filters at 56x56. Separable convolutions of h and of x, twice.

    From c channels, k x k: 56*56*(c*(k*k + 11) + 11*(k*k + 11)).
    """
    separable = [(11, 5), (32, 7), (32, 7), (32, 5), (11, 3)]
    expected = 111 * 111 * 32 * 11 + sum(56 * 56 * (c + 11) * (k * k + 11) for c, k in separable)
    rows = costcalc.load(NASNET).report().rows("layer")
    assert sum(row.madds or 0 for row in rows if row.path.startswith("first/")) == expected


# -- NASNet-A and PNASNet-5 -------------------------------------------------------------------------------------------


def test_nasnet_cells() -> None:
    """The widths that lucid lists of slim's released network, layer by layer, and the sizes of Keras."""
    found = [n.output for n in cells(network(NASNET))]
    widths = [44, 88, *[264] * 4, 352, *[528] * 4, 704, *[1056] * 4]
    assert [x.channels for x in found] == widths
    assert [x.spatial for x in found] == [(s, s) for s in (56, *[28] * 5, *[14] * 5, *[7] * 5)]
    assert node(network(NASNET), "stem").output.dims == (32, 111, 111)


def test_pnasnet_cells() -> None:
    """The same list, of PNASNet-5: 13 and 27 filters in the stem, 5 times as many out of each cell."""
    found = [n.output for n in cells(network(PNASNET))]
    assert [x.channels for x in found] == [65, 135, *[270] * 3, *[540] * 3, *[1080] * 3]
    assert [x.spatial for x in found] == [(s, s) for s in (56, *[28] * 4, *[14] * 3, *[7] * 3)]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("stage2/3/normal", ["5x5 5x5", "3x3 3x3", "5x5 5x5", "3x3 3x3", "3x3 3x3"]),
     ("stage3/reduction", ["5x5/2 5x5", "7x7/2 7x7", "7x7/2 7x7", "5x5/2 5x5", "3x3 3x3"])],
)  # fmt: skip
def test_nasnet_applies_separable_convolutions_twice(cell: str, expected: list[str]) -> None:
    rows = [row for row in costcalc.load(NASNET).report().layers if row.path.startswith(cell)]
    found = [row.kind.partition(" ")[2] + row.step for row in rows if row.kind.startswith("separable")]
    assert found == " ".join(expected).split()


def test_pnasnet_applies_separable_convolutions_twice() -> None:
    rows = costcalc.load(PNASNET).report().layers
    for cell, step in (("stage2/2/cell", ""), ("stage3/1/cell", "/2")):
        found = [row.kind[10:] + row.step for row in rows if row.path.startswith(cell) and row.kind.startswith("sep")]
        first = [f"{k}{step}" for k in ("5x5", "7x7", "5x5", "3x3", "3x3", "3x3")]
        first[4] = "3x3"  # of the sum of the pair before: that is small already
        assert found == [
            k for pair in zip(first, ["5x5", "7x7", "5x5", "3x3", "3x3", "3x3"], strict=True) for k in pair
        ]


def before_each_cell(n: int, reductions: list[int], skip: bool) -> list[tuple[int, int]]:
    """The two cells that each cell after the stem reads, as slim's loop finds them: 0 is the stem convolution.

    It keeps all outputs in a list; `previous` is the last but one, and where the input of a reduction is skipped it is
    taken before the reduction joins the list.
    """
    outputs, found = [0, 1, 2], [(1, 0)]
    for cell in range(n):
        previous = outputs[-2]
        if cell in reductions:
            found.append((outputs[-1], outputs[-2]))
            outputs.append(len(outputs))
        if not skip:
            previous = outputs[-2]
        found.append((outputs[-1], previous))
        outputs.append(len(outputs))
    return found


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_nasnet_cells_read_the_two_before_them(n: int, skip: bool) -> None:
    net = network(NASNET, cells=n, skip=skip)
    outputs = ["stem/batch_norm", *(c.path for c in cells(net))]
    assert len(outputs) == 1 + 2 + 3 * n + 2
    found = []
    for cell in cells(net)[1:]:
        inside = cell.path.rpartition("/")[0]
        place = inside.rpartition("/")[0]
        (x,) = node(net, f"{inside}/h/relu").inputs
        (before,) = next(m for m in net.nodes if m.path in (f"{place}/p/squeeze/relu", f"{place}/p/halve/relu")).inputs
        found.append((outputs.index(x), outputs.index(before)))
    assert found == before_each_cell(3 * n, [n, 2 * n], skip)


def test_what_came_before_is_halved_where_the_size_changed() -> None:
    """111 -> 56, 56 -> 28, 28 -> 14 and 14 -> 7: in the second cell of the stem, and after each reduction to 28, 14, 7."""
    for spec, places in (
        (NASNET, ["stage1", "stage2/1", "stage4/1", "stage6/1"]),
        (PNASNET, ["stage1", "stage2/1", "stage3/2", "stage4/2"]),
    ):
        halved = [n.path for n in network(spec).nodes if n.path.endswith("halve/batch_norm")]
        assert halved == [f"{place}/p/halve/batch_norm" for place in places]


@pytest.mark.parametrize(("filters", "halves"), [(54, (13, 14)), (56, (14, 14))])
def test_an_odd_number_of_filters_is_shared_out(filters: int, halves: tuple[int, int]) -> None:
    net = network(PNASNET, filters=filters)
    found = [node(net, f"stage1/p/halve/concat/branch{i}/conv").output.channels for i in (1, 2)]
    assert tuple(found) == halves


def test_pnasnet_widens_pools_only_in_its_first_cell_and_has_a_1x1_in_place_of_a_strided_identity() -> None:
    net = network(PNASNET)
    kinds = {n.path: n.kind for n in net.nodes}
    pools = [p for p, kind in kinds.items() if kind == "max_pool"]
    assert [p for p in pools if p.replace("max_pool", "conv") in kinds] == ["first/a/branch2/max_pool"]
    strided = [p.partition("/e/")[0] for p in kinds if p.endswith("/e/branch2/conv")]
    assert strided == ["first", "stage1/cell", "stage3/1/cell", "stage4/1/cell"]


# -- SSD --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "settings", "sizes", "boxes"),
    [  # 3 boxes at each position of the first map, 6 at the others: 3*361 + 6*(100 + 25 + 9 + 4 + 1) = 1917
        ("ssd_mobilenet_v1", {}, (19, 10, 5, 3, 2, 1), 1917),
        ("ssdlite_mobilenet_v1", {"resolution": 300}, (19, 10, 5, 3, 2, 1), 1917),
        ("ssdlite_mobilenet_v2", {}, (20, 10, 5, 3, 2, 1), 2034),
        ("ssdlite_mobilenet_v2", {"resolution": 300, "head": "ssd"}, (19, 10, 5, 3, 2, 1), 1917),
        ("ssd_mobilenet_v1", {"anchors": 4}, (19, 10, 5, 3, 2, 1), 3 * 361 + 4 * 139),
    ],
)
def test_maps_and_boxes(spec: str, settings: dict[str, Any], sizes: tuple[int, ...], boxes: int) -> None:
    net = network(spec, **settings)
    classes = net.hyperparameters["classes"]
    heads = [net.shapes[name] for name in net.outputs]
    assert [name.partition("/")[0] for name in net.outputs] == ["boxes", "scores"]
    assert [x.dims for x in heads] == [(4 * boxes,), ((classes + 1) * boxes,)]
    maps = [net.shapes[node(net, n.path).inputs[0]] for n in net.nodes if n.kind == "flatten"]
    assert [x.spatial for x in maps] == [(s, s) for s in sizes] * 2


@pytest.mark.parametrize(
    ("spec", "first"), [("ssd_mobilenet_v1", 512), ("ssdlite_mobilenet_v1", 512), ("ssdlite_mobilenet_v2", 576)]
)
def test_predictors_begin_at_the_taps_and_the_extra_maps(spec: str, first: int) -> None:
    """Feature extractors of the Object Detection API: 512 of Conv2d_11_pointwise, 576 of layer_15/expansion_output."""
    net = network(spec)
    last = 1280 if spec.endswith("v2") else 1024
    for head in ("boxes", "scores"):
        begins = [n for n in net.nodes if n.path.startswith(f"{head}/") and not n.inputs[0].startswith(head)]
        assert [net.shapes[n.inputs[0]].channels for n in begins] == [first, last, 512, 256, 256, 128]
        assert [n.inputs[0].partition("/")[0] for n in begins] == [f"map{i}" for i in range(1, 7)]


def test_ssdlite_has_separable_convolutions_in_its_head_alone() -> None:
    """Section 6.2: a depthwise and a 1x1 convolution in the place of each regular one of the head."""
    lite, regular = (network("ssdlite_mobilenet_v2", head=head) for head in ("ssdlite", "ssd"))
    stages = {f"map{i}" for i in range(3, 7)} | {"boxes", "scores"}
    bodies = [[n for n in net.nodes if n.stage not in stages] for net in (lite, regular)]
    assert [(n.path, n.output) for n in bodies[0]] == [(n.path, n.output) for n in bodies[1]]
    heads = [[n for n in net.nodes if n.stage in stages] for net in (lite, regular)]
    assert [sum(n.kind == "depthwise" for n in head) for head in heads] == [4 + 12, 0]
    assert [sum(n.kind == "conv" and n.attributes["kernel"] == 3 for n in head) for head in heads] == [0, 4 + 12]
    assert lite.shapes[lite.outputs[1]] == regular.shapes[regular.outputs[1]]


@pytest.mark.parametrize("spec", DETECTORS)
def test_only_predictors_have_biases(spec: str) -> None:
    net = network(spec)
    biased = [n for n in net.nodes if n.kind in ("conv", "depthwise") and n.attributes.get("bias", True)]
    assert len(biased) == 12
    assert {n.stage for n in biased} == {"boxes", "scores"}


# -- why some published figures are errata -----------------------------------------------------------------------------


def test_588_million_are_those_of_28_filters_in_the_stem() -> None:
    text = bundled()[PNASNET].read_text(encoding="utf-8")
    assert text.count("[filters//2, 2, 1]") == 1
    even = parse_document(Source("even.yaml", text.replace("[filters//2, 2, 1]", "[28, 2, 1]")))
    assert costcalc.Model(even, {}).report().totals.madds // 10**6 == 588
    assert totals(PNASNET).madds // 10**6 == 587


def test_the_whole_of_table_6_leaves_less_than_table_5_has_for_the_head() -> None:
    report = costcalc.load("ssdlite_mobilenet_v2").report()
    body = [row for row in report.rows("stage") if row.path not in {"map3", "map4", "map5", "map6", "boxes", "scores"}]
    assert sum(row.madds or 0 for row in body) + 345_000_000 > 850_000_000


@pytest.mark.parametrize(("alpha", "printed"), [("0.5", "1.54"), ("0.35", "0.93")])
def test_narrow_detectors_were_printed_without_their_norms(alpha: str, printed: str) -> None:
    found = totals("ssdlite_mobilenet_v2", alpha=alpha, classes=90)
    learned = found.params - found.parameters["norm_scales"] - found.parameters["norm_shifts"]
    assert f"{learned / 10**6:.2f}" == printed != f"{found.params / 10**6:.2f}"


# -- in all domains of numbers ----------------------------------------------------------------------------------------

AXES: dict[str, dict[str, tuple[Any, ...]]] = {
    NASNET: {"cells": (2, 0, 1, 3), "skip": (False, True), "filters": (4, 11, 44), "resolution": (3, 32, 97)},
    PNASNET: {"cells": (3, 1, 2), "filters": (4, 5, 54), "stem": (32, 13), "resolution": (3, 32, 97)},
    "ssd_mobilenet_v1": {
        "alpha": (1, Fraction(1, 3)),
        "anchors": (6, 2, 5),
        "classes": (90, 1),
        "resolution": (300, 33, 1),
    },
    "ssdlite_mobilenet_v1": {
        "alpha": (1, Fraction(1, 3)),
        "anchors": (6, 2),
        "classes": (80, 1),
        "resolution": (320, 65),
    },
    "ssdlite_mobilenet_v2": {
        "head": ("ssdlite", "ssd"),
        "alpha": (1, Fraction(7, 20)),
        "anchors": (6, 2),
        "resolution": (320, 65),
    },
}


@pytest.mark.parametrize("spec", AXES)
def test_many_settings_at_once_count_as_each_alone(spec: str) -> None:
    axes = [Axis(name, values) for name, values in AXES[spec].items()]
    found = agree(Counter(read_document(spec), ALL), some(axes, 24))
    assert len(found.faults) < 12


@pytest.mark.parametrize(
    ("spec", "given", "free", "values"),
    [
        (NASNET, {"cells": 2, "skip": True}, ["filters", "resolution"], [(44, 224), (8, 97), (12, 32), (20, 3)]),
        (NASNET, {"cells": 0}, ["filters", "stem"], [(44, 32), (16, 5)]),
        (PNASNET, {"cells": 1}, ["filters", "resolution"], [(54, 224), (8, 97), (13, 64)]),
        ("ssd_mobilenet_v1", {}, ["classes", "resolution"], [(90, 300), (1, 33), (80, 320)]),
        ("ssdlite_mobilenet_v2", {"head": "ssd"}, ["alpha", "anchors"], [(1, 6), (Fraction(1, 2), 4), (2, 2)]),
        ("ssdlite_mobilenet_v2", {}, ["alpha", "resolution"], [(1, 320), (1, 97), (Fraction(3, 2), 64)]),
    ],
)
def test_formulas_give_the_count(
    spec: str, given: dict[str, Any], free: list[str], values: list[tuple[Any, ...]]
) -> None:
    found = formulas(spec, free, given=given)
    claims = [claims_at(found, dict(zip(free, point, strict=True))) for point in values]
    assert claims[0][0], "at the default"
    assert sum(exact for exact, _ in claims) >= 2
