"""Every kind as PyTorch has it: a module for a node, the executor's weights in it, and whole networks of such.

Importing this where PyTorch is missing skips the tests that do.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from costcalc.execute.work import Floats, Work
from costcalc.network import INPUT, Network

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[crosscheck]'")
nn, F = torch.nn, torch.nn.functional

EPSILON = 1e-3  # of the executor's batch norm
TOLERANCE = 1e-4  # of the largest value
BY_RANK = {
    "conv": (nn.Conv1d, nn.Conv2d, nn.Conv3d),
    "max_pool": (F.max_pool1d, F.max_pool2d, F.max_pool3d),
    "avg_pool": (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d),
    "adaptive_avg_pool": (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d),
    "adaptive_max_pool": (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d),
}


class Recording(Work):
    """Work that keeps a copy of what it made, in order."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.made: list[tuple[str, Floats]] = []

    def make(self, role: str, *shape: int) -> Floats:
        array = super().make(role, *shape)
        self.made.append((role, np.array(array)))
        return array


def assert_close(ours: Floats, theirs: Any, where: Any = "") -> None:
    """Equal to 1e-4 of the largest value; infinities and NaN in neither."""
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape, where
    assert ours.dtype == np.float32, where
    assert np.isfinite(theirs).all(), where
    scale = max(float(np.abs(theirs).max()), 1e-30)
    assert float(np.abs(ours - theirs).max()) <= TOLERANCE * scale, where


def axes(value: Any, rank: int) -> tuple[int, ...]:
    """One number for each axis, as PyTorch wants them."""
    return tuple(value) if isinstance(value, tuple) else (value,) * rank


