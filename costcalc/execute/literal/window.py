"""Where a window looks: for every output and every tap along an axis, the element of the input, or that it is outside.

An output of `same` stands at each stride-th element, from the first on, and what its windows lack is padded: with k
for what a window covers, TensorFlow's guide gives max(k - stride, 0) where the stride divides the size, and else
max(k - size % stride, 0); an odd one goes to the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

Place = tuple[int, ...]


class Axis(NamedTuple):
    """One axis of the input: for each output the positions that its taps look at, inside or not."""

    size: int
    after: int  # how many positions of padding follow the input
    looks: list[list[int]]


class Glance(NamedTuple):
    """One tap of one window: the element that it sees, None if that is outside the input."""

    element: Place | None
    padded: bool  # outside, yet in the padding: not where a window of `ceil_mode` hangs over the end


def per_axis(value: Any, axis: int) -> int:
    """What an attribute says of one axis."""
    return int(value[axis] if isinstance(value, tuple | list) else value)


def axis_of(size: int, taps: int, stride: int, gap: int, around: tuple[int, int] | None, ceil_mode: bool) -> Axis:
    """The axis with so much padding before and after; None for `same`."""
    cover = (taps - 1) * gap + 1
    if around is None:
        lack = max(cover - (stride if size % stride == 0 else size % stride), 0)
        firsts = [position - lack // 2 for position in range(size) if position % stride == 0]
        return Axis(size, lack - lack // 2, _looks(firsts, taps, gap))
    before, after = around
    firsts, first = [], -before
    while first + cover <= size + after:
        firsts.append(first)
        first += stride
    left_over = first - stride + cover < size + after  # for another window, or for the first
    if ceil_mode and left_over and first < size:
        firsts.append(first)
    return Axis(size, after, _looks(firsts, taps, gap))


def _looks(firsts: list[int], taps: int, gap: int) -> list[list[int]]:
    return [[first + tap * gap for tap in range(taps)] for first in firsts]


def around(padding: Any, axis: int, rank: int) -> tuple[int, int] | None:
    """The padding before and after an axis, as it is written; None for `same`."""
    if padding == "same":
        return None
    if padding == "valid":
        return 0, 0
    if isinstance(padding, tuple | list) and len(padding) == 2 * rank:
        return int(padding[2 * axis]), int(padding[2 * axis + 1])
    return per_axis(padding, axis), per_axis(padding, axis)


def axes_of(
    sizes: Sequence[int], kernel: Any, stride: Any, padding: Any, dilation: Any = 1, ceil_mode: bool = False
) -> list[Axis]:
    """All axes of a map, the attributes as a node has them."""
    return [
        axis_of(
            size,
            per_axis(kernel, i),
            per_axis(stride, i),
            per_axis(dilation, i),
            around(padding, i, len(sizes)),
            ceil_mode,
        )
        for i, size in enumerate(sizes)
    ]


def outputs_of(axes: list[Axis]) -> list[int]:
    """The output size along each axis."""
    return [len(axis.looks) for axis in axes]


def windows(axes: list[Axis]) -> Iterator[tuple[Place, list[Glance]]]:
    """Each output position, with what every tap of its window sees, the last axis fastest."""
    for place in product(*(range(len(axis.looks)) for axis in axes)):
        looks = product(*(axis.looks[o] for axis, o in zip(axes, place, strict=True)))
        yield place, [_glance(axes, at) for at in looks]


def _glance(axes: list[Axis], at: Place) -> Glance:
    inside = all(0 <= position < axis.size for axis, position in zip(axes, at, strict=True))
    padded = not inside and all(position < axis.size + axis.after for axis, position in zip(axes, at, strict=True))
    return Glance(at if inside else None, padded)
