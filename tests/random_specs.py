"""Specs made at random: every kind of layer, every operation of the expression language, structure that depends on
hyper-parameters. Many are no network; those that are make every rule meet numbers that its author did not think of.
"""

from __future__ import annotations

from random import Random

NAMES = {"alpha": "1", "width": "8", "resolution": "24", "n": "2", "shift": "0", "ratio": "0.5"}
DECLARED = """
  alpha: {default: 1, above: 0}
  width: {default: 8, at_least: 1}
  resolution: {default: 24, above: 0}
  n: {default: 2, at_least: 0}
  shift: 0
  ratio: {default: 0.5, choices: [0.25, 0.5, 0.75]}
  half: width/2
  wide: {default: false}
"""
ACTS = ("relu", "relu6", "sigmoid", "hard_swish", "swish", "tanh", "gelu", "softmax")


def number(rng: Random, depth: int = 2) -> str:
    """An expression that is a number."""
    if depth == 0 or rng.random() < 0.3:
        leaves = ["1", "2", "3", "8", "0.5", "1.25", *NAMES, "alpha", "width", "half", "in.channels"]
        return rng.choice(leaves)
    a, b = number(rng, depth - 1), number(rng, depth - 1)
    forms = [
        f"({a} + {b})", f"({a} - {b})", f"{a}*{b}", f"({a})/({b})", f"({a})//({b})", f"({a}) % ({b})",
        f"max({a}, {b})", f"min({a}, {b}, 40)", f"ceil({a})", f"floor({a})", f"round({a})", f"make_divisible({a})",
        f"make_divisible({a}, 4)", f"({a} if {condition(rng, depth - 1)} else {b})", f"8*({a})",
    ]  # fmt: skip
    return rng.choice(forms)


def condition(rng: Random, depth: int = 1) -> str:
    """An expression that is true or false."""
    a, b = number(rng, depth), number(rng, depth)
    forms = [f"({a}) {rng.choice(['<', '<=', '>', '>=', '==', '!='])} ({b})", "alpha > 0.6", "width >= 6", "n == 2"]
    return rng.choice([*forms, "wide", "not wide", "shift >= 0 and alpha < 2", "in.channels > 8 or n > 3"])


def whole(rng: Random) -> str:
    """An expression that is a positive whole number, mostly."""
    simple = ["floor(8*alpha)", "make_divisible(width*alpha, 4)", "width", "2*width", "round(6*alpha)", "in.channels"]
    if rng.random() < 0.6:
        return rng.choice([*simple, "8 + shift", "4*ceil(width*ratio)", "8", "in.channels + 2*width", "half*2"])
    return f"max({rng.randint(1, 4)}, {rng.choice(['floor', 'ceil', 'round', 'make_divisible'])}({number(rng)}))"


def layer(rng: Random, depth: int = 2) -> str:
    """A layer, or several, in the flow style of YAML."""
    common = f", only_if: '{condition(rng)}'" if rng.random() < 0.15 else ""
    out, k, s = f"'{whole(rng)}'", rng.choice([1, 3, 5, "n + 1"]), rng.choice([1, 1, 2, "n"])
    followers = rng.choice(["", f", norm: batch_norm, act: {rng.choice(ACTS)}"])
    padding = rng.choice(["", ", padding: valid", ", padding: 1", ", padding: [0, 1]", ", dilation: 2"])
    maps = [
        f"conv: {{out: {out}, kernel: {k}, stride: {s}{followers}{padding}{common}}}",
        f"conv: {{out: {out}, kernel: {k}, groups: {rng.choice([1, 2, 'in.channels', 'n'])}{followers}{common}}}",
        f"depthwise: {{kernel: {k}, stride: {s}, multiplier: {rng.choice([1, 2, 'n'])}{followers}{common}}}",
        f"separable: {{out: {out}, kernel: {k}, stride: {s}{padding}{common}}}",
        f"{rng.choice(['max_pool', 'avg_pool'])}: {{kernel: {rng.choice([2, 3])}, stride: {s}"
        f"{rng.choice(['', ', padding: 1', ', padding: valid'])}{rng.choice(['', ', ceil_mode: true'])}{common}}}",
        f"{rng.choice(['adaptive_avg_pool', 'adaptive_max_pool'])}: {{out: {rng.choice([3, 7, 'n', 'width'])}{common}}}",
        f"upsample: {{{rng.choice(['scale: 2', 'scale: n', 'size: resolution', 'size: 9, mode: bilinear'])}{common}}}",
        f"channel_shuffle: {{groups: {rng.choice([2, 'n'])}{common}}}",
        f"split: {{parts: 2, part: {rng.choice([1, 2])}{common}}}",
        f"{rng.choice(ACTS)}: {{}}", "batch_norm: {scale: false}", "dropout: {rate: ratio}",
    ]  # fmt: skip
    if rng.random() < 0.02:
        return f"opaque: {{op: nms{common}}}"
    if depth == 0 or rng.random() < 0.7:
        return rng.choice(maps)
    inner = ", ".join(f"{{{layer(rng, depth - 1)}}}" for _ in range(rng.randint(1, 2)))
    gate = "{global_avg_pool: {}}, {linear: {out: make_divisible(in.channels/4), act: relu}}, " \
           "{linear: {out: block.in.channels, act: sigmoid}}"  # fmt: skip
    nested = [
        f"residual: [{inner}]", f"concat: [[], [{{conv: {{out: {out}, kernel: 3}}}}]]", f"concat: [[{inner}], []]",
        f"repeat: {{n: {rng.choice([2, 'n', 'n + 1', 'floor(2*alpha)'])}, layers: [{inner}]}}",
        f"add: [[{{conv: {{out: {out}, kernel: 1}}}}], [{{conv: {{out: {out}, kernel: 3}}}}]]", "gated: {}",
        f"rows: {{columns: [c, s], data: [[8, 1], [{out}, {s}]], repeat: {rng.choice([1, 'n'])}, "
        "layers: [{conv: {out: floor(c*alpha), stride: s}}]}",
    ]  # fmt: skip
    return rng.choice([*nested, *([] if "linear" not in gate else nested[:2])])


HEADS = (
    "", "  - global_avg_pool\n  - linear: {out: 10}\n", "  - flatten\n  - linear: {out: width, bias: false}\n",
    "  - reshape: {tokens: in.height*in.width}\n  - linear: {out: 2*in.features, act: gelu}\n  - softmax\n",
    "  - global_max_pool: {keep_axes: true}\n  - conv: {out: 10}\n",
)  # fmt: skip


def spec(seed: int) -> str:
    """The text of a spec."""
    rng = Random(seed)
    entry = rng.choice(
        ["[3, resolution, resolution]", "[width, resolution, 17]", "[4, '2*resolution', 'resolution + 3']"]
    )
    layers = "".join(f"  - {layer(rng)}\n" for _ in range(rng.randint(2, 5))) + rng.choice(HEADS)
    used = (
        "  - conv: {out: 'max(8, floor(0*(alpha + width + resolution + n + shift + ratio + half)))', only_if: wide}\n"
    )
    block = "  gated: {layers: [{mul: [[], [{global_avg_pool: {}}, {linear: {out: 'make_divisible(in.channels/4)', " \
            "act: relu}}, {linear: {out: block.in.channels, act: sigmoid}}]]}]}\n"  # fmt: skip
    return f"costcalc: 1\nhyperparameters: {DECLARED}input: {entry}\nblocks:\n{block}layers:\n{used}{layers}"
