"""One kernel for every kind, a module a family; importing this package registers them all."""

from costcalc.execute.kernels import (
    arranging,
    attention,
    convolution,
    factorised,
    gating,
    joining,
    linear,
    low_rank,
    norms,
    pointwise,
    pooling,
    recurrent,
    sequence,
    winograd,
)

__all__ = [
    "arranging",
    "attention",
    "convolution",
    "factorised",
    "gating",
    "joining",
    "linear",
    "low_rank",
    "norms",
    "pointwise",
    "pooling",
    "recurrent",
    "sequence",
    "winograd",
]
