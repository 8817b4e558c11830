"""Ghost modules, mixed depthwise and octave convolutions, shifts, pixel shuffles: limits, ratios, published networks."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from building import counted
from hypothesis import given, settings
from hypothesis import strategies as st

from costcalc.api import Model
from costcalc.census import Census
from costcalc.errors import Source, SpecError
from costcalc.execute import kernels as _kernels  # noqa: F401 - registers them
from costcalc.execute.work import KERNELS, Tensor, Work
from costcalc.explore.instead import Ratio
from costcalc.kinds import KindError
from costcalc.number.algebra import expression
from costcalc.render.worked import TEXT_RATIO, simplified
from costcalc.shape import Shape
from costcalc.spec import bundled, parse_document

LAWS = settings(derandomize=True, deadline=None, max_examples=150, database=None)
GHOSTNET = bundled()["ghostnet"]
channels, ones = st.integers(1, 12), st.integers(1, 5)


def model(layers: str, input_: str = "[12, 14, 14]", **settings_: Any) -> Model:
    text = layers if "costcalc: 1" in layers else f"costcalc: 1\ninput: {input_}\nlayers:\n{layers}"
    return Model(parse_document(Source("net.yaml", text)), settings_)


def ratio_of(found: Model, name: str = "", batch: int = 1) -> Ratio:
    ratio = found.explain(name or None, batch=batch).layers[0].nodes[0].standard
    assert ratio is not None
    return ratio


def refused(kind: str, *xs: Shape, **given_: Any) -> tuple[str, str | None]:
    """What is wrong with a layer, and the attribute that says it; there is help."""
    with pytest.raises(KindError) as caught:
        counted(kind, *xs, **given_)
    assert caught.value.help
    return caught.value.message, caught.value.attribute


# -- ghost ------------------------------------------------------------------------------------------------------------


@LAWS
@given(channels, st.integers(1, 20), st.integers(1, 6), ones, ones, st.integers(1, 3), st.booleans())
def test_what_a_ghost_module_costs(m: int, n: int, q: int, k: int, d: int, stride: int, bias: bool) -> None:
    """Convolution by convolution; what is made and cut off again is less than one filter's share."""
    given_ = {"ratio": q, "kernel": k, "dw_kernel": d, "stride": stride, "bias": bias}
    y, census = counted("ghost", Shape(m, (9, 7)), out=n, **given_)
    own = next(i for i in itertools.count(1) if i * q >= n)
    assert y == Shape(n, (-(-9 // stride), -(-7 // stride)))
    assert census.weights == k * k * m * own + d * d * own * (q - 1)
    assert census.macs == census.weights * y.positions
    assert census.biases == (own * q if bias else 0) and 0 <= own * q - n < q
    assert census.bias_adds == census.biases * y.positions


@LAWS
@given(channels, channels, ones, st.integers(1, 3))
def test_of_ratio_one_it_is_a_convolution(m: int, n: int, k: int, stride: int) -> None:
    x = Shape(m, (9, 7))
    assert counted("ghost", x, out=n, kernel=k, stride=stride, ratio=1) == counted("conv", x, out=n, kernel=k, stride=stride)


@pytest.mark.parametrize("batch", [1, 3])
def test_its_ratio_is_about_the_one_of_the_paper(batch: int) -> None:
    """Equation 4 of the paper: s * c / (s + c - 1) times cheaper for equal windows, about s for many channels c."""
    found = model("  - ghost: {out: 20, kernel: 5, ratio: 4, dw_kernel: 3}\n")
    ratio = ratio_of(found, batch=batch)
    m, q, d, k = sympy.symbols("M q d D_K", positive=True, integer=True)
    expected = 1 / q + d**2 * (q - 1) / (q * k**2 * m)
    shown = expression(ratio.quotient.above) / expression(ratio.quotient.below)
    named = {symbol: sympy.Symbol(symbol.name, positive=True, integer=True) for symbol in shown.free_symbols}
    assert sympy.simplify(shown.subs(named) - expected) == 0
    assert ratio.value == Fraction(1, 4) + Fraction(9 * 3, 4 * 25 * 12)
    equal = ratio_of(model("  - ghost: {out: 20, kernel: 3, ratio: 4}\n"))
    assert 1 / equal.value == Fraction(4 * 12, 4 + 12 - 1)
    many = ratio_of(model("  - ghost: {out: 20, kernel: 3, ratio: 4}\n", "[4000, 4, 4]"))
    assert 4 - 1 / many.value < Fraction(1, 300)


def test_a_number_that_the_ratio_does_not_divide_has_a_letter() -> None:
    """3 divides no 10: 4 channels are made, and 8 more of them."""
    node = model("  - ghost: {out: 10, ratio: 3, bias: false}\n").explain().layers[0].nodes[0]
    weights = node.census["weights"]
    assert weights.point == {"M": 12, "N_0": 4, "q": 3, "d": 3} and weights.value == 12 * 4 + 9 * 8


def test_ghostnet() -> None:
    """Han et al. 2020, table 7: 5.2 million weights and 141 million multiply-adds.

    In the network a norm and an activation follow each half of a module: written so, every class counts the same.
    """
    text = GHOSTNET.read_text(encoding="utf-8")
    whole = model(text).report().totals
    assert (round(whole.params / 10**6, 1), whole.madds // 10**6) == (5.2, 141)
    literal = """blocks:
  module:
    args: {out: required, act: none}
    layers:
      - conv: {out: out/2, kernel: 1, act: act, as: own}
      - depthwise: {kernel: 3, act: act, as: ghosts}
      - concat: {from: [own, ghosts]}
"""
    written = text.replace("blocks:\n", literal).replace(", ghost: {norm: batch_norm}", "").replace("ghost: {", "module: {")
    assert "ghost:" not in written
    assert model(written).report().totals.census == whole.census


def test_ghostnet_runs() -> None:
    text = GHOSTNET.read_text(encoding="utf-8").replace("[3, resolution, resolution]", "[3, 32, floor(resolution*5/28)]")
    found = model(text)
    assert found.verify().agreed
    modules = [row for row in found.contrast().rows() if row.own.kind == "ghost 1x1"]
    assert len(modules) == 32
    widths = {"stage1": 16, "stage12": 112}
    firsts = {path.partition("/")[0]: p.ratio("madds") for p in reversed(modules) for path in [p.path]}
    for stage, width in widths.items():
        assert firsts[stage] == Fraction(1, 2) + Fraction(9, 2 * width)


# -- mixed depthwise --------------------------------------------------------------------------------------------------


@LAWS
@given(st.integers(1, 30), st.lists(ones, min_size=1, max_size=4), st.integers(1, 3), st.integers(1, 2))
def test_channels_are_dealt_out(m: int, kernels: list[int], stride: int, gap: int) -> None:
    """Each channel has one window: those of the last ones equally many, and what is left over the first."""
    x, given_ = Shape(m, (9, 7)), {"stride": stride, "dilation": gap}
    if m < len(kernels):
        assert refused("mixed_depthwise", x, kernels=kernels) == (
            f"{m} channels cannot be divided among {len(kernels)} windows", "kernels")  # fmt: skip
        return
    y, census = counted("mixed_depthwise", x, kernels=kernels, **given_)
    each = m // len(kernels)
    windows = [kernels[0]] * (m - each * (len(kernels) - 1)) + [kernel for kernel in kernels[1:] for _ in range(each)]
    alone = [counted("depthwise", Shape(1, (9, 7)), kernel=kernel, **given_)[1] for kernel in windows]
    assert census == sum(alone[1:], alone[0])
    assert y == counted("depthwise", x, kernel=1, **given_)[0]


def test_windows_of_one_size_are_a_depthwise_convolution() -> None:
    x, given_ = Shape(7, (11, 8)), {"stride": [2, 1], "padding": 1, "dilation": 2}
    for kernels in ([3], [3, 3, 3]):
        assert counted("mixed_depthwise", x, kernels=kernels, **given_) == counted("depthwise", x, kernel=3, **given_)


def test_windows_that_do_not_fit_each_other() -> None:
    message, attribute = refused("mixed_depthwise", Shape(6, (9, 9)), kernels=[3, 5], padding="valid")
    assert message == "the output would be 6x7x7 with a window of 3, and 6x5x5 with one of 5" and attribute == "padding"
    assert counted("mixed_depthwise", Shape(6, (9, 9)), kernels=[3, 5], padding="valid", stride=8)[0].spatial == (1, 1)


@pytest.mark.parametrize("batch", [1, 3])
def test_mixed_ratios(batch: int) -> None:
    """(9 + 25 + 49) / 3 of 49 taps; with the 1x1 convolution after it 1/N more."""
    text = "  - mixed_depthwise: {kernels: [3, 5, 7], as: one}\n  - conv: {out: 20, kernel: 1, as: two}\n"
    found = model(text)
    ratio = ratio_of(found, "one", batch)
    assert simplified(ratio, TEXT_RATIO) == "83/(147*M)" and ratio.value == Fraction(83, 147 * 12)
    pair = found.explain("two", batch=batch).layers[0].pair
    assert pair is not None and pair.kind == "conv 7x7"
    assert pair.value == Fraction(1, 49) + Fraction(83, 147 * 20)
    assert simplified(pair, TEXT_RATIO) == "1/49 + 83/(147*N)"
    assert found.contrast().ratio("madds") == pair.value
    assert found.standard().verify(batch=2).agreed


# -- shift ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 3])
def test_a_shift_and_a_1x1_convolution(batch: int) -> None:
    """Wu et al. 2018: neither weights nor multiply-adds; a convolution with a window has D_K * D_K times as many."""
    text = "  - shift: {as: one, kernel: 5}\n  - conv: {out: 20, kernel: 1, as: two}\n"
    found = model(text)
    pair = found.explain("two", batch=batch).layers[0].pair
    assert pair is not None and simplified(pair, TEXT_RATIO) == "1/D_K^2" and pair.value == Fraction(1, 25)
    contrast = found.contrast()
    assert (contrast.ratio("madds"), contrast.report.totals.params) == (Fraction(1, 25), 12 * 20 + 20)
    assert found.standard().verify(batch=2).agreed


def test_what_a_shift_does() -> None:
    """Nine channels look into nine directions, from up and left on; the tenth stays."""
    x = np.zeros((1, 10, 5, 7), np.float32)
    x[0, :, 2, 3] = 1
    work = Work([Tensor(x)], {"kernel": 3, "dilation": 2}, np.random.default_rng(0), own=False)
    y = KERNELS["shift"](work)
    found = [tuple(int(i) for i in np.argwhere(y[0, c])[0]) for c in range(10)]
    assert found == [*itertools.product((4, 2, 0), (5, 3, 1)), (2, 3)]
    assert not work.tally and not work.parameters
    assert refused("shift", Shape(9, (5, 7)), kernel=4) == ("a window of 4 has no centre", "kernel")


# -- octave -----------------------------------------------------------------------------------------------------------


def octave(high: int, low: int, high_out: int, low_out: int, batch: int = 1) -> list[Ratio]:
    """The ratios of the two halves of an octave layer."""
    text = (
        f"costcalc: 1\ninput: [3, 16, 16]\nlayers:\n  - conv: {{out: {high}, as: high}}\n"
        f"  - octave_conv: {{out: {low}, to: low, from: high, as: low}}\n"
        f"  - octave_conv: {{out: {high_out}, to: high, from: [high, low], as: one, norm: batch_norm, act: relu}}\n"
        f"  - octave_conv: {{out: {low_out}, to: low, from: [high, low], as: two}}\noutputs: [one, two]\n"
    )
    found = model(text)
    assert found.verify(literal=True).agreed and found.standard().verify(literal=True).agreed
    ratios = [ratio_of(found, name, batch) for name in ("one", "two")]
    own, standard = ({row.path: row.madds for row in m.report().rows("layer")} for m in (found, found.standard()))
    assert [r.value for r in ratios] == [Fraction(own[name], standard[name]) for name in ("one", "two")]
    return ratios


@pytest.mark.parametrize(("high", "low"), [(6, 2), (2, 6), (3, 1), (4, 4), (5, 3)])
@pytest.mark.parametrize("batch", [1, 3])
def test_octave_ratios(high: int, low: int, batch: int) -> None:
    """Chen et al. 2019, table 1: with a low share a of input and output, 1 - 3/4 * a * (2 - a) of the multiply-adds."""
    share = Fraction(low, high + low)
    to_high, to_low = octave(high, low, 2 * high, 2 * low, batch)
    assert to_high.value == 1 - 3 * share / 4
    assert to_low.value == Fraction(1, 4) and simplified(to_low, TEXT_RATIO) == "1/4"
    both = Fraction(to_high.own.value + to_low.own.value, to_high.standard.value + to_low.standard.value)
    assert both == 1 - Fraction(3, 4) * share * (2 - share)


def test_the_octave_ratio_in_symbols() -> None:
    """M is (1 - a) * T high and M_2 is a * T low channels."""
    ratio, _ = octave(6, 2, 3, 5)
    shown = expression(ratio.quotient.above) / expression(ratio.quotient.below)
    a, total = sympy.symbols("a T", positive=True)
    known = {symbol.name: symbol for symbol in shown.free_symbols}
    assert set(known) == {"M", "M_2"}
    assert sympy.simplify(shown.subs({known["M"]: (1 - a) * total, known["M_2"]: a * total}) - (1 - 3 * a / 4)) == 0


@LAWS
@given(channels, channels, st.integers(1, 4), st.integers(1, 4), ones)
def test_the_first_and_the_last_layer(m: int, n: int, height: int, width: int, k: int) -> None:
    """From the high frequency alone, high is a convolution, and low one of a quarter of the map."""
    x, half = Shape(m, (2 * height, 2 * width)), Shape(m, (height, width))
    assert counted("octave_conv", x, out=n, kernel=k, to="high") == counted("conv", x, out=n, kernel=k)
    y, census = counted("octave_conv", x, out=n, kernel=k, to="low")
    pool, convolution = counted("avg_pool", x, kernel=2)[1], counted("conv", half, out=n, kernel=k)
    assert (y, census) == (convolution[0], pool + convolution[1])
    vanilla = counted("octave_conv", x, half, out=n, kernel=k, to="high", vanilla=True)
    assert vanilla == counted("conv", x.at(2 * m), out=n, kernel=k)


@pytest.mark.parametrize(
    ("xs", "message", "attribute"),
    [
        ([Shape(3, (7, 8))], "3x7x8 has no half: 7 is odd", None),
        ([Shape(3, (6, 8)), Shape(2, (3, 5))], "the low frequency is 2x3x5, and the high one 3x6x8", None),
        ([Shape(3, (6, 8))] * 3, "`octave_conv` takes one or two inputs, not 3", "from"),
    ],
)
def test_what_octaves_cannot_be(xs: list[Shape], message: str, attribute: str | None) -> None:
    assert refused("octave_conv", *xs, out=4, to="high") == (message, attribute)


# -- pixel shuffles ---------------------------------------------------------------------------------------------------


@LAWS
@given(channels, st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(2, 3))
def test_a_shuffle_and_back(m: int, sizes: list[int], factor: int) -> None:
    x = Shape(m * factor ** len(sizes), tuple(sizes))
    y, census = counted("pixel_shuffle", x, factor=factor)
    assert y == Shape(m, tuple(size * factor for size in sizes)) and census == Census()
    assert counted("pixel_unshuffle", y, factor=factor) == (x, Census())
    rng = np.random.default_rng(0)
    values = rng.random((2, *x.dims), np.float32)
    made = KERNELS["pixel_shuffle"](Work([Tensor(values)], {"factor": factor}, rng, own=False))
    back = KERNELS["pixel_unshuffle"](Work([Tensor(made)], {"factor": factor}, rng, own=False))
    np.testing.assert_array_equal(back, values)


def test_what_shuffles_cannot_be() -> None:
    assert refused("pixel_shuffle", Shape(6, (5, 4)), factor=2) == ("6x5x4 has no blocks of 4 channels", "factor")
    assert refused("pixel_unshuffle", Shape(6, (5, 4)), factor=2) == ("6x5x4 cannot be divided into blocks of 2", "factor")
    with pytest.raises(SpecError, match="it is called `pixel_shuffle` here"):
        model("  - PixelShuffle: {factor: 2}\n").report()
    with pytest.raises(SpecError, match="it is called `factor` here"):
        model("  - pixel_shuffle: {upscale_factor: 2}\n").report()


def test_the_sub_pixel_layer_of_espcn() -> None:
    """Shi et al. 2016, section 3.2: C * r^2 channels at the low resolution, C at r times that."""
    report = model("  - conv: {out: 27, kernel: 3, bias: false}\n  - pixel_shuffle: {factor: 3}\n", "[32, 17, 20]").report()
    assert str(report.network.nodes[-1].output) == "3x51x60"
    assert report.totals.madds == 9 * 32 * 27 * 17 * 20
