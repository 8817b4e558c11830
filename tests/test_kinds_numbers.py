"""Every kind with traced sizes: the expressions it leaves give what it gives for ints, point by point.

Each case builds a layer from free sizes, so that any point fits. Where a rule asks about a value, the expression is
that of the branch its own value took, and the trace notes the condition. These are all of them:

- checks that end in an error (a window that does not fit, channels that groups do not divide, shapes that differ);
- `add` and `concat`, whose output is written in the sizes of the first input: the others are equal by value;
- `mul`, whose output is that of an input with a size other than 1;
- `split`, whose `part` selects one of `sizes`;
- `reshape`, whose elements agree by value;
- the valid multiply-accumulates, a sum over the taps of the window, where that is held to its size.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import families
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import direct, form, holds, on_tape

from costcalc import number
from costcalc.census import CLASSES
from costcalc.kinds import REGISTRY, Kind, KindError
from costcalc.number.polynomial import Polynomial, expanded
from costcalc.number.traced import Trace
from costcalc.shape import Shape

F = Fraction  # short, for tables

FEW = settings(derandomize=True, deadline=None, max_examples=12, database=None)
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
CASES += families.rows("TRACED")


def points(names: str) -> st.SearchStrategy[Sizes]:
    return st.fixed_dictionaries({name: st.integers(1, MOST.get(name, 12)) for name in names})


def ident(value: Any) -> str:
    return value if isinstance(value, str) else ""


def test_no_kind_is_left_out() -> None:
    assert {name for name, _, _ in CASES} == set(REGISTRY)


def traced(name: str, builder: Builder, here: Sizes, windows: bool = False) -> tuple[Trace, dict[str, Any]]:
    """The results at symbols that have these values here."""
    trace = Trace(windows=windows)
    return trace, results(name, builder, {key: trace.symbol(key, value, True) for key, value in here.items()})


@pytest.mark.parametrize("windows", [False, True], ids=["any window", "this window"])
@pytest.mark.parametrize(("name", "names", "builder"), CASES, ids=ident)
def test_expressions_equal_counts_here_and_elsewhere(name: str, names: str, builder: Builder, windows: bool) -> None:
    @FEW
    @given(points(names), st.lists(points(names), min_size=2, max_size=4))
    def check(here: Sizes, elsewhere: list[Sizes]) -> None:
        trace, found = traced(name, builder, here, windows)
        assert {key: getattr(x, "value", x) for key, x in found.items()} == results(name, builder, here)
        as_many_taps = [{**point, "k": here["k"]} for point in elsewhere] if "k" in here else []
        fitting = [point for point in (here, *elsewhere, *as_many_taps) if holds(trace, point)]
        assert here in fitting
        counts = [results(name, builder, point) for point in fitting]
        for point, counted in zip(fitting, counts, strict=True):
            assert {key: direct(trace.graph, form(x), point) for key, x in found.items()} == counted
            assert {key: expanded(trace.graph, form(x)).at(point) for key, x in found.items()} == counted
        listed = [key for key in found if windows or key != "valid_macs"]
        columns = on_tape(trace.graph, [form(found[key]) for key in listed], fitting)
        assert columns == [[counted[key] for counted in counts] for key in listed]

    check()


def test_counts_beyond_64_bits() -> None:
    """Sizes near the largest that a spec may say: the macs have 36 digits."""
    builder = plain(lambda s: grid(s["M"], s["H"], s["W"]), out=lambda s: s["N"], kernel=3)
    found = [{"M": 10**9, "N": 10**9, "H": 10**9, "W": 10**9 - 1}, {"M": 3, "N": 5, "H": 7, "W": 4}]
    trace, counted = traced("conv", builder, found[1])
    by_hand = [9 * 10**27 * (10**9 - 1), 9 * 3 * 5 * 28]
    assert [direct(trace.graph, counted["macs"].form, point) for point in found] == by_hand
    assert on_tape(trace.graph, [counted["macs"].form], found) == [by_hand]


# -- branches on values -----------------------------------------------------------------------------------------------


def test_a_part_is_chosen_by_value() -> None:
    """The expression is that of the part that is taken here, and the other part is another way."""
    builder = plain(lambda s: grid(s["M"] + s["N"], s["H"]), sizes=lambda s: [s["M"], s["N"]], part=lambda s: s["part"])
    here, there = {"M": 3, "N": 5, "H": 4, "part": 1}, {"M": 7, "N": 2, "H": 3, "part": 2}
    trace, found = traced("split", builder, here)
    assert found["axis 0"].form == trace.graph.symbol("M", True)
    assert holds(trace, {**there, "part": 1}) and not holds(trace, there)
    assert traced("split", builder, there)[1]["axis 0"].value == 2


def test_a_gate_is_known_by_its_size() -> None:
    """Of two maps the one that is 1 x 1 scales the other; where both are, and where neither is, are other ways."""
    builder = plain(a_map, lambda s: grid(s["M"], s["p"], s["p"]))
    found = [{"M": 3, "H": 4, "W": 5, "p": 1}, {"M": 6, "H": 7, "W": 7, "p": 7}, {"M": 2, "H": 1, "W": 1, "p": 1}]
    ways = [traced("mul", builder, point) for point in found]
    assert [results["multiplications"].value for _, results in ways] == [60, 294, 2]
    assert [[holds(trace, point) for point in found] for trace, _ in ways[:2]] == [
        [True, False, False],
        [False, True, False],
    ]


def test_equal_shapes_need_not_be_equal_expressions() -> None:
    """A shortcut's shape agrees by value; the output is written in the sizes of the first input."""
    trace = Trace()
    h, w = trace.symbol("H", 8, True), trace.symbol("W", 8, True)
    layer = build("add", {})
    assert form(layer.infer([grid(4, h, h), grid(4, w, h)]).spatial[0]) == h.form
    assert holds(trace, {"H": 5, "W": 5}) and not holds(trace, {"H": 5, "W": 6})
    with pytest.raises(KindError, match="4x8x8, 4x9x8"):
        layer.infer([grid(4, h, h), grid(4, w + 1, h)])
    assert form(build("concat", {}).infer([grid(4, h), grid(2, w)]).spatial[0]) == h.form


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
    trace = Trace()
    for k in (there["k"], trace.symbol("k", there["k"])):
        with pytest.raises(KindError) as caught:
            results(name, builder, {**fixed, "k": k})
        assert caught.value.message
    assert holds(trace, there) and not holds(trace, here), "the trace ends at a condition that only fits here"


