"""Ghost modules, mixed depthwise and octave convolutions, shifts and pixel shuffles of PyTorch's own operations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from crosscheck.torch_kinds import Conv, F, Function, axes, modules, nn, pad, torch

CONV = (F.conv1d, F.conv2d, F.conv3d)
POOL = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)


class Ghost(nn.Module):
    """As the authors write it: two convolutions, torch.cat, a slice."""

    def __init__(self, a: Mapping[str, Any], channels: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        first, self.out = math.ceil(a["out"] / a["ratio"]), a["out"]
        self.primary = Conv(a, channels, sizes, first, 1)
        self.cheap = None
        if a["ratio"] > 1:
            once = {"kernel": a["dw_kernel"], "stride": 1, "dilation": 1, "padding": "same", "bias": a["bias"]}
            self.cheap = Conv(once, first, sizes, first * (a["ratio"] - 1), first)

    def forward(self, x: Any) -> Any:
        first = self.primary(x)
        return torch.cat([first, self.cheap(first)], dim=1)[:, : self.out] if self.cheap else first

    def take(self, *made: Any) -> None:
        half = len(made) // 2 if self.cheap else len(made)
        self.primary.take(*made[:half])
        if self.cheap:
            self.cheap.take(*made[half:])


@modules("ghost")
def _ghost(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Ghost(a, dims[0], dims[1:])


class Mixed(nn.Module):
    """A depthwise convolution for each part of torch.split, and a bias."""

    def __init__(self, a: Mapping[str, Any], channels: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        each = channels // len(a["kernels"])
        self.parts = [channels - each * (len(a["kernels"]) - 1), *[each] * (len(a["kernels"]) - 1)]
        self.convs = nn.ModuleList(
            Conv({**a, "kernel": kernel, "bias": False}, part, sizes, part, part)
            for kernel, part in zip(a["kernels"], self.parts, strict=True)
        )
        self.bias = nn.Parameter(torch.zeros(channels, *[1] * len(sizes))) if a["bias"] else None

    def forward(self, x: Any) -> Any:
        y = torch.cat([conv(part) for conv, part in zip(self.convs, torch.split(x, self.parts, 1), strict=True)], 1)
        return y if self.bias is None else y + self.bias

    def take(self, *made: Any) -> None:
        for conv, weights in zip(self.convs, made, strict=False):
            conv.take(weights)
        if self.bias is not None:
            self.bias.copy_(made[-1].reshape(self.bias.shape))


@modules("mixed_depthwise")
def _mixed(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Mixed(a, dims[0], dims[1:])


@modules("shift")
def _shift(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    """A depthwise convolution by windows with a single 1 in them, as section 3 of the paper defines it."""
    rank = len(dims) - 1
    kernel, dilation = axes(a["kernel"], rank), axes(a["dilation"], rank)
    windows = torch.zeros(dims[0], 1, *kernel)
    taps = list(itertools.product(*map(range, kernel)))
    each = dims[0] // len(taps)
    for channel in range(dims[0]):
        tap = taps[channel // each] if each and channel // each < len(taps) else tuple(k // 2 for k in kernel)
        windows[(channel, 0, *tap)] = 1
    padding = [k // 2 * d for k, d in zip(kernel, dilation, strict=True)]
    return Function(lambda x: CONV[rank - 1](x, windows, None, 1, padding, dilation, dims[0]))


class Octave(nn.Module):
    """Convolutions of each frequency, F.avg_pool and F.interpolate between them."""

    def __init__(self, a: Mapping[str, Any], rank: int) -> None:
        super().__init__()
        self.a, self.rank, self.weights = a, rank, nn.ParameterList()
        self.bias = nn.Parameter(torch.zeros(a["out"], *[1] * rank)) if a["bias"] else None

    def convolved(self, x: Any, number: int) -> Any:
        kernel = axes(self.a["kernel"], self.rank)
        x = pad(x, [((k - 1) // 2, k // 2) for k in kernel])
        return CONV[self.rank - 1](x, self.weights[number])

    def forward(self, high: Any, low: Any = None) -> Any:
        pool = POOL[self.rank - 1]
        to_low = self.a["to"] == "low"
        if self.a["vanilla"]:
            whole = high if low is None else torch.cat([high, F.interpolate(low, scale_factor=2)], 1)
            y = self.convolved(whole, 0)
            y = pool(y, 2) if to_low else y
        else:
            y = self.convolved(pool(high, 2) if to_low else high, 0)
            if low is not None:
                other = self.convolved(low, 1)
                y = y + (other if to_low else F.interpolate(other, scale_factor=2))
        return y if self.bias is None else y + self.bias

    def take(self, *made: Any) -> None:
        if self.bias is not None:
            *made, biases = made
            self.bias.copy_(biases.reshape(self.bias.shape))
        for weights in made:
            self.weights.append(weights.reshape(self.a["out"], -1, *axes(self.a["kernel"], self.rank)))


@modules("octave_conv")
def _octave(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Octave(a, len(dims) - 1)


def _of_maps(function: Any, a: Mapping[str, Any], dims: tuple[int, ...]) -> Any:
    if len(dims) != 3:
        raise NotImplementedError("PyTorch shuffles the pixels of two axes")
    return Function(lambda x: function(x, a["factor"]))


@modules("pixel_shuffle")
def _pixel_shuffle(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return _of_maps(F.pixel_shuffle, a, dims)


@modules("pixel_unshuffle")
def _pixel_unshuffle(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return _of_maps(F.pixel_unshuffle, a, dims)
