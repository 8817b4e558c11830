"""Deformable convolutions and involutions: what they are without their offsets, ratios, sampling, RedNet."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import counted
from hypothesis import given, settings
from hypothesis import strategies as st

from costcalc.api import Model
from costcalc.errors import Source, SpecError
from costcalc.execute import kernels as _kernels  # noqa: F401 - registers them
from costcalc.execute.work import KERNELS, Floats, Tensor, Work
from costcalc.kinds import REGISTRY, KindError
from costcalc.render.worked import TEXT_RATIO, simplified
from costcalc.shape import Shape
from costcalc.spec import parse_document

LAWS = settings(derandomize=True, deadline=None, max_examples=100, database=None)
REDNET = Path(__file__).parent / "specs/rednet.yaml"


def model(layers: str, input_: str = "[12, 14, 14]", **settings_: Any) -> Model:
    text = layers if layers.startswith("costcalc") else f"costcalc: 1\ninput: {input_}\nlayers:\n{layers}"
    return Model(parse_document(Source("net.yaml", text)), settings_)


def ratio_is(found: Model, expected: str, value: Fraction) -> None:
    """Of the first layer, in symbols and in numbers, for any batch; as many as the standard network has."""
    for batch in (1, 3):
        ratio = found.explain(batch=batch).layers[0].nodes[0].standard
        assert ratio is not None and ratio.value == value
        assert simplified(ratio, TEXT_RATIO) == expected
    assert found.contrast().ratio("madds") == value
    assert found.standard().verify(batch=2).agreed


def refused(kind: str, x: Shape, **given_: Any) -> tuple[str, str | None]:
    with pytest.raises(KindError) as caught:
        counted(kind, x, **given_)
    return caught.value.message, caught.value.attribute


class Given(Work):
    """Work in which a test decides what is made: of the shape, and of how many were made before."""

    def __init__(self, x: Floats, attributes: dict[str, Any], decide: Callable[[int, Floats], Floats]) -> None:
        super().__init__([Tensor(x)], attributes, np.random.default_rng(1), own=False)
        self.decide, self.made = decide, [0]

    def make(self, role: str, *shape: int) -> Floats:
        self.made[0] += 1
        return self.decide(self.made[0] - 1, super().make(role, *shape)).astype(np.float32)


# -- deformable -------------------------------------------------------------------------------------------------------

WINDOW = {"kernel": (3, 2), "stride": (1, 2), "padding": (1, 0, 0, 2), "dilation": (2, 1), "groups": 2, "out": 6}


def deformed(x: Floats, decide: Callable[[int, Floats], Floats], **more: Any) -> Floats:
    attributes = {**WINDOW, "offset_groups": 2, "modulated": False, "bias": False, **more}
    return KERNELS["deformable_conv"](Given(x, attributes, decide))


def convolved(x: Floats, weights: Floats) -> Floats:
    return KERNELS["conv"](Given(x, {**WINDOW, "bias": False}, lambda *_: weights))


@pytest.mark.parametrize("modulated", [False, True])
def test_without_offsets_it_is_a_convolution(modulated: bool) -> None:
    """Where nothing moves, each tap samples its own element; a factor of sigmoid(0) halves it."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 4, 7, 9)).astype(np.float32)
    weights = rng.normal(size=(2, 3, 2, 6)).astype(np.float32)
    y = deformed(x, lambda i, made: weights if i == 2 else 0 * made, modulated=modulated)
    half = 0.5 if modulated else 1
    np.testing.assert_allclose(y, half * convolved(x, weights.reshape(2, 3, 12)), rtol=1e-4, atol=1e-5)


def test_offsets_of_whole_elements_shift_the_input() -> None:
    """All taps one down and two to the right: the convolution of the input moved there."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2, 4, 7, 9)).astype(np.float32)
    weights = rng.normal(size=(2, 3, 2, 6)).astype(np.float32)
    moved = np.zeros_like(x)
    moved[:, :, :-1, :-2] = x[:, :, 1:, 2:]
    inside = (slice(None), slice(None), slice(2, -1), slice(1, -2))  # windows that reach no padding, moved or not
    offsets = np.tile([1.0, 2.0], 12)
    y = deformed(x, lambda i, made: [0 * made, offsets, weights][i])
    np.testing.assert_allclose(y[inside], convolved(moved, weights.reshape(2, 3, 12))[inside], rtol=1e-4, atol=1e-5)


def test_between_elements_it_samples_bilinearly() -> None:
    """On a plane, a place between four elements has the plane's value there."""
    rows, columns = np.mgrid[0:7, 0:9]
    plane = (2 + 3 * rows - 5 * columns).astype(np.float32)[None, None]
    a = {"kernel": 1, "stride": 1, "padding": 0, "dilation": 1, "groups": 1, "out": 1, "bias": False,
         "modulated": False, "offset_groups": 1}  # fmt: skip
    offsets = np.array([0.25, -0.75])
    work = Given(plane, a, lambda i, made: [0 * made, offsets, np.ones_like(made)][i])
    y = KERNELS["deformable_conv"](work)
    np.testing.assert_allclose(y[0, 0, :-1, 1:], (plane + 3 * 0.25 + 5 * 0.75)[0, 0, :-1, 1:], rtol=1e-5)
    assert dict(work.tally) == {"macs": 63 * 2 + 63, "valid_macs": 63 * 3, "bias_adds": 63 * 2,
                                "multiplications": 63 * 8, "additions": 63 * 9}  # fmt: skip