# -- the formulas that textbooks print --------------------------------------------------------------------------------

TRACE = Trace()
S = {
    name: TRACE.symbol(name, value, True)
    for name, value in {"M": 16, "N": 24, "Dk": 3, "Df": 14, "g": 4, "m": 2}.items()
}
M, N, DK, DF, G, MULTIPLIER = (S[name] for name in ("M", "N", "Dk", "Df", "g", "m"))


def formulas(name: str, *inputs: Shape, **attributes: Any) -> dict[str, Any]:
    return results(name, lambda _: (attributes, list(inputs)), {})


def same(found: Any, *meant: Any) -> bool:
    """Whether an expression is the product of these, multiplied out."""

    def polynomial(x: Any) -> Polynomial:
        return expanded(TRACE.graph, form(x))

    return polynomial(found) == polynomial(number.product(meant))


def square() -> Shape:
    return grid(M, DF, DF)


def test_the_cost_of_a_convolution() -> None:
    found = formulas("conv", square(), out=N, kernel=DK)
    assert same(found["macs"], DK, DK, M, N, DF, DF)
    assert same(found["weights"], DK, DK, M, N) and same(found["biases"], N) and same(found["bias_adds"], N, DF, DF)
    assert same(found["axis 0"], N) and same(found["axis 1"], DF) and same(found["axis 2"], DF)
    shared = formulas("conv", square(), out=N, kernel=DK, groups=G)
    assert same(shared["macs"] * G, DK, DK, M, N, DF, DF)
    cubic = formulas("conv", grid(M, DF, DF, DF), out=N, kernel=DK)
    assert same(cubic["macs"], DK, DK, DK, M, N, DF, DF, DF)


