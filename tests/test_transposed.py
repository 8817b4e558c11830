"""Transposed convolutions: as convolutions read backwards, product by product, and the generator of DCGAN."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import pytest
from building import counted
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from costcalc.api import Model
from costcalc.errors import Source, SpecError
from costcalc.kinds import KindError
from costcalc.render.worked import TEXT_RATIO, simplified
from costcalc.shape import Shape
from costcalc.spec import parse_document

LAWS = settings(derandomize=True, deadline=None, max_examples=200, database=None)


def model(layers: str, input_: str = "[12, 9, 14]") -> Model:
    return Model(parse_document(Source("net.yaml", f"costcalc: 1\ninput: {input_}\nlayers:\n{layers}")), {})


axes = st.fixed_dictionaries({
    "size": st.integers(1, 7), "kernel": st.integers(1, 4), "stride": st.integers(1, 4), "dilation": st.integers(1, 3),
    "pad": st.tuples(st.integers(0, 3), st.integers(0, 3)),
})  # fmt: skip


def window(axes_: list[dict[str, Any]], *names: str) -> dict[str, Any]:
    return {name: [axis[name] for axis in axes_] for name in names or ("kernel", "stride", "dilation")}


@LAWS
@given(st.lists(axes, min_size=1, max_size=3), st.sampled_from(["same", "valid", "given"]), st.integers(1, 3))
def test_it_is_a_convolution_backwards(axes_: list[dict[str, Any]], padding: str, groups: int) -> None:
    """From the output of a convolution back to its input: as many weights and products, as many of them valid.

    What a convolution leaves over at the end of its input, `output_padding` gives back; `same` needs a stride that
    divides the size.
    """
    pads: Any = [side for axis in axes_ for side in axis["pad"]] if padding == "given" else padding
    if padding == "same":
        axes_ = [{**axis, "size": axis["size"] * axis["stride"]} for axis in axes_]
    x, geometry = Shape(2 * groups, tuple(axis["size"] for axis in axes_)), window(axes_)
    try:
        y, forwards = counted("conv", x, out=3 * groups, groups=groups, padding=pads, **geometry)
    except KindError:
        assume(False)
    more = 0
    if padding != "same":
        sides = [sum(axis["pad"]) if padding == "given" else 0 for axis in axes_]
        more = [
            (axis["size"] + side - (axis["kernel"] - 1) * axis["dilation"] - 1) % axis["stride"]
            for axis, side in zip(axes_, sides, strict=True)
        ]
    back, census = counted(
        "conv_transpose", y, out=2 * groups, groups=groups, padding=pads, output_padding=more, **geometry
    )
    assert back == x
    for quantity in ("weights", "macs", "valid_macs"):
        assert getattr(census, quantity) == getattr(forwards, quantity)
    assert (census.biases, census.bias_adds) == (x.channels, x.size)


@LAWS
@given(st.lists(axes, min_size=1, max_size=2), st.booleans(), st.integers(0, 3))
def test_products_one_by_one(axes_: list[dict[str, Any]], cut: bool, more: int) -> None:
    """Each input element times each tap goes to one place; how far these reach is the output, before it is cut."""
    more = min(more, *(max(axis["stride"], axis["dilation"]) - 1 for axis in axes_))
    pads = [axis["pad"] if cut else (0, 0) for axis in axes_]
    reached = [
        [place * axis["stride"] + tap * axis["dilation"] for place in range(axis["size"]) for tap in range(axis["kernel"])]
        for axis in axes_
    ]  # fmt: skip
    ends = [(before, max(places) + 1 + more - after) for places, (before, after) in zip(reached, pads, strict=True)]
    x = Shape(2, tuple(axis["size"] for axis in axes_))
    given_ = {"out": 3, "padding": [side for pad in pads for side in pad], "output_padding": more, **window(axes_)}
    if any(first >= last for first, last in ends):
        with pytest.raises(KindError, match="cuts off"):
            counted("conv_transpose", x, **given_)
        return
    y, census = counted("conv_transpose", x, **given_)
    assert y == Shape(3, tuple(last - first for first, last in ends))
    products = list(itertools.product(*reached))
    valid = sum(
        all(first <= p < last for p, (first, last) in zip(place, ends, strict=True)) for place in products
    )  # fmt: skip
    assert (census.macs, census.valid_macs) == (6 * len(products), 6 * valid)


@LAWS
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_same_is_the_input_times_the_stride(height: int, width: int, kernel: int, stride: int, gap: int) -> None:
    x = Shape(2, (height, width))
    y, census = counted("conv_transpose", x, out=3, kernel=kernel, stride=stride, dilation=gap)
    assert y.spatial == (height * stride, width * stride)
    assert census.macs == census.weights * height * width
    assert (census.valid_macs == census.macs) == ((kernel - 1) * gap + 1 <= stride)


def test_of_one_tap_it_is_a_convolution() -> None:
    x = Shape(6, (5, 7))
    assert counted("conv_transpose", x, out=4, kernel=1, groups=2) == counted("conv", x, out=4, kernel=1, groups=2)


def test_its_cost_goes_with_the_input() -> None:
    """With a stride of 2 the output is four times the input, and the products are no more."""
    (wide, costly), (narrow, cheap) = (
        counted("conv_transpose", Shape(3, (5, 7)), out=4, kernel=2, stride=stride, padding="valid", bias=False)
        for stride in (2, 1)
    )
    assert (wide.spatial, narrow.spatial) == ((10, 14), (6, 8))
    assert costly.macs == cheap.macs == 4 * 12 * 35


@pytest.mark.parametrize(
    ("given_", "message", "attribute"),
    [
        ({"output_padding": 1}, "`output_padding` is 1 beside `padding: same`", "output_padding"),
        ({"output_padding": 2, "padding": 1, "stride": 2}, "`output_padding` is 2, with a stride of 2 and a dilation of 1",
         "output_padding"),
        ({"padding": [3, 4, 0, 0], "kernel": 1}, "the padding cuts off 7 of 7 outputs along the height", "padding"),
        ({"groups": 4}, "6 input channels cannot be divided into 4 groups", "groups"),
        ({"groups": 3, "out": 4}, "4 output channels cannot be divided into 3 groups", "groups"),
        ({"kernel": [3, 20_000]}, "the kernel has 20000 taps along one axis", "kernel"),
    ],
)  # fmt: skip
def test_what_cannot_be(given_: dict[str, Any], message: str, attribute: str) -> None:
    with pytest.raises(KindError) as caught:
        counted("conv_transpose", Shape(6, (7, 5)), **{"out": 8, **given_})
    assert (caught.value.message, caught.value.attribute) == (message, attribute)
    assert caught.value.help
    with pytest.raises(KindError, match="needs a feature map"):
        counted("conv_transpose", Shape(6), out=8)


def test_other_names() -> None:
    for name in ("conv2d_transpose", "Conv2DTranspose", "ConvTranspose2d", "deconv"):
        with pytest.raises(SpecError, match="it is called `conv_transpose` here"):
            model(f"  - {name}: {{out: 4}}\n").report()


@pytest.mark.parametrize("batch", [1, 3])
def test_its_ratio_is_one_over_the_groups(batch: int) -> None:
    for more in ("", ", stride: 2", ", kernel: [3, 1], stride: 2, output_padding: 1, padding: 1"):
        found = model(f"  - conv_transpose: {{out: 20, groups: 4{more}}}\n").explain(batch=batch).layers[0].nodes[0]
        assert found.standard is not None
        assert simplified(found.standard, TEXT_RATIO) == "1/g"
        assert found.standard.value == Fraction(1, 4)
    assert model("  - conv_transpose: {out: 20}\n").explain().layers[0].nodes[0].standard is None


def test_the_standard_form_runs() -> None:
    found = model("  - conv_transpose: {out: 20, groups: 4, stride: 2, norm: batch_norm}\n  - relu\n")
    assert found.contrast().ratio("madds") == Fraction(1, 4)
    assert found.standard().verify(batch=2, literal=True).agreed


DCGAN = """  - conv_transpose: {out: 512, kernel: 4, padding: valid, norm: batch_norm, act: relu}
  - conv_transpose: {out: 256, kernel: 4, stride: 2, padding: 1, norm: batch_norm, act: relu}
  - conv_transpose: {out: 128, kernel: 4, stride: 2, padding: 1, norm: batch_norm, act: relu}
  - conv_transpose: {out: 64, kernel: 4, stride: 2, padding: 1, norm: batch_norm, act: relu}
  - conv_transpose: {out: 3, kernel: 4, stride: 2, padding: 1, bias: false, act: tanh}
"""


def test_the_generator_of_dcgan() -> None:
    """Radford et al. 2016 with the widths of PyTorch's tutorial, which has 3,576,704 parameters, counted by hand."""
    widths = [100, 512, 256, 128, 64, 3]
    weights = [16 * a * b for a, b in itertools.pairwise(widths)]
    report = model(DCGAN, "[100, 1, 1]").report()
    assert report.totals.params == sum(weights) + 2 * sum(widths[1:-1]) == 3_576_704
    inputs = [1, 4, 8, 16, 32]
    assert report.totals.madds == sum(w * size**2 for w, size in zip(weights, inputs, strict=True))
    assert str(report.network.nodes[-1].output) == "3x64x64"
