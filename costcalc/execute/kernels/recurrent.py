"""Recurrent layers step by step, the matrices of all gates in one product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from costcalc.execute.work import Floats, Work, kernel


class _Cell(Protocol):
    """Weights of one layer in one direction, and its state."""

    width: int

    def step(self, x: Floats) -> Floats: ...


def _sigmoid(work: Work, x: Floats) -> Floats:
    """1 / (1 + exp(-x))."""
    for operation in ("exponentials", "additions", "divisions"):
        work.count(operation, x.size)
    with np.errstate(over="ignore"):
        y: Floats = np.reciprocal(np.float32(1) + np.exp(-x))
    return y


def _tanh(work: Work, x: Floats) -> Floats:
    """(e - 1) / (e + 1) with e = exp(2x); beyond 40 the result is 1."""
    e = np.exp(2 * np.clip(x, -40, 40))
    for operation, times in (("multiplications", 1), ("exponentials", 1), ("additions", 2), ("divisions", 1)):
        work.count(operation, times * x.size)
    y: Floats = (e - 1) / (e + 1)
    return y


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


class _Lstm:
    """Gates in the order i, f, g, o."""

    def __init__(self, work: Work, features: int) -> None:
        hidden, projection = work["hidden"], work.attributes.get("projection")
        self.work, self.width = work, projection or hidden
        token, state = work.make("weights", features, 4 * hidden), work.make("weights", self.width, 4 * hidden)
        biases = [work.make("biases", 4 * hidden) for _ in range(work["biases"])]
        self.gates = _Gates(work, token, state, biases)
        self.down = work.make("weights", hidden, projection) if projection else None
        self.h = np.zeros((len(work.x), self.width), np.float32)
        self.c = np.zeros((len(work.x), hidden), np.float32)

    def step(self, x: Floats) -> Floats:
        work = self.work
        i, f, g, o = np.split(self.gates.of(x, self.h), 4, axis=1)
        i, f, o, g = _sigmoid(work, i), _sigmoid(work, f), _sigmoid(work, o), _tanh(work, g)
        self.c = f * self.c + i * g
        y = o * _tanh(work, self.c)
        work.count("multiplications", 3 * y.size)
        work.count("additions", y.size)
        self.h = y if self.down is None else work.matmul(y, self.down)
        return self.h


class _Gru:
    """Gates in the order r, z, n."""

    def __init__(self, work: Work, features: int) -> None:
        self.work, self.width = work, work["hidden"]
        self.token = np.split(work.make("weights", features, 3 * self.width), [2 * self.width], axis=1)
        self.state = np.split(work.make("weights", self.width, 3 * self.width), [2 * self.width], axis=1)
        made = [work.make("biases", 3 * self.width) for _ in range(work["biases"])]
        biases = [np.split(bias, [2 * self.width]) for bias in made]
        self.biases = [last for _, last in biases]
        self.gates = _Gates(work, self.token[0], self.state[0], [first for first, _ in biases])
        self.candidate = _Gates(work, self.token[1], self.state[1], self.biases)
        self.h = np.zeros((len(work.x), self.width), np.float32)

    def step(self, x: Floats) -> Floats:
        work = self.work
        r, z = (_sigmoid(work, gate) for gate in np.split(self.gates.of(x, self.h), 2, axis=1))
        if work["reset_after"]:
            before = _biased(work, work.matmul(self.h, self.state[1]), self.biases[1:])
            n = _biased(work, work.matmul(x, self.token[1]), self.biases[:1]) + r * before
            work.count("additions", n.size)
        else:
            n = self.candidate.of(x, r * self.h)
        n = _tanh(work, n)
        self.h = (1 - z) * n + z * self.h
        work.count("multiplications", 3 * n.size)
        work.count("additions", 2 * n.size)
        return self.h


def _run(work: Work, cell: Callable[[Work, int], _Cell]) -> Floats:
    """Layer on layer, each from the first token on and, in both directions, from the last."""
    x, last = work.x, work["layers"] - 1
    tokens = x.shape[1]
    for layer in range(last + 1):
        directions = [range(tokens), range(tokens - 1, -1, -1)][: 1 + work["bidirectional"]]
        outputs, ends = [], []
        for order in directions:
            run = cell(work, x.shape[2])
            y = np.empty((len(x), tokens, run.width), np.float32)
            for token in order:
                y[:, token] = run.step(x[:, token])
            outputs.append(y)
            ends.append(y[:, order[-1]])
        if layer == last and work["output"] == "last":
            work.sequence = False
            x = np.concatenate(ends, axis=1)
        else:
            x = np.concatenate(outputs, axis=2)
    work.count("valid_macs", work.tally["macs"])
    return x


def _between(work: Work, width: int) -> int:
    """Elements of the sequences that lie between layers: what one reads, what it writes."""
    elements: int = min(work["layers"] - 1, 2) * work.x.shape[1] * width * (1 + work["bidirectional"])
    return elements


@kernel("lstm")
def lstm(work: Work) -> Floats:
    """Four gates and the cell of one step live meanwhile."""
    y = _run(work, _Lstm)
    width = work.attributes.get("projection") or work["hidden"]
    work.workspace = 4 * len(y) * (5 * work["hidden"] + _between(work, width))
    return y


@kernel("gru")
def gru(work: Work) -> Floats:
    """Two gates and the candidate of one step live meanwhile."""
    y = _run(work, _Gru)
    work.workspace = 4 * len(y) * (3 * work["hidden"] + _between(work, work["hidden"]))
    return y
