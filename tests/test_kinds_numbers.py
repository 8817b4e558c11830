"""Every kind with formulas and with many design points: the same rule gives what it gives for ints, point by point.

Each case builds a layer from free sizes, so that any point fits. Where a rule asks about a value,
the answer is a branch:
a formula is that of the branch its own value took, and a batch splits. These are all of them:

- checks that end in an error (a window that does not fit, channels that groups do not divide, shapes that differ);
- `add` and `concat`, whose output is written in the sizes of the first input: the others are equal by value;
- `mul`, whose output is that of an input with a size other than 1;
- `split`, whose `part` selects one of `sizes`;
- `reshape`, whose elements agree by value;
- the valid multiply-accumulates, a sum over the taps of the window, which are as many as the point says.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from costcalc.census import CLASSES
from costcalc.kinds import REGISTRY, Kind, KindError
from costcalc.number.batch import Batch, for_each_group
from costcalc.number.symbolic import Symbolic
from costcalc.shape import Shape

F = Fraction  # short, for tables

FEW = settings(derandomize=True, deadline=None, max_examples=25, database=None)
Sizes = dict[str, Any]
Builder = Callable[[Sizes], tuple[dict[str, Any], list[Shape]]]


def build(name: str, attributes: dict[str, Any]) -> Kind:
    cls = REGISTRY[name]
    return cls({key: cls.attributes[key].read(value) for key, value in attributes.items()})


def results(name: str, builder: Builder, sizes: Sizes) -> dict[str, Any]:
    """Everything a kind says at these sizes: the output's dimensions, each class of the census, the workspace."""
    attributes, inputs = builder(sizes)
    layer = build(name, attributes)
    output = layer.infer(inputs)
    census = layer.count(inputs, output)
    found = {f"axis {i}": size for i, size in enumerate(output.dims)}
    if census is not None:
        found |= {c: getattr(census, c) for c in CLASSES} | {"params": census.params}
    return {**found, "size": output.size, "workspace": layer.workspace(inputs, output)}


def grid(channels: Any, *spatial: Any) -> Shape:
    return Shape(channels, spatial)


def tokens(number: Any, features: Any) -> Shape:
    return Shape(features, (number,), True)


def a_map(s: Sizes) -> Shape:
    return grid(s["M"], s["H"], s["W"])


def window(s: Sizes, *names: str, **more: Any) -> dict[str, Any]:
    """The attributes of these names, from the sizes k, s, d, N, g, m."""
    keys = {"kernel": "k", "stride": "s", "dilation": "d", "out": "N", "groups": "g", "multiplier": "m"}
    return {**{name: s[keys[name]] for name in names}, **more}


def grouped(s: Sizes) -> Sizes:
    """Input and output channels that g divides."""
    return {**s, "M": s["M"] * s["g"], "N": s["N"] * s["g"]}


def roomy(s: Sizes) -> Sizes:
    """A map into which the dilated kernel fits."""
    covered = (s["k"] - 1) * s.get("d", 1) + 1
    return {**s, **{axis: covered + s[axis] for axis in "DHW" if axis in s}}


def conv_same(s: Sizes) -> tuple[dict[str, Any], list[Shape]]:
    s = grouped(s)
    return window(s, "out", "groups", "kernel", "stride", "dilation"), [a_map(s)]


def conv_valid(s: Sizes) -> tuple[dict[str, Any], list[Shape]]:
    s = roomy(grouped(s))
    return window(s, "out", "groups", "kernel", "stride", "dilation", padding="valid", bias=False), [a_map(s)]


def conv_padded(s: Sizes) -> tuple[dict[str, Any], list[Shape]]:
    s = roomy(s)
    padding = [s["p"], 0, s["q"], s["p"] * 2]
    return {"out": s["N"], "kernel": [s["k"], 1], "stride": [1, s["s"]], "padding": padding}, [a_map(s)]


def conv_cubic(s: Sizes) -> tuple[dict[str, Any], list[Shape]]:
    s = roomy(s)
    given_ = {"out": s["N"], "kernel": [s["k"], 2, 1], "stride": [2, s["s"], 1], "padding": [s["p"], s["q"], 0]}
    return given_, [grid(s["M"], s["D"], s["H"] + 1, s["W"])]


def pool(**more: Any) -> Builder:
    def builder(s: Sizes) -> tuple[dict[str, Any], list[Shape]]:
        return window(s, "kernel", "stride", **more), [a_map(roomy(s))]

    return builder


