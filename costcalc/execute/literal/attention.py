"""Attention, one query at a time: its score with every key that it sees, and the values weighed by these."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from costcalc.execute.literal.scalars import Scalar, Scalars, Weight, added, largest
from costcalc.execute.literal.window import per_axis
from costcalc.execute.literal.work import LiteralWork, literal

Vector = Sequence[Scalar]
Place = tuple[int, ...]


class Projection:
    """New weights, and biases where there are such."""

    def __init__(self, work: LiteralWork, features: int, out: int, biased: bool) -> None:
        self.work, self.out = work, out
        self.weights = work.weights(features, out)
        self.biases = work.biases(out) if biased else None

    def of(self, x: Vector) -> list[Scalar]:
        """Every output for one token."""
        y = []
        for o in range(self.out):
            total = self.work.zero()
            for f, value in enumerate(x):
                total = total + value * self.weights[f, o]
            y.append(total if self.biases is None else total + self.biases[o])
        return y


def _dot(work: LiteralWork, a: Vector, b: Vector) -> Scalar:
    """The sum of products, as in a matrix product: the second factors are what weights are elsewhere."""
    total = work.zero()
    for left, right in zip(a, b, strict=True):
        total = total + left * Weight(right.value, right.tally)
    return total


def _attended(work: LiteralWork, scores: Vector, values: Sequence[Vector]) -> list[Scalar]:
    """The values, weighed by the softmax of the scores."""
    most = largest(scores)
    raised = [(score - most).exp() for score in scores]
    total = added(raised)
    shares = [value / total for value in raised]
    return [_dot(work, shares, [value[f] for value in values]) for f in range(len(values[0]))]


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
    y = np.empty((samples, tokens, last.out), object)
    for n in range(samples):
        k, v = ([p.of(context[n, t]) for t in range(context.shape[1])] for p in (keys, values))
        for t in range(tokens):
            q, joined = queries.of(work.x[n, t]), []
            for j in range(heads):
                own, theirs = slice(j * d, j * d + d), j * shared // heads
                theirs_ = slice(theirs * d, theirs * d + d)
                scores = [_dot(work, q[own], key[theirs_]) * (1 / math.sqrt(d)) for key in k]
                if work["causal"]:
                    scores = [s if other <= t else _never(s) for other, s in enumerate(scores)]
                joined += _attended(work, scores, [value[theirs_] for value in v])
            y[n, t] = last.of(joined)
    elements = samples * (tokens * heads * d + 2 * context.shape[1] * shared * d)
    work.workspace = 4 * (elements + samples * heads * tokens * context.shape[1])
    return y


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


@literal("window_attention")
def window_attention(work: LiteralWork) -> Scalars:
    """Each window by itself; what lies beyond the input is padding."""
    x = work.x if work.sequence else np.moveaxis(work.x, 1, -1)
    samples, *sizes, channels = x.shape
    windows = [per_axis(work["window"], axis) for axis in range(len(sizes))]
    heads, d, inside = work["heads"], channels // work["heads"], math.prod(windows)
    q, k, v = (Projection(work, channels, channels, work["qkv_bias"]) for _ in range(3))
    spans = [2 * w - 1 for w in windows]
    table = work.biases(math.prod(spans) * heads).reshape(*spans, heads) if work["relative_positions"] else None
    last = Projection(work, channels, channels, work["bias"])
    outside = [work.outside(0.0)] * channels
    y = np.empty((samples, *sizes, channels), object)
    cut = _windows(sizes, windows, work["shifted"])
    steps = list(product(*map(range, windows)))
    for n, window in product(range(samples), cut):
        here = [all(a < size for a, size in zip(at, sizes, strict=True)) for at, _ in window]
        tokens = [x[(n, *at)] if real else outside for (at, _), real in zip(window, here, strict=True)]
        queries, keys, values = ([p.of(token) for token in tokens] for p in (q, k, v))
        for i, ((at, part), real) in enumerate(zip(window, here, strict=True)):
            joined: list[Scalar] = []
            for head in range(heads):
                own = slice(head * d, head * d + d)
                scores = []
                for j, (_, other) in enumerate(window):
                    score = _dot(work, queries[i][own], keys[j][own]) * (1 / math.sqrt(d))
                    if table is not None:
                        far = (a - b + w - 1 for a, b, w in zip(steps[i], steps[j], windows, strict=True))
                        score = score + table[(*far, head)]
                    scores.append(score if part == other else _never(score))
                joined += _attended(work, scores, [value[own] for value in values])
            result = last.of(joined)
            if real:
                y[(n, *at)] = result
    work.workspace = 4 * samples * len(cut) * inside * (3 * channels + heads * inside)
    return y if work.sequence else np.ascontiguousarray(np.moveaxis(y, -1, 1))