@LAWS
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_what_a_deformable_convolution_costs(groups: int, sets: int, n: int, k: int, modulated: bool) -> None:
    """Besides the convolution of what it samples, a convolution with biases to 2 or 3 numbers a tap and group."""
    x, window = Shape(6, (8, 5)), {"kernel": k, "stride": 2}
    given_ = {"out": 6 * n, "groups": groups, **window}
    y, census = counted("deformable_conv", x, offset_groups=sets, modulated=modulated, bias=False, **given_)
    same, plain = counted("conv", x, bias=False, **given_)
    _, offsets = counted("conv", x, out=(3 if modulated else 2) * k * k * sets, **window)
    assert y == same
    for quantity in ("macs", "weights"):
        assert getattr(census, quantity) == getattr(plain, quantity) + getattr(offsets, quantity)
    assert census.valid_macs == plain.macs + offsets.valid_macs
    assert (census.biases, census.bias_adds) == (offsets.biases, offsets.bias_adds)
    taps, places = k * k * y.positions, k * k * y.positions * sets
    assert census.multiplications == 4 * places + (5 if modulated else 4) * 6 * taps
    assert census.additions == (7 if modulated else 6) * places + 3 * 6 * taps
    assert census.exponentials == census.divisions == (places if modulated else 0)


def test_deformable_ratios() -> None:
    ratio_is(model("  - deformable_conv: {out: 20}\n"), "2*D_K^2/N + 1", 1 + Fraction(18, 20))
    ratio_is(model("  - deformable_conv: {out: 20, modulated: true, groups: 4, offset_groups: 2, kernel: [3, 5]}\n"),
             "3*K_H*K_W*G/N + 1/g", Fraction(1, 4) + Fraction(90, 20))  # fmt: skip


def test_what_deformable_convolutions_cannot_be() -> None:
    assert refused("deformable_conv", Shape(6, (9,)), out=4)[0] == "`deformable_conv` needs height and width, and its input is 6x9"
    message = "6 input channels cannot be divided into 4 groups"
    assert refused("deformable_conv", Shape(6, (9, 8)), out=4, offset_groups=4) == (message, "offset_groups")
    assert refused("deformable_conv", Shape(6, (9, 8)), out=4, groups=4) == (message, "groups")
    with pytest.raises(SpecError, match="it is called `deformable_conv` here"):
        model("  - DCN: {out: 4}\n").report()


# -- involution -------------------------------------------------------------------------------------------------------


