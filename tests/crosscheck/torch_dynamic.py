"""Deformable convolutions by F.grid_sample, involutions by F.unfold."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from crosscheck.torch_kinds import BatchNorm, Conv, F, axes, modules, nn, sides, torch


class Deformable(nn.Module):
    """Each tap of each offset group is one sampled map; all of them make a 1x1 convolution."""

    def __init__(self, a: Mapping[str, Any], channels: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.a, self.kernel, self.sets = a, axes(a["kernel"], 2), a["offset_groups"]
        self.stride, self.dilation = axes(a["stride"], 2), axes(a["dilation"], 2)
        self.taps = self.kernel[0] * self.kernel[1]
        numbers = (3 if a["modulated"] else 2) * self.taps * self.sets
        self.offsets = Conv({**a, "bias": True}, channels, sizes, numbers, 1)
        windows = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        self.before = [before for before, _ in sides(a["padding"], sizes, windows, self.stride)]
        self.weight = nn.Parameter(torch.zeros(a["out"], channels // a["groups"], self.taps))
        self.bias = nn.Parameter(torch.zeros(a["out"])) if a["bias"] else None

    def forward(self, x: Any) -> Any:
        made = self.offsets(x)
        factors = torch.sigmoid(made[:, 2 * self.taps * self.sets :])
        parts = [self.sampled(part, made, factors, g) for g, part in enumerate(x.chunk(self.sets, 1))]
        seen = torch.cat(parts, 1).flatten(1, 2)  # the taps of a channel one after the other
        weight = self.weight.flatten(1)[:, :, None, None]
        return F.conv2d(seen, weight, self.bias, groups=self.a["groups"])

    def sampled(self, x: Any, made: Any, factors: Any, g: int) -> Any:
        """(N, channels, taps, *outputs) of one offset group."""
        x = F.pad(x, (1, 1, 1, 1))
        (height, width), outputs = x.shape[2:], made.shape[2:]
        found = []
        for tap, where in enumerate(itertools.product(*map(range, self.kernel))):
            rows, columns = (
                torch.arange(o) * s - before + t * d + 1
                for o, s, before, t, d in zip(outputs, self.stride, self.before, where, self.dilation, strict=True)
            )
            first = 2 * (g * self.taps + tap)
            down, right = made[:, first] + rows[:, None], made[:, first + 1] + columns
            grid = torch.stack([2 * right / (width - 1) - 1, 2 * down / (height - 1) - 1], dim=-1)
            seen = F.grid_sample(x, grid, padding_mode="zeros", align_corners=True)
            found.append(seen * factors[:, None, g * self.taps + tap] if self.a["modulated"] else seen)
        return torch.stack(found, dim=2)

    def take(self, weights: Any, biases: Any, main: Any, bias: Any = None) -> None:
        self.offsets.take(weights, biases)
        self.weight.copy_(main.reshape(self.weight.shape))
        if bias is not None:
            self.bias.copy_(bias)


@modules("deformable_conv")
def _deformable(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Deformable(a, dims[0], dims[1:])


class Involution(nn.Module):
    """As the authors write it: F.unfold, times the factors, summed."""

    def __init__(self, a: Mapping[str, Any], channels: int) -> None:
        super().__init__()
        self.a, self.kernel, self.stride = a, axes(a["kernel"], 2), axes(a["stride"], 2)
        self.taps, reduced = self.kernel[0] * self.kernel[1], channels // a["reduction"]
        self.reduce = nn.Conv2d(channels, reduced, 1, bias=False)
        self.norm = BatchNorm({"scale": True, "shift": True}, reduced, False)
        self.span = nn.Conv2d(reduced, self.taps * a["groups"], 1)

    def forward(self, x: Any) -> Any:
        n, channels = x.shape[:2]
        made = self.span(F.relu(self.norm(self.reduce(F.avg_pool2d(x, self.stride, self.stride)))))
        padding = [(k - 1) // 2 for k in self.kernel]
        seen = F.unfold(x, self.kernel, padding=padding, stride=self.stride)
        seen = seen.reshape(n, self.a["groups"], channels // self.a["groups"], self.taps, *made.shape[2:])
        made = made.reshape(n, self.a["groups"], 1, self.taps, *made.shape[2:])
        return (seen * made).sum(3).reshape(n, channels, *made.shape[4:])

    def take(self, reduce: Any, mean: Any, variance: Any, scale: Any, shift: Any, span: Any, biases: Any) -> None:
        self.reduce.weight.copy_(reduce.reshape(self.reduce.weight.shape))
        self.norm.take(mean, variance, scale, shift)
        self.span.weight.copy_(span.reshape(self.span.weight.shape))
        self.span.bias.copy_(biases)


@modules("involution")
def _involution(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    if len(dims) != 3:
        raise NotImplementedError("F.unfold is for two axes")
    return Involution(a, dims[0])
