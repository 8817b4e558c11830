"""Each kernel of the executor computes what PyTorch does, on random settings in which the sizes are all different."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from crosscheck.torch_kinds import MODULES, Recording, assert_close, axes, load, module, torch
from layers import layer

from costcalc.execute import kernels as _kernels  # noqa: F401 - registers them
from costcalc.execute.work import KERNELS, Tensor

SETTINGS = 200  # of each kind
Case = tuple[dict[str, Any], list[Tensor]]
CASES: dict[str, Callable[[random.Random, str], Case]] = {}


def cases(*kinds: str) -> Callable[[Callable[[random.Random, str], Case]], Callable[[random.Random, str], Case]]:
    """Registers what draws settings and inputs of these kinds."""

    def register(draw: Callable[[random.Random, str], Case]) -> Callable[[random.Random, str], Case]:
        CASES.update(dict.fromkeys(kinds, draw))
        return draw

    return register


def array(draw: random.Random, *shape: int) -> Any:
    """Values of both signs, some beyond where activations level off."""
    return np.random.default_rng(draw.getrandbits(32)).normal(0, 3, shape).astype(np.float32)


def different(draw: random.Random, *ranges: tuple[int, int]) -> list[int]:
    """A number of each range (ends included), no two the same."""
    while True:
        numbers = [draw.randint(*ends) for ends in ranges]
        if len(set(numbers)) == len(numbers):
            return numbers


def either(draw: random.Random, number: int, rank: int, low: int, high: int) -> Any:
    """A number for all axes, or one for each."""
    return number if draw.random() < 0.5 else (number, *(draw.randint(low, high) for _ in range(rank - 1)))


def sizes(draw: random.Random, rank: int, n: int, low: int) -> list[int]:
    """A size of at least `low` for each axis: all different, and none of them n."""
    return different(draw, (n, n), *[(low, low + {1: 40, 2: 14, 3: 5}[rank])] * rank)[1:]


def any_input(draw: random.Random, channels: int = 0) -> Tensor:
    """A map of 1 to 3 axes, a vector or tokens."""
    n, c, *spatial = different(draw, (1, 4), (2, 12), (3, 9), (3, 9), (3, 9))
    c = channels or c
    rank = draw.randint(-1, 3)
    if rank == -1:
        return Tensor(array(draw, n, spatial[0], c), True)
    return Tensor(array(draw, n, c, *spatial[:rank]))


@cases("conv", "depthwise", "separable")
def convolution(draw: random.Random, kind: str) -> Case:
    rank = draw.randint(1, 3)
    n = channels = out = 0
    while len({n, channels, out}) < 3:
        groups, kernel, stride, padding, dilation = different(draw, (1, 5), (1, 5), (1, 4), (0, 5), (1, 4))
        each, own, n = different(draw, (1, 4), (1, 4), (1, 4))
        channels, out = groups * each, groups * own
    a: dict[str, Any] = {
        "kernel": either(draw, kernel, rank, 1, 4),
        "stride": either(draw, stride, rank, 1, 4),
        "dilation": either(draw, dilation, rank, 1, 3),
        "bias": draw.random() < 0.5,
    }
    windows = [(k - 1) * d + 1 for k, d in zip(axes(a["kernel"], rank), axes(a["dilation"], rank), strict=True)]
    spatial = sizes(draw, rank, channels, max(*windows, 7))
    a["padding"] = draw.choice([
        "same", "valid", padding, either(draw, padding, rank, 0, 4), tuple(draw.randint(0, 4) for _ in range(2 * rank)),
    ])  # fmt: skip
    if kind == "conv":
        a |= {"out": out, "groups": groups}
    else:
        a |= {"multiplier": own} | ({"out": out} if kind == "separable" else {})
    return a, [Tensor(array(draw, n, channels, *spatial))]


@cases("max_pool", "avg_pool")
def pool(draw: random.Random, kind: str) -> Case:
    rank = draw.randint(1, 3)
    kernel, stride, n, channels = different(draw, (1, 5), (1, 5), (1, 4), (2, 7))
    a: dict[str, Any] = {"kernel": either(draw, kernel, rank, 1, 5), "ceil_mode": draw.random() < 0.5}
    if draw.random() < 0.8:
        a["stride"] = either(draw, stride, rank, 1, 5)
    windows = axes(a["kernel"], rank)
    whole = draw.choice(["valid", 0, tuple(draw.randint(0, k // 2) for k in windows)])  # PyTorch has no more
    uneven = draw.choice(["same", tuple(draw.randint(0, k - 1) for k in windows for _ in "ab")])
    a["padding"] = whole if a["ceil_mode"] else draw.choice([whole, uneven])
    if kind == "avg_pool":
        a["count_include_pad"] = draw.random() < 0.5
    spatial = sizes(draw, rank, channels, 8)
    if a["ceil_mode"] and draw.random() < 0.3 and (kind, rank) != ("avg_pool", 3):  # less than a stride too small; PyTorch has no such mean
        a["padding"], steps = "valid", axes(a.get("stride", a["kernel"]), rank)
        spatial = [max(1, k - draw.randint(0, s - 1)) for k, s in zip(windows, steps, strict=True)]
    return a, [Tensor(array(draw, n, channels, *spatial))]


@cases("adaptive_avg_pool", "adaptive_max_pool")
def adaptive(draw: random.Random, kind: str) -> Case:
    rank = draw.randint(1, 3)
    bins, n, channels, *spatial = different(draw, (1, 9), (1, 4), (2, 7), *[(3, 12)] * rank)
    return {"out": either(draw, bins, rank, 1, 9)}, [Tensor(array(draw, n, channels, *spatial))]


@cases("global_avg_pool", "global_max_pool")
def whole(draw: random.Random, kind: str) -> Case:
    x = any_input(draw)
    while x.array.ndim == 2:
        x = any_input(draw)
    return {"keep_axes": draw.random() < 0.5}, [x]


@cases("batch_norm")
def norm(draw: random.Random, kind: str) -> Case:
    return {"scale": draw.random() < 0.7, "shift": draw.random() < 0.7}, [any_input(draw)]


@cases("relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "silu", "tanh", "softmax", "flatten")
def plain(draw: random.Random, kind: str) -> Case:
    return {}, [any_input(draw)]


@cases("gelu")
def gelu(draw: random.Random, kind: str) -> Case:
    return {"approximate": draw.choice(["none", "tanh"])}, [any_input(draw)]


@cases("dropout")
def dropout(draw: random.Random, kind: str) -> Case:
    return {"rate": draw.choice([0, 1, 0.5])}, [any_input(draw)]


@cases("linear")
def linear(draw: random.Random, kind: str) -> Case:
    n, tokens, features, out = different(draw, (1, 5), (2, 9), (2, 40), (1, 40))
    x = Tensor(array(draw, n, tokens, features), True) if draw.random() < 0.5 else Tensor(array(draw, n, features))
    return {"out": out, "bias": draw.random() < 0.5}, [x]


@cases("channel_shuffle")
def shuffle(draw: random.Random, kind: str) -> Case:
    groups, each = different(draw, (1, 5), (1, 5))
    return {"groups": groups}, [any_input(draw, groups * each)]


@cases("split")
def split(draw: random.Random, kind: str) -> Case:
    parts = draw.randint(2, 5)
    if draw.random() < 0.5:
        return {"parts": parts, "part": draw.randint(1, parts)}, [any_input(draw, parts * draw.randint(1, 4))]
    each = tuple(draw.randint(1, 5) for _ in range(parts))
    return {"sizes": each, "part": draw.randint(1, parts)}, [any_input(draw, sum(each))]


@cases("reshape")
def reshape(draw: random.Random, kind: str) -> Case:
    n, c, h, w = different(draw, (1, 4), (2, 9), (2, 9), (2, 9))
    a = draw.choice([{"to": (w, c, h)}, {"to": (h * w, c)}, {"to": (c * h * w,)}, {"tokens": h}, {"tokens": c * w}])
    return a, [Tensor(array(draw, n, c, h, w))]


@cases("upsample")
def upsample(draw: random.Random, kind: str) -> Case:
    rank = draw.randint(1, 3)
    n, channels, scale, *spatial = different(draw, (1, 4), (2, 5), (1, 4), *[(2, 9)] * rank)
    mode = draw.choice(["nearest", {1: "linear", 2: "bilinear", 3: "trilinear"}[rank]])
    large = {"scale": either(draw, scale, rank, 1, 3)} if draw.random() < 0.5 else {"size": draw.randint(1, 17)}
    return {"mode": mode, **large}, [Tensor(array(draw, n, channels, *spatial))]


@cases("add", "concat")
def join(draw: random.Random, kind: str) -> Case:
    x = any_input(draw)
    inputs = [x]
    for _ in range(draw.randint(1, 3)):
        shape = list(x.array.shape)
        if kind == "concat":
            shape[x.channels] = draw.randint(1, 9)
        inputs.append(Tensor(array(draw, *shape), x.sequence))
    return {}, inputs


@cases("mul")
def gates(draw: random.Random, kind: str) -> Case:
    """A map or tokens, and gates: of the same sizes, vectors, or maps of size 1; in any order."""
    n, channels, *spatial = different(draw, (1, 4), (2, 12), (3, 9), (3, 9), (3, 9))
    rank = draw.randint(-1, 3)
    x = any_input(draw, channels) if rank == 0 else None
    if rank == -1:
        whole, ones, sequence = (n, spatial[0], channels), (n, 1, channels), True
    else:
        whole, ones, sequence = (n, channels, *spatial[:rank]), (n, channels, *[1] * rank), False
    inputs = [Tensor(array(draw, *whole), sequence)] if x is None else [x]
    shapes = [whole, ones, (n, channels)] if x is None else [x.array.shape]
    for shape in draw.choices(shapes, k=draw.randint(1, 3)):
        inputs.append(Tensor(array(draw, *shape), inputs[0].sequence and len(shape) == 3))
    draw.shuffle(inputs)
    return {}, inputs


def drawn(draw: random.Random, kind: str) -> Case:
    """A layer of a family that has its own file, as the other tests draw it."""
    while True:
        found = layer(kind, draw.getrandbits(32))
        if found is not None and sum(found.census[:8]) <= 100_000:
            return found.attributes, [Tensor(array(draw, found.batch, *x.dims), x.sequence) for x in found.inputs]


cases(*MODULES)(drawn)


def test_every_kernel_is_compared() -> None:
    assert set(CASES) == set(KERNELS)


@pytest.mark.parametrize("kind", sorted(KERNELS))
def test_a_kernel_computes_what_pytorch_does(kind: str) -> None:
    draw, compared = random.Random(f"{kind} 1"), 0
    for number in range(SETTINGS):
        a, inputs = CASES[kind](draw, kind)
        where = (number, a, [x.array.shape for x in inputs], [x.sequence for x in inputs])
        first = next((x for x in inputs if x.sequence), inputs[0])
        try:
            theirs = module(kind, a, first.array.shape[1:], first.sequence)
        except NotImplementedError:  # PyTorch has nothing like these settings
            continue
        compared += 1
        before = [torch.from_numpy(x.array.copy()) for x in inputs]
        work = Recording(inputs, a, np.random.default_rng(number), draw.random() < 0.5)
        ours = KERNELS[kind](work)
        load(theirs, work.made)
        with torch.inference_mode():
            assert_close(ours, theirs(*before), where)
        if not work.own:
            assert all(np.array_equal(x.array, old) for x, old in zip(inputs, before, strict=True)), where
        made = sum(parameter.numel() for parameter in theirs.parameters())
        assert made == sum(work.parameters.values()) - work.parameters["buffers"], where
    assert compared >= SETTINGS // 4


def test_far_values_level_off() -> None:
    """Beyond where exp overflows in float32, activations still agree with PyTorch."""
    values = np.array([[-1e4, -200, -89, -45, -9, -1e-6, 0, 1e-6, 9, 45, 89, 200, 1e4]], np.float32)
    for kind in ("relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "silu", "tanh", "gelu", "softmax"):
        for approximate in ("none", "tanh"):
            a = {"approximate": approximate}
            ours = KERNELS[kind](Recording([Tensor(values.copy())], a, np.random.default_rng(0), False))
            theirs = module(kind, a, values.shape[1:])(torch.from_numpy(values))
            assert np.allclose(ours, theirs.numpy(), rtol=1e-4, atol=1e-6), kind
