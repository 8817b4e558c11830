"""Sums, products and concatenations of tensors."""

from __future__ import annotations

import numpy as np

from costcalc.execute.work import Floats, Work, kernel


@kernel("add")
def add(work: Work) -> Floats:
    """The first, and each further one added to it."""
    y = work.x.copy()
    for other in work.inputs[1:]:
        y += other.array
        work.count("additions", y.size)
    return y


@kernel("mul")
def mul(work: Work) -> Floats:
    """The largest (of equals, that with most axes) times each other one; a vector meets the channels of a map."""
    largest, *others = sorted(work.inputs, key=lambda t: (-t.array.size, -t.array.ndim))
    y = largest.array.copy()
    work.sequence = largest.sequence
    for other in others:
        gate = other.array
        if gate.ndim < y.ndim:  # (N, C) beside (N, C, *axes), or beside (N, tokens, C)
            gate = gate[:, None] if largest.sequence else gate.reshape(*gate.shape, *([1] * (y.ndim - gate.ndim)))
        y *= gate
        work.count("multiplications", y.size)
    return y


@kernel("concat")
def concat(work: Work) -> Floats:
    """One after the other along the channels."""
    return np.concatenate([t.array for t in work.inputs], axis=work.inputs[0].channels)
