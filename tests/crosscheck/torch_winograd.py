"""Winograd's minimal filtering as the convolution that it computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crosscheck.torch_kinds import Conv, modules


@modules("winograd_conv")
def winograd(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    """The direct convolution."""
    window = {"kernel": 3, "stride": 1, "dilation": 1, "padding": a["padding"], "bias": a["bias"]}
    return Conv(window, dims[0], dims[1:], a["out"], 1)