def pool_padded(s: Sizes) -> tuple[dict[str, Any], list[Shape]]:
    """Padding smaller than the kernel, and a last window that may have to be left out."""
    s = {**s, "k": s["k"] + s["p"]}
    return window(s, "kernel", "stride", padding=s["p"], ceil_mode=True), [grid(s["M"], s["k"] + s["H"])]


def plain(*inputs: Callable[[Sizes], Shape], **attributes: Any) -> Builder:
    """A builder of attributes that are constants or functions of the sizes."""

    def builder(s: Sizes) -> tuple[dict[str, Any], list[Shape]]:
        return {k: v(s) if callable(v) else v for k, v in attributes.items()}, [x(s) for x in inputs]

    return builder


def a_vector(s: Sizes) -> Shape:
    return grid(s["M"])


def a_sequence(s: Sizes) -> Shape:
    return tokens(s["H"], s["M"])


# kind, the names of the free sizes, the builder
CASES: list[tuple[str, str, Builder]] = [
    ("conv", "MNgksdHW", conv_same),
    ("conv", "MNgksdHW", conv_valid),
    ("conv", "MNkspqHW", conv_padded),
    ("conv", "MNkspqDHW", conv_cubic),
    ("conv", "MNksH", lambda s: (window(s, "out", "kernel", "stride"), [grid(s["M"], s["H"])])),
    ("depthwise", "MmksdHW", lambda s: (window(s, "multiplier", "kernel", "stride", "dilation"), [a_map(s)])),
    ("depthwise", "MmksH", lambda s: (window(s, "multiplier", "kernel", "stride", padding="valid"),
                                      [grid(s["M"], s["k"] + s["H"])])),
    ("separable", "MNmksHW", lambda s: (window(s, "out", "multiplier", "kernel", "stride"), [a_map(s)])),
    ("separable", "MNksdHW", lambda s: (window(s, "out", "kernel", "stride", "dilation", padding="valid", bias=False),
                                        [a_map(roomy(s))])),
    ("linear", "MN", plain(a_vector, out=lambda s: s["N"])),
    ("linear", "MNH", plain(a_sequence, out=lambda s: s["N"], bias=False)),
    ("max_pool", "MksHW", pool(padding="valid")),
    ("max_pool", "MksHW", pool(padding="valid", ceil_mode=True)),
    ("max_pool", "MkpsH", pool_padded),
    ("max_pool", "MkHW", plain(a_map, kernel=lambda s: s["k"])),
    ("avg_pool", "MksHW", pool()),
    ("avg_pool", "MkpsH", pool_padded),
    ("adaptive_avg_pool", "MkqHW", plain(a_map, out=lambda s: [s["k"], s["q"]])),
    ("adaptive_max_pool", "MkHW", plain(a_map, out=lambda s: s["k"])),
    ("global_avg_pool", "MHW", plain(a_map)),
    ("global_avg_pool", "MHW", plain(a_map, keep_axes=True)),
    ("global_avg_pool", "MH", plain(a_sequence)),
    ("global_max_pool", "MHW", plain(a_map)),
    ("batch_norm", "MHW", plain(a_map)),
    ("batch_norm", "MH", plain(a_sequence, scale=False, shift=False)),
    *((name, "MHW", plain(a_map)) for name in ("relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish")),
    *((name, "MHW", plain(a_map)) for name in ("swish", "silu", "tanh", "gelu", "softmax", "dropout", "flatten")),
    ("gelu", "M", plain(a_vector, approximate="tanh")),
    ("softmax", "MH", plain(a_sequence)),
    ("add", "MHW", plain(a_map, a_map, a_map)),
    ("mul", "MHW", plain(a_map, a_vector)),
    ("mul", "MHW", plain(a_vector, a_map)),
    ("concat", "MNHW", plain(a_map, lambda s: grid(s["N"], s["H"], s["W"]))),
    ("split", "MgHW", plain(lambda s: grid(s["M"] * (s["g"] + 1), s["H"], s["W"]), parts=lambda s: s["g"] + 1, part=2)),
    ("split", "MNH", plain(lambda s: grid(s["M"] + s["N"], s["H"]), sizes=lambda s: [s["M"], s["N"]], part=2)),
    ("channel_shuffle", "MgH", plain(lambda s: grid(s["M"] * s["g"], s["H"]), groups=lambda s: s["g"])),
    ("reshape", "MHW", plain(a_map, tokens=lambda s: s["H"] * s["W"])),
    ("reshape", "MHW", plain(a_map, to=lambda s: [s["M"] * s["H"], s["W"]])),
    ("upsample", "MksHW", plain(a_map, scale=lambda s: [s["k"], s["s"]], mode="bilinear")),
    ("upsample", "MkqHW", plain(a_map, size=lambda s: [s["k"], s["q"]])),
    ("upsample", "MkH", plain(lambda s: grid(s["M"], s["H"]), scale=lambda s: s["k"], mode="linear")),
    ("opaque", "MNHW", plain(a_map, op="TopK", to=lambda s: [s["N"], s["M"]])),
]  # fmt: skip
MOST = {"k": 5, "s": 4, "d": 3, "g": 4, "m": 3, "p": 3, "q": 4}  # of the others, 12


