"""Norms, one number at a time: which belong together is told by their places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from costcalc.execute.literal.scalars import Scalar, Scalars, added
from costcalc.execute.literal.work import LiteralWork, literal

Place = tuple[int, ...]
TINY = 1e-5


def _normalised(work: LiteralWork, together: Callable[[Place], Any], centred: bool = True) -> Scalars:
    """All numbers of a sample for which `together` says the same are normalised by each other."""
    sets: dict[Any, list[Place]] = {}
    for at in np.ndindex(work.x.shape):
        sets.setdefault((at[0], together(at)), []).append(at)
    y = work.target()
    for places in sets.values():
        values = [work.at(*at) for at in places]
        if centred:
            mean = added(values) / len(values)
            values = [value - mean for value in values]
        deviation = (added(value * value for value in values) / len(values) + TINY).root()
        for at, value in zip(places, values, strict=True):
            y[at] = value / deviation
    return y


def _scaled(work: LiteralWork, y: Scalars, which: Callable[[Place], int], number: int, shift: bool = True) -> Scalars:
    """Each number times the scale and plus the shift that are its own, where there are such."""
    if work["scale"]:
        scales = work.constants("norm_scales", number)
        for at in np.ndindex(y.shape):
            y[at] = y[at] * scales[which(at)]
    if shift and work["shift"]:
        shifts = work.constants("norm_shifts", number)
        for at in np.ndindex(y.shape):
            y[at] = y[at] + shifts[which(at)]
    return y


def _position(work: LiteralWork, at: Place) -> Place:
    """Where it is, whatever its channel."""
    axis = work.inputs[0].channels
    return at[1:axis] + at[axis + 1 :]


def _each_channel(work: LiteralWork, y: Scalars, shift: bool = True) -> Scalars:
    axis = work.inputs[0].channels
    return _scaled(work, y, lambda at: at[axis], work.x.shape[axis], shift)


@literal("layer_norm")
def layer_norm(work: LiteralWork) -> Scalars:
    """What has the same position, or all of a sample."""
    if work["over"] == "all":
        sizes = work.x.shape[1:]
        y = _normalised(work, lambda at: None)
        return _scaled(work, y, lambda at: int(np.ravel_multi_index(at[1:], sizes)), int(np.prod(sizes)))
    return _each_channel(work, _normalised(work, lambda at: _position(work, at)))


@literal("group_norm")
def group_norm(work: LiteralWork) -> Scalars:
    """Channel c of C is in group c * groups // C."""
    axis = work.inputs[0].channels
    channels, groups = work.x.shape[axis], work["groups"]
    return _each_channel(work, _normalised(work, lambda at: at[axis] * groups // channels))


@literal("instance_norm")
def instance_norm(work: LiteralWork) -> Scalars:
    """What has the same channel."""
    axis = work.inputs[0].channels
    return _each_channel(work, _normalised(work, lambda at: at[axis]))


@literal("rms_norm")
def rms_norm(work: LiteralWork) -> Scalars:
    """What has the same position; no mean is taken off."""
    y = _normalised(work, lambda at: _position(work, at), centred=False)
    return _each_channel(work, y, shift=False)


@literal("local_response_norm")
def local_response_norm(work: LiteralWork) -> Scalars:
    """X / (2 + sum / n)^(3/4), n channels around its own; of an even n, one more comes before than after."""
    axis, size = work.inputs[0].channels, work["size"]
    channels = work.x.shape[axis]
    squares = np.empty(work.x.shape, object)
    for at in np.ndindex(squares.shape):
        squares[at] = work.at(*at) * work.at(*at)
    outside = work.zero()
    y = np.empty(work.x.shape, object)
    for at in np.ndindex(y.shape):
        near: list[Scalar] = []
        for channel in range(at[axis] - size // 2, at[axis] - size // 2 + size):
            inside = 0 <= channel < channels
            near.append(squares[(*at[:axis], channel, *at[axis + 1 :])] if inside else outside)
        y[at] = work.at(*at) / ((added(near) * (1 / size) + 2.0).log() * 0.75).exp()
    return y
