"""Versatile filters: the closed forms, what sharing leaves, which sub-filter is where, and how `explain` writes it.

What is multiplied is also found by listing products: each is a weight and an element of the input, and those that
sharing makes equal are the same entry of a set.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kinds import build, counted, grid

from costcalc import number
from costcalc.api import Model
from costcalc.census import Census
from costcalc.errors import Source
from costcalc.execute import CannotRun, execute
from costcalc.execute.work import KERNELS, Tensor, Work
from costcalc.kinds import KindError
from costcalc.kinds.attributes import REQUIRED
from costcalc.kinds.channel_windows import ChannelWindows
from costcalc.kinds.versatile import Versatile
from costcalc.number.polynomial import expanded, split
from costcalc.number.traced import Trace
from costcalc.render.worked import CODE, LATEX_RATIO, TEXT_RATIO, TEXT_SUM, in_numbers, simplified, steps, unsimplified
from costcalc.spec import parse_document

FEW = settings(derandomize=True, deadline=None, max_examples=150, database=None)
SHARES = ("none", "rings", "windows", "both")
Given = dict[str, Any]
sizes = st.fixed_dictionaries({
    "side": st.integers(1, 8), "channels": st.integers(1, 7), "width": st.integers(1, 7), "step": st.integers(1, 4),
    "out": st.integers(1, 60), "spatial": st.booleans(), "variant": st.sampled_from(["masked", "sliding"]),
})  # fmt: skip


def census(channels: int, side: int, positions: tuple[int, int] = (1, 1), **given: Any) -> Census:
    """The census of a layer without padding or biases, at so many positions."""
    x = grid(channels, *(side - 1 + n for n in positions))
    return counted("versatile", x, kernel=side, padding="valid", bias=False, **given)[1]


def kept(out: int, side: int, spatial: bool, windows: int) -> list[tuple[int, int, int]]:
    """Box, window and primary filter of each output channel, in order; the last ones are dropped."""
    boxes = len(range(side, 0, -2)) if spatial else 1
    filters = -(-out // (boxes * windows))
    return [(i, j, f) for i in range(boxes) for j in range(windows) for f in range(filters)][:out]


def products(s: Given, share: str) -> set[Any]:
    """Every product that is different from all others where so much is shared."""
    width = min(s["width"], s["channels"])
    windows = len(range(0, s["channels"] - width + 1, s["step"]))
    found = set()
    for i, j, f in kept(s["out"], s["side"], s["spatial"], windows):
        apart = (f, i if share in ("none", "windows") else None, j if share in ("none", "rings") else None)
        taps = range(i, s["side"] - i)
        for c, row, column in product(range(width), taps, taps):
            seen = j * s["step"] + c
            weight = seen if s["variant"] == "masked" else c
            found.add((apart, weight, seen, row, column))
    return found


# -- closed forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", SHARES)
@FEW
@given(sizes)
def test_multiply_adds_are_the_products_that_differ(share: str, s: Given) -> None:
    width = min(s["width"], s["channels"])
    each = (-(-s["side"] // 2) if s["spatial"] else 1) * len(range(0, s["channels"] - width + 1, s["step"]))
    found = census(s["channels"], s["side"], out=s["out"], window=width, channel_stride=s["step"],
                   spatial=s["spatial"], variant=s["variant"], share=share)  # fmt: skip
    if s["out"] < each:
        assert found == census(s["channels"], s["side"], out=s["out"], spatial=False)
        assert found.macs == s["out"] * s["channels"] * s["side"] ** 2
    else:
        assert found.macs == found.valid_macs == len(products(s, share))
        assert found.weights == -(-s["out"] // each) * s["channels"] * s["side"] ** 2


@FEW
@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.integers(1, 3))
def test_the_table_of_closed_forms(d: int, c: int, width: int, gamma: int, p: int, rows: int) -> None:
    """Weights and multiply-adds in space, over channels, and both; nothing left over."""
    width, hw = min(c, width), 2 * rows
    s, n = -(-d // 2), (c - width) // gamma + 1
    u, r = width + (n - 1) * min(gamma, width), d * (d + 1) * (d + 2) // 6
    assert r == sum((d - 2 * i) ** 2 for i in range(s))
    space = {share: census(c, d, (rows, 2), out=p * s, share=share) for share in SHARES}
    assert {x.weights for x in space.values()} == {d * d * c * p}
    assert [space[share].macs for share in SHARES] == [p * c * r * hw, p * d * d * c * hw] * 2
    over = {"window": width, "channel_stride": gamma}
    for variant, seen in (("masked", p * u), ("sliding", p * n * width)):
        channels = {x: census(c, d, (rows, 2), out=p * n, spatial=False, variant=variant, share=x, **over) for x in SHARES}
        assert {x.weights for x in channels.values()} == {d * d * c * p}
        assert [channels[share].macs for share in SHARES] == [d * d * n * p * width * hw] * 2 + [d * d * seen * hw] * 2
        both = {x: census(c, d, (rows, 2), out=p * s * n, variant=variant, share=x, **over) for x in SHARES}
        assert {x.weights for x in both.values()} == {d * d * c * p}
        shared = [p * n * width * r, p * n * width * d * d, seen * r, seen * d * d]
        assert [both[share].macs for share in SHARES] == [number * hw for number in shared]


@pytest.mark.parametrize(("d", "left"), [
    (1, 1), (2, 1), (3, Fraction(5, 9)), (4, Fraction(5, 8)), (5, Fraction(7, 15)), (7, Fraction(3, 7)),
    (9, Fraction(11, 27)), (11, Fraction(13, 33)),
])  # fmt: skip
def test_what_is_left_with_nothing_shared(d: int, left: Fraction) -> None:
    """(d + 1)(d + 2)/(6 d s): 0.4074 for 9, 0.3939 for 11."""
    s = -(-d // 2)
    assert Fraction(census(4, d, out=6 * s).macs, 4 * d * d * 6 * s) == left == Fraction((d + 1) * (d + 2), 6 * d * s)


def test_additions_of_a_worked_example() -> None:
    """Two 3x3 filters of 4 channels, windows 1-3 and 2-4, 25 positions: 1,800 products and 1,850 sums of two, in all.

    Segments 1, 2-3, 4, each of two rings: 6 partial sums; 3 joins of rings, and one for each window of each box, 4.
    """
    shared = census(4, 3, (5, 5), out=8, window=3, share="both")
    assert (shared.macs, shared.additions) == (1800, 2 * 25 * (3 + 4))
    assert shared.macs - 2 * 25 * 6 + shared.additions == 1850
    alone = census(4, 3, (5, 5), out=8, window=3)
    assert (alone.macs, alone.additions, alone.macs - 8 * 25) == (3000, 0, 2800)


@FEW
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 5))
def test_windows_over_channels(channels: int, width: int, step: int) -> None:
    """What they cover, the segments between their ends and the joins, by listing the channels."""
    width = min(width, channels)
    windows = ChannelWindows.over(channels, width, step)
    spans = [range(start, start + width) for start in range(0, channels - width + 1, step)]
    assert windows.number == len(spans)
    ends = {end for span in spans for end in (span.start, span.stop)}
    for first in range(len(spans) + 1):
        seen = {c for span in spans[:first] for c in span}
        assert windows.covered(first) == len(seen)
        assert windows.segments(first) == sum(1 for c in seen if c in ends)
        assert windows.joins(first) == sum(1 for span in spans[:first] for c in span[1:] if c in ends)


# -- what does not divide ---------------------------------------------------------------------------------------------


def test_the_rules_for_what_is_left_over() -> None:
    """10 output channels of 2 * 2 sub-filters: 3 primary filters and 2 dropped, 2 and 8 channels, 2 and 2 plain."""
    x = grid(6, 8, 7)
    for remainder, primaries, plain, channels in [
        ("ceil_truncate", 3, 0, 10), ("floor", 2, 0, 8), ("remainder_standard", 2, 2, 10),
        ("fractional", Fraction(5, 2), 0, 10),
    ]:  # fmt: skip
        y, found = counted("versatile", x, out=10, window=5, remainder=remainder)
        assert (y.channels, found.biases) == (channels, channels)
        assert found.weights == (primaries + plain) * 54
    y, found = counted("versatile", grid(3, 224, 224), out=64, kernel=11, stride=4, padding=2, remainder="floor")
    assert (y.channels, found.weights) == (60, 10 * 363), "10 primary filters of 6 boxes"
    with pytest.raises(KindError, match="10 output channels cannot be divided among the 4 sub-filters") as caught:
        build("versatile", out=10, window=5, remainder="error").infer([x])
    assert caught.value.attribute == "remainder"
    assert counted("versatile", x, out=8, window=5, remainder="error") == counted("versatile", x, out=8, window=5)


def test_parts_of_filters_make_whole_counts_or_none() -> None:
    """4096/3 filters of 6x6x256 have whole weights, and 4096 * 256 * 56 / 3 products are not whole."""
    with pytest.raises(KindError, match="4096/3 primary filters make 58720256/3 macs") as caught:
        build("versatile", out=4096, kernel=6, padding="valid", remainder="fractional").infer([grid(256, 6, 6)])
    assert (caught.value.attribute, "ceil_truncate" in str(caught.value.help)) == ("remainder", True)
    layer = "- versatile: {out: 10, kernel: 3, window: 5, remainder: fractional}"
    network = model(layer, "[6, 8, 7]").network
    for literal in (False, True):
        with pytest.raises(CannotRun, match=r"part of a filter|too few for 10"):
            execute(network, literal=literal)


def test_what_cannot_be() -> None:
    for given_, x, message, attribute in [
        ({"window": 7}, grid(6, 8, 7), "a window of 7 channels, and the input has 6", "window"),
        ({}, grid(6, 8), r"`versatile` slides a square, and its input \(6x8\) has length", None),
        ({}, grid(6, 8, 7, 5), r"has depth, height, width", None),
        ({}, grid(6), "`versatile` needs a feature map", None),
        ({"kernel": 1001}, grid(6, 8, 7), "the kernel has 1001 taps along one axis", "kernel"),
        ({"padding": "valid", "kernel": 9}, grid(6, 8, 7), "the kernel covers 9 along the height", "kernel"),
    ]:
        with pytest.raises(KindError, match=message) as caught:
            build("versatile", out=4, **given_).infer([x])
        assert caught.value.attribute == attribute
    with pytest.raises(KindError, match=r"`kernel` is \[3, 3\]"):
        build("versatile", out=4, kernel=[3, 3])


# -- the example of 100 filters of 7x7x24 -----------------------------------------------------------------------------

TWO = {"window": 22, "channel_stride": 2}


@pytest.mark.parametrize(("given_", "weights", "none", "rings", "both"), [
    ({"out": 100}, 29_400, 50_400, 29_400, 29_400),
    ({"out": 104, **TWO}, 15_288, 48_048, 28_028, 15_288),
    ({"out": 100, **TWO}, 15_288, 47_960, 28_028, 15_288),
    ({"out": 100, "remainder": "floor", **TWO}, 14_112, 44_352, 25_872, 14_112),
])  # fmt: skip
def test_the_example(given_: Given, weights: int, none: int, rings: int, both: int) -> None:
    """A standard convolution has 117,600. In `sliding` no window shares, and there are as many weights."""
    standard = counted("conv", grid(24, 7, 7), kernel=7, out=100, padding="valid", bias=False)[1]
    assert standard.weights == standard.macs == 117_600
    found = [census(24, 7, share=share, **given_) for share in ("none", "rings", "both")]
    assert {x.weights for x in found} == {weights}
    assert [x.macs for x in found] == [none, rings, both]
    sliding = [census(24, 7, share=share, variant="sliding", **given_) for share in ("none", "rings", "both")]
    assert [x.macs for x in sliding] == [none, rings, rings]


def test_the_example_in_fractions() -> None:
    """12.5 primary filters, at two positions, since at one there would be half additions."""
    found = [census(24, 7, (1, 2), out=100, remainder="fractional", share=x, **TWO) for x in ("none", "rings", "both")]
    assert {x.weights for x in found} == {14_700}
    assert [x.macs for x in found] == [2 * 46_200, 2 * 26_950, 2 * 14_700]


# -- values -----------------------------------------------------------------------------------------------------------


def run(x: Any, given_: Given) -> Any:
    """The output of the kernel, its weights always the same ones."""
    attributes = {name: a.default for name, a in Versatile.attributes.items() if a.default not in (None, REQUIRED)}
    return KERNELS["versatile"](Work([Tensor(x)], {**attributes, **given_}, np.random.default_rng(3), False))


@FEW
@given(sizes, st.integers(0, 3), st.integers(1, 3), st.integers(1, 2))
def test_sharing_changes_no_value(s: Given, padding: int, stride: int, dilation: int) -> None:
    x = np.random.default_rng(1).uniform(-1, 1, (2, s["channels"], 17, 16)).astype(np.float32)
    given_ = {
        "out": s["out"], "kernel": s["side"], "window": min(s["width"], s["channels"]), "channel_stride": s["step"],
        "spatial": s["spatial"], "variant": s["variant"], "padding": padding, "stride": stride, "dilation": dilation,
    }  # fmt: skip
    alone, *shared = (run(x, {**given_, "share": share}) for share in SHARES)
    for other in shared:
        np.testing.assert_allclose(other, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("variant", ["masked", "sliding"])
@pytest.mark.parametrize("out", [12, 11, 9])
def test_the_order_of_the_outputs(out: int, variant: str, share: str) -> None:
    """Channel (i * n + j) * P + f is box i, window j of filter f: here 3 boxes, 2 windows, 2 filters, some dropped."""
    x = np.random.default_rng(1).uniform(-1, 1, (1, 7, 5, 5)).astype(np.float32)
    given_ = {"out": out, "kernel": 5, "window": 4, "channel_stride": 3, "padding": "valid", "bias": False}
    y = run(x, {**given_, "variant": variant, "share": share})
    filters = np.random.default_rng(3).random((2, 7, 5, 5), np.float32) * 2 - 1
    for i, j, f in product(range(3), range(2), range(2)):
        at = (i * 2 + j) * 2 + f
        if at < out:
            first, box = 3 * j, slice(i, 5 - i)
            weights = filters[f, first : first + 4] if variant == "masked" else filters[f, :4]
            expected = float((weights[:, box, box] * x[0, first : first + 4, box, box]).sum())
            assert y[0, at, 0, 0] == pytest.approx(expected, abs=1e-4)


def test_a_first_layer_of_alexnet_has_one_size() -> None:
    """Boxes of 11, 9, ... 1 with stride 4 on 224 pixels padded by 2 all have 55 positions."""
    y, found = counted("versatile", grid(3, 224, 224), out=66, kernel=11, stride=4, padding=2)
    assert y == grid(66, 55, 55)
    assert run(np.zeros((1, 1, 224, 224), np.float32), {"out": 6, "kernel": 11, "stride": 4, "padding": 2}).shape[2:] == (55, 55)
    assert found.macs == 11 * 3 * (121 + 81 + 49 + 25 + 9 + 1) * 55 * 55


# -- how it is explained ----------------------------------------------------------------------------------------------


def model(layers: str, input_: str = "[24, 14, 14]") -> Model:
    text = f"costcalc: 1\ninput: {input_}\nlayers:\n  {layers}\n"
    return Model(parse_document(Source("test.yaml", text)), {})


def node(given_: str, input_: str = "[24, 14, 14]") -> Any:
    (explained,) = model(f"- versatile: {{{given_}}}", input_).explain().layers
    return explained.nodes[0]


@pytest.mark.parametrize(("given_", "simplest", "value"), [
    ("out: 100, kernel: 7, share: rings", "1/s", Fraction(1, 4)),
    ("out: 96, kernel: 3, share: both", "1/s", Fraction(1, 2)),
    ("out: 100, kernel: 7", "(D_K + 1)*(D_K + 2)/(6*D_K*s)", Fraction(3, 7)),
    ("out: 100, kernel: 4, stride: 2, padding: 1", "(D_K + 1)*(D_K + 2)/(6*D_K*s)", Fraction(5, 8)),
    ("out: 96, kernel: 3, window: 22, channel_stride: 2, share: both", "1/(s*n)", Fraction(1, 4)),
    ("out: 96, kernel: 7, window: 23, share: both", "1/(s*n)", Fraction(1, 8)),
    ("out: 96, kernel: 7, window: 23, share: both, variant: sliding", "c/(M*s)", Fraction(23, 96)),
    ("out: 96, kernel: 7, window: 23", "(D_K + 1)*(D_K + 2)*c/(6*D_K*M*s)", Fraction(23 * 3, 24 * 7)),
    ("out: 96, window: 22, channel_stride: 2, spatial: false", "c/M", Fraction(11, 12)),
    ("out: 96, kernel: 1, window: 22, channel_stride: 2, share: windows", "1/n", Fraction(1, 2)),
    ("out: 100, kernel: 7, window: 22, channel_stride: 2, share: both", "P/N", Fraction(13, 100)),
    ("out: 3, kernel: 7", "1", Fraction(1)),
])  # fmt: skip
@pytest.mark.parametrize("input_", ["[24, 14, 14]", "[24, 15, 13]"])
def test_ratios_simplify(given_: str, simplest: str, value: Fraction, input_: str) -> None:
    ratio = node(given_, input_).standard
    assert simplified(ratio, TEXT_RATIO) == simplest
    assert ratio.value == value == ratio.quotient.at(ratio.point)


def test_a_product_of_sums_is_written_as_one() -> None:
    """7 * 8 * 9 / 6 = 84 taps of 24 channels for each of 25 filters, at 14 * 14 positions."""
    found = node("out: 100, kernel: 7")
    assert steps(found.cost, TEXT_SUM) == [
        "D_K * (D_K + 1) * (D_K + 2) * M * N * D_F * D_F / (6 * s)",
        "7 * (7 + 1) * (7 + 2) * 24 * 100 * 14 * 14 / (6 * 4)",
        "9,878,400",
    ]
    ratio = found.standard
    assert unsimplified(ratio, TEXT_RATIO) == "(D_K*(D_K + 1)*(D_K + 2)*M*N*D_F^2/(6*s)) / (D_K^2*M*N*D_F^2)"
    assert in_numbers(ratio, TEXT_RATIO) == "3/7"
    assert eval(simplified(ratio, CODE), {"D_K": 7, "s": 4}) == 3 / 7
    assert simplified(ratio, LATEX_RATIO) == r"\frac{(D_{K} + 1)\,(D_{K} + 2)}{6\,D_{K}\,s}"


@FEW
@given(st.lists(st.integers(-12, 12), min_size=2, max_size=4), st.fractions(1, 3, max_denominator=6))
def test_sums_that_are_products(added: list[int], factor: Fraction) -> None:
    """A product of sums, multiplied out and found again; what shares no such form is left as it is."""
    trace = Trace()
    a, b = trace.symbol("a", 3, True), trace.symbol("b", 5, True)
    whole = number.product([number.divide(b * factor.numerator, factor.denominator), *(a + n for n in added)])
    polynomial = expanded(trace.graph, whole.form)
    found = split(polynomial)
    if len(polynomial.terms) < 3 or added.count(0) == len(added) - 1:
        assert found is None
    else:
        monomial, first, node_, sums = found
        zeros = added.count(0)
        assert (first, sums) == (factor, sorted(n for n in added if n)) and polynomial.atom(node_).name == "a"
        assert {polynomial.atom(n).name: power for n, power in monomial} == {"b": 1} | ({"a": zeros} if zeros else {})
    for left in (a * a + b * b + 1, a * a + a + 1, a * a + a * b + b, a * 2 + b + 1):
        assert split(expanded(trace.graph, left.form)) is None


def test_letters_and_what_they_mean() -> None:
    found = node("out: 96, kernel: 3, window: 22, channel_stride: 2, share: both, padding: 1")
    symbols = {symbol.name: symbol.value for symbol in found.symbols}
    assert {"s": 2, "n": 2, "Q": 3, "J": 2, "V": 40}.items() <= symbols.items()
    assert "B" not in symbols, "that is the batch"
    additions = TEXT_SUM.factored(found.census["additions"].polynomial)
    assert additions == "N * D_F * D_F * (Q / n + J / n - Q / (s * n))"
    assert found.census["additions"].value == 24 * 14 * 14 * (3 + 2 * 2)
    rounded = node("out: 98, kernel: 5, window: 22, channel_stride: 2, padding: 2")
    assert {"P": 17, "S": 5 * 5 + 3 * 3, "R": 98 - 2 * 2 * 17, "D_R": 1}.items() <= {s.name: s.value for s in rounded.symbols}.items()
    assert not any("bins" in s.meaning or s.short_for for s in (*found.symbols, *rounded.symbols))


@pytest.mark.parametrize(("input_", "letters"), [("[24, 14, 14]", {"V_0": 40, "V_1": 14}),
    ("[24, 15, 13]", {"V_H0": 43, "V_H1": 15, "V_W0": 37, "V_W1": 13})])  # fmt: skip
@pytest.mark.parametrize("padding", ["1", "same"])
def test_what_each_box_reads(padding: str, input_: str, letters: dict[str, int]) -> None:
    """14 windows of three taps, one of two ends outside; the centres are all inside."""
    found = node(f"out: 96, kernel: 3, padding: {padding}", input_)
    assert letters == {s.name: s.value for s in found.symbols if s.name.startswith("V")}
    boxes = [(40, 40), (14, 14)] if len(letters) == 2 else [(43, 37), (15, 13)]
    assert found.census["valid_macs"].value == 48 * 24 * sum(rows * columns for rows, columns in boxes)


def test_the_standard_form_is_a_convolution() -> None:
    """Same shapes, no versatile layer left; with `floor` it has the channels that there are."""
    whole = model("- versatile: {out: 100, kernel: 7, window: 22, channel_stride: 2, stride: 2, remainder: floor}")
    standard = whole.standard().network
    (layer,) = standard.nodes
    assert (layer.kind, layer.output, layer.attributes["groups"]) == ("conv", whole.network.nodes[0].output, 1)
    assert layer.output.channels == 96
    own, other = whole.report().totals, whole.standard().report().totals
    assert Fraction(own.madds, other.madds) == Fraction(3, 7) * Fraction(22, 24)
    assert Fraction(own.census.weights, other.census.weights) == Fraction(1, 8)
