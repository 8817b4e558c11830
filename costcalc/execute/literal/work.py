"""What a literal kernel works with, and the registry that it is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

import numpy as np

from costcalc.execute.literal.scalars import Bias, Padding, Scalar, Scalars, Tally, Weight, scalars
from costcalc.execute.work import Tensor, Work

LITERAL: dict[str, Callable[[LiteralWork], Scalars]] = {}


class LiteralWork:
    """One node at work on scalars. It asks for the same numbers in the same order as the fast kernel of its kind."""

    def __init__(
        self, inputs: list[Tensor], attributes: Mapping[str, Any], rng: np.random.Generator, own: bool, tally: Tally
    ) -> None:
        self.inputs, self.attributes, self.own, self.tally = inputs, attributes, own, tally
        self.sequence = inputs[0].sequence
        self.workspace = 0  # bytes of 32-bit floats that lived only meanwhile
        self._maker = Work(inputs, attributes, rng, own)

    @property
    def x(self) -> Scalars:
        """The first input."""
        return self.inputs[0].array

    def at(self, *place: int) -> Scalar:
        """One element of the first input."""
        element: Scalar = self.x[place]
        return element

    @property
    def parameters(self) -> Mapping[str, int]:
        """Numbers that were made, by role."""
        return self._maker.parameters

    @property
    def maker(self) -> Work:
        """What makes its numbers."""
        return self._maker

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]

    def part(self, x: Scalars, **attributes: Any) -> LiteralWork:
        """A step of this work, on x and with these attributes beside its own: what it makes counts here."""
        step = copy(self)
        step.inputs, step.attributes, step.own = [Tensor(x, self.sequence)], {**self.attributes, **attributes}, False
        return step

    def weights(self, *shape: int) -> Scalars:
        """New weights."""
        return scalars(self._maker.make("weights", *shape), Weight, self.tally)

    def biases(self, number: int) -> Scalars:
        """New biases."""
        return scalars(self._maker.make("biases", number), Bias, self.tally)

    def constants(self, role: str, number: int) -> list[float]:
        """New numbers that are known before any input: what is computed of them is folded, and free."""
        return [float(value) for value in self._maker.make(role, number)]

    def hold(self, *arrays: Scalars) -> None:
        """Notes arrays that are there at once, beside input and output, as if they were of 32-bit floats."""
        self.workspace = max(self.workspace, 4 * sum(array.size for array in arrays))

    def zero(self) -> Scalar:
        """Where a sum starts."""
        return Scalar(0.0, self.tally)

    def outside(self, value: float) -> Padding:
        """What a tap finds outside the input."""
        return Padding(value, self.tally)

    def target(self) -> Scalars:
        """Where the output of a kind that works element by element goes: over its input, if nobody else reads that."""
        return self.x if self.own else np.empty(self.x.shape, object)

    def biased(self, y: Scalars) -> Scalars:
        """Adds to each finished sum the bias of its channel, where the node has biases."""
        if self["bias"]:
            axis = y.ndim - 1 if self.sequence else 1
            biases = self.biases(y.shape[axis])
            for at in np.ndindex(y.shape):
                y[at] = y[at] + biases[at[axis]]
        return y


def literal(*names: str) -> Callable[[Callable[[LiteralWork], Scalars]], Callable[[LiteralWork], Scalars]]:
    """Registers the literal kernel of the kinds of these names."""

    def register(function: Callable[[LiteralWork], Scalars]) -> Callable[[LiteralWork], Scalars]:
        for name in names:
            if name in LITERAL:
                raise ValueError(f"kind `{name}` has two literal kernels")
            LITERAL[name] = function
        return function

    return register
