"""Memory of a network, by hand and by brute force: activations written, the peak of what is alive, bytes moved.

The examples add up live elements step by step in the comments; `peak` is in elements. The brute force asks of every
tensor at every step whether anything still needs its memory.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import direct, holds, on_tape

from costcalc.cost import DTYPES, Report, count
from costcalc.cost.memory import liveness
from costcalc.errors import Source, UsageError
from costcalc.kinds import REGISTRY
from costcalc.network import INPUT, Network, Node
from costcalc.number.traced import Trace
from costcalc.shape import Shape
from costcalc.spec import build_network, parse_document


def spec(layers: str, size: str, outputs: str = "") -> Network:
    """The network of these layers, one a line."""
    lines = "\n".join(f"  - {line.strip()}" for line in layers.strip().split("\n"))
    text = f"costcalc: 1\nname: example\ninput: {size}\nlayers:\n{lines}\n{outputs}"
    return build_network(parse_document(Source("example.yaml", text)), {})


def wired(shape: Shape, *layers: tuple[str, str, dict[str, Any], tuple[str, ...]], outputs: tuple[str, ...]) -> Network:
    """A network of (path, kind, attributes, inputs)."""
    shapes, nodes = {INPUT: shape}, []
    for path, kind, given_, inputs in layers:
        cls = REGISTRY[kind]
        attributes = {key: cls.attributes[key].read(value) for key, value in given_.items()}
        shapes[path] = cls(attributes).infer([shapes[name] for name in inputs])
        nodes.append(Node(path, kind, attributes, inputs, shapes[path], path))
    return Network("example", shape, tuple(nodes), outputs)


def written(network: Network) -> tuple[dict[str, int], int]:
    """The elements that each node writes into new memory, and the peak of live elements."""
    live = liveness(network, [REGISTRY[node.kind](node.attributes) for node in network.nodes])
    return {node.path: size for node, size in zip(network.nodes, live.written, strict=True)}, live.peak


CHAIN = spec("conv: {out: 4, norm: batch_norm, act: relu}", "[3, 8, 6]")


def test_a_norm_and_an_activation_overwrite_their_input() -> None:
    """Input 144; with the convolution's 192, 336; nothing more after that."""
    assert written(CHAIN) == ({"conv": 192, "conv/batch_norm": 0, "conv/relu": 0}, 336)
    report = count(CHAIN)
    assert report.totals.activations == 192
    assert report.totals.peak_activation_bytes == 336 * 4


def test_memory_access() -> None:
    """Each node reads its inputs and parameters and writes its output: 144 + 108 + 192, 192 + 8 + 192, 192 + 192."""
    assert [row.memory_access_bytes for row in count(CHAIN).layers] == [444 * 4, 392 * 4, 384 * 4]
    assert count(CHAIN).totals.memory_access_bytes == 1220 * 4
    joined = spec("concat: [[], [dropout], [flatten, reshape: {to: [2, 5, 4]}]]", "[2, 5, 4]")
    moved = {row.path: row.memory_access_bytes for row in count(joined).layers}
    assert {path.split("/")[-1]: size for path, size in moved.items() if size} == {"concat": (3 * 40 + 120) * 4}


def test_a_shortcut_is_kept_alive() -> None:
    """40; +120 = 160, -40; +200 = 320; relu in place; +120 = 440, -200; +120 = 360."""
    network = spec(
        "conv: {out: 6, kernel: 1}\nresidual: [conv: {out: 10, act: relu}, conv: {out: 6, kernel: 1}]", "[2, 5, 4]"
    )
    sizes, peak = written(network)
    assert list(sizes.values()) == [120, 200, 0, 120, 120]
    assert peak == 440
    assert count(network).totals.activations == 560


def test_without_a_shortcut_it_is_not() -> None:
    """40; +120 = 160, -40; +200 = 320, -120; +120 = 320."""
    network = spec("conv: {out: 6, kernel: 1}\nconv: {out: 10, act: relu}\nconv: {out: 6, kernel: 1}", "[2, 5, 4]")
    assert written(network)[1] == 320


def test_a_concatenation_is_a_copy() -> None:
    """60; +40 = 100; +140 = 240, -60; +180 = 360."""
    sizes, peak = written(spec("concat: [[conv: {out: 2}], [conv: {out: 7}]]", "[3, 4, 5]"))
    assert list(sizes.values()) == [40, 140, 180] and peak == 360