def sides(padding: Any, sizes: tuple[int, ...], windows: list[int], strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """Before and after each axis; `same` as TensorFlow documents it: ceil(size / stride) outputs, an odd one after."""
    if padding == "valid":
        return [(0, 0)] * len(sizes)
    if padding == "same":
        needed = [
            max((-(-size // s) - 1) * s + w - size, 0) for size, w, s in zip(sizes, windows, strides, strict=True)
        ]
        return [(n // 2, n - n // 2) for n in needed]
    if isinstance(padding, tuple) and len(padding) == 2 * len(sizes):
        return list(zip(padding[::2], padding[1::2], strict=True))
    return [(p, p) for p in axes(padding, len(sizes))]


def pad(x: Any, pairs: list[tuple[int, int]], value: float = 0.0) -> Any:
    """F.pad, which wants the last axis first."""
    return F.pad(x, [n for pair in reversed(pairs) for n in pair], value=value)


class Conv(nn.Module):
    """Dense, grouped and depthwise convolution; PyTorch's own padding where it has such."""

    def __init__(self, a: Mapping[str, Any], channels: int, sizes: tuple[int, ...], out: int, groups: int) -> None:
        super().__init__()
        rank = len(sizes)
        kernel, stride, dilation = (axes(a[name], rank) for name in ("kernel", "stride", "dilation"))
        windows = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        self.pairs = sides(a["padding"], sizes, windows, stride)
        own: Any = 0
        if a["padding"] == "same" and set(stride) == {1} and all(k % 2 for k in kernel):
            own, self.pairs = "same", []
        elif all(before == after for before, after in self.pairs):
            own, self.pairs = [before for before, _ in self.pairs], []
        conv = BY_RANK["conv"][rank - 1]
        self.conv = conv(channels, out, kernel, stride, own, dilation, groups, bias=a["bias"])

    def forward(self, x: Any) -> Any:
        return self.conv(pad(x, self.pairs) if self.pairs else x)

    def take(self, weights: Any, biases: Any = None) -> None:
        self.conv.weight.copy_(weights.reshape(self.conv.weight.shape))
        if biases is not None:
            self.conv.bias.copy_(biases)


class Separable(nn.Module):
    """A depthwise convolution without biases, then a 1x1 one."""

    def __init__(self, a: Mapping[str, Any], channels: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        middle = channels * a["multiplier"]
        self.depthwise = Conv({**a, "bias": False}, channels, sizes, middle, channels)
        once = {"kernel": 1, "stride": 1, "dilation": 1, "padding": 0, "bias": a["bias"]}
        self.pointwise = Conv(once, middle, sizes, a["out"], 1)

    def forward(self, x: Any) -> Any:
        return self.pointwise(self.depthwise(x))

    def take(self, depthwise: Any, pointwise: Any, biases: Any = None) -> None:
        self.depthwise.take(depthwise)
        self.pointwise.take(pointwise, biases)


class Linear(nn.Linear):
    """nn.Linear keeps a row for each output, the executor a column."""

    def take(self, weights: Any, biases: Any = None) -> None:
        self.weight.copy_(weights.T)
        if biases is not None:
            self.bias.copy_(biases)


class BatchNorm(nn.Module):
    """Batch norm in evaluation, with or without its scale and its shift."""

    def __init__(self, a: Mapping[str, Any], channels: int, sequence: bool) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels)) if a["scale"] else None
        self.shift = nn.Parameter(torch.zeros(channels)) if a["shift"] else None
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.sequence = sequence

    def forward(self, x: Any) -> Any:
        x = x.transpose(1, 2) if self.sequence else x
        y = F.batch_norm(x, self.mean, self.variance, self.scale, self.shift, training=False, eps=EPSILON)
        return y.transpose(1, 2) if self.sequence else y

    def take(self, mean: Any, variance: Any, *learned: Any) -> None:
        self.mean.copy_(mean)
        self.variance.copy_(variance.abs())
        for parameter, values in zip([p for p in (self.scale, self.shift) if p is not None], learned, strict=True):
            parameter.copy_(values)


class Function(nn.Module):
    """What has no parameters."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *xs: Any) -> Any:
        return self.function(*xs)

    def take(self) -> None:
        """There is nothing to take."""


def _pool(kind: str, a: Mapping[str, Any], sizes: tuple[int, ...]) -> Callable[[Any], Any]:
    rank = len(sizes)
    kernel = axes(a["kernel"], rank)
    stride = axes(a.get("stride") or a["kernel"], rank)
    pairs = sides(a["padding"], sizes, list(kernel), stride)
    pool = BY_RANK[kind][rank - 1]
    more = {"ceil_mode": a["ceil_mode"]}
    if all(before == after <= k // 2 for (before, after), k in zip(pairs, kernel, strict=True)):
        if kind == "avg_pool":
            more["count_include_pad"] = a["count_include_pad"]
        return lambda x: pool(x, kernel, stride, tuple(before for before, _ in pairs), **more)
    if a["ceil_mode"]:
        raise NotImplementedError("PyTorch rounds up with symmetric padding only")
    if kind == "max_pool":
        return lambda x: pool(pad(x, pairs, -np.inf), kernel, stride)
    if a["count_include_pad"]:
        return lambda x: pool(pad(x, pairs), kernel, stride)
    return lambda x: pool(pad(x, pairs), kernel, stride) / pool(pad(torch.ones_like(x), pairs), kernel, stride)


def _reduced(kind: str, a: Mapping[str, Any], sequence: bool) -> Callable[[Any], Any]:
    def reduce(x: Any) -> Any:
        over = (1,) if sequence else tuple(range(2, x.ndim))
        if kind == "global_avg_pool":
            return x.mean(over, keepdim=a["keep_axes"])
        return x.amax(over, keepdim=a["keep_axes"])

    return reduce


def _upsample(a: Mapping[str, Any], sizes: tuple[int, ...]) -> Callable[[Any], Any]:
    size = a.get("size")
    if size is None:
        size = tuple(n * s for n, s in zip(sizes, axes(a["scale"], len(sizes)), strict=True))
    aligned = {} if a["mode"] == "nearest" else {"align_corners": False}
    return lambda x: F.interpolate(x, size=axes(size, len(sizes)), mode=a["mode"], **aligned)


def _mul(*xs: Any) -> Any:
    """Vectors gain the axes of the map, or that of the tokens, which is told by where the channels are."""
    whole, *gates = sorted(xs, key=lambda x: (-x.numel(), -x.ndim))
    for x in gates:
        if x.ndim < whole.ndim:
            tokens = whole.ndim == 3 and x.shape[1] != whole.shape[1]
            x = x[:, None] if tokens else x.reshape(*x.shape, *[1] * (whole.ndim - 2))
        whole = whole * x
    return whole


def _shuffle(groups: int, sequence: bool) -> Callable[[Any], Any]:
    def shuffle(x: Any) -> Any:
        if sequence:
            return F.channel_shuffle(x.transpose(1, 2), groups).transpose(1, 2)
        return F.channel_shuffle(x[:, :, None], groups)[:, :, 0] if x.ndim == 2 else F.channel_shuffle(x, groups)

    return shuffle


def _split(a: Mapping[str, Any], channels: int, axis: int) -> Callable[[Any], Any]:
    parts = list(a["sizes"]) if a.get("sizes") else channels // a["parts"]
    return lambda x: torch.split(x, parts, axis)[a["part"] - 1]


ELEMENTWISE: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "relu": lambda _: F.relu,
    "relu6": lambda _: F.relu6,
    "sigmoid": lambda _: torch.sigmoid,
    "hard_sigmoid": lambda _: F.hardsigmoid,
    "hard_swish": lambda _: F.hardswish,
    "swish": lambda _: F.silu,
    "silu": lambda _: F.silu,
    "tanh": lambda _: torch.tanh,
    "gelu": lambda a: lambda x: F.gelu(x, approximate=a["approximate"]),
    "dropout": lambda a: lambda x: F.dropout(x, float(a["rate"]), training=False),
    "flatten": lambda _: lambda x: torch.flatten(x, 1),
    "reshape": lambda a: lambda x: x.reshape(len(x), *((a["tokens"], -1) if a.get("tokens") else a["to"])),
    "add": lambda _: lambda x, *others: sum(others, x),
    "mul": lambda _: _mul,
}


MODULES: dict[str, Callable[[Mapping[str, Any], tuple[int, ...], bool], Any]] = {}  # of the families beside this file


def modules(*kinds: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers what makes the module of these kinds of its attributes, and the first input's sizes and form.

    The module has `take`, with what the executor makes, in order; NotImplementedError is for what PyTorch has not.
    """

    def register(make: Callable[..., Any]) -> Callable[..., Any]:
        MODULES.update(dict.fromkeys(kinds, make))
        return make

    return register


def module(kind: str, a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool = False) -> Any:
    """The module of a node: its kind and attributes, and the sizes of a sample of its first input."""
    if kind in MODULES:
        return MODULES[kind](a, dims, sequence)
    channels, sizes = (dims[-1], dims[:-1]) if sequence else (dims[0], dims[1:])
    axis = len(dims) if sequence else 1
    if kind in ("conv", "depthwise"):
        depth = kind == "depthwise"
        out, groups = (channels * a["multiplier"], channels) if depth else (a["out"], a["groups"])
        return Conv(a, channels, sizes, out, groups)
    if kind == "separable":
        return Separable(a, channels, sizes)
    if kind == "linear":
        return Linear(channels, a["out"], bias=a["bias"])
    if kind == "batch_norm":
        return BatchNorm(a, channels, sequence)
    if kind in ELEMENTWISE:
        return Function(ELEMENTWISE[kind](a))
    functions: dict[str, Callable[[], Callable[..., Any]]] = {
        "max_pool": lambda: _pool(kind, a, sizes),
        "avg_pool": lambda: _pool(kind, a, sizes),
        "adaptive_avg_pool": lambda: lambda x: BY_RANK[kind][len(sizes) - 1](x, axes(a["out"], len(sizes))),
        "adaptive_max_pool": lambda: lambda x: BY_RANK[kind][len(sizes) - 1](x, axes(a["out"], len(sizes))),
        "global_avg_pool": lambda: _reduced(kind, a, sequence),
        "global_max_pool": lambda: _reduced(kind, a, sequence),
        "upsample": lambda: _upsample(a, sizes),
        "softmax": lambda: lambda x: torch.softmax(x, axis),
        "concat": lambda: lambda *xs: torch.cat(xs, axis),
        "channel_shuffle": lambda: _shuffle(a["groups"], sequence),
        "split": lambda: _split(a, channels, axis),
    }
    return Function(functions[kind]())


def load(target: Any, made: list[tuple[str, Floats]]) -> None:
    """Puts what the executor made, in the order in which it made it, into a module."""
    with torch.no_grad():
        target.take(*(torch.from_numpy(array) for _, array in made))


class Built(nn.Module):
    """A network as PyTorch runs it: one module a node, and where each reads."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.nodes, self.outputs = network.nodes, network.outputs
        read = [network.shapes[node.inputs[0]] for node in network.nodes]
        self.steps = nn.ModuleList(
            module(node.kind, node.attributes, x.dims, x.sequence) for node, x in zip(network.nodes, read, strict=True)
        )

    def tensors(self, x: Any) -> dict[str, Any]:
        """What every node computes, by path."""
        known = {INPUT: x}
        for node, step in zip(self.nodes, self.steps, strict=True):
            known[node.path] = step(*(known[name] for name in node.inputs))
        return known

    def forward(self, x: Any) -> Any:
        known = self.tensors(x)
        return [known[name] for name in self.outputs]


for _file in sorted(Path(__file__).parent.glob("torch_*.py")):
    if _file.stem != "torch_kinds":
        importlib.import_module(f"crosscheck.{_file.stem}")  # a family registers its modules