def points(names: str) -> st.SearchStrategy[Sizes]:
    return st.fixed_dictionaries({name: st.integers(1, MOST.get(name, 12)) for name in names})


def ident(value: Any) -> str:
    return value if isinstance(value, str) else ""


def test_no_kind_is_left_out() -> None:
    assert {name for name, _, _ in CASES} == set(REGISTRY)


@pytest.mark.parametrize(("name", "names", "builder"), CASES, ids=ident)
def test_formulas_equal_counts_here_and_elsewhere(name: str, names: str, builder: Builder) -> None:
    @FEW
    @given(points(names), st.lists(points(names), min_size=2, max_size=4))
    def check(here: Sizes, elsewhere: list[Sizes]) -> None:
        formulas = results(name, builder, {key: Symbolic.symbol(key, value) for key, value in here.items()})
        as_many_taps = [{**point, "k": here["k"]} for point in elsewhere] if "k" in here else []
        for point in (here, *elsewhere, *as_many_taps):
            counts = results(name, builder, point)
            found = {key: f.at(point) if isinstance(f, Symbolic) else f for key, f in formulas.items()}
            if "valid_macs" in found and point.get("k") != here.get("k"):
                found["valid_macs"] = counts["valid_macs"]
            assert found == counts
            if point is here:
                assert {key: f.value if isinstance(f, Symbolic) else f for key, f in formulas.items()} == counts

    check()


def by_points(name: str, builder: Builder, found: list[Sizes]) -> tuple[list[dict[str, Any]], int]:
    """The results at every point, computed as batches, and how many groups that took."""
    columns = {key: Batch.of([point[key] for point in found]) for key in found[0]}
    rows: list[dict[str, Any]] = [{} for _ in found]
    groups = 0
    for indices, result in for_each_group(lambda sizes: results(name, builder, sizes), columns):
        groups += 1
        for key, values in result.items():
            listed = values.values() if isinstance(values, Batch) else [values] * len(indices)
            for index, value in zip(indices, listed, strict=True):
                assert key not in rows[index]
                rows[index][key] = value
    return rows, groups


@pytest.mark.parametrize(("name", "names", "builder"), CASES, ids=ident)
def test_batches_equal_counts_point_by_point(name: str, names: str, builder: Builder) -> None:
    @FEW
    @given(st.lists(points(names), min_size=1, max_size=6))
    def check(found: list[Sizes]) -> None:
        rows, _ = by_points(name, builder, found)
        assert rows == [results(name, builder, point) for point in found]

    check()


def test_counts_beyond_64_bits() -> None:
    """Sizes near the largest that a spec may say: the macs have 36 digits."""
    builder = plain(lambda s: grid(s["M"], s["H"], s["W"]), out=lambda s: s["N"], kernel=3)
    found = [{"M": 10**9, "N": 10**9, "H": 10**9, "W": 10**9 - 1}, {"M": 3, "N": 5, "H": 7, "W": 4}]
    rows, _ = by_points("conv", builder, found)
    assert rows[0]["macs"] == 9 * 10**27 * (10**9 - 1) and rows[1]["macs"] == 9 * 3 * 5 * 28
    formulas = results("conv", builder, {key: Symbolic.symbol(key, value) for key, value in found[1].items()})
    assert formulas["macs"].at(found[0]) == rows[0]["macs"]


# -- branches on values -----------------------------------------------------------------------------------------------


def test_a_part_is_chosen_by_value() -> None:
    """The formula is that of the part that is taken here; a batch splits into one group for each part."""
    builder = plain(lambda s: grid(s["M"] + s["N"], s["H"]), sizes=lambda s: [s["M"], s["N"]], part=lambda s: s["part"])
    here, there = {"M": 3, "N": 5, "H": 4, "part": 1}, {"M": 7, "N": 2, "H": 3, "part": 2}
    formulas = results("split", builder, {key: Symbolic.symbol(key, value) for key, value in here.items()})
    assert str(formulas["axis 0"].expr) == "M"
    rows, groups = by_points("split", builder, [here, there, {**there, "part": 1}])
    assert groups == 2 and [row["axis 0"] for row in rows] == [3, 2, 7]


