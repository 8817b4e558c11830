"""Squeeze-and-excitation of PyTorch's own layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crosscheck.torch_kinds import ELEMENTWISE, modules, nn


class SqueezeExcite(nn.Module):
    """The mean over positions, two linear layers, the product."""

    def __init__(self, a: Mapping[str, Any], channels: int, sequence: bool) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, a["squeeze"], bias=a["bias"])
        self.excite = nn.Linear(a["squeeze"], channels, bias=a["bias"])
        self.act, self.gate = (ELEMENTWISE[a[name]]({"approximate": "none"}) for name in ("act", "gate"))
        self.sequence = sequence

    def forward(self, x: Any) -> Any:
        over = (1,) if self.sequence else tuple(range(2, x.ndim))
        factors = self.gate(self.excite(self.act(self.squeeze(x.mean(over)))))
        return x * (factors[:, None] if self.sequence else factors.reshape(*factors.shape, *[1] * len(over)))

    def take(self, *made: Any) -> None:
        layers = (self.squeeze, self.excite)
        weights, biases = (made[::2], made[1::2]) if self.squeeze.bias is not None else (made, ())
        for layer, values in zip(layers, weights, strict=True):
            layer.weight.copy_(values.T)
        for layer, values in zip(layers, biases, strict=False):
            layer.bias.copy_(values)


@modules("squeeze_excite")
def squeeze_excite(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return SqueezeExcite(a, dims[-1] if sequence else dims[0], sequence)
