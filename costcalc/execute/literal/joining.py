"""Joins of tensors, element by element."""

from __future__ import annotations

import numpy as np

from costcalc.execute.literal.scalars import Scalar, Scalars, added
from costcalc.execute.literal.work import LiteralWork, literal
from costcalc.execute.work import Tensor


@literal("add")
def add(work: LiteralWork) -> Scalars:
    """The sum of what lies at the same place."""
    y = np.empty(work.x.shape, object)
    for at in np.ndindex(y.shape):
        values: list[Scalar] = [t.array[at] for t in work.inputs]  # type: ignore[misc]  # each is one element
        y[at] = added(values)
    return y


@literal("mul")
def mul(work: LiteralWork) -> Scalars:
    """The product of what lies at the same place; what has one element along an axis, or no axes, lies everywhere."""
    rank = max(t.array.ndim for t in work.inputs)
    whole = next(t for t in work.inputs if t.array.ndim == rank and all(_fits(o, t) for o in work.inputs))
    work.sequence = whole.sequence
    y = np.empty(whole.array.shape, object)
    for at in np.ndindex(y.shape):
        first, *rest = (t.array[_under(t, whole, at)] for t in work.inputs)
        for value in rest:
            first = first * value
        y[at] = first
    return y


def _fits(other: Tensor, whole: Tensor) -> bool:
    """Whether along every axis the other has one element, or as many as the whole."""
    if other.array.ndim < whole.array.ndim:
        return True
    return all(a in (1, b) for a, b in zip(other.array.shape, whole.array.shape, strict=True))


def _under(other: Tensor, whole: Tensor, at: tuple[int, ...]) -> tuple[int, ...]:
    """The place in the other that meets this one of the whole."""
    if other.array.ndim < whole.array.ndim:
        return at[0], at[whole.channels]
    return tuple(min(i, size - 1) for i, size in zip(at, other.array.shape, strict=True))


@literal("concat")
def concat(work: LiteralWork) -> Scalars:
    """The channels of the first, then those of the second ..."""
    axis = work.inputs[0].channels
    shape = list(work.x.shape)
    shape[axis] = sum(t.array.shape[axis] for t in work.inputs)
    y = np.empty(shape, object)
    offset = 0
    for t in work.inputs:
        for at in np.ndindex(t.array.shape):
            y[(*at[:axis], at[axis] + offset, *at[axis + 1 :])] = t.array[at]
        offset += t.array.shape[axis]
    return y
