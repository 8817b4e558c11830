"""Attention, one query at a time: its score with every key that it sees, and the values weighed by these."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np

from costcalc.execute.literal.scalars import Scalar, Scalars, Weight, added, largest
from costcalc.execute.literal.window import per_axis
from costcalc.execute.literal.work import LiteralWork, literal

Place = tuple[int, ...]


class Projection:
    """New weights, and biases where there are such."""

    def __init__(self, work: LiteralWork, features: int, out: int, biased: bool) -> None:
        self.work, self.out = work, out
        self.weights = work.weights(features, out)
        self.biases = work.biases(out) if biased else None

    def of(self, x: Iterable[Scalar]) -> list[Scalar]:
        """Every output for one token."""
        y = []
        for o in range(self.out):
            total = self.work.zero()
            for f, value in enumerate(x):
                total = total + value * self.weights[f, o]
            y.append(total if self.biases is None else total + self.biases[o])
        return y

    def of_all(self, x: Scalars) -> Scalars:
        """Every output for each token of an array."""
        y = np.empty((*x.shape[:-1], self.out), object)
        for at in np.ndindex(x.shape[:-1]):
            y[at] = self.of(x[at])
        return y


def _dot(work: LiteralWork, a: Iterable[Scalar], b: Iterable[Scalar]) -> Scalar:
    """The sum of products, as in a matrix product: the second factors are what weights are elsewhere."""
    total = work.zero()
    for left, right in zip(a, b, strict=True):
        total = total + left * Weight(right.value, right.tally)
    return total


def _attended(work: LiteralWork, scores: Scalars, values: Scalars) -> list[Scalar]:
    """The values, weighed by the softmax of the scores."""
    most = largest(scores)
    raised = [(score - most).exp() for score in scores]
    total = added(raised)
    shares = [value / total for value in raised]
    return [_dot(work, shares, feature) for feature in values.T]


@literal("attention")
def attention(work: LiteralWork) -> Scalars:
    """Head j of queries looks at head j * shared // heads of the keys."""
    context = work.inputs[-1].array
    samples, tokens, features = work.x.shape
    heads = work["heads"]
    shared = work.attributes.get("kv_heads", heads)
    d = work.attributes.get("head_features", features // heads)
    queries = Projection(work, features, heads * d, work["qkv_bias"])
    keys, values = (Projection(work, context.shape[-1], shared * d, work["qkv_bias"]) for _ in "kv")
    last = Projection(work, heads * d, work.attributes.get("out", features), work["bias"])
    q, k, v = queries.of_all(work.x), keys.of_all(context), values.of_all(context)
    scores = np.empty((samples, tokens, heads, context.shape[1]), object)
    work.hold(q, k, v, scores)
    own = [slice(j * d, j * d + d) for j in range(heads)]
    theirs = [slice(first * d, first * d + d) for first in (j * shared // heads for j in range(heads))]
    for n, t, j, other in np.ndindex(scores.shape):
        score = _dot(work, q[n, t, own[j]], k[n, other, theirs[j]]) * (1 / math.sqrt(d))
        scores[n, t, j, other] = _never(score) if work["causal"] and other > t else score
    for n, t, j in np.ndindex(scores.shape[:3]):
        q[n, t, own[j]] = _attended(work, scores[n, t, j], v[n, :, theirs[j]])  # the query has had its scores
    return last.of_all(q)


def _never(score: Scalar) -> Scalar:
    """A score that is masked."""
    return Scalar(-math.inf, score.tally)


def _windows(sizes: Sequence[int], windows: Sequence[int], shifted: bool) -> list[list[tuple[Place, Any]]]:
    """The places in each window, each with the part of the input that it is from: only the same parts see each other.

    Window i of an axis has the places i * w + w // 2 and on where shifted, from the start again after the end.
    """
    ends = [math.ceil(size / w) * w for size, w in zip(sizes, windows, strict=True)]
    moved = [w // 2 if shifted and w < end else 0 for w, end in zip(windows, ends, strict=True)]
    found = []
    for first in product(*(range(0, end, w) for end, w in zip(ends, windows, strict=True))):
        window = []
        for step in product(*map(range, windows)):
            at = [a + b + move for a, b, move in zip(first, step, moved, strict=True)]
            window.append((
                tuple(a % end for a, end in zip(at, ends, strict=True)),
                [a >= end for a, end in zip(at, ends, strict=True)],
            ))  # fmt: skip
        found.append(window)
    return found


def _within(at: Place, sizes: Sequence[int]) -> bool:
    """Whether a place of a window is one of the input, and no padding."""
    return all(a < size for a, size in zip(at, sizes, strict=True))


@literal("window_attention")
def window_attention(work: LiteralWork) -> Scalars:
    """Each window by itself; what lies beyond the input is padding."""
    x = work.x if work.sequence else np.moveaxis(work.x, 1, -1)
    samples, *sizes, channels = x.shape
    windows = [per_axis(work["window"], axis) for axis in range(len(sizes))]
    heads, d, inside = work["heads"], channels // work["heads"], math.prod(windows)
    queries, keys, values = (Projection(work, channels, channels, work["qkv_bias"]) for _ in range(3))
    spans = [2 * w - 1 for w in windows]
    table = work.biases(math.prod(spans) * heads).reshape(*spans, heads) if work["relative_positions"] else None
    last = Projection(work, channels, channels, work["bias"])
    cut = _windows(sizes, windows, work["shifted"])
    tokens = np.full((samples, len(cut), inside, channels), work.outside(0.0), object)
    for n, number, i in np.ndindex(tokens.shape[:3]):
        if _within(cut[number][i][0], sizes):
            tokens[n, number, i] = x[(n, *cut[number][i][0])]
    q, k, v = (p.of_all(tokens) for p in (queries, keys, values))
    work.hold(tokens, q, k, v)
    del tokens
    scores = np.empty((samples, len(cut), inside, heads, inside), object)
    work.hold(q, k, v, scores)
    own, steps = [slice(j * d, j * d + d) for j in range(heads)], list(product(*map(range, windows)))
    for n, number, i, head, j in np.ndindex(scores.shape):
        score = _dot(work, q[n, number, i, own[head]], k[n, number, j, own[head]]) * (1 / math.sqrt(d))
        if table is not None:
            far = (a - b + w - 1 for a, b, w in zip(steps[i], steps[j], windows, strict=True))
            score = score + table[(*far, head)]
        scores[n, number, i, head, j] = score if cut[number][i][1] == cut[number][j][1] else _never(score)
    for n, number, i, head in np.ndindex(scores.shape[:4]):
        q[n, number, i, own[head]] = _attended(work, scores[n, number, i, head], v[n, number, :, own[head]])
    y = np.empty((samples, *sizes, channels), object)
    for n, number, i in np.ndindex(q.shape[:3]):
        result, at = last.of(q[n, number, i]), cut[number][i][0]
        if _within(at, sizes):
            y[(n, *at)] = result
    return y if work.sequence else np.moveaxis(y, -1, 1).copy()
