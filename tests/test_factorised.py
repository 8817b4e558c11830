"""Factorised convolutions and layers of low rank: what they are of simpler layers, their ratios, what fits into them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers import Layer, layers
from test_execute import arrive
from test_explain import only, spec
from test_kinds import LAWS, build, counted, grid

import costcalc
from costcalc.census import Census
from costcalc.execute.literal import LITERAL, LiteralWork, Tally
from costcalc.execute.literal.scalars import Scalar, scalars
from costcalc.execute.work import KERNELS, Work
from costcalc.kinds import KindError
from costcalc.render.worked import TEXT_RATIO, in_numbers, simplified
from costcalc.shape import Shape

Cli = Callable[..., Any]
Step = tuple[str, dict[str, Any]]
KINDS = ("spatial_separable", "separable_basis", "low_rank_linear", "tucker_conv", "cp_conv")
SIZES = st.integers(1, 60)


# -- a chain of simpler layers ----------------------------------------------------------------------------------------


def chain(steps: Sequence[Step], x: Shape) -> tuple[list[Shape], Census]:
    """The output of each layer, one reading the other, and the sum of their censuses."""
    shapes, whole = [], Census()
    for name, attributes in steps:
        x, census = counted(name, x, **attributes)
        shapes.append(x)
        whole += census
    return shapes, whole


def given_of(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes as a spec gives them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in attributes.items()}


def each(value: Any, rank: int) -> list[int]:
    return list(value) if isinstance(value, tuple) else [value] * rank


def one_axis(a: dict[str, Any], axis: int, rank: int) -> dict[str, Any]:
    """The window of a convolution along one axis alone; along the others it sees the position itself."""

    def alone(value: int, other: int) -> list[int]:
        return [value if i == axis else other for i in range(rank)]

    window = {name: alone(each(a[name], rank)[axis], 1) for name in ("kernel", "stride", "dilation")}
    padding = a["padding"]
    if not isinstance(padding, str):
        both = list(padding) if isinstance(padding, tuple) and len(padding) == 2 * rank else None
        sides = both or [side for side in each(padding, rank) for _ in range(2)]
        padding = [side if i // 2 == axis else 0 for i, side in enumerate(sides)]
    return {**window, "padding": padding, "bias": False}


def steps_of(drawn: Layer) -> list[Step]:
    """The layers that a factorised one consists of, as their papers draw them; biases are those of the last."""
    a, rank = drawn.attributes, len(drawn.inputs[0].spatial)
    if drawn.kind == "low_rank_linear":
        return [("linear", {"out": a["rank"], "bias": False}), ("linear", {"out": a["out"], "bias": a["bias"]})]
    passes = [one_axis(a, axis, rank) for axis in range(rank)]
    last = {"out": a["out"], "kernel": 1, "bias": a["bias"]}
    if drawn.kind == "spatial_separable":
        return [("conv", {"out": a["rank"], **passes[0]}), ("conv", {**passes[1], "out": a["out"], "bias": a["bias"]})]
    if drawn.kind == "separable_basis":
        first, *others = passes
        return [("depthwise", {"multiplier": a["basis"], **first}), *(("depthwise", p) for p in others), ("conv", last)]
    if drawn.kind == "tucker_conv":
        narrow = {"out": a["rank_in"], "kernel": 1, "bias": False}
        window = {name: given_of(a)[name] for name in ("kernel", "stride", "dilation", "padding")}
        return [("conv", narrow), ("conv", {"out": a["rank_out"], **window, "bias": False}), ("conv", last)]
    narrow = {"out": a["rank"], "kernel": 1, "bias": False}
    return [("conv", narrow), *(("depthwise", p) for p in passes), ("conv", last)]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_sum_of_its_steps(kind: str) -> None:
    """In every class of the census, wherever padding lies; between, two maps in a row are in memory."""
    for drawn in layers(kind, 300):
        x = drawn.inputs[0]
        shapes, whole = chain(steps_of(drawn), x)
        assert shapes[-1] == drawn.output
        assert whole == drawn.census
        between = [shape.size for shape in shapes[:-1]]
        most = max((a + b for a, b in pairwise(between)), default=between[0])
        assert build(kind, **given_of(drawn.attributes)).workspace([x], drawn.output) == most


@pytest.mark.parametrize("kind", [*KINDS, "squeeze_excite", "winograd_conv"])
def test_the_executor_needs_that_workspace(kind: str) -> None:
    for drawn in layers(kind, 100, tiny=True):
        expected = 4 * drawn.batch * build(kind, **given_of(drawn.attributes)).workspace(drawn.inputs, drawn.output)
        rng, tally = np.random.default_rng(7), Tally()
        work = Work(arrive(drawn, rng), drawn.attributes, rng, own=False)
        KERNELS[kind](work)
        inputs = [t._replace(array=scalars(t.array, Scalar, tally)) for t in arrive(drawn, rng)]
        literal = LiteralWork(inputs, drawn.attributes, rng, False, tally)
        LITERAL[kind](literal)
        assert work.workspace == literal.workspace == expected > 0


# -- ratios -----------------------------------------------------------------------------------------------------------

F = Fraction


@pytest.mark.parametrize(
    ("written", "size", "ratio", "value"),
    [
        # of 3*3*12*20 at each position 3*12*5 and 3*5*20 are left: 5/60 + 5/36
        ("spatial_separable: {out: 20, kernel: 3, rank: 5}", "14, 14", "Q/(D_K*M) + Q/(D_K*N)", F(5, 36) + F(5, 60)),
        # the first pass finds twice the columns of the output
        ("spatial_separable: {out: 20, kernel: 3, rank: 5, stride: 2}", "14, 14",
         "Q/(D_K*M) + D_in*Q/(D_K*N*D_F)", F(5, 36) + 2 * F(5, 60)),
        # and as many where only the rows are strided
        ("spatial_separable: {out: 20, kernel: [5, 3], rank: 5, stride: [2, 1]}", "14, 14",
         "Q/(K_H*M) + Q/(K_W*N)", F(5, 60) + F(5, 60)),
        # valid: 10 columns become 8
        ("spatial_separable: {out: 20, kernel: 3, rank: 5, padding: valid}", "14, 10",
         "Q/(D_K*M) + Q*W_in/(D_K*N*W)", F(5, 36) + F(5, 60) * F(10, 8)),
        # 4 filters of 3 + 3 taps and 4*20 for each channel, of 9*20
        ("separable_basis: {out: 20, kernel: 3, basis: 4}", "14, 14", "Q/D_K^2 + 2*Q/(D_K*N)", F(4 * 26, 180)),
        ("separable_basis: {out: 20, kernel: 3, basis: 4, stride: 2}", "14, 14",
         "D_in*Q/(D_K*N*D_F) + Q/D_K^2 + Q/(D_K*N)", F(4 * (2 * 3 + 3 + 20), 180)),
        # one axis: a separable convolution with multiplier 4
        ("separable_basis: {out: 20, kernel: 3, basis: 4}", "14", "Q/D_K + Q/N", F(4 * 23, 60)),
        # 12*5 + 9*5*7 + 7*20 of 9*12*20
        ("tucker_conv: {out: 20, kernel: 3, rank_in: 5, rank_out: 7}", "14, 14",
         "R_1*R_2/(M*N) + R_2/(D_K^2*M) + R_1/(D_K^2*N)", F(60 + 315 + 140, 2160)),
        ("tucker_conv: {out: 20, kernel: 3, rank_in: 6, rank_out: 6}", "14, 14",
         "R_1*R_2/(M*N) + R_2/(D_K^2*M) + R_1/(D_K^2*N)", F(72 + 324 + 120, 2160)),
        # the first 1x1 runs at four times the positions
        ("tucker_conv: {out: 20, kernel: 3, rank_in: 5, rank_out: 7, stride: 2}", "14, 14",
         "R_1*R_2/(M*N) + R_2/(D_K^2*M) + D_in^2*R_1/(D_K^2*N*D_F^2)", F(4 * 60 + 315 + 140, 2160)),
        # Lebedev et al. 2015: R * (M + 2 * D_K + N) of D_K^2 * M * N
        ("cp_conv: {out: 20, kernel: 3, rank: 5}", "14, 14",
         "R/(D_K^2*M) + 2*R/(D_K*M*N) + R/(D_K^2*N)", F(5 * (12 + 6 + 20), 2160)),
        ("cp_conv: {out: 20, kernel: 3, rank: 5, stride: 2}", "14, 14",
         "D_in*R/(D_K*M*N*D_F) + R/(D_K^2*M) + R/(D_K*M*N) + D_in^2*R/(D_K^2*N*D_F^2)",
         F(5 * (4 * 12 + 2 * 3 + 3 + 20), 2160)),
    ],
)  # fmt: skip
def test_ratios_to_a_convolution(written: str, size: str, ratio: str, value: Fraction) -> None:
    found = only(spec(f"  - {written}\n", f"[12, {size}]").explain(batch=3)).nodes[0].standard
    assert found is not None
    assert (simplified(found, TEXT_RATIO), found.value) == (ratio, value)


@pytest.mark.parametrize("x", ["[12]", "{tokens: 5, features: 12}"])
def test_the_ratio_of_a_matrix_of_low_rank(x: str) -> None:
    found = only(spec("  - low_rank_linear: {out: 20, rank: 3}\n", x).explain()).nodes[0].standard
    assert found is not None
    assert (simplified(found, TEXT_RATIO), in_numbers(found, TEXT_RATIO)) == ("r/M + r/N", "1/4 + 3/20")


@LAWS
@given(SIZES, SIZES, SIZES, st.integers(1, 7))
def test_where_ranks_save(m: int, n: int, rank: int, k: int) -> None:
    """Q < D_K*M*N/(M+N), and r < M*N/(M+N): just there, and with as much as is said."""
    x = grid(m, 9, 11)
    _, dense = counted("conv", x, out=n, kernel=k)
    _, factors = counted("spatial_separable", x, out=n, kernel=k, rank=rank)
    assert (factors.macs < dense.macs) == (rank * (m + n) < k * m * n)
    assert factors.weights * k * m * n == dense.weights * rank * (m + n)
    _, full = counted("linear", grid(m), out=n)
    _, low = counted("low_rank_linear", grid(m), out=n, rank=rank)
    assert (low.macs < full.macs) == (rank * (m + n) < m * n)
    _, cp = counted("cp_conv", x, out=n, kernel=k, rank=rank)
    assert cp.macs * k * k * m * n == dense.macs * rank * (m + 2 * k + n)


@LAWS
@given(SIZES, SIZES, st.integers(1, 5), st.integers(1, 7), st.integers(1, 4))
def test_one_axis_has_one_factor(m: int, n: int, basis: int, k: int, stride: int) -> None:
    """Along one axis nothing is divided: a basis of filters for each channel is a separable convolution."""
    window = {"out": n, "kernel": k, "stride": stride}
    assert counted("separable_basis", grid(m, 13), basis=basis, **window) == counted(
        "separable", grid(m, 13), multiplier=basis, **window
    )


@LAWS
@given(SIZES, SIZES, st.integers(1, 9), st.integers(1, 7))
def test_a_window_of_one_is_a_matrix(m: int, n: int, rank: int, side: int) -> None:
    """With a 1x1 window, Tucker with one rank is two linear layers and a rank x rank matrix between them."""
    x, y = grid(m, side, side + 2), grid(m)
    _, tucker = counted("tucker_conv", x, out=n, kernel=1, rank_in=rank, rank_out=rank, bias=False)
    _, low = counted("low_rank_linear", y, out=n, rank=rank, bias=False)
    assert tucker.weights == low.weights + rank * rank
    assert tucker.macs == (low.macs + rank * rank) * side * (side + 2)


# -- specs ------------------------------------------------------------------------------------------------------------

ALL = """costcalc: 1
input: [12, 15, 13]
layers:
  - spatial_separable: {out: 20, kernel: 3, rank: 5, stride: 2, norm: batch_norm, act: relu}
  - separable_basis: {out: 24, kernel: [3, 5], basis: 2}
  - squeeze_excite: {squeeze: in.channels/4}
  - tucker_conv: {out: 30, kernel: 5, rank_in: 6, rank_out: 7, norm: batch_norm}
  - winograd_conv: {out: 16, act: relu}
  - winograd_conv: {out: 10, tile: 4, padding: valid}
  - cp_conv: {out: 32, kernel: 3, rank: 11, stride: 2}
  - global_avg_pool
  - low_rank_linear: {out: 10, rank: 4, act: softmax}