def test_dense_concatenation_keeps_what_it_joins() -> None:
    """24; +12 = 36; +36 = 72, -36; +12 = 48; +48 = 96."""
    network = spec("concat: [[], [conv: {out: 1}]]\nconcat: [[], [conv: {out: 1}]]", "[2, 4, 3]")
    sizes, peak = written(network)
    assert list(sizes.values()) == [12, 36, 12, 48] and peak == 96


def test_flatten_is_a_view() -> None:
    """48; +64 = 112, -48; flatten 0; +10 = 74."""
    sizes, peak = written(spec("conv: {out: 8, kernel: 1}\nflatten\nlinear: {out: 10}", "[6, 4, 2]"))
    assert list(sizes.values()) == [64, 0, 10] and peak == 112


def test_a_view_keeps_its_source_alive() -> None:
    """15 + 64 = 79, -15; flatten 0; +40 = 104; the activation is new, as its input is read again: +40; +40 = 184."""
    network = wired(
        Shape(15),
        ("s", "linear", {"out": 64}, (INPUT,)),
        ("v", "flatten", {}, ("s",)),
        ("a", "linear", {"out": 40}, ("v",)),
        ("b", "relu", {}, ("a",)),
        ("c", "add", {}, ("a", "b")),
        ("d", "concat", {}, ("c", "v")),
        outputs=("d",),
    )
    sizes, peak = written(network)
    assert sizes == {"s": 64, "v": 0, "a": 40, "b": 40, "c": 40, "d": 104}
    assert peak == 40 + 64 + 104  # c, v and d; at c it was 64 + 3*40 = 184


def test_parts_of_a_split_share_memory() -> None:
    """30 + 120 = 150, -30; parts 0; +180 = 300, the second part keeps all of s; +240 = 540."""
    network = spec(
        """conv: {out: 8, kernel: 1, as: s}
        split: {parts: 2, part: 1}
        conv: {out: 12, kernel: 1, as: c}
        split: {parts: 2, part: 2, from: s, as: b}
        concat: {from: [c, b]}""",
        "[2, 3, 5]",
    )
    sizes, peak = written(network)
    assert list(sizes.values()) == [120, 0, 180, 0, 240] and peak == 540


def test_a_part_is_not_overwritten_while_the_other_is_needed() -> None:
    """30 + 120 = 150, -30; the activation of the first part is new: +60; that of the second is not; +120."""
    network = spec(
        """conv: {out: 8, kernel: 1, as: s}
        split: {parts: 2, part: 1, as: a}
        split: {parts: 2, part: 2, from: s, as: b}
        relu: {from: a, as: c}
        relu: {from: b, as: d}
        concat: {from: [c, d]}""",
        "[2, 3, 5]",
    )
    sizes, peak = written(network)
    assert list(sizes.values()) == [120, 0, 0, 60, 0, 120]
    assert peak == 120 + 60 + 120


def test_an_activation_whose_input_is_read_again_is_new() -> None:
    """16 + 48 = 64, -16; relu +48 = 96; add +48 = 144."""
    network = spec("conv: {out: 3, as: a}\nadd: [[], [relu]]", "[1, 4, 4]")
    sizes, peak = written(network)
    assert list(sizes.values()) == [48, 48, 48] and peak == 144


def test_outputs_live_to_the_end_and_are_not_overwritten() -> None:
    """16 + 48 = 64, -16; relu +48 = 96, and both stay; +5 = 101."""
    layers = "conv: {out: 3, as: a}\nrelu: {as: r}\nglobal_avg_pool"
    sizes, peak = written(spec(layers + "\nlinear: {out: 5, as: y}", "[1, 4, 4]", "outputs: [a, r, y]"))
    assert list(sizes.values()) == [48, 48, 3, 5] and peak == 48 + 48 + 3 + 5
    sizes, peak = written(spec(layers, "[1, 4, 4]"))
    assert list(sizes.values()) == [48, 0, 3] and peak == 64


def test_the_input_may_be_overwritten() -> None:
    assert written(spec("relu", "[3, 5, 2]")) == ({"relu": 0}, 30)
    assert written(spec("global_max_pool", "[3, 5, 2]")) == ({"global_max_pool": 3}, 33)
    sizes, peak = written(spec("add: [[], [relu]]", "[3, 5, 2]"))
    assert list(sizes.values()) == [30, 30] and peak == 90