def test_with_factors_that_do_not_depend_on_the_input_it_is_depthwise() -> None:
    """The second 1x1 convolution all zeros: its biases are the window, one for each group."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 6, 8, 10)).astype(np.float32)
    windows = rng.normal(size=(3, 3, 5)).astype(np.float32)
    a = {"kernel": (3, 5), "stride": (1, 2), "groups": 3, "reduction": 2}
    work = Given(x, a, lambda i, made: windows.reshape(-1) if i == 6 else made * (i != 5))
    y = KERNELS["involution"](work)
    filters = np.repeat(windows, 2, axis=0)[:, None]
    geometry = {"kernel": (3, 5), "stride": (1, 2), "padding": (1, 2), "dilation": 1, "multiplier": 1, "bias": False}
    same = Given(x, geometry, lambda *_: filters)
    np.testing.assert_allclose(y, KERNELS["depthwise"](same), rtol=1e-4, atol=1e-5)
    made = 2 * (6 + 45) * 3 * 8 * 5
    assert work.tally["macs"] - made == same.tally["macs"]
    assert work.tally["valid_macs"] - made == same.tally["valid_macs"]


@LAWS
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 3, 5]), st.integers(1, 3))
def test_what_an_involution_costs(m: int, g: int, r: int, k: int, stride: int) -> None:
    x = Shape(m * g * r, (4 * stride, 3 * stride))
    y, census = counted("involution", x, kernel=k, stride=stride, groups=g, reduction=r)
    c, few = x.channels, m * g
    assert y == Shape(c, (4, 3))
    assert census.weights == c * few + few * k * k * g
    assert census.macs == 12 * (census.weights + k * k * c)
    assert (census.biases, census.norm_scales, census.norm_shifts, census.buffers) == (k * k * g, few, few, 2 * few)
    _, depthwise = counted("depthwise", x, kernel=k, stride=stride, padding=(k - 1) // 2)
    assert census.macs - census.valid_macs == depthwise.macs - depthwise.valid_macs
    assert census.divisions == (12 * c if stride > 1 else 0)


def test_involution_ratios() -> None:
    expected = "1/M + g/(M*r) + 1/(D_K^2*r)"
    value = Fraction(1, 4 * 49) + Fraction(3, 4 * 12) + Fraction(1, 12)
    ratio_is(model("  - involution: {groups: 3}\n"), expected, value)
    ratio_is(model("  - involution: {groups: 3, stride: 2}\n"), expected, value)
    ratio_is(model("  - involution: {kernel: [3, 5], reduction: 2}\n"), "1/M + 1/(M*r) + 1/(K_H*K_W*r)",
             Fraction(1, 30) + Fraction(1, 24) + Fraction(1, 12))  # fmt: skip


def test_the_factors_take_memory() -> None:
    """49 factors for each of 3 groups and 3 reduced channels at 7x7 positions, while 12 means are gone again."""
    cls = REGISTRY["involution"]
    x, y = Shape(12, (14, 14)), Shape(12, (7, 7))
    assert cls({"groups": 3, "stride": 2}).workspace([x], y) == (49 * 3 + 3) * 49
    assert cls({"kernel": 1, "stride": 2}).workspace([x], y) == (12 + 3) * 49
    assert cls({"kernel": 1}).workspace([x], x) == (1 + 3) * 196


@pytest.mark.parametrize(
    ("given_", "message", "attribute"),
    [
        ({"groups": 5}, "12 channels cannot be divided by `groups`, 5", "groups"),
        ({"reduction": 8}, "12 channels cannot be divided by `reduction`, 8", "reduction"),
        ({"kernel": 4}, "a window of 4 has no centre", "kernel"),
        ({"stride": 2}, "a stride of 2 does not divide 12x7x6", "stride"),
    ],
)
def test_what_involutions_cannot_be(given_: dict[str, Any], message: str, attribute: str) -> None:
    assert refused("involution", Shape(12, (7, 6)), **given_) == (message, attribute)


PUBLISHED = {26: ((1, 2, 4, 1), 9.2, 1.7), 38: ((2, 3, 5, 2), 12.4, 2.2), 50: ((3, 4, 6, 3), 15.5, 2.7),
             101: ((3, 4, 23, 3), 25.6, 4.7), 152: ((3, 8, 36, 3), 34.0, 6.8)}  # fmt: skip


@pytest.mark.parametrize("depth", PUBLISHED)
def test_rednet(depth: int) -> None:
    """Li et al. 2021, section 4.1: million parameters and billion operations, to the digits printed.

    Each multiply-add is one operation there, that of the factors with the input too; norms, activations, pools and
    biases are counted, what joins residuals is not.
    """
    blocks, params, operations = PUBLISHED[depth]
    report = model(REDNET.read_text(encoding="utf-8"), **{f"n{i}": n for i, n in enumerate(blocks, 1)}).report()
    assert abs(report.totals.params / 10**6 - params) < 0.06, "25.65 is printed as 25.6"
    counted = sum(sum(row.census[:8]) - row.census.valid_macs for row in report.layers if row.kind != "add")
    assert round(counted / 10**9, 1) == operations
    applied = sum(49 * row.output.size for row in report.layers if row.kind.startswith("involution 7x7"))
    assert depth in (26, 38) or round((counted - applied) / 10**9, 1) < operations


def test_rednet_by_hand() -> None:
    """What a bottleneck of width w costs at s positions: two 1x1 convolutions, and the involution between them."""
    report = model(REDNET.read_text(encoding="utf-8"), n1=2, n2=0, n3=0, n4=0).report()
    rows = {row.path: row for row in report.rows("stage")}
    w, s = 64, 56**2
    block = 256 * w + (w * w // 4 + w // 4 * 49 * 4) + 49 * w + 4 * w * w
    first = block - 256 * w + w * w + 4 * w * w
    assert rows["stage1"].madds == (block + first) * s


def test_rednet_runs() -> None:
    text = REDNET.read_text(encoding="utf-8").replace("224, 224", "32, 64")
    found = model(text, n1=1, n2=1, n3=1, n4=1)
    assert found.verify().agreed
    assert found.standard().verify().agreed
