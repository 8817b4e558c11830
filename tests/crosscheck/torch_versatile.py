"""Versatile filters as PyTorch has them: each sub-filter a convolution of its own with a slice of the primary filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crosscheck.torch_kinds import F, axes, modules, nn, pad, sides, torch


class Weights(nn.Module):
    """What a convolution keeps."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))


class Versatile(nn.Module):
    """Nothing is shared: what is shared gives the same values. Slices are taken as in the released code."""

    def __init__(self, a: Mapping[str, Any], channels: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.a, self.side = a, a["kernel"]
        self.width = a.get("window", channels)
        self.boxes = (self.side + 1) // 2 if a["spatial"] else 1
        self.number = (channels - self.width) // a["channel_stride"] + 1
        each = self.boxes * self.number
        primaries, left = divmod(a["out"], each)
        plain = left if primaries == 0 or a["remainder"] == "remainder_standard" else 0
        if left and not plain and a["remainder"] == "ceil_truncate":
            primaries += 1
        self.kept = primaries * each if a["remainder"] == "floor" else a["out"] - plain
        self.strides, self.gaps = axes(a["stride"], 2), axes(a["dilation"], 2)
        self.pairs = sides(a["padding"], sizes, [(self.side - 1) * gap + 1 for gap in self.gaps], self.strides)
        self.conv = Weights(primaries, channels, self.side, self.side)
        self.plain = Weights(plain, channels, self.side, self.side)
        self.bias = nn.Parameter(torch.zeros(self.kept + plain)) if a["bias"] else None

    def forward(self, x: Any) -> Any:
        x, weight, found = pad(x, self.pairs), self.conv.weight, []
        if len(weight):
            for box in range(self.boxes):
                for window in range(self.number):
                    left = self.kept - sum(y.shape[1] for y in found)
                    if left > 0:
                        found.append(self._sub(x, weight[:left], box, window))
        if len(self.plain.weight):
            found.append(F.conv2d(x, self.plain.weight, None, self.strides, 0, self.gaps))
        y = torch.cat(found, 1)
        return y if self.bias is None else y + self.bias[:, None, None]

    def _sub(self, x: Any, weight: Any, box: int, window: int) -> Any:
        first, inner = window * self.a["channel_stride"], slice(box, self.side - box)
        of = 0 if self.a["variant"] == "sliding" else first
        rows, columns = (slice(box * gap, size - box * gap) for gap, size in zip(self.gaps, x.shape[2:], strict=True))
        part = weight[:, of : of + self.width, inner, inner]
        return F.conv2d(x[:, first : first + self.width, rows, columns], part, None, self.strides, 0, self.gaps)

    def take(self, filters: Any, *others: Any) -> None:
        others = list(others)
        self.conv.weight.copy_(filters[0])
        if len(self.plain.weight):
            self.plain.weight.copy_(others.pop(0)[0])
        if self.bias is not None:
            self.bias.copy_(others.pop(0))


@modules("versatile")
def _versatile(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Versatile(a, dims[0], dims[1:])
