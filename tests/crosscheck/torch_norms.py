"""Norms as PyTorch has them, with the executor's constants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from crosscheck.torch_kinds import F, modules, nn, torch

EPSILON = 1e-5


class Norm(nn.Module):
    """A norm with or without its scale and its shift, on channels-first or tokens."""

    def __init__(self, kind: str, a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> None:
        super().__init__()
        self.kind, self.a, self.dims, self.sequence = kind, a, dims, sequence
        whole = a.get("over") == "all"
        shape = dims if whole else (dims[-1] if sequence else dims[0],)
        self.scale = nn.Parameter(torch.ones(shape)) if a["scale"] else None
        self.shift = nn.Parameter(torch.zeros(shape)) if a.get("shift") else None

    def forward(self, x: Any) -> Any:
        if self.a.get("over") == "all":
            return F.layer_norm(x, self.dims, self.scale, self.shift, EPSILON)
        if self.kind in ("layer_norm", "rms_norm"):
            last = x if self.sequence else x.movedim(1, -1)
            if self.kind == "rms_norm":
                y = F.rms_norm(last, last.shape[-1:], self.scale, EPSILON)
            else:
                y = F.layer_norm(last, last.shape[-1:], self.scale, self.shift, EPSILON)
            return y if self.sequence else y.movedim(-1, 1)
        x = x.transpose(1, 2) if self.sequence else x
        if self.kind == "group_norm":
            y = F.group_norm(x, self.a["groups"], self.scale, self.shift, EPSILON)
        else:
            y = F.instance_norm(x, weight=self.scale, bias=self.shift, eps=EPSILON)
        return y.transpose(1, 2) if self.sequence else y

    def take(self, *learned: Any) -> None:
        for parameter, values in zip([p for p in (self.scale, self.shift) if p is not None], learned, strict=True):
            parameter.copy_(values.reshape(parameter.shape))


@modules("layer_norm", "rms_norm", "group_norm", "instance_norm")
def norm(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    kind = "group_norm" if "groups" in a else "layer_norm" if "over" in a else "instance_norm"
    kind = kind if "shift" in a else "rms_norm"
    channels = dims[-1] if sequence else dims[0]
    positions = math.prod(dims) // channels
    together = {"group_norm": positions * channels // a.get("groups", 1), "instance_norm": positions}
    if together.get(kind, channels) == 1:
        raise NotImplementedError("a number less itself is 0, but for PyTorch's rounding")
    return Norm(kind, a, dims, sequence)


class Local(nn.Module):
    """F.local_response_norm wants at least one axis after the channels."""

    def __init__(self, a: Mapping[str, Any], sequence: bool) -> None:
        super().__init__()
        self.size, self.sequence = a["size"], sequence

    def forward(self, x: Any) -> Any:
        flat = x[..., None] if x.ndim == 2 else x.transpose(1, 2) if self.sequence else x
        y = F.local_response_norm(flat, self.size, alpha=1, beta=0.75, k=2)
        return y[..., 0] if x.ndim == 2 else y.transpose(1, 2) if self.sequence else y

    def take(self) -> None:
        """There is nothing to take."""


@modules("local_response_norm")
def local(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Local(a, sequence)
