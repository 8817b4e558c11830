"""What a kernel works with: arrays, weights that it asks for, and the tally that it writes as it computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
KERNELS: dict[str, Callable[[Work], Floats]] = {}


class CannotRun(Exception):  # noqa: N818 - it says what is the matter
    """A node that has no kernel, that is no whole layer, or that has too many operations to do one by one."""


class Tensor(NamedTuple):
    """A batch of samples: (N, C, *axes), or (N, tokens, features) where `sequence`."""

    array: NDArray[Any]  # of floats; of scalars that count, in the literal mode
    sequence: bool = False

    @property
    def channels(self) -> int:
        """The axis that holds channels or features."""
        return self.array.ndim - 1 if self.sequence else 1


class Work:
    """One node at work: its inputs and attributes, and what it has tallied so far."""

    def __init__(
        self, inputs: list[Tensor], attributes: Mapping[str, Any], rng: np.random.Generator, own: bool
    ) -> None:
        self.inputs, self.attributes, self.rng = inputs, attributes, rng
        self.own = own  # whether nobody else will read the first input, so that its memory may be overwritten
        self.tally: Counter[str] = Counter()  # operations by class
        self.parameters: Counter[str] = Counter()  # numbers that were made, by role
        self.workspace = 0  # bytes that lived only meanwhile
        self.kept: list[Floats] | None = None  # the weights that were made, where they will be compressed
        self.sequence = inputs[0].sequence

    @property
    def x(self) -> Floats:
        """The first input."""
        return self.inputs[0].array

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]

    def part(self, x: Floats, **attributes: Any) -> Work:
        """A step of this work, on x and with these attributes beside its own: what it makes and does counts here."""
        step = copy(self)
        step.inputs, step.attributes, step.own = [Tensor(x, self.sequence)], {**self.attributes, **attributes}, False
        return step

    def make(self, role: str, *shape: int) -> Floats:
        """Random numbers of a role: weights, biases, norm_scales, norm_shifts or buffers."""
        self.parameters[role] += int(np.prod(shape))
        values = self.rng.random(shape, np.float32)  # from -1 to 1, made in single precision
        values *= 2
        values -= 1
        if self.kept is not None and role == "weights":
            self.kept.append(values)
        return values

    def count(self, operation: str, times: int) -> None:
        """Notes operations just computed."""
        self.tally[operation] += int(times)

    def hold(self, *arrays: Floats) -> None:
        """Notes arrays that are there at once, beside input and output."""
        self.workspace = max(self.workspace, sum(array.nbytes for array in arrays))

    def matmul(self, a: Floats, b: Floats, out: Floats | None = None) -> Floats:
        """The matrix product of the last two axes: each output sums as many products as the inner axis is long."""
        product: Floats = np.matmul(a, b, out=out)
        self.count("macs", product.size * a.shape[-1])
        return product

    def count_valid(self, seen: Floats, products: int) -> None:
        """Notes multiply-accumulates on real elements: `seen` is 1 where the taps saw one, 0 on padding."""
        self.count("valid_macs", int(np.count_nonzero(seen)) * products)

    def add_bias(self, y: Floats) -> Floats:
        """Adds one new bias to each channel of y in place, where the node has biases."""
        if self["bias"]:
            axis = y.ndim - 1 if self.sequence else 1
            y += along(self.make("biases", y.shape[axis]), axis, y.ndim)
            self.count("bias_adds", y.size)
        return y


def along(values: Floats, axis: int, rank: int) -> Floats:
    """A vector laid along one axis of `rank`."""
    return values.reshape([-1 if i == axis else 1 for i in range(rank)])


def kernel(*names: str) -> Callable[[Callable[[Work], Floats]], Callable[[Work], Floats]]:
    """Registers the kernel of the kinds of these names."""

    def register(function: Callable[[Work], Floats]) -> Callable[[Work], Floats]:
        for name in names:
            if name in KERNELS:
                raise ValueError(f"kind `{name}` has two kernels")
            KERNELS[name] = function
        return function

    return register
