"""One kernel for every kind, a module a family; importing this package registers them all."""

from costcalc.execute.kernels import (
    arranging,
    attention,
    convolution,
    joining,
    linear,
    norms,
    pointwise,
    pooling,
    recurrent,
    sequence,
)

__all__ = [
    "arranging",
    "attention",
    "convolution",
    "joining",
    "linear",
    "norms",
    "pointwise",
    "pooling",
    "recurrent",
    "sequence",
]
