"""One kernel for every kind, a module a family; importing this package registers them all."""

from costcalc.execute.kernels import (
    arranging,
    convolution,
    factorised,
    gating,
    joining,
    linear,
    low_rank,
    pointwise,
    pooling,
    winograd,
)

__all__ = [
    "arranging",
    "convolution",
    "factorised",
    "gating",
    "joining",
    "linear",
    "low_rank",
    "pointwise",
    "pooling",
    "winograd",
]
