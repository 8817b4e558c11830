"""Specs made at random: every kind of layer, every operation of the expression language, structure that depends on
hyper-parameters. Many are no network; those that are let every rule meet numbers that its author did not think of.
"""

from __future__ import annotations

from random import Random

NUMBERS = ("alpha", "width", "resolution", "n", "shift", "ratio")  # hyper-parameters, and `half`, which follows
CHOICES = ("0.25", "0.5", "0.75")
HEAD = f"""costcalc: 1
hyperparameters:
  alpha: {{default: 1, above: 0}}
  width: {{default: 8, at_least: 1}}
  resolution: {{default: 24, above: 0}}
  n: {{default: 2, at_least: 0}}
  shift: 0
  ratio: {{default: 0.5, choices: [{", ".join(CHOICES)}]}}
  half: width/2
  wide: {{default: false}}
blocks:
  gated:
    layers:
      - mul:
          - []
          - [global_avg_pool, linear: {{out: make_divisible(in.channels/4)}}, linear: {{out: block.in.channels}}, sigmoid]
"""
# uses every hyper-parameter, and is never there
USED = "  - conv: {out: 'floor(alpha + width + resolution + n + shift + ratio + half)', only_if: wide and alpha < 0}\n"
INPUTS = ("[3, resolution, resolution]", "[width, resolution, 17]", "[4, '2*resolution', 'resolution + 3']")
ACTS = ("relu", "relu6", "sigmoid", "hard_swish", "swish", "tanh", "gelu", "softmax")
TAILS = (
    "", "  - global_avg_pool\n  - linear: {out: 10}\n", "  - flatten\n  - linear: {out: width, bias: false}\n",
    "  - reshape: {tokens: in.height*in.width}\n  - linear: {out: 2*in.features, act: gelu}\n  - softmax\n",
    "  - global_max_pool: {keep_axes: true}\n  - conv: {out: 10}\n",
)  # fmt: skip


def number(rng: Random, depth: int = 2) -> str:
    """An expression that is a number."""
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(["1", "2", "3", "8", "0.5", "1.25", *NUMBERS, "alpha", "width", "half", "in.channels"])
    a, b = number(rng, depth - 1), number(rng, depth - 1)
    return rng.choice([
        f"({a} + {b})", f"({a} - {b})", f"{a}*{b}", f"({a})/({b})", f"({a})//({b})", f"({a}) % ({b})", f"8*({a})",
        f"max({a}, {b})", f"min({a}, {b}, 40)", f"ceil({a})", f"floor({a})", f"round({a})", f"make_divisible({a})",
        f"make_divisible({a}, 4)", f"({a} if {condition(rng, depth - 1)} else {b})",
    ])  # fmt: skip


def condition(rng: Random, depth: int = 1) -> str:
    """An expression that is true or false."""
    compared = f"({number(rng, depth)}) {rng.choice(['<', '<=', '>', '>=', '==', '!='])} ({number(rng, depth)})"
    fixed = [
        "alpha > 0.6",
        "width >= 6",
        "n == 2",
        "wide",
        "not wide",
        "shift >= 0 and alpha < 2",
        "in.height > 8 or n > 3",
    ]
    return rng.choice([compared, *fixed])


def whole(rng: Random) -> str:
    """An expression that is mostly a positive whole number."""
    if rng.random() < 0.4:
        return f"max({rng.randint(1, 4)}, {rng.choice(['floor', 'ceil', 'round', 'make_divisible'])}({number(rng)}))"
    return rng.choice([
        "floor(8*alpha)", "make_divisible(width*alpha, 4)", "width", "2*width", "round(6*alpha)", "in.channels", "8",
        "8 + shift", "4*ceil(width*ratio)", "in.channels + 2*width", "half*2", "ceil(8*alpha) - floor(7*alpha)",
    ])  # fmt: skip


def window(rng: Random) -> str:
    """A layer with a window, or what changes shapes, in YAML's flow style."""
    out, kernel, stride = f"'{whole(rng)}'", rng.choice(["1", "3", "5", "n + 1"]), rng.choice(["1", "1", "2", "n"])
    padding = rng.choice(["", ", padding: valid", ", padding: 1", ", padding: [0, 1]", ", dilation: 2"])
    follow = rng.choice(["", f", norm: batch_norm, act: {rng.choice(ACTS)}"])
    pooled = rng.choice([", padding: 1", ", padding: valid", ", ceil_mode: true", ""])
    there = f", only_if: '{condition(rng)}'" if rng.random() < 0.15 else ""
    return rng.choice([
        f"conv: {{out: {out}, kernel: {kernel}, stride: {stride}{follow}{padding}{there}}}",
        f"conv: {{out: {out}, kernel: {kernel}, groups: {rng.choice(['1', '2', 'in.channels', 'n'])}{follow}{there}}}",
        f"depthwise: {{kernel: {kernel}, stride: {stride}, multiplier: {rng.choice(['1', '2', 'n'])}{follow}{there}}}",
        f"separable: {{out: {out}, kernel: {kernel}, stride: {stride}{padding}{there}}}",
        f"{rng.choice(['max', 'avg'])}_pool: {{kernel: {rng.choice(['2', '3'])}, stride: {stride}{pooled}{there}}}",
        f"adaptive_{rng.choice(['max', 'avg'])}_pool: {{out: {rng.choice(['3', '7', 'n', 'width'])}{there}}}",
        f"upsample: {{{rng.choice(['scale: 2', 'scale: n', 'size: resolution', 'size: 9, mode: bilinear'])}{there}}}",
        f"channel_shuffle: {{groups: {rng.choice(['2', 'n'])}{there}}}", f"{rng.choice(ACTS)}: {{}}",
        f"split: {{parts: 2, part: {rng.choice(['1', '2'])}{there}}}", "batch_norm: {scale: false}",
        "dropout: {rate: ratio}", f"opaque: {{op: nms{there}}}" if rng.random() < 0.2 else "gated: {}",
    ])  # fmt: skip


def layer(rng: Random, depth: int = 2) -> str:
    """A layer, or a structure of several."""
    if depth == 0 or rng.random() < 0.7:
        return window(rng)
    inner = ", ".join(f"{{{layer(rng, depth - 1)}}}" for _ in range(rng.randint(1, 2)))
    out, times = f"'{whole(rng)}'", rng.choice(["2", "n", "n + 1", "floor(2*alpha)"])
    return rng.choice([
        f"residual: [{inner}]", f"concat: [[{inner}], []]", f"concat: [[], [{{conv: {{out: {out}, kernel: 3}}}}]]",
        f"repeat: {{n: {times}, layers: [{inner}]}}",
        f"add: [[{{conv: {{out: {out}, kernel: 1}}}}], [{{conv: {{out: {out}, kernel: 3}}}}]]",
        f"rows: {{columns: [c, s], data: [[8, 1], [{out}, 2]], repeat: {times}, layers: [{{conv: {{out: floor(c*alpha), stride: s}}}}]}}",
    ])  # fmt: skip


def spec(seed: int) -> str:
    """The text of a spec."""
    rng = Random(seed)
    layers = "".join(f"  - {layer(rng)}\n" for _ in range(rng.randint(2, 5)))
    return f"{HEAD}input: {rng.choice(INPUTS)}\nlayers:\n{USED}{layers}{rng.choice(TAILS)}"
