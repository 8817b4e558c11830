"""`costcalc fit --by layer`: the fewest filters, compared with every other number of them.

The networks below have their widths as hyper-parameters, so that each removal is also a spec of its own, laid out and
counted without the code under test.
"""

from __future__ import annotations

import csv
import io
import json
import math
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from bundle import multipliers, often

import costcalc
from costcalc.errors import CostcalcError, Source, UsageError
from costcalc.explore.coupling import groups_of
from costcalc.explore.narrowing import narrowing, with_widths
from costcalc.kinds import KindError
from costcalc.spec import parse_document

F = Fraction  # short, for tables
TOTALS = ("params", "madds", "activations", "weight_bytes", "peak_activation_bytes", "memory_access_bytes")


def model(layers: str, size: int = 12, channels: int = 3, **widths: int) -> costcalc.Model:
    declared = ", ".join(f"{name}: {width}" for name, width in widths.items())
    head = f"costcalc: 1\nhyperparameters: {{{declared}}}\ninput: [{channels}, {size}, {size}]\nlayers:\n"
    return costcalc.Model(parse_document(Source("net.yaml", head + layers)), {})


END = "- global_avg_pool\n- linear: {out: 10}\n"
CHAIN = "- conv: {out: a, kernel: 3, norm: batch_norm, act: relu, as: one}\n- depthwise: {kernel: 3, stride: 2, multiplier: 2}\n- conv: {out: b, kernel: 1, as: two}\n- separable: {out: c, kernel: 3, as: three}\n"
RESIDUAL = "- conv: {out: a, kernel: 1, as: stem}\n- residual:\n  - conv: {out: b, kernel: 1, as: expand}\n  - depthwise: {kernel: 3}\n  - conv: {out: a, kernel: 1, as: project}\n- conv: {out: c, kernel: 1, as: last}\n"
GATED = "- conv: {out: a, kernel: 3, as: stem}\n- mul:\n  - []\n  - - global_avg_pool\n    - linear: {out: b, as: squeeze}\n    - linear: {out: a, act: sigmoid, as: excite}\n- conv: {out: c, kernel: 1, as: last}\n"
JOINED = "- conv: {out: a, kernel: 1, as: left}\n- concat:\n  - []\n  - - conv: {out: b, kernel: 3, as: right}\n- residual:\n  - conv: {out: c, kernel: 1, as: middle}\n  - conv: {out: a + b, kernel: 1, as: back}\n"
GROUPED = "- conv: {out: a, kernel: 1, as: stem}\n- conv: {out: b, kernel: 3, groups: 4, as: grouped}\n- channel_shuffle: {groups: 6}\n- conv: {out: c, kernel: 1, as: last}\n"
HALVES = "- conv: {out: 2*a, kernel: 1, as: both}\n- split: {parts: 2, part: 2, as: second}\n- conv: {out: b, kernel: 3, as: inner}\n- conv: {out: a, kernel: 3, as: outer}\n- add: {from: [second, outer], as: sum}\n- concat: {from: [both, sum]}\n"
DEPTHWISE = "- conv: {out: a, kernel: 1, as: stem}\n- conv: {out: 2*a, kernel: 3, groups: a, as: deep}\n- conv: {out: b, kernel: 1, as: last}\n"
FLAT = (
    "- conv: {out: a, kernel: 3, stride: 4, as: stem}\n- flatten\n- linear: {out: b, as: hidden}\n- linear: {out: 10}\n"
)

