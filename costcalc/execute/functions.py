"""Functions of arrays, element by element and in place, each step tallied as it is done."""

from __future__ import annotations

import math

import numpy as np

from costcalc.execute.work import Floats, Work


class Elementwise:
    """Operations on every element of one array, which they overwrite."""

    def __init__(self, work: Work, y: Floats) -> None:
        self.work, self.y = work, y

    def add(self, other: Floats | float) -> Elementwise:
        np.add(self.y, other, out=self.y)
        self.work.count("additions", self.y.size)
        return self

    def multiply(self, other: Floats | float) -> Elementwise:
        np.multiply(self.y, other, out=self.y)
        self.work.count("multiplications", self.y.size)
        return self

    def divide_into(self, other: Floats | float) -> Elementwise:
        np.divide(other, self.y, out=self.y)
        self.work.count("divisions", self.y.size)
        return self

    def at_least(self, bound: float) -> Elementwise:
        np.maximum(self.y, np.float32(bound), out=self.y)
        self.work.count("comparisons", self.y.size)
        return self

    def at_most(self, bound: float) -> Elementwise:
        np.minimum(self.y, np.float32(bound), out=self.y)
        self.work.count("comparisons", self.y.size)
        return self

    def negate(self) -> Elementwise:
        np.multiply(self.y, -1, out=self.y)  # np.negative in place is wrong in NumPy 2.4 where elements lie apart
        return self

    def exp(self) -> Elementwise:
        with np.errstate(over="ignore"):
            np.exp(self.y, out=self.y)
        self.work.count("exponentials", self.y.size)
        return self

    def erf(self) -> Elementwise:
        self.y[...] = np.vectorize(math.erf, otypes=[np.float32])(self.y) if self.y.size else self.y
        self.work.count("exponentials", self.y.size)
        return self

    def sigmoid(self) -> Elementwise:
        """1 / (1 + exp(-x))."""
        return self.negate().exp().add(1).divide_into(1)

    def tanh(self) -> Elementwise:
        """(e - 1) / (e + 1) with e = exp(2x)."""
        self.y.clip(-40, 40, out=self.y)  # beyond, the result is 1 in any case, and e would overflow
        e = self.multiply(2).exp().y.copy()
        return self.add(1).divide_into(Elementwise(self.work, e).add(-1).y)
