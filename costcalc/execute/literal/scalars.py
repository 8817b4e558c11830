"""Scalars that count each of their own operations.

What is counted is told by the classes of the operands: a Product waits until it is added to a sum, and is then one
multiply-accumulate; a Bias added to a sum is a bias add; anything else is what its operator says. A plain float is a
constant: folded into others for free, counted where it meets a scalar. Negation and copies are free.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Scalars = NDArray[Any]  # of Scalar objects
MOST = 700.0  # exp of more is no float any more; every function here has reached its limit long before


class Tally:
    """What the scalars of one run have done since it was last taken."""

    __slots__ = (
        "additions",
        "bias_adds",
        "comparisons",
        "divisions",
        "exponentials",
        "macs",
        "multiplications",
        "valid_macs",
    )

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Nothing done yet."""
        self.macs = self.valid_macs = self.bias_adds = self.multiplications = self.additions = 0
        self.comparisons = self.divisions = self.exponentials = 0

    def take(self) -> dict[str, int]:
        """What was done, by class; the tally starts anew."""
        done = {name: n for name in self.__slots__ if (n := getattr(self, name))}
        self.clear()
        return done


class Scalar:
    """A number that notes in a tally what is done with it."""

    __slots__ = ("tally", "value")

    def __init__(self, value: float, tally: Tally) -> None:
        self.value, self.tally = value, tally

    def __add__(self, other: Scalar | Product | float) -> Scalar:
        if isinstance(other, Product):
            self.tally.macs += 1
            self.tally.valid_macs += other.real
        elif isinstance(other, Bias):
            self.tally.bias_adds += 1
        else:
            self.tally.additions += 1
        return Scalar(self.value + _value(other), self.tally)

    def __sub__(self, other: Scalar | float) -> Scalar:
        self.tally.additions += 1
        return Scalar(self.value - _value(other), self.tally)

    def __neg__(self) -> Scalar:
        return Scalar(-self.value, self.tally)

    @overload
    def __mul__(self, other: Weight) -> Product: ...  # type: ignore[overload-overlap]  # a product is no scalar yet
    @overload
    def __mul__(self, other: Scalar | float) -> Scalar: ...
    def __mul__(self, other: Scalar | float) -> Scalar | Product:
        if isinstance(other, Weight):
            return Product(self.value * other.value, not isinstance(self, Padding))
        self.tally.multiplications += 1
        return Scalar(self.value * _value(other), self.tally)

    def __truediv__(self, other: Scalar | float) -> Scalar:
        self.tally.divisions += 1
        return Scalar(self.value / _value(other), self.tally)

    def __rtruediv__(self, other: float) -> Scalar:
        self.tally.divisions += 1
        return Scalar(other / self.value, self.tally)

    def copy(self) -> Scalar:
        """The same number, whatever it was for before: an embedding is data from here on."""
        return Scalar(self.value, self.tally)

    def larger(self, other: Scalar | float) -> Scalar:
        """The maximum of two."""
        self.tally.comparisons += 1
        return Scalar(max(self.value, _value(other)), self.tally)

    def smaller(self, other: Scalar | float) -> Scalar:
        """The minimum of two."""
        self.tally.comparisons += 1
        return Scalar(min(self.value, _value(other)), self.tally)

    def unless_below_zero(self, other: Scalar) -> Scalar:
        """Itself, or another number where it is below zero."""
        self.tally.comparisons += 1
        return other if self.value < 0 else self

    def exp(self) -> Scalar:
        """Its exponential."""
        self.tally.exponentials += 1
        return Scalar(math.exp(min(self.value, MOST)), self.tally)

    def log(self) -> Scalar:
        """Its natural logarithm, which counts as an exponential."""
        self.tally.exponentials += 1
        return Scalar(math.log(self.value), self.tally)

    def root(self) -> Scalar:
        """Its square root, which counts as a division."""
        self.tally.divisions += 1
        return Scalar(math.sqrt(self.value), self.tally)

    def erf(self) -> Scalar:
        """Its error function, which counts as an exponential."""
        self.tally.exponentials += 1
        return Scalar(math.erf(self.value), self.tally)


class Padding(Scalar):
    """What a tap finds outside the input."""

    __slots__ = ()


class Weight(Scalar):
    """A learnable factor."""

    __slots__ = ()


class Bias(Scalar):
    """A learnable addend at the end of a sum."""

    __slots__ = ()


class Product:
    """An input element times a weight, not yet added to anything. There is nothing else that it can do."""

    __slots__ = ("real", "value")

    def __init__(self, value: float, real: bool) -> None:
        self.value, self.real = value, real  # real: the element is the input's, not padding


def _value(other: Scalar | Product | float) -> float:
    return other.value if isinstance(other, Scalar | Product) else other


def sigmoid(x: Scalar) -> Scalar:
    """1 / (1 + exp(-x))."""
    return 1.0 / ((-x).exp() + 1.0)


def tanh(x: Scalar) -> Scalar:
    """(e - 1) / (e + 1) with e = exp(2x)."""
    e = (x * 2.0).exp()
    return (e - 1.0) / (e + 1.0)


def scalars(array: NDArray[np.float32], kind: type[Scalar], tally: Tally) -> Scalars:
    """Each number of an array as a scalar."""
    made = np.empty(array.shape, object)
    made.ravel()[:] = [kind(value, tally) for value in array.ravel().tolist()]
    return made


def floats(array: Scalars) -> NDArray[np.float32]:
    """The values of scalars."""
    return np.array([s.value for s in array.ravel()], np.float32).reshape(array.shape)


def added(values: Iterable[Scalar]) -> Scalar:
    """The sum: the first, and each further one added to it."""
    first, *rest = values
    for value in rest:
        first = first + value
    return first


def largest(values: Iterable[Scalar]) -> Scalar:
    """The first, compared with each further one."""
    first, *rest = values
    for value in rest:
        first = first.larger(value)
    return first