def test_a_gate_is_known_by_its_size() -> None:
    """Of two maps the one that is 1 x 1 scales the other; where both are, and where neither is, the batch splits."""
    builder = plain(a_map, lambda s: grid(s["M"], s["p"], s["p"]))
    found = [{"M": 3, "H": 4, "W": 5, "p": 1}, {"M": 6, "H": 7, "W": 7, "p": 7}, {"M": 2, "H": 1, "W": 1, "p": 1}]
    rows, groups = by_points("mul", builder, found)
    assert groups > 1
    assert [row["multiplications"] for row in rows] == [60, 294, 2]
    assert rows == [results("mul", builder, point) for point in found]


def test_equal_shapes_need_not_be_equal_formulas() -> None:
    """A shortcut's shape agrees by value; the output is written in the sizes of the first input."""
    h, w = Symbolic.symbol("H", 8), Symbolic.symbol("W", 8)
    layer = build("add", {})
    output = layer.infer([grid(4, h, h), grid(4, w, h)])
    assert output.spatial[0].expr == h.expr  # type: ignore[attr-defined]
    with pytest.raises(KindError, match="4x8x8, 4x9x8"):
        layer.infer([grid(4, h, h), grid(4, w + 1, h)])
    assert build("concat", {}).infer([grid(4, h), grid(2, w)]).spatial[0].expr == h.expr  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "builder", "here", "there"), [
    ("conv", plain(a_map, out=4, kernel=lambda s: s["k"], padding="valid"), {"k": 3}, {"k": 9}),
    ("conv", plain(a_map, out=12, groups=lambda s: s["k"]), {"k": 2}, {"k": 5}),
    ("conv", plain(a_map, out=lambda s: s["k"], groups=3), {"k": 6}, {"k": 7}),
    ("max_pool", plain(a_map, kernel=3, padding=lambda s: s["k"]), {"k": 2}, {"k": 3}),
    ("add", plain(a_map, lambda s: grid(6, s["k"], 5)), {"k": 7}, {"k": 8}),
    ("mul", plain(a_map, lambda s: grid(s["k"])), {"k": 6}, {"k": 5}),
    ("concat", plain(a_map, lambda s: grid(6, 7, s["k"])), {"k": 5}, {"k": 6}),
    ("split", plain(a_map, part=1, parts=lambda s: s["k"]), {"k": 3}, {"k": 4}),
    ("split", plain(a_map, parts=3, part=lambda s: s["k"]), {"k": 3}, {"k": 4}),
    ("split", plain(a_map, part=1, sizes=lambda s: [2, s["k"]]), {"k": 4}, {"k": 5}),
    ("channel_shuffle", plain(a_map, groups=lambda s: s["k"]), {"k": 3}, {"k": 4}),
    ("reshape", plain(a_map, to=lambda s: [s["k"]]), {"k": 210}, {"k": 209}),
    ("reshape", plain(a_map, tokens=lambda s: s["k"]), {"k": 35}, {"k": 36}),
    ("conv", plain(a_map, out=lambda s: s["k"]), {"k": 3}, {"k": F(7, 2)}),
    ("conv", plain(a_map, out=lambda s: s["k"]), {"k": 3}, {"k": 10**9 + 1}),
], ids=ident)  # fmt: skip
def test_a_point_that_cannot_be_is_an_error_in_every_arithmetic(
    name: str, builder: Builder, here: Sizes, there: Sizes
) -> None:
    fixed = {"M": 6, "H": 7, "W": 5}
    results(name, builder, {**fixed, **here})
    for lift in (lambda x: x, lambda x: Symbolic.symbol("k", x), lambda x: Batch.of([x, x])):
        with pytest.raises(KindError) as caught:
            results(name, builder, {**fixed, "k": lift(there["k"])})
        assert caught.value.message
    both = {"k": Batch.of([here["k"], there["k"]])}
    with pytest.raises(KindError):  # the other point is fine: they part, and this one still fails
        list(for_each_group(lambda sizes: results(name, builder, {**fixed, **sizes}), both))


# -- the formulas that textbooks print --------------------------------------------------------------------------------

S = {
    name: Symbolic.symbol(name, value) for name, value in {"M": 16, "N": 24, "Dk": 3, "Df": 14, "g": 4, "m": 2}.items()
}
M, N, DK, DF, G, MULTIPLIER = (S[name].expr for name in ("M", "N", "Dk", "Df", "g", "m"))


def formulas(name: str, *inputs: Shape, **attributes: Any) -> dict[str, Any]:
    found = results(name, lambda _: (attributes, list(inputs)), {})
    return {key: value.expr if isinstance(value, Symbolic) else value for key, value in found.items()}


