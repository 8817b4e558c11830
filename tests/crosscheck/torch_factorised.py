"""Factorised layers as the one layer that they stand for: its weights are the product of theirs, PyTorch does the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crosscheck.torch_kinds import F, axes, modules, nn, pad, sides, torch


class Product(nn.Module):
    """What all have: factors of these shapes, in the order in which the executor makes them, and biases."""

    def __init__(self, a: Mapping[str, Any], *shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.a = a
        self.factors = nn.ParameterList(torch.zeros(shape) for shape in shapes)
        self.bias = nn.Parameter(torch.zeros(a["out"])) if a["bias"] else None

    def take(self, *made: Any) -> None:
        own = [*self.factors, *([] if self.bias is None else [self.bias])]
        for parameter, values in zip(own, made, strict=True):
            parameter.copy_(values.reshape(parameter.shape))


class OneConv(Product):
    """One convolution with a dense window."""

    def weights(self) -> Any:
        """(N, M, *window)."""
        raise NotImplementedError

    def forward(self, x: Any) -> Any:
        sizes = tuple(x.shape[2:])
        kernel, stride, dilation = (axes(self.a[name], len(sizes)) for name in ("kernel", "stride", "dilation"))
        windows = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        x = pad(x, sides(self.a["padding"], sizes, windows, stride))
        conv = (F.conv1d, F.conv2d, F.conv3d)[len(sizes) - 1]
        return conv(x, self.weights(), self.bias, stride, 0, dilation)


def box(filters: list[Any]) -> Any:
    """Filters along one axis each, (taps, channels, 1), as windows: (channels, *taps)."""
    made = filters[0].squeeze(2).T
    for other in filters[1:]:
        made = made[..., None] * other.squeeze(2).T.reshape(len(made), *[1] * (made.ndim - 1), -1)
    return made


class Spatial(OneConv):
    def weights(self) -> Any:
        down, along = self.factors
        return torch.einsum("qmi,nqj->nmij", down, along)


class Basis(OneConv):
    def weights(self) -> Any:
        first, *others, mix = self.factors
        taps, channels, number = first.shape
        windows = box([first.reshape(taps, channels * number, 1), *others])
        weighted = mix.reshape(len(mix), -1, *[1] * len([first, *others])) * windows
        return weighted.reshape(len(mix), channels, number, *windows.shape[1:]).sum(2)


class Tucker(OneConv):
    def weights(self) -> Any:
        narrow, core, wide = self.factors
        return torch.einsum("am,ba...,nb->nm...", narrow, core, wide)


class Cp(OneConv):
    def weights(self) -> Any:
        narrow, *filters, wide = self.factors
        return torch.einsum("rm,r...,nr->nm...", narrow, box(filters), wide)


class LowRankLinear(Product):
    def forward(self, x: Any) -> Any:
        return F.linear(x, (self.factors[0] @ self.factors[1]).T, self.bias)


@modules("separable_basis")
def separable_basis(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    made, (first, *others) = dims[0] * a["basis"], axes(a["kernel"], len(dims) - 1)
    return Basis(a, (first, dims[0], a["basis"]), *[(k, made, 1) for k in others], (a["out"], made))


@modules("tucker_conv")
def tucker(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    few, less, kernel = a["rank_in"], a["rank_out"], axes(a["kernel"], len(dims) - 1)
    return Tucker(a, (few, dims[0]), (less, few, *kernel), (a["out"], less))


@modules("spatial_separable")
def spatial(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    rows, columns = axes(a["kernel"], 2)
    return Spatial(a, (a["rank"], dims[0], rows), (a["out"], a["rank"], columns))


@modules("cp_conv")
def cp(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    filters = [(k, a["rank"], 1) for k in axes(a["kernel"], len(dims) - 1)]
    return Cp(a, (a["rank"], dims[0]), *filters, (a["out"], a["rank"]))


@modules("low_rank_linear")
def low_rank_linear(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return LowRankLinear(a, (dims[-1], a["rank"]), (a["rank"], a["out"]))
