"""Scaling of channels by factors computed from the input, one operation at a time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from costcalc.execute.literal.pointwise import ELEMENT, _gelu
from costcalc.execute.literal.scalars import Scalar, Scalars, added
from costcalc.execute.literal.work import LiteralWork, literal

FUNCTIONS = {**ELEMENT, "gelu": _gelu}


@literal("squeeze_excite")
def squeeze_excite(work: LiteralWork) -> Scalars:
    """For each sample the means, the hidden features, the factors; then each element times that of its channel."""
    samples, *sizes = work.x.shape
    channels = sizes.pop() if work.sequence else sizes.pop(0)
    places = list(product(*map(range, sizes)))
    hidden = _Layer(work, channels, work["squeeze"], FUNCTIONS[work["act"]])
    factors = _Layer(work, work["squeeze"], channels, FUNCTIONS[work["gate"]])
    y = np.empty(work.x.shape, object)
    for n in range(samples):
        at = [[(n, *((*p, c) if work.sequence else (c, *p))) for p in places] for c in range(channels)]
        means = [added(work.at(*place) for place in column) / len(places) for column in at]
        for column, factor in zip(at, factors(hidden(means)), strict=True):
            for place in column:
                y[place] = work.at(*place) * factor
    work.workspace = 4 * samples * (channels + work["squeeze"])
    return y


class _Layer:
    """A linear layer with its activation, for one vector at a time."""

    def __init__(self, work: LiteralWork, features: int, out: int, act: Callable[[Scalar], Scalar]) -> None:
        self.work, self.act = work, act
        self.weights = work.weights(features, out)
        self.biases = work.biases(out) if work["bias"] else None

    def __call__(self, x: list[Scalar]) -> list[Scalar]:
        found = []
        for o in range(self.weights.shape[1]):
            total = self.work.zero()
            for f, value in enumerate(x):
                total = total + value * self.weights[f, o]
            found.append(self.act(total if self.biases is None else total + self.biases[o]))
        return found
