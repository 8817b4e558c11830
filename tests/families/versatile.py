"""Versatile filters."""

from __future__ import annotations

from typing import Any

from layers import Draw, Given, draws

from costcalc.shape import Shape

MAP = Shape(12, (14, 14))
KIND = "versatile"
SAMPLES = {KIND: ({"kernel": 3, "out": 20, "window": 9, "channel_stride": 3}, [MAP])}
TRAITS = {"followers": [KIND]}
REQUIRED = [(KIND, "out")]


@draws(KIND)
def _versatile(draw: Draw) -> tuple[Given, list[Shape]]:
    """Small maps, so that there can be many sub-filters; every other time windows that overlap and share products."""
    channels = draw.up_to(5 if draw.tiny else 9)
    x = Shape(channels, tuple(draw.random.sample(range(1, 5 if draw.tiny else 13), 2)))
    given = draw.some(
        kernel=draw.pick(1, 2, 3, 3, 4, 5) if draw.tiny else draw.up_to(7), stride=draw.axes(2, 3),
        dilation=draw.axes(2, 3), padding=draw.padding(2, 2 if draw.tiny else 4), bias=draw.yes(),
        spatial=draw.random.random() < 0.8, window=draw.up_to(channels), channel_stride=draw.up_to(4),
        variant=draw.pick("masked", "sliding"), share=draw.pick("none", "rings", "windows", "both"),
        remainder=draw.pick("ceil_truncate", "floor", "remainder_standard", "fractional", "error"),
    )  # fmt: skip
    if draw.yes():
        width = draw.up_to(channels, (channels + 1) // 2)
        given |= {"window": width, "channel_stride": draw.pick(1, 1, 2), "variant": "masked"}
        given |= {"share": draw.pick("windows", "both", "both"), "remainder": "ceil_truncate"}
    boxes = (given.get("kernel", 3) + 1) // 2 if given.get("spatial", True) else 1
    windows = len(range(0, channels - given.get("window", channels) + 1, given.get("channel_stride", 1)))
    each = boxes * windows
    if given.get("remainder") in ("fractional", "error"):  # a part of a filter cannot be run
        return {"out": each * draw.up_to(3), **given}, [x]
    return {"out": draw.up_to(2 * each + 5), **given}, [x]
