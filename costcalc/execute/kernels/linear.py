"""The fully connected layer."""

from __future__ import annotations

from costcalc.execute.work import Floats, Work, kernel


@kernel("linear")
def linear(work: Work) -> Floats:
    """The last axis, features of a vector or of each token, through one matrix."""
    x = work.x
    weights = work.make("weights", x.shape[-1], work["out"])
    y = work.matmul(x.reshape(-1, x.shape[-1]), weights)
    work.count("valid_macs", y.size * x.shape[-1])
    return work.add_bias(y.reshape(*x.shape[:-1], work["out"]))
