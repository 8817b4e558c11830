"""Factors for each element as PyTorch has them, with the executor's constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crosscheck.torch_kinds import F, modules, nn, torch


class Factor(nn.Module):
    """F.prelu, which wants channels first, or a plain product and sum."""

    def __init__(self, prelu: bool, a: Mapping[str, Any], channels: int, sequence: bool) -> None:
        super().__init__()
        self.prelu, self.sequence = prelu, sequence
        self.factor = nn.Parameter(torch.ones(1 if a.get("shared") else channels))
        self.addend = nn.Parameter(torch.zeros(channels)) if a.get("bias") else None

    def forward(self, x: Any) -> Any:
        last = x if self.sequence else x.movedim(1, -1)
        if self.prelu:
            flat = last.reshape(-1, last.shape[-1])
            y = F.prelu(flat, self.factor).reshape(last.shape)
        else:
            y = last * self.factor if self.addend is None else last * self.factor + self.addend
        return y if self.sequence else y.movedim(-1, 1)

    def take(self, *learned: Any) -> None:
        for parameter, values in zip([p for p in (self.factor, self.addend) if p is not None], learned, strict=True):
            parameter.copy_(values.reshape(parameter.shape))


@modules("prelu", "scale")
def factor(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Factor("shared" in a, a, dims[-1] if sequence else dims[0], sequence)


class Leaky(nn.Module):
    """F.leaky_relu, which learns nothing."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: Any) -> Any:
        return F.leaky_relu(x, self.slope)

    def take(self) -> None:
        pass


@modules("leaky_relu")
def leaky(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Leaky(float(a["slope"]))
