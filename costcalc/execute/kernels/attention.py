"""Attention as matrix products, all heads and windows at once."""

from __future__ import annotations

from itertools import product
from math import prod, sqrt
from typing import Any

import numpy as np

from costcalc.execute.sliding import each_axis
from costcalc.execute.work import Floats, Work, kernel


def _project(work: Work, x: Floats, out: int, biased: bool, real: Floats | None = None) -> Floats:
    """The last axis through a new matrix, and new biases; `real` is 1 where x is no padding."""
    y = work.matmul(x, work.make("weights", x.shape[-1], out))
    work.count_valid(np.ones(x.shape[:-1], np.float32) if real is None else real, x.shape[-1] * out)
    if biased:
        y += work.make("biases", out)
        work.count("bias_adds", y.size)
    return y


def _softmax(work: Work, scores: Floats) -> None:
    """Each row: less its maximum, raised, divided by the sum."""
    most = scores.max(axis=-1, keepdims=True)
    work.count("comparisons", scores.size - most.size)
    scores -= most
    np.exp(scores, out=scores)
    total = scores.sum(axis=-1, keepdims=True)
    work.count("additions", scores.size + scores.size - total.size)
    scores /= total
    work.count("exponentials", scores.size)
    work.count("divisions", scores.size)


def _products(work: Work, a: Floats, b: Floats, out: Floats | None = None) -> Floats:
    """A matrix product of what was computed: none of it is padding, whatever it was computed of."""
    y = work.matmul(a, b, out)
    work.count("valid_macs", y.size * b.shape[-2])
    return y


def _scores(work: Work, q: Floats, k: Floats) -> Floats:
    """Every query with every key, scaled."""
    scores = _products(work, q, np.swapaxes(k, -1, -2))
    scores *= np.float32(1 / sqrt(q.shape[-1]))
    work.count("multiplications", scores.size)
    return scores


@kernel("attention")
def attention(work: Work) -> Floats:
    """Heads of queries in groups, each with its keys and values."""
    x, context = work.x, work.inputs[-1].array
    heads = work["heads"]
    shared = work.attributes.get("kv_heads") or heads
    each = work.attributes.get("head_features") or x.shape[-1] // heads
    q = _project(work, x, heads * each, work["qkv_bias"])
    k = _project(work, context, shared * each, work["qkv_bias"])
    v = _project(work, context, shared * each, work["qkv_bias"])
    groups = q.reshape(*q.shape[:2], shared, heads // shared, each).transpose(0, 2, 3, 1, 4)
    by_head = [t.reshape(*t.shape[:2], shared, 1, each).transpose(0, 2, 3, 1, 4) for t in (k, v)]
    scores = _scores(work, groups, by_head[0])
    work.hold(q, k, v, scores)
    if work["causal"]:
        scores[..., np.tri(*scores.shape[-2:]) == 0] = -np.inf
    _softmax(work, scores)
    _products(work, scores, by_head[1], out=groups)  # where the queries were
    del k, v, by_head, scores
    return _project(work, q, work.attributes.get("out") or x.shape[-1], work["bias"])


class _Cutting:
    """How an input (N, *axes, C) is cut into windows: padded at the end, rolled where they are shifted."""

    def __init__(self, sizes: list[int], windows: list[int], shifted: bool) -> None:
        self.sizes, self.windows = sizes, windows
        self.padded = [-(-size // w) * w for size, w in zip(sizes, windows, strict=True)]
        self.shifts = [w // 2 if shifted and w < p else 0 for w, p in zip(windows, self.padded, strict=True)]
        self.axes = tuple(range(1, len(sizes) + 1))

    def cut(self, x: Floats) -> Floats:
        """(N, windows, positions of a window, C)."""
        after = [p - size for p, size in zip(self.padded, self.sizes, strict=True)]
        x = np.pad(x, [(0, 0), *((0, n) for n in after), (0, 0)])
        x = np.roll(x, [-shift for shift in self.shifts], self.axes)
        split = [n for p, w in zip(self.padded, self.windows, strict=True) for n in (p // w, w)]
        x = x.reshape(len(x), *split, x.shape[-1])
        order = [2 * i + 1 for i in range(len(self.sizes))] + [2 * i + 2 for i in range(len(self.sizes))]
        return x.transpose(0, *order, x.ndim - 1).reshape(len(x), -1, prod(self.windows), x.shape[-1])

    def join(self, y: Floats) -> Floats:
        """What `cut` has made, in its place."""
        rank = len(self.sizes)
        counts = [p // w for p, w in zip(self.padded, self.windows, strict=True)]
        y = y.reshape(len(y), *counts, *self.windows, y.shape[-1])
        y = y.transpose(0, *(n for i in range(rank) for n in (1 + i, 1 + rank + i)), y.ndim - 1)
        y = np.roll(y.reshape(len(y), *self.padded, y.shape[-1]), self.shifts, self.axes)
        return y[(slice(None), *(slice(size) for size in self.sizes))]

    def apart(self) -> Any:
        """For each window, which two of its positions were not together before the roll."""
        labels = np.zeros((1, *self.padded, 1), np.float32)
        for axis, (p, shift) in enumerate(zip(self.padded, self.shifts, strict=True), 1):
            part = np.arange(p) + shift >= p if shift else np.zeros(p, bool)  # came from the other end
            labels = labels * 2 + part.reshape([-1 if i == axis else 1 for i in range(labels.ndim)])
        still = _Cutting(self.padded, self.windows, False)
        label = still.cut(labels)[0, :, :, 0]
        return label[:, :, None] != label[:, None, :]

    def distances(self) -> Any:
        """For each two positions of a window, which row of a table of all distances is theirs."""
        places = np.array(list(product(*map(range, self.windows))))
        apart = places[:, None] - places[None] + np.array(self.windows) - 1
        return np.ravel_multi_index(tuple(np.moveaxis(apart, -1, 0)), [2 * w - 1 for w in self.windows])


@kernel("window_attention")
def window_attention(work: Work) -> Floats:
    """Attention in each window by itself."""
    x = work.x if work.sequence else np.moveaxis(work.x, 1, -1)
    sizes, channels, heads = list(x.shape[1:-1]), x.shape[-1], work["heads"]
    windows = _Cutting(sizes, each_axis(work["window"], len(sizes)), work["shifted"])
    cut, real = windows.cut(x), windows.cut(np.ones_like(x[..., :1]))
    q, k, v = (_project(work, cut, channels, work["qkv_bias"], real) for _ in range(3))
    work.hold(cut, q, k, v)
    del cut
    q, k, v = (t.reshape(*t.shape[:3], heads, -1).swapaxes(2, 3) for t in (q, k, v))
    scores = _scores(work, q, k)
    work.hold(q, k, v, scores)
    if work["relative_positions"]:
        table = work.make("biases", prod(2 * w - 1 for w in windows.windows), heads)
        scores += np.moveaxis(table[windows.distances()], -1, 0)
        work.count("bias_adds", scores.size)
    np.copyto(scores, -np.inf, where=windows.apart()[None, :, None])
    _softmax(work, scores)
    _products(work, scores, v, out=q)  # where the queries were
    del k, v, scores
    joined = q.swapaxes(2, 3)
    y = windows.join(_project(work, joined.reshape(*joined.shape[:3], channels), channels, work["bias"]))
    return (y if work.sequence else np.moveaxis(y, -1, 1)).copy()  # without the margins that were padded
