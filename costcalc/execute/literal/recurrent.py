"""Recurrent layers, one feature of one gate at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from costcalc.execute.literal.scalars import Scalar, Scalars, sigmoid, tanh
from costcalc.execute.literal.work import LiteralWork, literal


class _Weights:
    """The matrices of one layer in one direction, and its bias vectors: gate g of feature h is column g * H + h."""

    def __init__(self, work: LiteralWork, features: int, state: int, gates: int) -> None:
        wide = gates * work["hidden"]
        self.work = work
        self.token, self.state = work.weights(features, wide), work.weights(state, wide)
        self.biases = [work.biases(wide) for _ in range(work["biases"])]

    def sum(self, column: int, x: Iterable[Scalar] = (), h: Iterable[Scalar] = (), biases: Any = (0, 1)) -> Scalar:
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


class _Lstm:
    """A layer in one direction, with its cell."""

    def __init__(self, work: LiteralWork, features: int, width: int) -> None:
        self.work, self.hidden = work, work["hidden"]
        self.weights = _Weights(work, features, width, 4)
        self.down = work.weights(self.hidden, width) if "projection" in work.attributes else None
        self.cell = np.full((len(work.x), self.hidden), work.zero(), object)

    def step(self, x: Scalars, h: Scalars, y: Scalars) -> list[Scalars]:
        """The state after token x and state h goes to y, which may be h; returns what was needed beside these."""
        gates = np.empty((len(x), 4, self.hidden), object)
        for n, gate, j in np.ndindex(gates.shape):
            gates[n, gate, j] = self.weights.sum(gate * self.hidden + j, x[n], h[n])
        for n, j in np.ndindex(self.cell.shape):
            i, f, g, o = gates[n, :, j]
            cell = self.cell[n, j] = sigmoid(f) * self.cell[n, j] + sigmoid(i) * tanh(g)
            gates[n, 3, j] = sigmoid(o) * tanh(cell)
        for n, p in np.ndindex(y.shape):
            y[n, p] = gates[n, 3, p] if self.down is None else self._sum(gates[n, 3], self.down[:, p])
        return [gates, self.cell]

    def _sum(self, made: Scalars, weights: Scalars) -> Scalar:
        total = self.work.zero()
        for value, weight in zip(made, weights, strict=True):
            total = total + value * weight
        return total


class _Gru:
    """A layer in one direction."""

    def __init__(self, work: LiteralWork, features: int, width: int) -> None:
        self.work, self.hidden = work, width
        self.weights = _Weights(work, features, width, 3)

    def step(self, x: Scalars, h: Scalars, y: Scalars) -> list[Scalars]:
        """The state after token x and state h goes to y, which may be h; returns what was needed beside these."""
        gates, after = np.empty((len(x), 3, self.hidden), object), self.work["reset_after"]
        for n, gate, j in np.ndindex(len(x), 2, self.hidden):
            gates[n, gate, j] = sigmoid(self.weights.sum(gate * self.hidden + j, x[n], h[n]))
        for n, j in np.ndindex(h.shape) if not after else ():
            gates[n, 0, j] = gates[n, 0, j] * h[n, j]  # what is left of the state, where it is reset before
        for n, j in np.ndindex(h.shape):
            column, reset = 2 * self.hidden + j, gates[n, 0]
            if after:
                kept = reset[j] * self.weights.sum(column, h=h[n], biases=[1])
                gates[n, 2, j] = tanh(self.weights.sum(column, x[n], biases=[0]) + kept)
            else:
                gates[n, 2, j] = tanh(self.weights.sum(column, x[n], reset))
        for n, j in np.ndindex(y.shape):
            z = gates[n, 1, j]
            y[n, j] = (-(z - 1.0)) * gates[n, 2, j] + z * h[n, j]
        return [gates]


def _layers(work: LiteralWork, cell: Any, width: int) -> Scalars:
    """Every layer goes along the tokens in every direction; a reversed one begins at the last token.

    A state lies where it goes to: in the output, or in the sequence that the next layer reads.
    """
    x, ways = work.x, 1 + work["bidirectional"]
    samples, tokens, _ = x.shape
    for left in reversed(range(work["layers"])):
        only_last = left == 0 and work["output"] == "last"
        y = np.full((samples, 1 if only_last else tokens, ways * width), work.zero(), object)
        kept = [array for array, inner in ((x, x is not work.x), (y, left > 0)) if inner]
        for way in range(ways):
            layer = cell(work, x.shape[2], width)
            places = np.moveaxis(y[..., way * width : (way + 1) * width], 1, 0)
            states = [places[0]] * tokens if only_last else list(places)
            steps = list(zip(np.moveaxis(x, 1, 0), states, strict=True))[:: -1 if way else 1]
            h = steps[0][1]
            for token, state in steps:
                work.hold(*kept, *layer.step(token, h, state))
                h = state
        x = y
    work.sequence = work["output"] == "sequence"
    return x if work.sequence else x[:, 0]


@literal("lstm")
def lstm(work: LiteralWork) -> Scalars:
    """C = f*c + i*g; h = o*tanh(c), or a product of that with the projection."""
    return _layers(work, _Lstm, work.attributes.get("projection", work["hidden"]))


@literal("gru")
def gru(work: LiteralWork) -> Scalars:
    """H = (1 - z)*n + z*h."""
    return _layers(work, _Gru, work["hidden"])