def test_the_cost_of_separable_convolutions() -> None:
    """Howard et al. 2017, equations 4 and 5; the ratio to the standard convolution is 1/N + 1/Dk^2."""
    depthwise = formulas("depthwise", square(), kernel=DK, multiplier=MULTIPLIER)
    assert same(depthwise["macs"], DK, DK, M, MULTIPLIER, DF, DF)
    standard = formulas("conv", square(), out=N, kernel=DK)
    separable = formulas("separable", square(), out=N, kernel=DK)
    assert same(separable["macs"], DK * DK * M * DF * DF + M * N * DF * DF)
    for quantity in ("macs", "weights"):
        assert same(separable[quantity] * N * DK * DK, standard[quantity], DK * DK + N)
    assert same(separable["workspace"], M, DF, DF)


def test_output_sizes() -> None:
    strided = formulas("conv", square(), out=8, kernel=3, stride=2)
    assert same(strided["axis 1"], number.ceil(DF * F(1, 2)))
    valid = formulas("conv", square(), out=8, kernel=DK, stride=MULTIPLIER, padding="valid")
    assert same(valid["axis 1"], number.ceil_div(DF - DK + 1, MULTIPLIER))  # floor((Df - Dk)/m) + 1
    padded = formulas("conv", square(), out=8, kernel=DK, padding=MULTIPLIER)
    assert same(padded["axis 1"], DF + 2 * MULTIPLIER - DK + 1)
    dilated = formulas("conv", square(), out=8, kernel=DK, dilation=MULTIPLIER, padding="valid")
    assert same(dilated["axis 1"], DF - (DK - 1) * MULTIPLIER)


def test_ideal_expressions_are_polynomials() -> None:
    """With a continuous resolution, a stride divides it: no ceiling is left, and the value is still the exact count."""
    trace = Trace(ideal=True)
    side = trace.symbol("Df", 15)
    found = results("conv", plain(lambda _: grid(16, side, side), out=24, kernel=3, stride=2), {})
    assert found["macs"].value == 9 * 16 * 24 * 64
    polynomial = expanded(trace.graph, found["macs"].form)
    assert polynomial == expanded(trace.graph, (side * side * (9 * 16 * 24 // 4)).form)


def test_the_cost_of_the_others() -> None:
    vector, x, size = grid(M), square(), M * DF * DF
    assert same(formulas("linear", vector, out=N)["params"], M * N + N)
    assert same(formulas("linear", tokens(DF, M), out=N)["macs"], M, N, DF)
    assert same(formulas("relu", x)["comparisons"], size)
    norm = formulas("batch_norm", x)
    assert same(norm["params"], 2, M) and same(norm["buffers"], 2, M) and same(norm["additions"], size)
    assert same(formulas("max_pool", x, kernel=DK, padding="same", stride=1)["comparisons"], DK * DK * size - size)
    pooled = formulas("global_avg_pool", x)
    assert same(pooled["additions"], size - M) and same(pooled["divisions"], M)
    bins = formulas("adaptive_max_pool", grid(M, DF), out=4)["comparisons"]
    assert direct(TRACE.graph, bins.form, {"M": 2, "Df": 7}) == 2 * (10 - 4)
    assert same(formulas("add", x, x, x)["additions"], 2, size)
    assert same(formulas("mul", x, vector)["multiplications"], size)
    assert same(formulas("concat", x, x.at(N))["axis 0"], M + N)
    assert same(formulas("flatten", x)["axis 0"], size)
    assert same(formulas("upsample", x, scale=2, mode="bilinear")["multiplications"], 16, size)
    softmax = formulas("softmax", x)
    assert same(softmax["exponentials"], size) and same(softmax["comparisons"], size - DF * DF)
