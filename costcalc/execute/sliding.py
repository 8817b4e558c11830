"""Where windows lie on an array: padding and starts by the definition of each operation, axis by axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from costcalc.execute.work import Floats


def each_axis(value: Any, rank: int) -> list[int]:
    """One number for each axis."""
    return [int(v) for v in np.broadcast_to(np.array(value), rank)]


def margins(padding: Any, sizes: tuple[int, ...], reach: list[int], strides: list[int]) -> list[tuple[int, int]]:
    """The padding before and after each axis; `reach` is how far a window extends.

    For `same`, a window starts at every stride-th element of the input, and the last one must find all its elements:
    what is missing is added half before and half after, an odd one after.
    """
    rank = len(sizes)
    if isinstance(padding, str):
        pairs = []
        for size, extent, stride in zip(sizes, reach, strides, strict=True):
            last = (size - 1) // stride * stride  # where the last window of `same` starts, before padding
            missing = max(last + extent - size, 0) if padding == "same" else 0
            pairs.append((missing // 2, missing - missing // 2))
        return pairs
    numbers = np.array(padding).reshape(-1)
    if numbers.size == 2 * rank:
        return [(int(a), int(b)) for a, b in numbers.reshape(rank, 2)]
    return [(p, p) for p in each_axis(padding, rank)]


def padded(x: Floats, pairs: list[tuple[int, int]], fill: float = 0) -> Floats:
    """The array with margins around its axes after the first two."""
    if not any(map(any, pairs)):
        return x
    return np.pad(x, [(0, 0), (0, 0), *pairs], constant_values=fill)


def tap(x: Floats, offsets: tuple[int, ...], outputs: list[int], strides: list[int]) -> Floats:
    """The elements that lie `offsets` into each window: a view of shape (N, C, *outputs)."""
    spans = [slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(offsets, outputs, strides, strict=True)]
    return x[(slice(None), slice(None), *spans)]


def fitting(length: int, reach: int, stride: int) -> int:
    """How many windows fit, one starting at each multiple of the stride."""
    return len(range(0, length - reach + 1, stride))
