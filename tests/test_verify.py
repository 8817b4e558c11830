"""`verify` agrees where rules and kernels are right, and says no, at the right node, to each of many planted faults."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from bundle import multipliers, often, resolution, thoroughly
from networks import table

from costcalc.api import Model, load
from costcalc.census import Census
from costcalc.cli import main as cli_main
from costcalc.errors import Source, UsageError
from costcalc.execute.work import KERNELS, Work
from costcalc.kinds import REGISTRY
from costcalc.kinds.pooling import reduced
from costcalc.number import ceil_div
from costcalc.shape import Shape
from costcalc.spec import bundled, parse_document
from costcalc.verify import verify

SMALL = """
costcalc: 1
name: one of each
input: [6, 17, 13]
layers:
  - conv: {out: 8, kernel: [5, 3], stride: [2, 1], padding: [1, 2, 0, 1], dilation: 2, groups: 2, bias: true}
  - batch_norm
  - hard_swish
  - residual:
      - depthwise: {kernel: 3, bias: false}
      - relu
  - max_pool: {kernel: 3, stride: 2, padding: valid, ceil_mode: true}
  - separable: {out: 12, kernel: 3, as: pair}
  - mul:
      - []
      - - global_avg_pool: {as: squeeze}
        - linear: {out: 12, as: excite}
        - sigmoid
    as: se
  - adaptive_avg_pool: {out: [3, 2]}
  - flatten
  - linear: {out: 5, bias: false, as: classify}
  - softmax
"""


def small() -> Model:
    """The network in which faults are planted."""
    return Model(parse_document(Source("small.yaml", SMALL)), {})


WAYS = [("0.25", 97, 3), ("1", 224, 1), ("0.5", 131, 1), ("0.75", 96, 3), ("1.4", 160, 1)]
AGREEING = [(name, *way) for name in multipliers() for way in (WAYS if thoroughly(name) else WAYS[:1])]


@pytest.mark.parametrize(("name", "width", "size", "batch"), AGREEING)
def test_every_bundled_network_agrees(name: str, width: str, size: int, batch: int) -> None:
    alpha = {multipliers()[name]: width}
    if alpha == {"scale": "0.75"}:
        alpha = {"scale": "1.5"}
    found = load(name, resolution=resolution(name, size), **alpha).verify(batch)
    assert found.first is None, found.first.differences
    assert found.agreed
    assert found.predicted_peak == found.executed_peak > 0


def test_the_small_network_agrees() -> None:
    for batch in (1, 2):
        assert small().verify(batch).agreed


@pytest.mark.parametrize(("input_", "layer"), [
    ("{tokens: 50, features: 32}", "window_attention: {heads: 2, window: 7}"),
    ("[4, 1, 1]", "window_attention: {heads: 2, window: 3}"),
    ("[1, 3, 4]", "winograd_conv: {out: 1, tile: 2}"),
    ("[2, 1, 1]", "winograd_conv: {out: 4, tile: 4}"),
    ("[4, 1, 1]", "to_tokens"),
    ("[1, 4, 4]", "to_tokens"),
    ("{tokens: 4, features: 1}", "to_map: {size: [2, 2]}"),
    ("[1, 4, 6]", "pixel_unshuffle: {factor: 2}\n  - flatten"),
    ("{tokens: 1, features: 5}", "class_token: {number: 3}\n  - flatten"),
])  # fmt: skip
def test_new_memory_is_new(input_: str, layer: str) -> None:
    """Also where the elements already lie in their order, so that one could do without a copy; what follows is a view."""
    text = f"costcalc: 1\ninput: {input_}\nlayers:\n  - {layer}\n"
    model = Model(parse_document(Source("new.yaml", text)), {})
    for batch, literal in ((1, False), (2, False), (1, True)):
        found = model.verify(batch, literal=literal)
        assert found.agreed and found.predicted_peak == found.executed_peak


@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize(("input_", "first", "elements"), [
    # the linear's 6x12 and a copy of 6x6 of them; in no other step are as many alive
    ("{tokens: 6, features: 2}", "linear: {out: 12}", 72 + 36),
    # a part of a map, and of a vector, is its input's memory: all 12x6, and the map before or the vector after
    ("[2, 6, 1]", "conv: {out: 12, kernel: 1}", 72 + 12),
    ("[2]", "linear: {out: 72}", 72 + 3),
])  # fmt: skip
def test_a_part_of_tokens_is_a_copy(input_: str, first: str, elements: int, literal: bool) -> None:
    text = (f"costcalc: 1\ninput: {input_}\nlayers:\n  - {first}\n  - split: {{parts: 2, part: 2, as: part}}\n"
            "  - flatten\n  - linear: {out: 3}\n")  # fmt: skip
    model = Model(parse_document(Source("split.yaml", text)), {})
    found, (row,) = model.verify(2, literal=literal), [row for row in model.report(batch=2).rows("node") if row.path == "part"]
    assert found.agreed and found.predicted_peak == found.executed_peak == 8 * elements
    copied = input_.startswith("{")
    assert row.activations == (2 * 36 if copied else 0)
    assert row.memory_access_bytes == (8 * (72 + 36) if copied else 0)


def census(name: str, fault: Callable[[Any, Shape, Shape, Census], Census]) -> Callable[[pytest.MonkeyPatch], None]:
    """Plants a fault in the census rule of a kind."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        cls = REGISTRY[name]
        right = cls.census
        patch.setattr(cls, "census", lambda self, x, y: fault(self, x, y, right(self, x, y)))

    return plant