def test_the_middle_of_a_separable_layer_is_workspace() -> None:
    """120 before, 90 after, and while it runs 8 channels at 30 positions between: 450. These are no activations."""
    network = spec("separable: {out: 3, multiplier: 2}", "[4, 6, 5]")
    assert written(network) == ({"separable": 90}, 450)


def test_what_nobody_reads_is_dropped_at_once() -> None:
    """10; +7 = 17, -7; +4 = 14."""
    network = wired(
        Shape(10), ("dead", "linear", {"out": 7}, (INPUT,)), ("y", "linear", {"out": 4}, (INPUT,)), outputs=("y",)
    )
    assert written(network) == ({"dead": 7, "y": 4}, 17)


def test_a_tensor_may_enter_a_join_twice() -> None:
    network = wired(Shape(10), ("a", "linear", {"out": 6}, (INPUT,)), ("y", "add", {}, ("a", "a")), outputs=("y",))
    assert written(network) == ({"a": 6, "y": 6}, 16)
    assert [row.memory_access_bytes for row in count(network).layers] == [(10 + 66 + 6) * 4, 18 * 4]


# -- bytes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "bits"), [
    ("float64", 64), ("float32", 32), ("float16", 16), ("bfloat16", 16), ("float8", 8), ("int16", 16), ("int8", 8),
    ("int4", 4), ("int1", 1),
])  # fmt: skip
def test_bytes_of_every_type(dtype: str, bits: int) -> None:
    """27 weights and 3 biases, 3*35 outputs from 105 inputs; what does not fill a byte takes a whole one."""
    report = count(spec("conv: {out: 3, kernel: 3, groups: 3}", "[3, 7, 5]"), dtype=dtype)
    assert report.totals.params == 30
    assert report.totals.weight_bytes == -(-30 * bits // 8)
    assert report.totals.peak_activation_bytes == -(-210 * bits // 8)
    assert report.totals.memory_access_bytes == -(-240 * bits // 8)
    assert report.dtype == dtype


def test_every_type_is_tested() -> None:
    assert set(DTYPES) == {"float64", "float32", "float16", "bfloat16", "float8", "int16", "int8", "int4", "int1"}


def test_partial_bytes_are_rounded_up() -> None:
    """9 weights of 4 bits are 36 bits, 5 bytes; of 1 bit 2 bytes. A node moves 15 + 9 + 15 of them."""
    network = spec("conv: {out: 1, kernel: 3, bias: false}\nrelu", "[1, 5, 3]")
    half, one = count(network, dtype="int4"), count(network, dtype="int1")
    assert (half.totals.weight_bytes, one.totals.weight_bytes) == (5, 2)
    assert (half.totals.peak_activation_bytes, one.totals.peak_activation_bytes) == (15, 4)
    assert [row.memory_access_bytes for row in half.layers] == [20, 15]
    assert [row.memory_access_bytes for row in one.layers] == [5, 4]
    assert one.totals.memory_access_bytes == 9  # the column adds up


def test_a_type_or_a_batch_that_cannot_be() -> None:
    with pytest.raises(UsageError) as caught:
        count(CHAIN, dtype="float31")
    assert str(caught.value) == "error: unknown dtype `float31`\n  help: did you mean `float32`?"
    for batch in (0, -1, 10**9 + 1):
        with pytest.raises(UsageError) as caught:
            count(CHAIN, batch=batch)
        assert (
            str(caught.value) == f"error: the batch cannot be {batch}\n  help: a whole number from 1 to 1,000,000,000"
        )


def test_a_batch_multiplies_activations_and_no_weights() -> None:
    one, many = count(CHAIN), count(CHAIN, batch=5)
    assert many.totals.activations == 5 * 192
    assert many.totals.peak_activation_bytes == 5 * 336 * 4
    assert many.totals.madds == 5 * one.totals.madds == 5 * 108 * 48
    assert (many.totals.params, many.totals.weight_bytes) == (one.totals.params, one.totals.weight_bytes) == (116, 464)
    assert [row.memory_access_bytes for row in many.layers] == [(5 * 336 + 108) * 4, (5 * 384 + 8) * 4, 5 * 384 * 4]
    assert [row.activations for row in many.layers] == [960, 0, 0]


def residual_block(channels: Any, side: Any) -> Network:
    return wired(
        Shape(channels, (side, side)),
        ("expand", "conv", {"out": channels * 6, "kernel": 1}, (INPUT,)),
        ("relu", "relu", {}, ("expand",)),
        ("separable", "separable", {"out": channels}, ("relu",)),
        ("add", "add", {}, (INPUT, "separable")),
        outputs=("add",),
    )


def totals(report: Report) -> dict[str, Any]:
    names = ("params", "madds", "count", "activations", "weight_bytes", "peak_activation_bytes", "memory_access_bytes")
    return {name: getattr(report.totals, name) for name in names}


def test_memory_as_formulas_and_for_many_points() -> None:
    """By hand, in units of channels * positions: input 1, expanded 6, middle 6, out 1: a peak of 14."""
    points = [(8, 14, 2), (3, 5, 4), (16, 7, 32)]
    expected = [totals(count(residual_block(c, s), batch=b, dtype="int4")) for c, s, b in points]
    assert [t["peak_activation_bytes"] for t in expected] == [14 * c * s * s * b // 2 for c, s, b in points]
    several = [dict(zip(("c", "s", "b"), point, strict=True)) for point in points]
    for here in several:
        trace = Trace()
        c, s, b = (trace.symbol(name, value, True) for name, value in here.items())
        found = totals(count(residual_block(c, s), batch=b, dtype="int4"))
        assert all(holds(trace, point) for point in several)
        for point, row in zip(several, expected, strict=True):
            assert {name: direct(trace.graph, x.form, point) for name, x in found.items()} == row
        columns = on_tape(trace.graph, [x.form for x in found.values()], several)
        assert [dict(zip(found, row, strict=True)) for row in zip(*columns, strict=True)] == expected


# -- brute force ------------------------------------------------------------------------------------------------------


def brute_force(network: Network) -> tuple[dict[str, int], int]:
    """At every step, of every tensor so far: is there a reader to come of anything that shares its memory?"""
    home = {INPUT: INPUT}  # where each tensor lies: the tensor that was given new memory
    size = {INPUT: network.input.size}
    new = {}
    peak = network.input.size

    def needed_after(place: str, step: int) -> bool:
        tenants = [tensor for tensor, where in home.items() if where == place]
        later = [name for node in network.nodes[step + 1 :] for name in node.inputs]
        return any(tensor in later or tensor in network.outputs for tensor in tenants)

    for step, node in enumerate(network.nodes):
        before = {place for place in set(home.values()) if needed_after(place, step - 1)}
        source = home[node.inputs[0]]
        storage = REGISTRY[node.kind].storage  # over vectors no kind tells its inputs apart
        shares = storage == "view" or (storage == "in_place" and not needed_after(source, step))
        home[node.path] = source if shares else node.path
        new[node.path] = 0 if shares else node.output.size
        size.setdefault(home[node.path], node.output.size)
        peak = max(peak, sum(size[place] for place in before | {home[node.path]}))
    return new, peak


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any graph of layers, activations, views and joins over vectors."""
    shapes = {INPUT: Shape(draw(st.integers(1, 9)))}
    layers: list[tuple[str, str, dict[str, Any], tuple[str, ...]]] = []
    for i in range(draw(st.integers(1, 9))):
        x = draw(st.sampled_from(list(shapes)[-4:]))
        kind = draw(st.sampled_from(["linear", "relu", "dropout", "split", "add", "concat"]))
        if kind in ("add", "concat"):
            fits = [name for name, shape in shapes.items() if kind == "concat" or shape == shapes[x]]
            inputs = (x, *draw(st.lists(st.sampled_from(fits), min_size=1, max_size=2)))
        else:
            inputs = (x,)
        if kind == "split":
            first = draw(st.integers(1, shapes[x].channels))
            attributes: dict[str, Any] = {
                "sizes": [first, shapes[x].channels - first] if first < shapes[x].channels else [first],
                "part": 1,
            }
        else:
            attributes = {"out": draw(st.integers(1, 9))} if kind == "linear" else {}
        path = f"{kind}{i}"
        shapes[path] = REGISTRY[kind]({k: tuple(v) if isinstance(v, list) else v for k, v in attributes.items()}).infer(
            [shapes[name] for name in inputs]
        )
        layers.append((path, kind, attributes, inputs))
    outputs = {layers[-1][0], *draw(st.lists(st.sampled_from([layer[0] for layer in layers]), max_size=2))}
    return wired(shapes[INPUT], *layers, outputs=tuple(sorted(outputs)))


@settings(derandomize=True, deadline=None, max_examples=400, database=None)
@given(networks())
def test_liveness_against_brute_force(network: Network) -> None:
    assert written(network) == brute_force(network)
