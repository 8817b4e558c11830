"""Networks written in PyTorch by hand, as torchvision has them, beside the specs: also at sizes that leave a rest.

What is built from the spec itself (test_networks.py) has the spec's padding, so a wrong one would be on both sides.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from crosscheck.torch_kinds import torch

from costcalc.api import load

nn = torch.nn


def vgg() -> Any:
    layers: list[Any] = []
    channels = 3
    for out, number in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(number):
            layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU()]
            channels = out
        layers.append(nn.MaxPool2d(2, 2))
    head = [nn.Linear(512 * 49, 4096), nn.Linear(4096, 4096), nn.Linear(4096, 1000)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(7), nn.Flatten(), *head)


def alexnet() -> Any:
    pool, relu = nn.MaxPool2d(3, 2), nn.ReLU()
    body = [nn.Conv2d(3, 64, 11, 4, 2), relu, pool, nn.Conv2d(64, 192, 5, padding=2), relu, pool]
    body += [nn.Conv2d(192, 384, 3, padding=1), nn.Conv2d(384, 256, 3, padding=1), nn.Conv2d(256, 256, 3, padding=1), pool]
    head = [nn.Linear(256 * 36, 4096), nn.Linear(4096, 4096), nn.Linear(4096, 1000)]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(6), nn.Flatten(), *head)


class Dense(nn.Module):
    """Adds 32 channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        norms = nn.BatchNorm2d(channels), nn.BatchNorm2d(128)
        convs = nn.Conv2d(channels, 128, 1, bias=False), nn.Conv2d(128, 32, 3, padding=1, bias=False)
        self.made = nn.Sequential(norms[0], nn.ReLU(), convs[0], norms[1], nn.ReLU(), convs[1])

    def forward(self, x: Any) -> Any:
        return torch.cat([x, self.made(x)], 1)


def densenet() -> Any:
    layers: list[Any] = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for block, number in enumerate((6, 12, 24, 16)):
        for _ in range(number):
            layers.append(Dense(channels))
            channels += 32
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        if block < 3:
            layers += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2, 2)]
            channels //= 2
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


class Inception(nn.Module):
    """Four branches, each convolution with a norm; 3x3 for 5x5."""

    def __init__(self, channels: int, n1: int, r3: int, n3: int, r5: int, n5: int, proj: int) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, 1, 1, ceil_mode=True)
        self.one, self.three = normed(channels, n1, 1), nn.Sequential(normed(channels, r3, 1), normed(r3, n3, 3))
        self.five = nn.Sequential(normed(channels, r5, 1), normed(r5, n5, 3))
        self.pool = nn.Sequential(pool, normed(channels, proj, 1))

    def forward(self, x: Any) -> Any:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


def normed(channels: int, out: int, kernel: int, stride: int = 1) -> Any:
    return nn.Sequential(nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out), nn.ReLU())


def googlenet() -> Any:
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    rows: list[tuple[int, ...] | None] = [
        (192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64), None, (480, 192, 96, 208, 16, 48, 64),
        (512, 160, 112, 224, 24, 64, 64), (512, 128, 128, 256, 24, 64, 64), (512, 112, 144, 288, 32, 64, 64),
        (528, 256, 160, 320, 32, 128, 128), None, (832, 256, 160, 320, 32, 128, 128), (832, 384, 192, 384, 48, 128, 128),
    ]  # fmt: skip
    body = [pool if row is None else Inception(*row) for row in rows]
    body[8] = nn.MaxPool2d(2, 2, ceil_mode=True)
    stem = [normed(3, 64, 7, 2), pool, normed(64, 64, 1), normed(64, 192, 3), pool]
    return nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 1000))


NETWORKS: list[tuple[str, dict[str, Any], Callable[[], Any]]] = [
    ("vgg", {}, vgg),
    ("alexnet", {"variant": "torchvision"}, alexnet),
    ("densenet", {}, densenet),
    ("googlenet", {"form": "torchvision"}, googlenet),
]


@pytest.mark.parametrize("resolution", [224, 226, 230, 250, 256, 191])
@pytest.mark.parametrize(("spec", "settings", "written"), NETWORKS, ids=[name for name, *_ in NETWORKS])
def test_a_network_as_it_is_written_in_pytorch(
    spec: str, settings: dict[str, Any], written: Callable[[], Any], resolution: int
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        from torch.utils.flop_counter import FlopCounterMode
    with torch.device("meta"):
        theirs, image = written(), torch.empty(1, 3, resolution, resolution)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        theirs(image)
    totals = load(spec, resolution=resolution, **settings).report().totals
    assert counter.get_total_flops() == 2 * totals.madds
    assert sum(parameter.numel() for parameter in theirs.parameters()) == totals.params
