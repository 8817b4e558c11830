"""Transposed convolutions as PyTorch has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crosscheck.torch_kinds import F, axes, modules, nn, sides

MODULES = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class Transposed(nn.Module):
    """PyTorch's module where the padding is symmetric; else all of the output, cropped, and a bias on what is left."""

    def __init__(self, a: Mapping[str, Any], channels: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        rank = len(sizes)
        kernel, stride, dilation, more = (
            axes(a[n], rank) for n in ("kernel", "stride", "dilation", "output_padding")
        )
        windows = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        self.outputs = None
        if a["padding"] == "same":
            self.outputs = [n * s for n, s in zip(sizes, stride, strict=True)]
            cut = [max(w - s, 0) for w, s in zip(windows, stride, strict=True)]
            self.pairs = [(n // 2, n - n // 2) for n in cut]
        else:
            self.pairs = sides(a["padding"], sizes, windows, stride)
        self.own = self.outputs is None and all(before == after for before, after in self.pairs)
        padding = [before for before, _ in self.pairs] if self.own else 0
        self.conv = MODULES[rank - 1](
            channels, a["out"], kernel, stride, padding, more, a["groups"], a["bias"], dilation
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        if self.own:
            return self.conv(x)
        bias = self.conv.bias
        y = self.conv(x) if bias is None else self.conv(x) - bias.reshape(-1, *[1] * (x.ndim - 2))
        for axis, (before, after) in enumerate(self.pairs, 2):
            size = self.outputs[axis - 2] if self.outputs else y.shape[axis] - before - after
            y = y.narrow(axis, before, min(size, y.shape[axis] - before))
            y = F.pad(y, [0, 0] * (y.ndim - 1 - axis) + [0, size - y.shape[axis]])
        return y if bias is None else y + bias.reshape(-1, *[1] * (x.ndim - 2))

    def take(self, weights: Any, biases: Any = None) -> None:
        self.conv.weight.copy_(weights.reshape(self.conv.weight.shape))
        if biases is not None:
            self.conv.bias.copy_(biases)


@modules("conv_transpose")
def _transposed(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Transposed(a, dims[0], dims[1:])
