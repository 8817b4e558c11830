"""Winograd's minimal filtering: the sums of the direct convolution, the ratios of its paper, and its transforms."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers import layers
from test_execute import arrive
from test_explain import only, spec
from test_kinds import LAWS, build, counted, grid

from costcalc.execute.literal.scalars import Scalar, Tally
from costcalc.execute.literal.winograd import _data, _filtered, _outputs
from costcalc.execute.work import KERNELS, Work
from costcalc.kinds import KindError
from costcalc.render.worked import TEXT_RATIO, in_numbers, simplified


@LAWS
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.sampled_from([2, 4]))
def test_ratio_where_tiles_divide(m: int, n: int, rows: int, columns: int, tile: int) -> None:
    """16/36 and 36/144 of the multiply-adds, with the same weights and biases."""
    x = grid(m, tile * rows, tile * columns)
    (y, fast), (z, direct) = counted("winograd_conv", x, out=n, tile=tile), counted("conv", x, out=n, kernel=3)
    assert y == z
    assert Fraction(fast.macs, direct.macs) == {2: Fraction(4, 9), 4: Fraction(1, 4)}[tile]
    assert (fast.weights, fast.biases, fast.bias_adds) == (direct.weights, direct.biases, direct.bias_adds)
    tiles = rows * columns
    assert fast.multiplications == {2: 0, 4: tiles * (60 * m + 30 * n)}[tile]
    assert fast.additions == tiles * ((32 * m + 24 * n) if tile == 2 else (144 * m + 100 * n))


def test_ragged_tiles_are_computed_in_full() -> None:
    """7x7 outputs are 4x4 tiles of 2x2, as 8x8 are: 16*16 of 9*49 products; or 2x2 tiles of 4x4."""
    _, seven = counted("winograd_conv", grid(5, 7, 7), out=6)
    _, eight = counted("winograd_conv", grid(5, 8, 8), out=6)
    assert seven.macs == eight.macs == 16 * 16 * 30
    _, large = counted("winograd_conv", grid(5, 7, 7), out=6, tile=4)
    assert large.macs == 36 * 4 * 30


@pytest.mark.parametrize(
    ("written", "size", "ratio", "numbers"),
    [
        ("winograd_conv: {out: 20}", "14, 14", "16*ceil(D_F/2)^2/(9*D_F^2)", "4/9"),
        ("winograd_conv: {out: 20, tile: 4}", "16, 16", "4*ceil(D_F/4)^2/D_F^2", "1/4"),
        ("winograd_conv: {out: 20, tile: 4}", "14, 14", "4*ceil(D_F/4)^2/D_F^2", "16/49"),  # 4*4 tiles for 14/4 each way
        ("winograd_conv: {out: 20}", "14, 7", "16*ceil(H/2)*ceil(W/2)/(9*H*W)", "32/63"),
    ],
)
def test_ratios_as_they_are_explained(written: str, size: str, ratio: str, numbers: str) -> None:
    found = only(spec(f"  - {written}\n", f"[12, {size}]").explain()).nodes[0].standard
    assert found is not None
    assert (simplified(found, TEXT_RATIO), in_numbers(found, TEXT_RATIO)) == (ratio, numbers)
    assert found.kind == "conv 3x3"


def test_it_computes_what_the_direct_convolution_does() -> None:
    """From the same weights, which both ask for in the same order."""
    for drawn in layers("winograd_conv", 300):
        rng = np.random.default_rng(7)
        fast = KERNELS["winograd_conv"](Work(arrive(drawn, rng), drawn.attributes, rng, False))
        rng = np.random.default_rng(7)
        window = {"kernel": 3, "stride": 1, "dilation": 1, "groups": 1}
        direct = KERNELS["conv"](Work(arrive(drawn, rng), {**drawn.attributes, **window}, rng, False))
        np.testing.assert_allclose(fast, direct, rtol=1e-4, atol=1e-4, err_msg=str(drawn))


B_T = {  # the matrices of Lavin and Gray 2016, section 4.1 and 4.3, as the data meet them
    2: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
    4: [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1]],
}  # fmt: skip


@pytest.mark.parametrize(("tile", "signs"), [(2, [-1, 1, 1, -1]), (4, [1, 1, 1, 1, 1, 1])])
def test_interpolation_gives_the_matrices_of_the_paper(tile: int, signs: list[int]) -> None:
    """But for the sign of a row, which the filter or the output has too."""
    edge = tile + 2
    columns = []
    for one in range(edge):
        tally = Tally()
        vector = [Scalar(float(i == one), tally) for i in range(edge)]
        columns.append([s.value for s in _data(vector, tile)])
    found = np.array(columns).T
    np.testing.assert_array_equal(found, np.array(B_T[tile]) * np.array(signs)[:, None])


@pytest.mark.parametrize(("tile", "data", "inverse"), [
    (2, {"additions": 4}, {"additions": 4}),
    (4, {"additions": 12, "multiplications": 5}, {"additions": 10, "multiplications": 3}),
])  # fmt: skip
def test_one_vector(tile: int, data: dict[str, int], inverse: dict[str, int]) -> None:
    """Of one axis: m outputs from m + 2 values and a filter of 3 taps, with m + 2 products between the transforms."""
    rng, tally = np.random.default_rng(1), Tally()
    d, g = rng.uniform(-1, 1, tile + 2), rng.uniform(-1, 1, 3)
    read = _data([Scalar(v, tally) for v in d], tile)
    assert tally.take() == data
    products = [Scalar(r.value * w, tally) for r, w in zip(read, _filtered(g.tolist(), tile), strict=True)]
    outputs = _outputs(products, tile)
    assert tally.take() == inverse
    assert [y.value for y in outputs] == pytest.approx(np.correlate(d, g).tolist())


@pytest.mark.parametrize(("attributes", "shape", "message"), [
    ({"out": 4}, (9,), "its input has one axis"),
    ({"out": 4}, (4, 5, 6), "its input has 3 axes"),
    ({"out": 4}, (), "needs a feature map"),
    ({"out": 4, "padding": "valid"}, (2, 9), "the kernel covers 3 along the height"),
])  # fmt: skip
def test_inputs_that_cannot_be(attributes: dict[str, Any], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(KindError, match=message):
        build("winograd_conv", **attributes).infer([grid(6, *shape)])


def test_tiles_that_cannot_be() -> None:
    with pytest.raises(KindError) as caught:
        build("winograd_conv", out=4, tile=3)
    assert (caught.value.message, caught.value.help) == ("`tile` is 3", "`tile` must be 2 or 4")
