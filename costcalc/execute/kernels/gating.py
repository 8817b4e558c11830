"""Layers that scale channels by factors computed from their input."""

from __future__ import annotations

import numpy as np

from costcalc.execute.kernels.pointwise import gelu, hard_sigmoid, hard_swish, relu, relu6, sigmoid, swish, tanh
from costcalc.execute.work import Floats, Tensor, Work, kernel

FUNCTIONS = {f.__name__: f for f in (gelu, hard_sigmoid, hard_swish, relu, relu6, sigmoid, swish, tanh)}
FUNCTIONS["silu"] = swish


def _linear(work: Work, x: Floats, out: int) -> Floats:
    y = work.matmul(x, work.make("weights", x.shape[1], out))
    work.count("valid_macs", y.size * x.shape[1])
    if work["bias"]:
        y += work.make("biases", out)
        work.count("bias_adds", y.size)
    return y


def _activated(work: Work, name: str, x: Floats) -> Floats:
    """The activation of this name, done in place and tallied with the rest."""
    inner = Work([Tensor(x)], {"approximate": "none"}, work.rng, own=True)
    y = FUNCTIONS[name](inner)
    work.tally.update(inner.tally)
    return y


@kernel("squeeze_excite")
def squeeze_excite(work: Work) -> Floats:
    """The mean of every channel, two linear layers, and the input scaled by what comes of them."""
    x, channel = work.x, work.inputs[0].channels
    means = x.sum(axis=tuple(i for i in range(1, x.ndim) if i != channel))
    work.count("additions", x.size - means.size)
    means /= np.float32(x.size // means.size)
    work.count("divisions", means.size)
    hidden = _activated(work, work["act"], _linear(work, means, work["squeeze"]))
    factors = _activated(work, work["gate"], _linear(work, hidden, means.shape[1]))
    work.workspace = means.nbytes + hidden.nbytes  # and then the hidden ones and the factors, which are as many
    shape = [size if i in (0, channel) else 1 for i, size in enumerate(x.shape)]
    y: Floats = x * factors.reshape(shape)
    work.count("multiplications", y.size)
    return y