# layers, widths, and by hyper-parameter which layers it is the width of, with how many channels for each of it
CASES: dict[str, tuple[str, dict[str, int], dict[str, dict[str, int]]]] = {
    "a chain": (CHAIN + END, {"a": 12, "b": 20, "c": 16}, {"a": {"one": 1}, "b": {"two": 1}, "c": {"three": 1}}),
    "a residual": (RESIDUAL + END, {"a": 8, "b": 24, "c": 20}, {"a": {"stem": 1, "project": 1}, "b": {"expand": 1}, "c": {"last": 1}}),
    "a gate": (GATED + END, {"a": 16, "b": 6, "c": 12}, {"a": {"stem": 1, "excite": 1}, "b": {"squeeze": 1}, "c": {"last": 1}}),
    "a concatenation": (JOINED + END, {"a": 6, "b": 10, "c": 7}, {"a": {"left": 1, "back": 1}, "b": {"right": 1, "back": 1}, "c": {"middle": 1}}),
    "groups and a shuffle": (GROUPED + END, {"a": 16, "b": 24, "c": 10}, {"a": {"stem": 1}, "b": {"grouped": 1}, "c": {"last": 1}}),
    "halves": (HALVES + END, {"a": 9, "b": 5}, {"a": {"both": 2, "outer": 1}, "b": {"inner": 1}}),
    "a depthwise by its groups": (DEPTHWISE + END, {"a": 8, "b": 14}, {"a": {"stem": 1}, "b": {"last": 1}}),
    "a vector": (FLAT, {"a": 8, "b": 15}, {"a": {"stem": 1}, "b": {"hidden": 1}}),
}  # fmt: skip


def brute_force(
    net: costcalc.Model, name: str, width: int, metric: str, limit: int
) -> tuple[int, dict[str, int]] | None:
    """The fewest by which a hyper-parameter must fall, trying all of them; and the totals then."""
    for less in range(1, width):
        try:
            found = costcalc.Model(net.document, {name: width - less}).report().totals._asdict()
        except CostcalcError:
            continue
        if found[metric] <= limit:
            return less, found
    return None


def group_of(found, layers: dict[str, int]):
    (group,) = [group for group in found.layers if set(group.layers) == set(layers)]
    return group


@pytest.mark.parametrize("case", CASES)
def test_layers_that_shrink_together(case):
    layers, widths, expected = CASES[case]
    found = {tuple(g.layers.items()): g.filters for g in groups_of(model(layers, **widths).network) if not g.fixed}
    assert found == {tuple(makes.items()): widths[name] for name, makes in expected.items()}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("metric", TOTALS)
def test_the_fewest_of_all(case, metric):
    """No smaller number reaches it, and what is saved is what the spec with that width saves."""
    layers, widths, groups = CASES[case]
    net = model(layers, **widths)
    before = net.report().totals._asdict()
    for share in (F(1, 1000), F(1, 20), F(3, 10), F(9, 10)):
        limit = math.floor(before[metric] * (1 - share))
        found = narrowing(net.report(), {}, {metric: f"{limit} B" if "bytes" in metric else limit})
        for name, makes in groups.items():
            group, best = group_of(found, makes), brute_force(net, name, widths[name], metric, limit)
            assert group.reached == (best is not None and not group.reason), (name, share, group)
            if best is not None:
                assert group.removed == best[0]
                assert group.saved == {m: before[m] - best[1][m] for m in group.saved}
                assert group.left == {path: group.before[path] - best[0] * times for path, times in makes.items()}
            elif not group.reason:  # all that can go
                most = [k for k in range(1, widths[name]) if totals(net, {name: widths[name] - k})]
                assert group.removed == max(most)


def totals(net: costcalc.Model, given: dict[str, Any]) -> dict[str, int] | None:
    try:
        return costcalc.Model(net.document, given).report().totals._asdict()
    except CostcalcError:
        return None


@pytest.mark.parametrize(
    ("before", "after", "layer"),
    [
        ("out: floor(32*alpha), kernel: 3", "out: floor(32*alpha) - {}, kernel: 3", "conv"),
        ("[1024, 1, 1]", "[1024 - {}, 1, 1]", "stage9/conv"),
        ("[  64, 1, 1]", "[  64 - {}, 1, 1]", "stage1/conv"),
    ],
)
def test_mobilenet_v1_written_anew(before, after, layer):
    """NetAdapt's proposals for the bundled network, counted on a spec with that one width changed by hand."""
    report = costcalc.load("mobilenet_v1").report()
    (group,) = [g for g in narrowing(report, {"madds": "5%"}, {}).layers if g.layers == (layer,)]
    text = costcalc.load("mobilenet_v1").document.source.text
    assert before in text

    def changed(less: int):
        document = parse_document(Source("v1.yaml", text.replace(before, after.format(less))))
        return costcalc.Model(document, {}).report().totals

    enough, short = changed(group.removed), changed(group.removed - 1)
    assert enough.madds * 100 <= report.totals.madds * 95 < short.madds * 100
    assert group.saved["params"] == report.totals.params - enough.params
    assert group.saved["peak_activation_bytes"] == report.totals.peak_activation_bytes - enough.peak_activation_bytes