def square() -> Shape:
    return grid(S["M"], S["Df"], S["Df"])


def test_the_cost_of_a_convolution() -> None:
    found = formulas("conv", square(), out=S["N"], kernel=S["Dk"])
    assert found["macs"] == DK**2 * M * N * DF**2
    assert (found["weights"], found["biases"], found["bias_adds"]) == (DK**2 * M * N, N, N * DF**2)
    assert (found["axis 0"], found["axis 1"], found["axis 2"]) == (N, DF, DF)
    shared = formulas("conv", square(), out=S["N"], kernel=S["Dk"], groups=S["g"])
    assert shared["macs"] == DK**2 * M * N * DF**2 / G
    cubic = formulas("conv", grid(S["M"], S["Df"], S["Df"], S["Df"]), out=S["N"], kernel=S["Dk"])
    assert cubic["macs"] == DK**3 * M * N * DF**3


def test_the_cost_of_separable_convolutions() -> None:
    """Howard et al. 2017, equations 4 and 5; the ratio to the standard convolution is 1/N + 1/Dk^2."""
    depthwise = formulas("depthwise", square(), kernel=S["Dk"], multiplier=S["m"])
    assert depthwise["macs"] == DK**2 * M * MULTIPLIER * DF**2
    standard = formulas("conv", square(), out=S["N"], kernel=S["Dk"])
    separable = formulas("separable", square(), out=S["N"], kernel=S["Dk"])
    assert sympy.expand(separable["macs"]) == DK**2 * M * DF**2 + M * N * DF**2
    for quantity in ("macs", "weights"):
        assert sympy.simplify(separable[quantity] / standard[quantity] - (1 / N + 1 / DK**2)) == 0
    assert separable["workspace"] == M * DF**2


def test_output_sizes() -> None:
    strided = formulas("conv", square(), out=8, kernel=3, stride=2)
    assert strided["axis 1"] == sympy.ceiling(DF / 2)
    valid = formulas("conv", square(), out=8, kernel=S["Dk"], stride=S["m"], padding="valid")
    assert valid["axis 1"] == sympy.floor((DF - DK) / MULTIPLIER) + 1
    padded = formulas("conv", square(), out=8, kernel=S["Dk"], padding=S["m"])
    assert sympy.expand(padded["axis 1"]) == DF + 2 * MULTIPLIER - DK + 1
    dilated = formulas("conv", square(), out=8, kernel=S["Dk"], dilation=S["m"], padding="valid")
    assert sympy.expand(dilated["axis 1"] - (DF - (DK - 1) * MULTIPLIER)) == 0


def test_ideal_formulas_are_polynomials() -> None:
    """With a continuous resolution, a stride divides it: no ceiling is left, and the value is still the exact count."""
    side = Symbolic.symbol("Df", 15, ideal=True)
    found = results("conv", plain(lambda _: grid(16, side, side), out=24, kernel=3, stride=2), {})
    assert found["macs"].value == 9 * 16 * 24 * 64
    assert found["macs"].expr == 9 * 16 * 24 * (side.expr / 2) ** 2
    assert found["macs"].expr.is_polynomial(side.expr)


def test_the_cost_of_the_others() -> None:
    vector, x, size = grid(S["M"]), square(), M * DF**2
    assert formulas("linear", vector, out=S["N"])["params"] == M * N + N
    assert formulas("linear", tokens(S["Df"], S["M"]), out=S["N"])["macs"] == M * N * DF
    assert formulas("relu", x)["comparisons"] == size
    norm = formulas("batch_norm", x)
    assert (norm["params"], norm["buffers"], norm["additions"]) == (2 * M, 2 * M, size)
    assert (
        sympy.expand(formulas("max_pool", x, kernel=S["Dk"], padding="same", stride=1)["comparisons"])
        == DK**2 * size - size
    )
    pooled = formulas("global_avg_pool", x)
    assert (pooled["additions"], pooled["divisions"]) == (size - M, M)
    assert formulas("adaptive_max_pool", grid(S["M"], S["Df"]), out=4)["comparisons"].subs({M: 2, DF: 7}) == 2 * (
        10 - 4
    )
    assert formulas("add", x, x, x)["additions"] == 2 * size
    assert formulas("mul", x, vector)["multiplications"] == size
    assert formulas("concat", x, x.at(S["N"]))["axis 0"] == M + N
    assert formulas("flatten", x)["axis 0"] == size
    assert formulas("upsample", x, scale=2, mode="bilinear")["multiplications"] == 16 * size
    softmax = formulas("softmax", x)
    assert softmax["exponentials"] == size and sympy.expand(softmax["comparisons"]) == size - DF**2
