"""Recurrent layers step by step, the matrices of all gates in one product.

States are written where the output is, or the sequence between two layers. What else is there meanwhile, each step
tells. Joining token and state for a product is no part of that, as gathering windows is none of a convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from costcalc.execute.functions import Elementwise
from costcalc.execute.work import Floats, Work, kernel


class _Cell(Protocol):
    """One layer in one direction, with its weights."""

    def step(self, x: Floats, h: Floats, y: Floats) -> list[Floats]:
        """Writes the state after token x and state h to y, which may be h; returns the arrays that this took."""


class _Gates:
    """Some gates: one matrix for the token above one for the state, and bias vectors."""

    def __init__(self, work: Work, token: Floats, state: Floats, biases: list[Floats]) -> None:
        self.work, self.weights, self.biases = work, np.concatenate([token, state]), biases

    def of(self, x: Floats, h: Floats) -> Floats:
        y = self.work.matmul(np.concatenate([x, h], axis=1), self.weights)
        return _biased(self.work, y, self.biases)


def _biased(work: Work, y: Floats, biases: list[Floats]) -> Floats:
    for bias in biases:
        y += bias
        work.count("bias_adds", y.size)
    return y


def _width(work: Work) -> int:
    """The features of a state."""
    width: int = work.attributes.get("projection") or work["hidden"]
    return width


class _Lstm:
    """Gates in the order i, f, g, o."""

    def __init__(self, work: Work, features: int) -> None:
        hidden, projection = work["hidden"], work.attributes.get("projection")
        token, state = work.make("weights", features, 4 * hidden), work.make("weights", _width(work), 4 * hidden)
        self.work = work
        self.gates = _Gates(work, token, state, [work.make("biases", 4 * hidden) for _ in range(work["biases"])])
        self.down = work.make("weights", hidden, projection) if projection else None
        self.c = np.zeros((len(work.x), hidden), np.float32)

    def step(self, x: Floats, h: Floats, y: Floats) -> list[Floats]:
        gates = self.gates.of(x, h)
        i, f, g, o = (Elementwise(self.work, gate) for gate in np.split(gates, 4, axis=1))
        for gate in (i, f, o):
            gate.sigmoid()
        i.multiply(g.tanh().y)
        Elementwise(self.work, self.c).multiply(f.y).add(i.y)
        g.y[...] = self.c
        o.multiply(g.tanh().y)
        if self.down is None:
            y[...] = o.y
        else:
            self.work.matmul(o.y, self.down, out=y)
        return [gates, self.c]


class _Gru:
    """Gates in the order r, z, n."""

    def __init__(self, work: Work, features: int) -> None:
        self.work, hidden = work, work["hidden"]
        self.token = np.split(work.make("weights", features, 3 * hidden), [2 * hidden], axis=1)
        self.state = np.split(work.make("weights", hidden, 3 * hidden), [2 * hidden], axis=1)
        made = [work.make("biases", 3 * hidden) for _ in range(work["biases"])]
        biases = [np.split(bias, [2 * hidden]) for bias in made]
        self.biases = [last for _, last in biases]
        self.gates = _Gates(work, self.token[0], self.state[0], [first for first, _ in biases])
        self.candidate = _Gates(work, self.token[1], self.state[1], self.biases)

    def step(self, x: Floats, h: Floats, y: Floats) -> list[Floats]:
        work, gates = self.work, self.gates.of(x, h)
        r, z = (Elementwise(work, gate).sigmoid() for gate in np.split(gates, 2, axis=1))
        if work["reset_after"]:
            n = Elementwise(work, _biased(work, work.matmul(h, self.state[1]), self.biases[1:])).multiply(r.y)
            # r has done what it is for, and its place takes the other sum
            n.add(_biased(work, work.matmul(x, self.token[1], out=r.y), self.biases[:1]))
        else:
            n = Elementwise(work, self.candidate.of(x, r.multiply(h).y))
        n.tanh()
        y[...] = h
        state = Elementwise(work, y).multiply(z.y)
        state.add(n.multiply(z.negate().add(1).y).y)
        return [gates, n.y]


def _run(work: Work, cell: Callable[[Work, int], _Cell]) -> Floats:
    """Layer on layer, each from the first token on and, in both directions, from the last."""
    x = work.x
    for left in range(work["layers"] - 1, -1, -1):
        x = _layer(work, cell, x, left)
    work.count("valid_macs", work.tally["macs"])
    work.sequence = work["output"] == "sequence"
    return x if work.sequence else x[:, 0]


def _layer(work: Work, cell: Callable[[Work, int], _Cell], x: Floats, left: int) -> Floats:
    """One layer, with so many left to come: its states after each token, or only those after the last."""
    whole, width = left > 0 or work["output"] == "sequence", _width(work)
    samples, tokens = x.shape[:2]
    directions = [range(tokens), range(tokens - 1, -1, -1)][: 1 + work["bidirectional"]]
    y = np.zeros((samples, tokens if whole else 1, len(directions) * width), np.float32)
    between = [array for array, is_between in ((x, x is not work.x), (y, left > 0)) if is_between]
    for number, order in enumerate(directions):
        run, part = cell(work, x.shape[2]), y[:, :, number * width :][:, :, :width]
        h = part[:, order[0] if whole else 0]  # zeros
        for token in order:
            state = part[:, token] if whole else h
            work.hold(*between, *run.step(x[:, token], h, state))
            h = state
    return y


@kernel("lstm")
def lstm(work: Work) -> Floats:
    """Four gates and the cell of one step live meanwhile."""
    return _run(work, _Lstm)


@kernel("gru")
def gru(work: Work) -> Floats:
    """Two gates and the candidate of one step live meanwhile."""
    return _run(work, _Gru)