@pytest.mark.parametrize("name", [name for name in often(multipliers()) if name != "versatile_vdsr"])  # it ends in no classifier
def test_every_bundled_network(name):
    """Each group alone brings the total down, and one step less would not."""
    report = costcalc.load(name).report()
    found = narrowing(report, {"madds": "2%"}, {})
    limit = report.totals.madds * 98 // 100
    named = [path for group in found.layers for path in group.layers]
    filtered = [n.path for n in report.network.nodes if n.kind in ("conv", "linear", "separable", "versatile", "ghost")]
    assert set(named) == set(filtered)
    told = {path for g in found.layers if "output of the network" in g.reason for path in g.layers}
    assert told == ending(report, set(filtered))
    for group in found.layers:
        if group.reason:
            continue
        outs = dict(group.left)
        assert group.saved["madds"] == report.totals.madds - recounted(report, outs)
        if group.reached:
            share = {path: (n - group.left[path]) // group.removed * group.step for path, n in group.before.items()}
            short = {path: left + share[path] for path, left in outs.items()}
            assert recounted(report, outs) <= limit < recounted(report, short)


def ending(report, filtered: set[str]) -> set[str]:
    """The layers with filters from which no other one lies on the way to an output."""
    before = {n.path: n.inputs for n in report.network.nodes}
    found, left = set(), list(report.network.outputs)
    while left:
        path = left.pop()
        if path in filtered:
            found.add(path)
        else:
            left += before.get(path, ())
    return found


def recounted(report, outs: dict[str, int]) -> int:
    """The MAdds of a network with other widths, by its weights: those of a layer times its positions."""
    network = with_widths(report.network, outs)
    shapes, count = network.shapes, 0
    for node in network.nodes:
        x, kernel = shapes[node.inputs[0]].channels, node.attributes.get("kernel", 1)
        taps = math.prod(kernel) if isinstance(kernel, tuple) else kernel**2
        if node.kind == "conv":
            count += taps * x // node.attributes.get("groups", 1) * node.output.size
        elif node.kind == "depthwise":
            count += taps * node.output.size
        elif node.kind == "separable":
            count += (taps + node.output.channels) * x * node.output.positions
        elif node.kind == "linear":
            count += x * node.output.size
        elif node.kind == "squeeze_excite":
            count += 2 * x * node.attributes["squeeze"]
        elif node.kind == "ghost":  # a 1x1 convolution to half of the channels, and a 3x3 depthwise one on these
            half = -(-node.output.channels // 2)
            count += (x * half + 9 * half) * node.output.positions
        elif node.kind == "versatile":
            count += node.output.positions * sum(versatile(x, **{**node.attributes, "out": node.output.channels}))
    return count


def versatile(x: int, out: int, kernel: int, window: int | None = None, channel_stride: int = 1, **_: Any) -> Iterator[int]:
    """The taps of each output channel."""
    width = window or x
    windows, boxes = (x - width) // channel_stride + 1, (kernel + 1) // 2
    of_a_box = -(-out // (boxes * windows)) * windows
    for at in range(out):
        yield width * (kernel - 2 * (at // of_a_box)) ** 2 if out >= boxes * windows else x * kernel**2


# -- what cannot be narrowed

FIXED = {
    "the output": ("- conv: {out: a, kernel: 1, as: only}\n", "only", "its filters are the output of the network"),
    "the input": ("- residual:\n  - conv: {out: 3, kernel: 1, as: only}\n" + END, "only", "tied to the input of the network"),
    "groups": ("- conv: {out: a, kernel: 1, as: only}\n- channel_shuffle: {groups: 8}\n" + END, "only", "`channel_shuffle`: 7 channels cannot be divided into 8 groups"),
    "groups and a shuffle": ("- conv: {out: 12, kernel: 1, as: only}\n- channel_shuffle: {groups: 6}\n- conv: {out: 8, kernel: 1, groups: 4}\n" + END, "only", "it can only lose filters 12 at a time, and has 12"),
    "a reshape": ("- conv: {out: a, kernel: 1, as: only}\n- reshape: {to: [16, 36, 2]}\n- conv: {out: 4, kernel: 1}\n" + END, "only", "`reshape`: 7x12x12 has 1008 elements"),
    "sizes of a split": ("- conv: {out: a, kernel: 1, as: only}\n- split: {sizes: [3, 5], part: 1}\n- conv: {out: 4, kernel: 1}\n" + END, "only", "`split`: the sizes add up to 8"),
    "one filter": ("- conv: {out: a, kernel: 1}\n- conv: {out: 1, kernel: 1, as: only}\n" + END, "only", "`only`: it has one channel"),
    "what is shuffled before it is added": ("- conv: {out: a, kernel: 1, as: only}\n- concat:\n  - []\n  - - conv: {out: a, kernel: 3}\n- channel_shuffle: {groups: 2, as: mixed}\n- conv: {out: 16, kernel: 1, as: other}\n- add: {from: [mixed, other]}\n" + END, "only", "`add` joins channels whose order is mixed"),
    "tied to twice itself": ("- conv: {out: a, kernel: 1, as: only}\n- depthwise: {kernel: 3, multiplier: 2, as: double}\n- conv: {from: only, out: a, kernel: 1, as: other}\n- concat: {from: [only, other], as: both}\n- add: {from: [double, both]}\n" + END, "only", "`add` ties it to itself"),
}  # fmt: skip


@pytest.mark.parametrize("case", FIXED)
def test_what_cannot_be_narrowed_says_why(case):
    layers, path, reason = FIXED[case]
    net = model(layers, **({"a": 8} if "out: a" in layers else {}))
    found = narrowing(net.report(), {"params": "1"}, {})
    groups = [g for g in found.layers if path in g.layers]
    assert groups and all(g.reason.startswith(reason) for g in groups), groups
    assert all(g.removed == 0 and not g.saved for g in groups)


def test_widths_that_cannot_be():
    with pytest.raises(KindError):
        with_widths(model(RESIDUAL + END, a=8, b=24, c=20).network, {"stem": 7})


# -- what is asked, and what is printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing is to be reduced\n  help: as in `--reduce madds=5%` or `--max-madds 300M`"),
        (("--max-madds", "600M"), "the network is within the budgets as it is"),
        (("--reduce", "madds"), "`madds` says no amount"),
        (("--reduce", "madds=100%"), "`madds` cannot fall by 100%: it is 568,740,352 now"),
        (("--reduce", "madds=0"), "`madds` cannot fall by 0: a wanted reduction is above 0"),
        (("--reduce", "weights=5"), "the amount by which `weights` is to fall cannot be `5` without a unit"),
        (("--reduce", "mads=5%"), "unknown total `mads`"),
        (("--reduce", "madds=5%", "--max-madds", "300M"), "`madds` has two budgets"),
        (("--reduce", "madds=5%", "--vary", "alpha"), "`--by layer` and `--vary` are two questions"),
    ],
)
def test_wrong_input(arguments, message, cli):
    run = cli("fit", "mobilenet_v1", "--by", "layer", *arguments)
    assert (run.code, run.out) == (2, "") and run.err.startswith(f"error: {message}"), run.err
    assert cli("fit", "mobilenet_v1", "--by", "stage", "--reduce", "madds=5%").code == 2


def test_the_table(cli):
    """One filter less in `conv` is 27 * 112**2 MAdds less there, 9 and 64 less at each position after it."""
    run = cli("fit", "mobilenet_v1", "--by", "layer", "--reduce", "madds=5%")
    each = (27 + 9 + 64) * 112**2
    fewest = -(-568_740_352 * 5 // (100 * each))
    cells = [line.split() for line in run.out.splitlines()]
    assert run.code == 0
    tenths = math.floor(F(fewest * 1000, 32) + F(1, 2))  # 71.875%, rounded half up
    share = f"{tenths // 10}.{tenths % 10}%"
    head = ["conv", "32", str(fewest), share, str(32 - fewest), f"{fewest * each:,}"]
    assert any(row[:6] == head for row in cells if row)
    assert "cannot  linear: its filters are the output of the network" in run.out
    assert run.out.startswith("MobileNet V1: the fewest filters to remove, layer by layer\n")
    assert "at most 540,303,334 MAdds (5% less than 568,740,352)" in run.out


def test_some_of_the_layers(cli):
    arguments = ("fit", "mobilenet_v1", "--by", "layer", "--reduce", "madds=5%", "--format", "json")
    every = [layer for layer in json.loads(cli(*arguments).out)["layers"] if "reason" not in layer]
    fewest = sorted(layer["removed"] for layer in every)
    document = json.loads(cli(*arguments, "--sort", "removed", "--top", "3").out)
    assert [layer.get("removed") for layer in document["layers"]] == [*fewest[:3], None], "and what cannot be narrowed"
    assert document["left_out"] == len(every) - 3
    widest = json.loads(cli(*arguments, "--sort", "filters").out)
    filters = [layer["filters"] for layer in widest["layers"] if "reason" not in layer]
    assert filters == sorted((layer["filters"] for layer in every), reverse=True) and "left_out" not in widest
    out = cli("fit", "mobilenet_v1", "--by", "layer", "--reduce", "madds=5%", "--top", "1").out
    assert f"left out  {len(every) - 1} more that could be narrowed" in out
    beyond = cli("fit", "mobilenet_v1", "--by", "layer", "--reduce", "madds=80%", "--top", "1")
    assert beyond.code == 1, "no layer reaches it, shown or not"
    for option in (("--sort", "removed"), ("--top", "1")):
        run = cli("fit", "mobilenet_v1", "--max-madds", "300M", "--vary", "alpha", *option)
        assert run.code == 2 and f"`{option[0]}` goes with `--by layer`" in run.err
    assert cli("fit", "mobilenet_v1", "--by", "layer", "--reduce", "madds=5%", "--sort", "name").code == 2


def test_as_data(cli):
    arguments = ("fit", "mobilenet_v2", "--by", "layer", "--max-madds", "290M")
    document = json.loads(cli(*arguments, "--format", "json").out)
    assert (document["schema"], document["budget"]) == ("costcalc/narrowing/1", {"madds": 290_000_000})
    rows = list(csv.DictReader(io.StringIO(cli(*arguments, "--format", "csv").out)))
    assert len(rows) == len(document["layers"])
    for row, layer in zip(rows, document["layers"], strict=True):
        assert row["layers"].split() == list(layer["layers"])
        assert row["reason"] == layer.get("reason", "")
        if "reason" not in layer:
            assert layer["reached"] == (document["totals"]["madds"] - layer["saved"]["madds"] <= 290_000_000)
            assert all(int(row[f"{name}_saved"]) == n for name, n in layer["saved"].items())
            assert set(layer["left"]) == set(layer["layers"])


def test_out_of_reach(cli):
    run = cli("fit", "mobilenet_v1", "--by", "layer", "--reduce", "madds=80%")
    assert (run.code, run.err) == (1, "no layer alone can be narrowed so far\n")
    assert "31 *" in run.out and "not enough by itself" in run.out
    spec = b"costcalc: 1\ninput: [3, 8, 8]\nlayers:\n- conv: {out: 8, kernel: 1}\n- opaque: {op: nms, as: select}\n"
    run = cli("fit", "-", "--by", "layer", "--reduce", "madds=5%", stdin=spec)
    assert (run.code, run.out) == (1, "") and "`select` cannot be counted" in run.err


def test_from_python():
    found = costcalc.load("mobilenet_v1").narrow(reduce={"madds": "5%"})
    assert found.layers[0].layers == ("conv",) and found.layers[0].reached
    assert costcalc.load("mobilenet_v1").narrow(max={"madds": 540_303_334}).layers == found.layers
    with pytest.raises(UsageError):
        costcalc.load("mobilenet_v1").narrow()


def test_a_convention_that_counts_less_for_more(tmp_path):
    """Where a count does not only fall with the filters, the fewest are still the fewest."""
    path = tmp_path / "odd.yaml"
    path.write_text("costcalc-convention: 1\nunit: steps\ncount: {default: 0, conv: (out.channels*7) % 20}\n")
    net = model("- conv: {out: a, kernel: 1, as: one}\n- conv: {out: 5, kernel: 1}\n" + END, a=19)
    report = net.report(str(path))
    limit = report.totals.count - 5
    (group,) = [g for g in narrowing(report, {}, {"count": limit}).layers if g.layers == ("one",)]
    counts = [costcalc.Model(net.document, {"a": 19 - k}).report(str(path)).totals.count for k in range(1, 19)]
    assert group.removed == 1 + next(i for i, n in enumerate(counts) if n <= limit)


# -- networks at random


def at_random(seed: int) -> costcalc.Model:
    """A few layers that read, join, divide and shuffle each other's outputs, and a classifier that reads what is left."""
    source = random.Random(seed)
    channels = {"x0": source.choice([4, 6, 8, 12])}
    lines, read = [f"- conv: {{out: {channels['x0']}, kernel: 1, as: x0}}"], set()

    def add(kind: str, inputs: list[str], width: int, **attributes: int) -> None:
        name = f"x{len(channels)}"
        given = "".join(f", {key}: {value}" for key, value in attributes.items())
        lines.append(f"- {kind}: {{from: [{', '.join(inputs)}]{given}, as: {name}}}")
        channels[name] = width
        read.update(inputs)

    for _ in range(source.randint(2, 8)):
        x = source.choice(list(channels)[-3:])
        n, out, groups = channels[x], source.choice([4, 6, 8, 12]), source.choice([1, 1, 1, 2, 3, 4])
        alike = [name for name in channels if channels[name] == n and name != x]
        others = [name for name in channels if name != x]
        choice = source.randrange(9)
        if choice < 3:
            add("conv", [x], out, out=out, kernel=1, groups=1 if n % groups or out % groups else groups)
        elif choice == 3:
            add("depthwise", [x], 2 * n, kernel=3, multiplier=2)
        elif choice == 4:
            add("conv", [x], 2 * n, out=2 * n, groups=n, kernel=3)
        elif choice == 5 and alike:
            add(source.choice(["add", "mul"]), [x, source.choice(alike)], n)
        elif choice == 6 and others:
            y = source.choice(others)
            add("concat", [x, y], n + channels[y])
        elif choice == 7 and n % 2 == 0:
            add("split", [x], n // 2, parts=2, part=source.choice([1, 2]))
        elif choice == 8 and n % 2 == 0:
            add("channel_shuffle", [x], n, groups=2)
    unread = [name for name in channels if name not in read]
    if len(unread) > 1:
        lines.append(f"- concat: {{from: [{', '.join(unread)}]}}")
    return model("\n".join(lines) + "\n" + END, size=4)


@pytest.mark.parametrize("seed", range(60))
def test_any_network_can_lose_just_what_is_said(seed):
    """Every multiple of the step can be removed from a group, and nothing in between."""
    report = at_random(seed).report()
    for group, found in zip(groups_of(report.network), narrowing(report, {"madds": "3%"}, {}).layers, strict=True):
        assert tuple(group.layers) == found.layers
        fits = []
        for removed in range(1, group.filters):
            try:
                with_widths(report.network, {p: found.before[p] - removed * n for p, n in group.layers.items()})
            except KindError:
                continue
            fits.append(removed)
        if not group.fixed:
            assert fits == ([] if found.reason else list(range(found.step, group.filters, found.step)))
