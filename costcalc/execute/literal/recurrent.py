"""Recurrent layers, one feature of one gate at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from costcalc.execute.literal.scalars import Scalar, Scalars
from costcalc.execute.literal.work import LiteralWork, literal

Vector = list[Scalar]


def _sigmoid(x: Scalar) -> Scalar:
    return 1.0 / ((-x).exp() + 1.0)


def _tanh(x: Scalar) -> Scalar:
    e = (x * 2.0).exp()
    return (e - 1.0) / (e + 1.0)


class _Weights:
    """The matrices of one layer in one direction, and its bias vectors: gate g of feature h is column g * H + h."""

    def __init__(self, work: LiteralWork, features: int, state: int, gates: int) -> None:
        wide = gates * work["hidden"]
        self.work = work
        self.token, self.state = work.weights(features, wide), work.weights(state, wide)
        self.biases = [work.biases(wide) for _ in range(work["biases"])]

    def sum(self, column: int, x: Sequence[Scalar] = (), h: Sequence[Scalar] = (), biases: Any = (0, 1)) -> Scalar:
        """What token and state give to a column, and these of the biases, as far as there are such."""
        total = self.work.zero()
        for f, value in enumerate(x):
            total = total + value * self.token[f, column]
        for f, value in enumerate(h):
            total = total + value * self.state[f, column]
        for number in biases:
            if number < len(self.biases):
                total = total + self.biases[number][column]
        return total


def _lstm(work: LiteralWork, features: int) -> tuple[int, Callable[[Vector], Vector], Callable[[], None]]:
    hidden, projection = work["hidden"], work.attributes.get("projection")
    width = projection or hidden
    weights = _Weights(work, features, width, 4)
    down = work.weights(hidden, projection) if projection else None
    state: dict[str, Vector] = {}

    def begin() -> None:
        state.update(h=[work.zero()] * width, c=[work.zero()] * hidden)

    def step(x: Vector) -> Vector:
        cells, made = [], []
        for j in range(hidden):
            i, f, g, o = (weights.sum(gate * hidden + j, x, state["h"]) for gate in range(4))
            cells.append(_sigmoid(f) * state["c"][j] + _sigmoid(i) * _tanh(g))
            made.append(_sigmoid(o) * _tanh(cells[j]))
        state["c"] = cells
        if down is not None:
            inner, made = made, []
            for p in range(width):
                total = work.zero()
                for j, value in enumerate(inner):
                    total = total + value * down[j, p]
                made.append(total)
        state["h"] = made
        return made

    return width, step, begin


def _gru(work: LiteralWork, features: int) -> tuple[int, Callable[[Vector], Vector], Callable[[], None]]:
    hidden = work["hidden"]
    weights = _Weights(work, features, hidden, 3)
    state: dict[str, Vector] = {}

    def begin() -> None:
        state.update(h=[work.zero()] * hidden)

    def step(x: Vector) -> Vector:
        h = state["h"]
        resets = [_sigmoid(weights.sum(j, x, h)) for j in range(hidden)]
        kept = [] if work["reset_after"] else [r * old for r, old in zip(resets, h, strict=True)]
        made = []
        for j in range(hidden):
            z, column = _sigmoid(weights.sum(hidden + j, x, h)), 2 * hidden + j
            if work["reset_after"]:
                n = _tanh(weights.sum(column, x, biases=[0]) + resets[j] * weights.sum(column, h=h, biases=[1]))
            else:
                n = _tanh(weights.sum(column, x, kept))
            made.append((-(z - 1.0)) * n + z * h[j])
        state["h"] = made
        return made

    return hidden, step, begin


def _layers(work: LiteralWork, cell: Any, kept: int) -> Scalars:
    """Every sample goes through every layer in every direction; a reversed one begins at the last token."""
    x = work.x
    samples, tokens, _ = x.shape
    between = 0
    for layer in range(work["layers"]):
        parts = []
        for backwards in (False, True)[: 1 + work["bidirectional"]]:
            width, step, begin = cell(work, x.shape[2])
            y = np.empty((samples, tokens, width), object)
            for n in range(samples):
                begin()
                for t in reversed(range(tokens)) if backwards else range(tokens):
                    y[n, t] = step(list(x[n, t]))
            parts.append(y)
        if layer + 1 < work["layers"]:
            between = max(between, parts[0].size * len(parts) * (2 if layer else 1))
        elif work["output"] == "last":
            work.sequence = False
            parts = [y[:, 0 if backwards else -1] for backwards, y in enumerate(parts)]
        x = np.concatenate(parts, axis=-1)
    work.workspace = 4 * (samples * kept * work["hidden"] + between)
    return x


@literal("lstm")
def lstm(work: LiteralWork) -> Scalars:
    """C = f*c + i*g; h = o*tanh(c), or a product of that with the projection."""
    return _layers(work, _lstm, 5)


@literal("gru")
def gru(work: LiteralWork) -> Scalars:
    """H = (1 - z)*n + z*h."""
    return _layers(work, _gru, 3)