"""


@pytest.fixture
def small(tmp_path: Path) -> str:
    path = tmp_path / "factors.yaml"
    path.write_text(ALL)
    return str(path)


def test_a_network_of_all_of_them_runs(small: str, cli: Cli) -> None:
    done = cli("verify", small)
    assert (done.code, done.err) == (0, "")
    done = cli("verify", small, "--literal", "--batch", "2")
    assert (done.code, done.err) == (0, "")


def test_a_network_of_all_of_them_beside_standard_layers(small: str, cli: Cli) -> None:
    """By hand: 8x7, then 6x5 positions after `valid`, then 3x3; each window over all channels."""
    run = cli("report", small, "--baseline", "standard")
    assert (run.code, run.err) == (0, "")
    standard = (9 * 12 * 20 + 15 * 20 * 24 + 25 * 24 * 30 + 9 * 30 * 16) * 56
    standard += 9 * 16 * 10 * 30 + 9 * 10 * 32 * 9 + 32 * 10 + 2 * 24 * 6
    rows = [line.split() for line in run.out.splitlines()]
    total = next(row for row in rows if row[:1] == ["total"])
    assert total[-2] == f"{standard:,}"
    left = {node.kind for node in costcalc.load(small).standard().network.nodes}
    assert left == {"conv", "linear", "squeeze_excite", "batch_norm", "relu", "softmax", "global_avg_pool"}


@pytest.mark.parametrize(
    ("kind", "attributes", "x", "message", "help_"),
    [
        ("spatial_separable", {"out": 4, "rank": 2}, grid(6, 9), "its input has one axis (6x9)", "use `conv` or `separable_basis`"),
        ("spatial_separable", {"out": 4, "rank": 2}, grid(6, 4, 5, 7), "its input has 3 axes (6x4x5x7)", "use `conv` or `separable_basis`"),
        ("cp_conv", {"out": 4, "rank": 2}, grid(6), "`cp_conv` needs a feature map, and its input is a vector (6)", "it slides a window"),
        ("tucker_conv", {"out": 4, "rank_in": 2, "rank_out": 2, "kernel": [3, 1, 1]}, grid(6, 9, 7), "`kernel` has 3 values for 2 axes", "height, width"),
        ("separable_basis", {"out": 4, "basis": 2, "kernel": 9, "padding": "valid"}, grid(6, 7, 12), "the kernel covers 9 along the height", "smaller kernel"),
        ("low_rank_linear", {"out": 4, "rank": 2}, grid(6, 9, 7), "`low_rank_linear` needs a vector or tokens", "`flatten`"),
    ],
)
def test_what_cannot_be(kind: str, attributes: dict[str, Any], x: Shape, message: str, help_: str) -> None:
    with pytest.raises(KindError) as caught:
        build(kind, **attributes).infer([x])
    assert message in caught.value.message
    assert help_ in str(caught.value.help)


def test_a_rank_is_needed(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("costcalc: 1\ninput: [12, 15, 13]\nlayers:\n  - cp_conv: {out: 20}\n")
    run = cli("report", str(path))
    assert run.code == 2
    assert "error: `cp_conv` lacks `rank`" in run.err