def kernel(name: str, fault: Callable[[Work, Callable[[Work], Any]], Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Plants a fault in a kernel."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        right = KERNELS[name]
        patch.setitem(KERNELS, name, lambda work: fault(work, right))

    return plant


def scaled(counts: Census, numerator: int, denominator: int = 1) -> Census:
    return counts._replace(macs=counts.macs * numerator // denominator)


def floor_for_ceil(patch: pytest.MonkeyPatch) -> None:
    """A pool that rounds its output down in spite of ceil_mode."""
    cls = REGISTRY["max_pool"]
    right = cls.shape
    patch.setattr(cls, "shape", lambda self, x: right(cls({**vars(self), "ceil_mode": False}), x))


def stride_dropped(patch: pytest.MonkeyPatch) -> None:
    cls = REGISTRY["conv"]
    right = cls.shape
    patch.setattr(cls, "shape", lambda self, x: right(cls({**vars(self), "stride": 1}), x))


def wrong_padding(patch: pytest.MonkeyPatch) -> None:
    """The odd pixel of an asymmetric padding forgotten."""
    cls = REGISTRY["conv"]
    right = cls.shape
    patch.setattr(cls, "shape", lambda self, x: right(cls({**vars(self), "padding": 1}), x))


def skipped_bias(work: Work, right: Callable[[Work], Any]) -> Any:
    work.attributes = {**work.attributes, "bias": False}
    return right(work)


def one_tap_less(work: Work, right: Callable[[Work], Any]) -> Any:
    """A kernel that misses the last tap of its window, and tallies what it did."""
    work.attributes = {**work.attributes, "kernel": (3, 2)}
    return right(work)


def undilated(work: Work, right: Callable[[Work], Any]) -> Any:
    work.attributes = {**work.attributes, "dilation": 1}
    return right(work)


def no_average(work: Work, right: Callable[[Work], Any]) -> Any:
    y = right(work)
    del work.tally["divisions"]
    return y


def doubled(work: Work, right: Callable[[Work], Any]) -> Any:
    right(work)  # computed twice, as where two hooks fire for one layer
    return right(work)


def copied(work: Work, right: Callable[[Work], Any]) -> Any:
    work.own = False
    return right(work)


RULES = {
    "kernel squared": ("conv", census("conv", lambda k, x, y, c: scaled(c, 25, 15))),
    "groups forgotten": ("conv", census("conv", lambda k, x, y, c: scaled(c, k.groups))),
    "groups forgotten in the weights": ("conv", census("conv", lambda k, x, y, c: c._replace(weights=c.weights * 2))),
    "stride dropped": ("conv", stride_dropped),
    "padding of one side": ("conv", wrong_padding),
    "bias missing": ("conv", census("conv", lambda k, x, y, c: c._replace(biases=0))),
    "bias adds a channel, not an output": ("conv", census("conv", lambda k, x, y, c: c._replace(bias_adds=y.channels))),
    "input size for output size": (
        "conv",
        census("conv", lambda k, x, y, c: c._replace(macs=c.macs // y.positions * x.positions)),
    ),
    "dilation in the taps": ("conv", census("conv", lambda k, x, y, c: scaled(c, 9 * 5, 15))),
    "padding counted as valid": ("conv", census("conv", lambda k, x, y, c: c._replace(valid_macs=c.macs))),
    "depthwise as dense": ("depthwise", census("depthwise", lambda k, x, y, c: scaled(c, x.channels))),
    "floor for ceil": ("max_pool", floor_for_ceil),
    "k*k comparisons, not k*k - 1": (
        "max_pool",
        census("max_pool", lambda k, x, y, c: c._replace(comparisons=9 * y.size)),
    ),
    "the pair without its pointwise half": (
        "pair",
        census("separable", lambda k, x, y, c: c._replace(macs=9 * x.size)),
    ),
    "one addition more for a mean": (
        "se/squeeze",
        census("global_avg_pool", lambda k, x, y, c: c._replace(additions=x.size)),
    ),
    "bins that do not overlap": (
        "adaptive_avg_pool",
        census("adaptive_avg_pool", lambda k, x, y, c: reduced(False, x.size, y)),
    ),
    "no bias in a linear layer": ("se/excite", census("linear", lambda k, x, y, c: c._replace(biases=0))),
    "running statistics as parameters": (
        "batch_norm",
        census("batch_norm", lambda k, x, y, c: c._replace(norm_scales=3 * y.channels)),
    ),
    "batch norm without its shift": ("batch_norm", census("batch_norm", lambda k, x, y, c: c._replace(additions=0))),
    "hard swish without its product": (
        "hard_swish",
        census("hard_swish", lambda k, x, y, c: c._replace(multiplications=y.size)),
    ),
    "softmax without its maximum": ("softmax", census("softmax", lambda k, x, y, c: c._replace(comparisons=0))),
}
IN_KERNELS = {
    "kernel without its bias": ("conv", kernel("conv", skipped_bias)),
    "kernel that ignores dilation": ("conv", kernel("conv", undilated)),
    "kernel that misses a tap": ("depthwise", kernel("depthwise", one_tap_less)),
    "kernel that forgets to divide": ("se/squeeze", kernel("global_avg_pool", no_average)),
    "kernel that computes twice": ("relu", kernel("relu", doubled)),
    "kernel that transposes": ("max_pool", kernel("max_pool", lambda work, right: right(work).swapaxes(2, 3))),
}


@pytest.mark.parametrize("fault", sorted(RULES | IN_KERNELS))
def test_a_planted_fault_is_found_at_its_node(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path, plant = (RULES | IN_KERNELS)[fault]
    plant(monkeypatch)
    found = small().verify()
    assert not found.agreed
    assert found.first is not None
    assert found.first.path == path, found.first.differences


def test_an_array_kept_too_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An activation that does not overwrite its input: every count agrees, the peak of memory does not."""
    kernel("hard_swish", copied)(monkeypatch)
    found = Model(
        parse_document(Source("s.yaml", "costcalc: 1\ninput: [9, 9, 8]\nlayers: [hard_swish, relu]")), {}
    ).verify()
    assert found.first is None
    assert not found.agreed
    assert found.executed_peak == 2 * found.predicted_peak == 2 * 9 * 9 * 8 * 4


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["costcalc", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli_main()
    return int(caught.value.code or 0)


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "verify", "--all", "--resolution", "96", "--alpha", "0.5") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["agreed"] * len(bundled())
    assert run(monkeypatch, "verify", "mobilenet_v1", "--alpha", "0.75", "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "costcalc/verify/1"
    assert document["agreed"] is True
    assert document["nodes"][0]["executed"]["macs"] == document["nodes"][0]["predicted"]["macs"] == 8128512
    assert {p["status"] for p in document["published"]} == {"met", "erratum"}


def test_the_command_says_no(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    RULES["groups forgotten"][1](monkeypatch)
    assert run(monkeypatch, "verify", "shufflenet_v1", "--resolution", "64") == 3
    told = capsys.readouterr().out
    assert told.startswith("DISAGREED  ShuffleNet V1")
    assert "by M * N * D_F * D_F, executed" in told  # the formula shows what is missing: no groups in it
    assert "  stage1/1/expand (conv, shufflenet_v1:" in told
    first = next(line for line in told.splitlines() if "macs: predicted" in line)
    predicted, executed = (int(n) for n in re.findall(r"(?:predicted|executed) (\d+)", first))
    assert predicted == 3 * executed


def test_bad_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "verify") == 2
    assert "no spec to verify" in capsys.readouterr().err
    assert run(monkeypatch, "verify", "mobilenet_v1", "--resolution", "100000") == 2
    told = capsys.readouterr().err
    assert "GiB" in told and "resolution" in told
    unknown = Model(parse_document(Source("s.yaml", "costcalc: 1\ninput: [3, 9, 8]\nlayers: [opaque: {op: nms}]")), {})
    with pytest.raises(UsageError, match="cannot be verified"):
        unknown.verify()
    with pytest.raises(UsageError, match="float32"):
        verify(small().report(dtype="int8"))


def test_values_that_are_no_numbers_do_not_disturb_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Work, "make", _infinite(Work.make))
    with np.errstate(all="ignore"):
        assert small().verify(2).agreed


def _infinite(right: Callable[..., Any]) -> Callable[..., Any]:
    def make(work: Work, role: str, *shape: int) -> Any:
        made = right(work, role, *shape)
        made.flat[0], made.flat[-1] = np.inf, np.nan
        return made

    return make


def test_an_output_that_rounds_up_is_no_accident() -> None:
    """The pool of the small network has ceil_mode to good effect: without, it would be smaller."""
    pool = next(row for row in small().report().layers if row.path == "max_pool")
    assert pool.output is not None
    assert pool.output.spatial == tuple(ceil_div(n - 3, 2) + 1 for n in pool.inputs[0].spatial)
    assert any((n - 3) % 2 for n in pool.inputs[0].spatial)


@pytest.mark.parametrize("name", often(multipliers()))
def test_literally(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Scaled down, every network runs on scalars that count themselves."""
    smaller = table("LITERAL").get(name, ())
    assert run(monkeypatch, "verify", name, "--literal", "--shrink", "1/16", *smaller, "--format", "json") == 0
    nodes = json.loads(capsys.readouterr().out)["nodes"]
    assert all(node["predicted"] == node["executed"] == node["literal"] for node in nodes)
    assert sum(node["literal"].get("macs", 0) for node in nodes) > 20_000


def test_a_tally_that_is_wrong_is_found_literally(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule and kernel may share a slip; the scalars do not."""
    RULES["kernel squared"][1](monkeypatch)

    def slip(work: Work, right: Callable[[Work], Any]) -> Any:
        y = right(work)
        work.tally["macs"] = work.tally["macs"] * 25 // 15
        return y

    kernel("conv", slip)(monkeypatch)
    assert small().verify().agreed
    found = small().verify(literal=True)
    assert found.first is not None and found.first.path == "conv"
    assert found.first.literal != found.first.executed


@pytest.mark.parametrize("scale", ["0", "2", "-1/8", "x", "true"])
def test_scales_that_cannot_be(scale: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "verify", "mobilenet_v1", f"--scale={scale}") == 2
    assert "`--shrink`" in capsys.readouterr().err


def test_scaling() -> None:
    scaled = load("mobilenet_v2", alpha="1.4", resolution=97).scaled(1)
    assert scaled.network.hyperparameters == load("mobilenet_v2", alpha="1.4", resolution=97).network.hyperparameters
    assert load("shufflenet_v1").scaled(ceil_div(1, 1)).network.hyperparameters["scale"] == 1
    with pytest.raises(UsageError, match="cannot be scaled"):
        small().scaled(1)


def test_scaling_keeps_to_limits_and_leaves_words_alone() -> None:
    text = """costcalc: 1
hyperparameters:
  alpha: 1
  size: {default: 80, at_least: 7}
  width: 60
  colours: {default: gray, choices: [gray, rgb]}
input: [1 if colours == gray else 3, size, width]
layers: [conv: {out: 16*alpha}]
"""
    scaled = Model(parse_document(Source("s.yaml", text)), {}).scaled(Fraction(1, 16))
    assert scaled.network.hyperparameters == {"alpha": Fraction(1, 16), "size": 7, "width": 3, "colours": "gray"}


def test_settings_are_told_as_a_command_line_has_them(cli: Callable[..., Any]) -> None:
    run = cli("verify", "mobilenet_v3_small", "--resolution", "32", "--alpha", "0.25")
    assert run.code == 0 and "minimalistic false" in run.out
